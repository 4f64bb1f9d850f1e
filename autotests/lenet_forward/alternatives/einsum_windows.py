"""Convolution as einsum over sliding windows, pooling as a convolution with a constant kernel, a ParameterList."""

import numpy as np
import torch
from torch import nn

NAMES = tuple(f"{layer}.{kind}" for layer in ("conv1", "conv2", "fc1", "fc2", "fc3") for kind in ("weight", "bias"))


def windows_times_kernel(x, weight, bias):
    windows = x.unfold(2, 5, 1).unfold(3, 5, 1)
    return torch.einsum("nchwuv,ocuv->nohw", windows, weight) + bias.reshape(1, -1, 1, 1)


def average(x):
    return torch.einsum("nchwuv->nchw", x.unfold(2, 2, 2).unfold(3, 2, 2)) / 4


def lenet_forward(x, params):
    w1, b1, w2, b2, w3, b3, w4, b4, w5, b5 = (params[name] for name in NAMES)
    framed = torch.zeros(x.shape[0], 1, 32, 32, dtype=x.dtype)
    framed[:, :, 2:30, 2:30] = x
    maps = average(torch.special.expit(windows_times_kernel(framed, w1, b1)))
    maps = average(torch.special.expit(windows_times_kernel(maps, w2, b2)))
    units = torch.special.expit(torch.einsum("nchw,ochw->no", maps, w3.reshape(120, 16, 5, 5)) + b3)
    units = torch.special.expit(torch.addmm(b4, units, w4.T))
    return torch.addmm(b5, units, w5.T)


class LeNet(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        shapes = [(6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), (120, 400), (120,), (84, 120), (84,), (num_classes, 84)]
        self.all = nn.ParameterList(0.1 * torch.randn(shape) for shape in [*shapes, (num_classes,)])

    def forward(self, x):
        return lenet_forward(x, dict(zip(NAMES, self.all, strict=True)))


def layer_shapes(batch_size=1):
    table = """
        Conv2d 6 28 28
        Sigmoid 6 28 28
        AvgPool2d 6 14 14
        Conv2d 16 10 10
        Sigmoid 16 10 10
        AvgPool2d 16 5 5
        Flatten 400
        Linear 120
        Sigmoid 120
        Linear 84
        Sigmoid 84
        Linear 10
    """
    rows = [line.split() for line in table.strip().splitlines()]
    return tuple((name, (batch_size, *map(int, sides))) for name, *sides in rows)


def connection_counts():
    return {
        "C1": np.int64(6 * 28 * 28 * 26),
        "C5": np.prod([120, 401]),
        "F6": np.int32(84 * 121),
    }
