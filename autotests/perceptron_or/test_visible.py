"""The tests of perceptron_or that you have, too: the cases that the assignment works out by hand, and OR itself.

Each test says in words what it expects. Hidden tests ask the same of data that you have not seen.
"""

import numpy as np
import pytest


def or_data():
    """The four cases of OR; new arrays for each test, so that no test sees what another has done to its own."""
    return np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([0.0, 1.0, 1.0, 1.0])


def check_array(value, expected, what):
    expected = np.array(expected)
    assert isinstance(value, np.ndarray), f"{what} should be a NumPy array; it is a {type(value).__name__}"
    assert value.shape == expected.shape, f"{what} should have shape {expected.shape}; it has {value.shape}"
    assert np.allclose(value, expected, rtol=1e-5, atol=1e-9), f"{what} should be {expected}; it is {value}"


def check_integers(value, expected, what):
    check_array(value, expected, what)
    assert np.issubdtype(value.dtype, np.integer), f"{what} should hold integers; it holds {value.dtype}"


def check_number(value, expected, what):
    assert isinstance(value, (float, np.floating)), f"{what} should be a float; it is a {type(value).__name__}"
    assert value == pytest.approx(expected), f"{what} should be {expected}; it is {value}"


def check_triple(value, what):
    assert isinstance(value, (tuple, list)), f"{what} should return a tuple; it returned a {type(value).__name__}"
    assert len(value) == 3, f"{what} should return 3 values; it returned {len(value)}"
    return value


@pytest.mark.points(
    0.5,
    title="step: below, at and above zero",
    hint="1 where z > 0, and 0 at exactly zero. Turn True and False into integers: (z > 0).astype(int).",
)
def test_step_by_hand(submission):
    check_integers(submission.step(np.array([-2.0, 0.0, 3.0])), [0, 0, 1], "step of -2, 0 and 3")


@pytest.mark.points(
    0.5,
    title="perceptron_predict: OR and AND with weights chosen by hand",
    hint="The step of X @ w + b, one answer for each row of X.",
    needs=("test_step_by_hand",),
)
def test_perceptron_answers_or(submission):
    X, _ = or_data()
    answers = submission.perceptron_predict(X, np.array([1.0, 1.0]), -0.5)
    check_integers(answers, [0, 1, 1, 1], "perceptron_predict with w = (1, 1), b = -0.5")
    answers = submission.perceptron_predict(X, np.array([1.0, 1.0]), -1.5)
    check_integers(answers, [0, 0, 0, 1], "perceptron_predict with w = (1, 1), b = -1.5")


@pytest.mark.points(
    1.5,
    title="train_perceptron: OR, as in the table",
    hint="Compare with the table: correct w and b right after each sample, by learning_rate times (target - answer). "
    "The last epoch, the one without a mistake, counts.",
    needs=("test_perceptron_answers_or",),
)
def test_perceptron_learns_or(submission):
    X, y = or_data()
    w, b, epochs = check_triple(submission.train_perceptron(X, y), "train_perceptron")
    check_array(w, [1.0, 1.0], "w after training on OR")
    check_number(b, 0.0, "b after training on OR")
    assert isinstance(epochs, (int, np.integer)), f"epochs should be an int; it is a {type(epochs).__name__}"
    assert epochs == 4, f"epochs should be 4, the epoch without a mistake included; it is {epochs}"


@pytest.mark.points(
    0.5,
    title="sigmoid: values that are easy to look up",
    hint="1 / (1 + exp(-z)): one half at zero, larger for positive z.",
)
def test_sigmoid_by_hand(submission):
    values = submission.sigmoid(np.array([-2.0, 0.0, 2.0]))
    check_array(values, [0.1192029, 0.5, 0.8807971], "sigmoid of -2, 0 and 2")


@pytest.mark.points(
    2,
    title="train_neuron: OR",
    hint="Each update goes against the gradient of the loss. Is the sign right, and does the bias learn, too? "
    "With the default arguments the neuron makes 2000 updates.",
    needs=("test_sigmoid_by_hand",),
)
def test_neuron_learns_or(submission):
    X, y = or_data()
    w, b, history = check_triple(submission.train_neuron(X, y, rng=np.random.default_rng(17)), "train_neuron")
    assert isinstance(w, np.ndarray), f"w should be a NumPy array; it is a {type(w).__name__}"
    assert w.shape == (2,), f"w should have shape (2,); it has {w.shape}"
    assert isinstance(b, (float, np.floating)), f"b should be a float; it is a {type(b).__name__}"
    assert len(history) == 2000, f"history should have 2000 losses; it has {len(history)}"
    assert history[-1] < history[0], "the loss should fall"
    answers = 1 / (1 + np.exp(-(X @ w + b)))
    assert answers[0] < 0.1, f"the answer for (0, 0) should be below 0.1; it is {answers[0]:.3f}"
    assert min(answers[1:]) > 0.9, f"the other three answers should be above 0.9; they are {answers[1:].round(3)}"
