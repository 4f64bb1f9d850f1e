"""Convolution as one matrix product over unfolded patches, pooling as the mean of a reshaped view, bare parameters."""

import math

import torch
import torch.nn.functional as F

SIZES = {"conv1": (6, 1, 5, 5), "conv2": (16, 6, 5, 5), "fc1": (120, 400), "fc2": (84, 120), "fc3": (None, 84)}


def squash(z):
    return 1 / (1 + torch.exp(-z))


def convolve(x, weight, bias, padding):
    n, _, height, width = x.shape
    side_h, side_w = height + 2 * padding - 4, width + 2 * padding - 4
    patches = F.unfold(x, kernel_size=5, padding=padding)  # (n, channels * 25, places)
    maps = weight.flatten(start_dim=1) @ patches + bias[:, None]
    return maps.view(n, -1, side_h, side_w)


def halve(maps):
    n, c, h, w = maps.shape
    return maps.reshape(n, c, h // 2, 2, w // 2, 2).mean(dim=(3, 5))


def lenet_forward(x, params):
    x = halve(squash(convolve(x, params["conv1.weight"], params["conv1.bias"], padding=2)))
    x = halve(squash(convolve(x, params["conv2.weight"], params["conv2.bias"], padding=0)))
    x = x.reshape(x.shape[0], -1)
    for name in ("fc1", "fc2"):
        x = squash(x @ params[name + ".weight"].t() + params[name + ".bias"])
    return x @ params["fc3.weight"].t() + params["fc3.bias"]


class LeNet(torch.nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        for name, (out, *rest) in SIZES.items():
            out = out or num_classes
            bound = 1 / math.sqrt(math.prod(rest))
            for kind, shape in (("weight", (out, *rest)), ("bias", (out,))):
                parameter = torch.nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
                self.register_parameter(f"{name}_{kind}", parameter)

    def forward(self, x):
        return lenet_forward(x, {name.replace("_", "."): tensor for name, tensor in self.named_parameters()})


def layer_shapes(batch_size=1):
    result, channels, side = [], 1, 28
    for name, padding in (("conv1", 2), ("conv2", 0)):
        channels, side = SIZES[name][0], side + 2 * padding - 4
        result += [["Conv2d", [batch_size, channels, side, side]], ["Sigmoid", [batch_size, channels, side, side]]]
        side //= 2
        result += [["AvgPool2d", [batch_size, channels, side, side]]]
    result += [["Flatten", [batch_size, channels * side * side]]]
    for units in (120, 84):
        result += [["Linear", [batch_size, units]], ["Sigmoid", [batch_size, units]]]
    return [*result, ["Linear", [batch_size, 10]]]


def connection_counts():
    c1_units = 6 * (32 - 4) ** 2
    return {"F6": 84 * 121, "C5": 120 * 401, "C1": c1_units * 26}
