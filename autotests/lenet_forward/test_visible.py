"""The tests of lenet_forward that you can see. Run them in this folder with: python -m pytest test_visible.py"""

import math

import pytest
import torch


def averaging_params():
    """Every unit takes the mean of its inputs: weights 1/(number of inputs), biases 0."""
    shapes = {"conv1": (6, 1, 5, 5), "conv2": (16, 6, 5, 5), "fc1": (120, 400), "fc2": (84, 120), "fc3": (10, 84)}
    params = {}
    for layer, shape in shapes.items():
        params[f"{layer}.weight"] = torch.full(shape, 1 / math.prod(shape[1:]))
        params[f"{layer}.bias"] = torch.zeros(shape[0])
    return params


@pytest.mark.points(
    1.5,
    title="LeNet: three blank pictures give three rows of ten logits",
    hint="LeNet() is a torch.nn.Module; called with pictures (n, 1, 28, 28) it returns logits (n, 10).",
)
def test_lenet_first_call(submission):
    logits = submission.LeNet()(torch.zeros(3, 1, 28, 28))
    assert isinstance(logits, torch.Tensor), "LeNet()(x) should be a torch tensor"
    assert tuple(logits.shape) == (3, 10), f"LeNet()(x) should have shape (3, 10), not {tuple(logits.shape)}"
    assert torch.isfinite(logits).all(), "every logit should be a finite number"
    assert torch.allclose(logits[0], logits[1], atol=1e-6), "equal pictures should get equal logits"


@pytest.mark.points(
    2,
    title="lenet_forward: the worked example, a blank picture through averaging layers",
    hint="Follow the table of the worked example: print the first value behind each layer and compare. "
    "The activation is a sigmoid, behind conv1, conv2, fc1 and fc2, and not behind fc3.",
)
def test_forward_blank_picture(submission):
    logits = submission.lenet_forward(torch.zeros(1, 1, 28, 28), averaging_params())
    assert isinstance(logits, torch.Tensor), "lenet_forward should return a torch tensor"
    assert tuple(logits.shape) == (1, 10), f"the logits should have shape (1, 10), not {tuple(logits.shape)}"
    value = 0.0
    for _ in range(4):
        value = 1 / (1 + math.exp(-value))
    close = torch.allclose(logits, torch.full((1, 10), value), atol=1e-4)
    assert close, f"each logit should be {value:.4f}; the first is {logits[0, 0]:.4f}"


@pytest.mark.points(
    1,
    title="layer_shapes: first and last layer",
    hint="layer_shapes() returns 12 pairs (layer class name, output shape), the input picture not among them.",
    needs=("test_lenet_first_call", "test_lenet_parameters", "test_lenet_values"),
)
def test_layer_shapes_ends(submission):
    shapes = submission.layer_shapes()
    assert isinstance(shapes, (list, tuple)), "layer_shapes should return a list"
    assert len(shapes) == 12, f"LeNet has 12 layers; the list has {len(shapes)} entries"
    assert len(shapes[0]) == 2, "each entry should be a pair (layer class name, output shape)"
    assert (shapes[0][0], tuple(shapes[0][1])) == ("Conv2d", (1, 6, 28, 28)), f"the first entry is {shapes[0]}"
    assert (shapes[-1][0], tuple(shapes[-1][1])) == ("Linear", (1, 10)), f"the last entry is {shapes[-1]}"


@pytest.mark.points(
    0.5,
    title="connection_counts: the keys, and C1 as in the paper",
    hint="connection_counts() returns a dict with the keys C1, C5 and F6; C1 has 122304 connections.",
)
def test_connections_of_c1(submission):
    counts = submission.connection_counts()
    assert isinstance(counts, dict), "connection_counts should return a dict"
    assert set(counts) == {"C1", "C5", "F6"}, f"the keys should be C1, C5 and F6, not {sorted(counts)}"
    assert counts["C1"] == 122304, f"C1 should have 122304 connections, not {counts['C1']}"
