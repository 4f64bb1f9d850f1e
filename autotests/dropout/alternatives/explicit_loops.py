"""Unit by unit: a Python loop over the entries, in the order in which rng.random(x.shape) would draw them."""

import math

import numpy as np
import torch


def require_probability(p):
    if p >= 1:
        raise ValueError("p must be below 1: a layer that drops everything cannot be scaled")
    if p < 0:
        raise ValueError("p must not be negative")


def dropout_forward(x, p, training, rng):
    require_probability(p)
    out = np.empty_like(x)
    if not training:
        for index in np.ndindex(x.shape):
            out[index] = x[index]
        return [out, None]
    mask = np.zeros(x.shape, dtype=np.bool_)
    for index in np.ndindex(x.shape):
        if rng.random() < p:
            out[index] = 0.0
        else:
            mask[index] = True
            out[index] = x[index] / (1 - p)
    return [out, mask]


def dropout_backward(dout, mask, p):
    require_probability(p)
    dx = np.array(dout)
    if mask is not None:
        flat, kept = dx.reshape(-1), mask.reshape(-1)
        for i in range(flat.size):
            flat[i] = flat[i] / (1 - p) if kept[i] else 0.0
    return dx


class Dropout(torch.nn.Module):
    def __init__(self, p: float = 0.5) -> None:
        require_probability(p)
        super().__init__()
        self.p = p

    def extra_repr(self) -> str:
        return f"p={self.p}"

    def forward(self, x):
        out = x.clone()
        if self.training:
            dropped = torch.rand_like(x, dtype=torch.float32) < self.p
            out[dropped] = 0
            out[~dropped] /= 1 - self.p
        return out


def expected_active(n, p):
    require_probability(p)
    mean = 0.0
    for k in range(n + 1 if n <= 50 else 0):  # the definition of the mean, as long as the binomials are small
        mean += k * math.comb(n, k) * (1 - p) ** k * p ** (n - k)
    return mean if n <= 50 else n - n * p
