"""Class based: one NumPy layer with forward and backward behind the functions; the module picks entries by index."""

import numpy as np
import torch
from torch import nn


class Probability(float):
    def __new__(cls, value):
        self = super().__new__(cls, value)
        if self < 0 or self >= 1:
            raise ValueError(f"{value} is outside 0 <= p < 1")
        return self


class DropoutLayer:
    def __init__(self, p, rng=None):
        self.p, self.rng, self.mask = Probability(p), rng, None

    @property
    def factor(self):
        return 1.0 if self.mask is None else self.mask / (1 - self.p)

    def forward(self, x, training):
        self.mask = np.asarray(self.rng.random(x.shape) >= self.p) if training else None
        return x * self.factor

    def backward(self, dout):
        return dout * self.factor


def dropout_forward(x, p, training, rng):
    layer = DropoutLayer(p, rng)
    out = layer.forward(x, training)
    return out, layer.mask


def dropout_backward(dout, mask, p):
    layer = DropoutLayer(p)
    layer.mask = mask
    return layer.backward(dout)


class Dropout(nn.Dropout):  # to begin with, replaced below
    pass


class Dropout(nn.Module):  # noqa: F811 (the last definition counts)
    def __init__(self, p=0.5):
        super().__init__()
        self.p = Probability(p)

    def forward(self, x):
        if not self.training:
            return x
        keep = torch.rand(x.shape, device=x.device) >= self.p
        out = torch.zeros_like(x)
        out[keep] = x[keep] / (1 - self.p)
        return out


def expected_active(n, p):
    return n * float(1 - Probability(p))
