"""Hidden tests of gradient_descent: fresh data in many shapes, against an own computation in plain loops."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from grader.testing import as_floats, assert_array, assert_number, unchanged, unpack

# (samples, features); one sample and one feature are where careless shapes break
SHAPES = [(7, 3), (1, 4), (6, 1), (1, 1), (3, 5)]


class Problem(NamedTuple):
    """A regression problem and a point to look at, drawn afresh."""

    X: np.ndarray  # (n, d)
    y: np.ndarray  # (n,)
    w: np.ndarray  # (d,)
    b: float


def draw(rng: np.random.Generator, n: int, d: int) -> Problem:
    """Targets far from what the model answers, so that every residual and every slope is plainly not zero."""
    X = rng.uniform(0.5, 1.5, (n, d)) * rng.choice([-1.0, 1.0], (n, d))
    w, b = rng.normal(size=d), float(rng.normal())
    return Problem(X, X @ w + b + rng.uniform(1.0, 3.0, n), w, b)


def expected_residuals(problem: Problem, w: np.ndarray, b: float) -> list[float]:
    return [
        sum(x * v for x, v in zip(row, w, strict=True)) + b - t for row, t in zip(problem.X, problem.y, strict=True)
    ]


def expected_loss(problem: Problem, w: np.ndarray, b: float) -> float:
    residuals = expected_residuals(problem, w, b)
    return sum(r * r for r in residuals) / (2 * len(residuals))


def expected_slopes(problem: Problem, w: np.ndarray, b: float) -> tuple[np.ndarray, float]:
    residuals = expected_residuals(problem, w, b)
    total = sum((r * row for r, row in zip(residuals, problem.X, strict=True)), np.zeros(len(w)))
    return total / len(residuals), sum(residuals) / len(residuals)


def expected_walk(problem: Problem, rate: float, batches: list[np.ndarray]) -> tuple[np.ndarray, float]:
    """Parameters after one step for each batch of row numbers."""
    w, b = problem.w, problem.b
    for rows in batches:
        slope_w, slope_b = expected_slopes(problem._replace(X=problem.X[rows], y=problem.y[rows]), w, b)
        w, b = w - rate * slope_w, b - rate * slope_b
    return w, b


def dealt(rng: np.random.Generator, n: int, epochs: int, batch_size: int) -> list[np.ndarray]:
    """The batches of the contract: one permutation an epoch, cut into consecutive slices."""
    batches = []
    for _ in range(epochs):
        order = rng.permutation(n)
        batches += [order[i : i + batch_size] for i in range(0, n, batch_size)]
    return batches


def assert_parameters(answer: Any, w: np.ndarray, b: float, what: str) -> None:
    """Check the pair (w, b). The tolerance leaves room for another order of summation, many steps long."""
    actual_w, actual_b = unpack(answer, 2, what=what)
    assert_array(actual_w, w, what=f"w of {what}", rtol=1e-6, atol=1e-8, dtype=np.float64)
    assert_number(actual_b, b, what=f"b of {what}", rtol=1e-6, atol=1e-8)


@pytest.mark.points(
    1.5,
    title="predict: any number of samples and features",
    hint="The answer has shape (n,): X @ w plus b, for n = 1 and for d = 1 too.",
)
def test_predict(submission: Any, rng: np.random.Generator) -> None:
    for n, d in SHAPES:
        problem = draw(rng, n, d)
        expected = [r + t for r, t in zip(expected_residuals(problem, problem.w, problem.b), problem.y, strict=True)]
        actual = submission.predict(problem.X, problem.w, problem.b)
        assert_array(actual, expected, what="predict", dtype=np.float64)


@pytest.mark.points(
    1.5,
    title="mse_loss: any number of samples and features",
    hint="One float: the sum of the squared residuals divided by 2 n. Mind the 2, the n, and the shape of predict.",
    needs=("test_predict",),
)
def test_mse_loss(submission: Any, rng: np.random.Generator) -> None:
    for n, d in SHAPES:
        problem = draw(rng, n, d)
        actual = submission.mse_loss(problem.X, problem.y, problem.w, problem.b)
        assert_number(actual, expected_loss(problem, problem.w, problem.b), what="mse_loss")


@pytest.mark.points(
    3,
    title="mse_gradient: any number of samples and features",
    hint="The slope of L = sum(r**2) / (2 n): the 2 cancels, the mean over the samples stays, "
    "and the residual r is prediction minus target.",
    needs=("test_predict",),
)
def test_mse_gradient(submission: Any, rng: np.random.Generator) -> None:
    for n, d in SHAPES:
        problem = draw(rng, n, d)
        slope_w, slope_b = expected_slopes(problem, problem.w, problem.b)
        answer = submission.mse_gradient(problem.X, problem.y, problem.w, problem.b)
        grad_w, grad_b = unpack(answer, 2, what="mse_gradient")
        assert_array(grad_w, slope_w, what="grad_w", dtype=np.float64)
        assert_number(grad_b, slope_b, what="grad_b")


@pytest.mark.points(
    2,
    title="gradient_descent: the parameters it finds",
    hint="Both slopes come from the same point: compute grad_w and grad_b first, then change w and b, "
    "each by minus learning_rate times its slope, once an epoch.",
    needs=("test_mse_gradient",),
)
def test_gradient_descent_parameters(submission: Any, rng: np.random.Generator) -> None:
    for (n, d), epochs in zip(SHAPES, (12, 1, 5, 3, 8), strict=True):
        problem = draw(rng, n, d)
        rate = rng.uniform(0.05, 0.2)
        w, b = expected_walk(problem, rate, [np.arange(n)] * epochs)
        answer = submission.gradient_descent(*problem._replace(w=problem.w.copy()), rate, epochs)
        assert_parameters(unpack(answer, 3, what="gradient_descent")[:2], w, b, "gradient_descent")


@pytest.mark.points(
    1.5,
    title="gradient_descent: the history of losses",
    hint="Append the loss at the top of the loop, before the update: the first entry is the loss of w0 and b0. "
    "There are as many entries as epochs, whatever the losses do.",
    needs=("test_mse_loss", "test_gradient_descent_parameters"),
)
def test_gradient_descent_history(submission: Any, rng: np.random.Generator) -> None:
    problem, rate, epochs = draw(rng, 8, 2), 0.1, 9
    # at the minimum the loss stands still, which is no reason to stop
    settled = problem._replace(y=problem.X @ problem.w + problem.b)
    for case in (problem, settled):
        *walk, (w, b) = [expected_walk(case, rate, [np.arange(8)] * k) for k in range(epochs + 1)]
        losses = [expected_loss(case, *parameters) for parameters in walk]
        answer = submission.gradient_descent(*case._replace(w=case.w.copy()), rate, epochs)
        *parameters, history = unpack(answer, 3, what="gradient_descent")
        assert_array(as_floats(history, epochs, what="history"), losses, what="history", rtol=1e-6)
        assert_parameters(parameters, w, b, "gradient_descent")


@pytest.mark.points(
    0.5,
    title="gradient_descent and sgd: no epochs, no change",
    hint="With epochs=0 the loop does not run: return the starting point and an empty history.",
)
def test_no_epochs(submission: Any, rng: np.random.Generator) -> None:
    problem = draw(rng, 5, 3)
    answer = submission.gradient_descent(*problem, 0.1, 0)
    w, b, history = unpack(answer, 3, what="gradient_descent with epochs=0")
    assert_parameters((w, b), problem.w, problem.b, "gradient_descent with epochs=0")
    as_floats(history, 0, what="history with epochs=0")
    assert_parameters(submission.sgd(*problem, 0.1, 0, 2, rng), problem.w, problem.b, "sgd with epochs=0")


@pytest.mark.points(
    2,
    title="sgd: one order an epoch, walked in slices",
    hint="In each epoch draw rng.permutation(n) once, from the rng that was passed. Every sample is used exactly once: "
    "X and y go by the same row numbers, slice after slice.",
    needs=("test_mse_gradient",),
)
def test_sgd_order(submission: Any, rng: np.random.Generator) -> None:
    for n, d, batch_size, epochs in ((6, 2, 1, 2), (12, 3, 4, 3), (8, 1, 2, 3)):
        problem, seed, rate = draw(rng, n, d), int(rng.integers(2**32)), 0.1
        batches = dealt(np.random.default_rng(seed), n, epochs, batch_size)
        w, b = expected_walk(problem, rate, batches)
        start = problem._replace(w=problem.w.copy())
        answer = submission.sgd(*start, rate, epochs, batch_size, np.random.default_rng(seed))
        assert_parameters(answer, w, b, "sgd")


@pytest.mark.points(
    1.5,
    title="sgd: a shorter last slice",
    hint="Where batch_size does not divide n, the last slice takes what is left over, and its gradient is the mean "
    "over that many samples. A batch_size above n makes one slice of all.",
    needs=("test_sgd_order",),
)
def test_sgd_last_slice(submission: Any, rng: np.random.Generator) -> None:
    for n, d, batch_size, epochs in ((7, 2, 3, 2), (5, 3, 4, 1), (4, 2, 9, 3), (1, 1, 1, 2)):
        problem, seed, rate = draw(rng, n, d), int(rng.integers(2**32)), 0.1
        w, b = expected_walk(problem, rate, dealt(np.random.default_rng(seed), n, epochs, batch_size))
        start = problem._replace(w=problem.w.copy())
        answer = submission.sgd(*start, rate, epochs, batch_size, np.random.default_rng(seed))
        assert_parameters(answer, w, b, "sgd with a short slice")


@pytest.mark.points(
    0.5,
    title="predict, mse_loss, mse_gradient leave their arguments alone",
    hint="An operation such as X *= w or y -= b changes the caller's array. Compute a new one.",
    needs=("test_predict", "test_mse_loss", "test_mse_gradient"),
)
def test_formulas_change_nothing(submission: Any, rng: np.random.Generator) -> None:
    problem = draw(rng, 5, 2)
    X, y, w, b = problem
    slope_w, slope_b = expected_slopes(problem, w, b)
    predictions = y + expected_residuals(problem, w, b)
    loss = expected_loss(problem, w, b)
    with unchanged(X=X, y=y, w=w):
        assert_array(submission.predict(X, w, b), predictions, what="predict")
        assert_number(submission.mse_loss(X, y, w, b), loss, what="mse_loss")
        assert_parameters(submission.mse_gradient(X, y, w, b), slope_w, slope_b, "mse_gradient")


@pytest.mark.points(
    1,
    title="gradient_descent and sgd leave their arguments alone",
    hint="w -= … changes the caller's w0 in place, and shuffling X or y does the same to the data. "
    "Work on a copy, or write w = w - …",
    needs=("test_gradient_descent_parameters", "test_sgd_order"),
)
def test_training_changes_nothing(submission: Any, rng: np.random.Generator) -> None:
    problem, seed, rate = draw(rng, 6, 2), int(rng.integers(2**32)), 0.1
    X, y, w0, b0 = problem
    by_epoch = expected_walk(problem, rate, [np.arange(6)] * 2)
    by_batch = expected_walk(problem, rate, dealt(np.random.default_rng(seed), 6, 2, 3))
    with unchanged(X=X, y=y, w0=w0):
        answer = submission.gradient_descent(X, y, w0, b0, rate, 2)
        assert_parameters(unpack(answer, 3, what="gradient_descent")[:2], *by_epoch, "gradient_descent")
    with unchanged(X=X, y=y, w0=w0):
        answer = submission.sgd(X, y, w0, b0, rate, 2, 3, np.random.default_rng(seed))
        assert_parameters(answer, *by_batch, "sgd")
