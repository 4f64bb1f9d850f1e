"""The tests of gradient_descent that you have, too: numbers that you can check by hand.

Each test says in words what it expects. Hidden tests ask the same of data that you have not seen.
"""

import numpy as np
import pytest


def lesson_data():
    """The 17 points of the lesson; new arrays for each test, so that no test sees what another has done to its own."""
    x = [3.3, 4.4, 5.5, 6.71, 6.93, 4.168, 9.779, 6.182, 7.59, 2.167, 7.042, 10.791, 5.313, 7.997, 5.654, 9.27, 3.1]
    y = [1.7, 2.76, 2.09, 3.19, 1.694, 1.573, 3.366, 2.596, 2.53, 1.221, 2.827, 3.465, 1.65, 2.904, 2.42, 2.94, 1.3]
    return np.array(x).reshape(17, 1), np.array(y)


def check_number(value, expected, what):
    assert isinstance(value, (float, np.floating)), f"{what} should be a float; it is a {type(value).__name__}"
    assert value == pytest.approx(expected, rel=1e-5), f"{what} should be {expected}; it is {value}"


def check_array(value, expected, what):
    expected = np.array(expected)
    assert isinstance(value, np.ndarray), f"{what} should be a NumPy array; it is a {type(value).__name__}"
    assert value.shape == expected.shape, f"{what} should have shape {expected.shape}; it has {value.shape}"
    assert np.allclose(value, expected, rtol=1e-5), f"{what} should be {expected}; it is {value}"


def check_tuple(value, length, what):
    assert isinstance(value, (tuple, list)), f"{what} should return a tuple; it returned a {type(value).__name__}"
    assert len(value) == length, f"{what} should return {length} values; it returned {len(value)}"
    return value


@pytest.mark.points(
    1,
    title="predict: three samples, two features",
    hint="Matrix times vector: X @ w has one entry for each sample. Then add b.",
)
def test_predict_three_samples(submission):
    prediction = submission.predict(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([10.0, 1.0]), 0.5)
    check_array(prediction, [12.5, 34.5, 56.5], "predict")


@pytest.mark.points(
    1,
    title="mse_loss: the lesson's data",
    hint="Square the residuals, add them up, divide by 2 n. Does predict return shape (n,)?",
    needs=("test_predict_three_samples",),
)
def test_loss_on_lesson(submission):
    X, y = lesson_data()
    check_number(submission.mse_loss(X, y, np.array([0.0]), 0.0), 3.0500161, "the loss of w = 0, b = 0")
    check_number(submission.mse_loss(X, y, np.array([0.25]), 0.8), 0.0769765, "the loss of w = 0.25, b = 0.8")


@pytest.mark.points(
    1,
    title="mse_gradient: the lesson's data",
    hint="The residual is prediction minus target. Both parts are means over the samples, with no further factor.",
    needs=("test_predict_three_samples",),
)
def test_gradient_on_lesson(submission):
    X, y = lesson_data()
    grad_w, grad_b = check_tuple(submission.mse_gradient(X, y, np.array([0.0]), 0.0), 2, "mse_gradient")
    check_array(grad_w, [-16.1186791], "grad_w at w = 0, b = 0")
    check_number(grad_b, -2.3662353, "grad_b at w = 0, b = 0")


@pytest.mark.points(
    1,
    title="gradient_descent: the lesson's data",
    hint="Each epoch: note the loss, compute both slopes, then step against them, learning_rate times the slope.",
    needs=("test_loss_on_lesson", "test_gradient_on_lesson"),
)
def test_gradient_descent_on_lesson(submission):
    X, y = lesson_data()
    answer = submission.gradient_descent(X, y, np.array([0.0]), 0.0, 0.01, 100)
    w, b, history = check_tuple(answer, 3, "gradient_descent")
    check_array(w, [0.3451275], "w after 100 epochs")
    check_number(b, 0.1359810, "b after 100 epochs")
    assert len(history) == 100, f"history should have one loss for each of the 100 epochs; it has {len(history)}"
    check_array(np.array(history[:3], dtype=float), [3.0500161, 0.9951968, 0.3771847], "the first three losses")


@pytest.mark.points(
    1,
    title="sgd: one batch of all samples",
    hint="A batch of all n samples makes one step in each epoch, and their order does not matter.",
    needs=("test_gradient_on_lesson",),
)
def test_sgd_with_one_batch(submission, rng):
    X, y = lesson_data()
    w, b = check_tuple(submission.sgd(X, y, np.array([0.0]), 0.0, 0.01, 3, 17, rng), 2, "sgd")
    check_array(w, [0.2979076], "w after 3 epochs")
    check_number(b, 0.0447969, "b after 3 epochs")
