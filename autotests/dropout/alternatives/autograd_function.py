"""The module's backward pass written by hand, in a torch.autograd.Function; the settings live in a buffer."""

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import Module


def _keep_probability(p):
    if not (p >= 0.0 and p < 1.0):
        raise ValueError(p)
    return 1.0 - p


def dropout_forward(x, p, training, rng):
    q = _keep_probability(p)
    if not training:
        return np.array(x, copy=True), None
    mask = ~(rng.random(size=x.shape) < p)
    out = x.copy()
    out[~mask] = 0.0
    out /= q
    return out, mask


def dropout_backward(dout, mask, p):
    factor = 1.0 if mask is None else mask.astype(dout.dtype) / _keep_probability(p)
    _keep_probability(p)
    return np.multiply(dout, factor)


class _Drop(Function):
    @staticmethod
    def forward(ctx, x: Tensor, keep: float) -> Tensor:
        factor = torch.empty_like(x).bernoulli_(keep).div_(keep)
        ctx.save_for_backward(factor)
        return x * factor

    @staticmethod
    def backward(ctx, grad: Tensor):
        (factor,) = ctx.saved_tensors
        return grad * factor, None


class Dropout(Module):
    def __init__(self, p=0.5):
        super(Dropout, self).__init__()  # noqa: UP008 (the old spelling is what this file is for)
        self.register_buffer("keep", torch.tensor(_keep_probability(p), dtype=torch.float64))

    def forward(self, x):
        dropout = _Drop.apply
        return dropout(x, float(self.keep)) if self.training else x


def expected_active(n, p):
    return float(np.full(n, _keep_probability(p)).sum())
