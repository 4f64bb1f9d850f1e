"""np.where and torch.bernoulli; p is checked in one place; the built-in layer is compared with under a main guard."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


def checked(p):
    """p itself, if it is a probability that dropout can work with."""
    if p < 0 or p >= 1:
        raise ValueError(f"dropout needs 0 <= p < 1, not {p}")
    return p


def dropout_forward(x, p, training, rng):
    keep = 1.0 - checked(p)
    if training:
        mask = np.greater_equal(rng.random(x.shape), p)
        return np.where(mask, x / keep, 0.0), mask
    return x, None


def dropout_backward(dout, mask, p):
    keep = 1.0 - checked(p)
    if mask is None:
        return dout
    return np.where(mask, dout / keep, np.zeros_like(dout))


class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        self.keep = 1.0 - checked(p)

    def forward(self, x):
        if self.training:
            # torch.nn.Dropout draws with bernoulli too
            factor = torch.bernoulli(torch.full_like(x, self.keep))
            return torch.where(factor.bool(), x / self.keep, torch.tensor(0.0, dtype=x.dtype))
        return x


def expected_active(n, p):
    return np.float64(n) * (1.0 - checked(p))


def compare(x):
    return F.dropout(x, 0.3).mean(), Dropout(0.3)(x).mean()


if __name__ == "__main__":
    built_in = nn.Dropout(0.5)
    print(compare(torch.ones(1000)), torch.dropout(torch.ones(3), 0.5, True), built_in(torch.ones(3)))
