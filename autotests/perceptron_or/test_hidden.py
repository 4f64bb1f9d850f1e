"""Hidden tests of perceptron_or: fresh data, against an own computation in plain loops.

The perceptron is tested on multiples of 1/4 alone. Their sums are exact in binary, so the order of summation cannot
move a sum that is exactly zero to one side, and every honest program takes the same path. How a neuron draws its
weights is its own affair: the tests read them off a run without updates and judge each update from where the neuron
itself stood.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest

from grader.testing import (
    WrongAnswer,
    as_floats,
    assert_array,
    assert_int,
    assert_number,
    call_with_warnings,
    unchanged,
    unpack,
)


class Trained(NamedTuple):
    """What Rosenblatt's rule ends with."""

    w: np.ndarray  # (d,)
    b: float
    epochs: int


def rosenblatt(X: np.ndarray, y: np.ndarray, rate: float, max_epochs: int) -> Trained:
    w, b = [0.0] * X.shape[1], 0.0
    for epoch in range(1, max_epochs + 1):
        clean = True
        for row, target in zip(X.tolist(), y.tolist(), strict=True):
            answer = 1 if sum(x * v for x, v in zip(row, w, strict=True)) + b > 0 else 0
            if answer != target:
                clean = False
                w = [v + rate * (target - answer) * x for x, v in zip(row, w, strict=True)]
                b += rate * (target - answer)
        if clean or epoch == max_epochs:
            return Trained(np.array(w), b, epoch)
    raise ValueError("max_epochs should be 1 or more")


def draw_separable(rng: np.random.Generator, n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Two classes of whole numbers, separated by at least 0.5, that take the rule four epochs or more."""
    while True:
        X = rng.integers(-3, 4, (n, d)).astype(float)
        y = (X @ rng.choice([-2.0, -1.0, 1.0, 2.0], d) + rng.integers(-2, 3) + 0.5 > 0).astype(float)
        if 0 < y.sum() < n and rosenblatt(X, y, 1.0, 4).epochs == 4:
            return X, y


def draw_inseparable(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """XOR, stretched and moved by whole numbers, its corners in any order."""
    order = rng.permutation(4)
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])[order]
    return corners * rng.integers(1, 4, 2) + rng.integers(-1, 2, 2), np.array([0.0, 1.0, 1.0, 0.0])[order]


def draw_classes(rng: np.random.Generator, n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs of moderate size, so that the sigmoid keeps a slope, and targets of either class."""
    return rng.uniform(-1.5, 1.5, (n, d)), rng.integers(0, 2, n).astype(float)


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def probabilities(X: np.ndarray, w: np.ndarray, b: float) -> list[float]:
    return [sigmoid(float(sum(x * v for x, v in zip(row, w, strict=True)) + b)) for row in X]


def squared_error(X: np.ndarray, y: np.ndarray, w: np.ndarray, b: float) -> float:
    return sum((p - t) ** 2 for p, t in zip(probabilities(X, w, b), y, strict=True)) / len(y)


def one_step(X: np.ndarray, y: np.ndarray, w: np.ndarray, b: float, rate: float) -> tuple[np.ndarray, float]:
    """The parameters after one update from (w, b): the chain rule, sample by sample."""
    slope_w, slope_b = np.zeros(len(w)), 0.0
    for row, p, t in zip(X, probabilities(X, w, b), y, strict=True):
        delta = 2 * (p - t) * p * (1 - p) / len(y)
        slope_w = slope_w + delta * row
        slope_b += delta
    return w - rate * slope_w, b - rate * slope_b


def learn_or(X: np.ndarray, y: np.ndarray, starts: np.ndarray) -> bool:
    """Tell whether the 2000 updates of train_neuron's defaults learn OR from each of these (w, b), all run at once."""
    rows = np.column_stack([X, np.ones(len(X))])
    for _ in range(2000):
        p = 1 / (1 + np.exp(-np.clip(starts @ rows.T, -700, 700)))
        starts = starts - 2.0 * (2 / len(y) * (p - y) * p * (1 - p)) @ rows
    answers = starts @ rows.T  # below 0.1 and above 0.9 are a logit of 2.197
    return bool((answers[:, 0] < -np.log(9)).all() and (answers[:, 1:] > np.log(9)).all())


def neuron(answer: Any, d: int, epochs: int) -> tuple[np.ndarray, float, np.ndarray]:
    """Check types and shapes of what train_neuron returned; of the values only that they are finite."""
    w, b, history = unpack(answer, 3, what="train_neuron")
    anything = math.inf  # a tolerance that every number meets
    assert_array(w, np.zeros(d), what="w of train_neuron", atol=anything, dtype=np.float64)
    assert_number(b, 0.0, what="b of train_neuron", atol=anything)
    losses = as_floats(history, epochs, what="history")
    if not (np.isfinite(w).all() and math.isfinite(b) and np.isfinite(losses).all()):
        raise WrongAnswer("train_neuron should return finite numbers; there is an infinity or NaN among them.")
    return w, b, losses


def run(
    submission: Any, X: np.ndarray, y: np.ndarray, rate: float, epochs: int, seed: int
) -> tuple[np.ndarray, float, np.ndarray]:
    """Train on copies of the data. Runs of one seed that differ in epochs alone show one and the same training."""
    answer = submission.train_neuron(X.copy(), y.copy(), rate, epochs, np.random.default_rng(seed))
    return neuron(answer, X.shape[1], epochs)


@pytest.mark.points(
    1,
    title="step: arrays of any shape",
    hint="An integer array of the shape of z: 1 where z > 0, else 0, and so 0 at exactly zero.",
)
def test_step(submission: Any, rng: np.random.Generator) -> None:
    for shape in ((9,), (1,), (4, 3)):
        z = rng.normal(size=shape) * rng.choice([1e-300, 1.0, 1e300], shape)
        z.flat[0] = rng.choice([0.0, -0.0])
        expected = [1 if value > 0 else 0 for value in z.ravel().tolist()]
        assert_array(submission.step(z), np.reshape(expected, shape), what="step", dtype="integer")


@pytest.mark.points(
    1,
    title="perceptron_predict: any number of samples and features",
    hint="An integer array of shape (n,): the step of X @ w + b, for n = 1 and for d = 1 too.",
    needs=("test_step",),
)
def test_perceptron_predict(submission: Any, rng: np.random.Generator) -> None:
    for n, d in ((12, 3), (9, 1), (1, 4), (1, 1)):
        X = rng.integers(-4, 5, (n, d)).astype(float)
        w = rng.choice([-1.5, -0.5, 0.5, 1.5], d)
        on_the_line = float(-(X[0] @ w))  # the first sample's sum is exactly zero: it must not fire
        for b, first in ((on_the_line, 0), (on_the_line + 0.25, 1)):
            expected = [1 if sum(row * w) + b > 0 else 0 for row in X]
            assert expected[0] == first
            actual = submission.perceptron_predict(X, w, b)
            assert_array(actual, expected, what="perceptron_predict", dtype="integer")


@pytest.mark.points(
    2.5,
    title="train_perceptron: the weights it finds",
    hint="Start at zero, take the samples in order, and after each one add learning_rate * (target - answer) * x to w "
    "and learning_rate * (target - answer) to b. The very next sample meets the new weights.",
    needs=("test_perceptron_predict",),
)
def test_perceptron_weights(submission: Any, rng: np.random.Generator) -> None:
    for n, d, rate in ((8, 2, 1.0), (10, 3, 0.25), (6, 2, 2.0), (8, 2, 0.5)):
        X, y = draw_separable(rng, n, d)
        expected = rosenblatt(X, y, rate, 1000)
        w, b, _ = unpack(submission.train_perceptron(X, y, rate, 1000), 3, what="train_perceptron")
        assert_array(w, expected.w, what="w of train_perceptron", dtype=np.float64)
        assert_number(b, expected.b, what="b of train_perceptron")


@pytest.mark.points(
    1,
    title="train_perceptron: the number of epochs",
    hint="Stop after the first epoch without a mistake, and count that one: data that is right from the start takes "
    "one epoch.",
    needs=("test_perceptron_weights",),
)
def test_perceptron_epochs(submission: Any, rng: np.random.Generator) -> None:
    sample = rng.integers(1, 4, (1, 1)).astype(float)
    cases = [
        (*draw_separable(rng, 7, 2), 1000),
        (rng.integers(-3, 4, (5, 3)).astype(float), np.zeros(5), 100),  # zero weights are right at once
        (sample, np.ones(1), 100),  # one sample: a mistake, then a clean epoch
    ]
    for X, y, max_epochs in cases:
        expected = rosenblatt(X, y, 1.0, max_epochs)
        w, b, epochs = unpack(submission.train_perceptron(X, y, 1.0, max_epochs), 3, what="train_perceptron")
        assert_array(w, expected.w, what="w of train_perceptron")
        assert_number(b, expected.b, what="b of train_perceptron")
        assert_int(epochs, expected.epochs, what="epochs")


@pytest.mark.points(
    1,
    title="train_perceptron: data that no line separates",
    hint="There is always another mistake, so it is max_epochs, 100 unless the caller says otherwise, that ends the "
    "training. Return w, b and max_epochs as usual.",
    needs=("test_perceptron_epochs",),
)
def test_perceptron_gives_up(submission: Any, rng: np.random.Generator) -> None:
    X, y = draw_inseparable(rng)
    chosen = int(rng.integers(3, 30))
    for max_epochs, keywords in ((100, {}), (chosen, {"max_epochs": chosen})):
        expected = rosenblatt(X, y, 1.0, max_epochs)
        answer = submission.train_perceptron(X.copy(), y.copy(), **keywords)
        w, b, epochs = unpack(answer, 3, what="train_perceptron")
        assert_int(epochs, max_epochs, what="epochs on data that no line separates")
        assert_array(w, expected.w, what="w of train_perceptron")
        assert_number(b, expected.b, what="b of train_perceptron")


@pytest.mark.points(
    1,
    title="sigmoid: arrays of any shape",
    hint="1 / (1 + exp(-z)) for every element; the result has the shape of z.",
)
def test_sigmoid(submission: Any, rng: np.random.Generator) -> None:
    for shape in ((11,), (1,), (3, 4)):
        z = rng.uniform(-8, 8, shape)
        expected = np.reshape([sigmoid(value) for value in z.ravel().tolist()], shape)
        assert_array(submission.sigmoid(z), expected, what="sigmoid", dtype=np.float64)


@pytest.mark.points(
    1,
    title="sigmoid: no overflow far from zero",
    hint="np.exp of a large number overflows, and np.where computes both of its branches everywhere. "
    "Only ever take the exponential of something that is not positive, such as -np.abs(z).",
    needs=("test_sigmoid",),
)
def test_sigmoid_far_from_zero(submission: Any, rng: np.random.Generator) -> None:
    z = rng.permutation([-1000.0, 1000.0, rng.uniform(-990, -720), rng.uniform(720, 990), *rng.normal(size=3)])
    expected = [sigmoid(value) for value in z.tolist()]
    assert_array(submission.sigmoid(z), expected, what="sigmoid far from zero")
    values, warned = call_with_warnings(submission.sigmoid, z)
    assert_array(values, expected, what="sigmoid far from zero")
    if "RuntimeWarning" in warned:
        raise WrongAnswer("sigmoid lets a RuntimeWarning through where z is far from zero.")


@pytest.mark.points(
    1,
    title="neuron_predict: any number of samples and features",
    hint="Probabilities of shape (n,): the sigmoid of X @ w + b, not rounded to 0 or 1.",
    needs=("test_sigmoid",),
)
def test_neuron_predict(submission: Any, rng: np.random.Generator) -> None:
    for n, d in ((7, 3), (1, 4), (5, 1), (1, 1)):
        X, w, b = rng.normal(size=(n, d)), rng.normal(size=d), float(rng.normal())
        actual = submission.neuron_predict(X, w, b)
        assert_array(actual, probabilities(X, w, b), what="neuron_predict", dtype=np.float64)


@pytest.mark.points(
    1,
    title="train_neuron: weights are drawn from rng",
    hint="Draw the first weights from the rng that was passed: the same seed gives the same weights, another seed "
    "others. With epochs=0 these are the result. Keep them small, such as rng.normal(size=d): from weights far from "
    "zero the sigmoid is flat, and nothing is learnt.",
)
def test_neuron_draws_weights(submission: Any, rng: np.random.Generator) -> None:
    X, y = draw_classes(rng, 6, 3)
    seed = int(rng.integers(2**32))
    runs = [run(submission, X, y, 1.0, 0, start) for start in (seed, seed, seed + 1)]
    (w, b, _), (w_again, b_again, _), (w_other, _, _) = runs
    if not (np.array_equal(w, w_again) and b == b_again):
        raise WrongAnswer("Two runs of train_neuron with generators of the same seed start from different weights.")
    if np.array_equal(w, w_other):
        raise WrongAnswer("Runs of train_neuron with generators of different seeds start from the same weights.")
    corners, targets = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([0.0, 1.0, 1.0, 1.0])
    starts = [run(submission, corners, targets, 2.0, 0, seed + number) for number in range(12)]
    if not learn_or(corners, targets, np.array([[*w, b] for w, b, _ in starts])):
        raise WrongAnswer("From the weights that train_neuron draws, 2000 updates do not always learn OR.")


@pytest.mark.points(
    2.5,
    title="train_neuron: each update is the exact gradient",
    hint="delta = 2 / n * (p - y) * p * (1 - p), with all samples at once; w goes by -learning_rate * (delta @ X), "
    "b by -learning_rate * delta.sum(), both from the same p.",
    needs=("test_neuron_draws_weights", "test_neuron_predict"),
)
def test_neuron_update(submission: Any, rng: np.random.Generator) -> None:
    for n, d in ((5, 3), (4, 1), (1, 2)):
        X, y = draw_classes(rng, n, d)
        seed, rate = int(rng.integers(2**32)), float(rng.uniform(0.5, 3.0))
        later = int(rng.integers(5, 30))
        runs = [run(submission, X, y, rate, epochs, seed) for epochs in (0, 1, 2, later, later + 1)]
        for (w, b, _), (w_next, b_next, _) in (*pairwise(runs[:3]), runs[3:]):
            expected_w, expected_b = one_step(X, y, w, b, rate)
            assert_array(w_next, expected_w, what="w after one more update")
            assert_number(b_next, expected_b, what="b after one more update")


@pytest.mark.points(
    1,
    title="train_neuron: the history of losses",
    hint="np.mean((p - y) ** 2), appended before the update, once for each epoch: the first entry is the loss of the "
    "weights that were drawn.",
    needs=("test_neuron_draws_weights", "test_neuron_predict"),
)
def test_neuron_history(submission: Any, rng: np.random.Generator) -> None:
    X, y = draw_classes(rng, 6, 2)
    seed = int(rng.integers(2**32))
    runs = [run(submission, X, y, 1.5, epochs, seed) for epochs in range(5)]
    losses = [squared_error(X, y, w, b) for w, b, _ in runs]
    for k, (_, _, history) in enumerate(runs):
        assert_array(history, losses[:k], what="history")


@pytest.mark.points(
    0.5,
    title="train_neuron: default arguments",
    hint="learning_rate is 2.0 by default. With rng=None make a generator: np.random.default_rng().",
    needs=("test_neuron_update", "test_neuron_history"),
)
def test_neuron_defaults(submission: Any, rng: np.random.Generator) -> None:
    X, y = draw_classes(rng, 5, 2)
    seed = int(rng.integers(2**32))
    w, b, _ = run(submission, X, y, 1.0, 0, seed)
    answer = submission.train_neuron(X.copy(), y.copy(), epochs=1, rng=np.random.default_rng(seed))
    w_next, b_next, _ = neuron(answer, 2, 1)
    expected_w, expected_b = one_step(X, y, w, b, 2.0)
    assert_array(w_next, expected_w, what="w after one update with the default learning rate")
    assert_number(b_next, expected_b, what="b after one update with the default learning rate")
    # without a seed nothing can be repeated; a learning rate of zero keeps the weights that were drawn in sight
    w, b, history = neuron(submission.train_neuron(X, y, learning_rate=0.0, epochs=2, rng=None), 2, 2)
    assert_array(history, [squared_error(X, y, w, b)] * 2, what="history with rng=None")


@pytest.mark.points(
    0.5,
    title="No function changes its arguments",
    hint="Clipping, rounding or shuffling in place changes the caller's array. Compute a new one.",
    needs=("test_perceptron_weights", "test_perceptron_epochs", "test_neuron_update", "test_neuron_history"),
)
def test_arguments_unchanged(submission: Any, rng: np.random.Generator) -> None:
    X, y = draw_separable(rng, 6, 2)
    w, b, z = np.array([0.5, -1.5]), 0.25, rng.normal(size=4) * 3
    seed = int(rng.integers(2**32))
    steps, sigmoids = [1 if value > 0 else 0 for value in z], [sigmoid(value) for value in z]
    fires, chances = [1 if total > 0 else 0 for total in X @ w + b], probabilities(X, w, b)
    learnt = rosenblatt(X, y, 1.0, 1000)
    start_w, start_b, _ = run(submission, X, y, 1.0, 0, seed)
    neuron_w, neuron_b = one_step(X, y, start_w, start_b, 1.0)
    loss = squared_error(X, y, start_w, start_b)
    with unchanged(z=z):
        assert_array(submission.step(z), steps, what="step", dtype="integer")
    with unchanged(z=z):
        assert_array(submission.sigmoid(z), sigmoids, what="sigmoid")
    with unchanged(X=X, w=w):
        assert_array(submission.perceptron_predict(X, w, b), fires, what="perceptron_predict", dtype="integer")
        assert_array(submission.neuron_predict(X, w, b), chances, what="neuron_predict")
    with unchanged(X=X, y=y):
        trained = unpack(submission.train_perceptron(X, y, 1.0, 1000), 3, what="train_perceptron")
        assert_array(trained[0], learnt.w, what="w of train_perceptron")
        assert_number(trained[1], learnt.b, what="b of train_perceptron")
        assert_int(trained[2], learnt.epochs, what="epochs")
    with unchanged(X=X, y=y):
        answer = submission.train_neuron(X, y, 1.0, 1, np.random.default_rng(seed))
        trained_w, trained_b, history = neuron(answer, 2, 1)
        assert_array(trained_w, neuron_w, what="w after one update")
        assert_number(trained_b, neuron_b, what="b after one update")
        assert_array(history, [loss], what="history")
