"""The tests of dropout that you can see. Run them in this folder with: python -m pytest test_visible.py"""

import numpy as np
import pytest
import torch


@pytest.mark.points(
    2,
    title="dropout_forward: the worked example",
    hint="A unit is kept where rng.random(x.shape) >= p, as p is the probability of dropping; survivors are divided by "
    "1 - p.",
)
def test_forward_worked_example(submission):
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    answer = submission.dropout_forward(x, 0.2, True, np.random.default_rng(0))
    assert isinstance(answer, (tuple, list)), "dropout_forward should return the pair (out, mask)"
    assert len(answer) == 2, f"dropout_forward should return two values, not {len(answer)}"
    out, mask = answer
    assert isinstance(mask, np.ndarray), "in training the mask should be an array"
    assert mask.dtype == bool, f"the mask should be a boolean array; its dtype is {mask.dtype}"
    assert mask.tolist() == [True, True, False, False, True], f"the mask of the example is wrong: {mask}"
    assert isinstance(out, np.ndarray), "out should be an array"
    assert out.shape == (5,), f"out should have the shape of x, (5,), not {out.shape}"
    assert np.allclose(out, [1.25, 2.5, 0.0, 0.0, 6.25]), f"out should be 1.25 2.5 0 0 6.25, not {out}"


@pytest.mark.points(
    1,
    title="dropout_backward: the worked example",
    hint="Multiply the gradient by what the forward pass multiplied x by: the mask divided by 1 - p.",
)
def test_backward_worked_example(submission):
    mask = np.array([True, True, False, False, True])
    dx = submission.dropout_backward(np.ones(5), mask, 0.2)
    assert isinstance(dx, np.ndarray), "dropout_backward should return an array"
    assert dx.shape == (5,), f"the gradient should have the shape of dout, (5,), not {dx.shape}"
    assert np.allclose(dx, [1.25, 1.25, 0.0, 0.0, 1.25]), f"the gradient should be 1.25 1.25 0 0 1.25, not {dx}"


@pytest.mark.points(
    2,
    title="Dropout: ones become zeros and twos in training, and stay ones in evaluation",
    hint="self.training says which of the two it is; with p = 0.5 about half of the units become 0, the others double.",
)
def test_module_first_call(submission):
    layer = submission.Dropout()
    ones = torch.ones(4000)
    out = layer(ones)
    assert isinstance(out, torch.Tensor), "Dropout()(x) should be a torch tensor"
    assert out.shape == (4000,), f"the output should have the shape of x, (4000,), not {tuple(out.shape)}"
    assert ((out == 0) | (out == 2)).all(), "with p = 0.5 every one should become 0 or 2 in training"
    kept = (out == 2).double().mean().item()
    assert 0.4 < kept < 0.6, f"about half of 4000 units should be kept; here it is {kept:.0%}"
    layer.eval()
    assert torch.equal(layer(ones), ones), "in evaluation the layer should return x as it is"


@pytest.mark.points(
    1,
    title="expected_active: 200 units, a quarter of them dropped",
    hint="The mean of the binomial distribution: number of units times the probability that one is kept.",
)
def test_expected_active_example(submission):
    mean = submission.expected_active(200, 0.25)
    assert isinstance(mean, (float, np.floating)), f"expected_active should return a float, not {type(mean).__name__}"
    assert abs(mean - 150.0) < 1e-9, f"of 200 units with p = 0.25, 150 are active on average, not {mean}"
