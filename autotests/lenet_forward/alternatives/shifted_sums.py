"""Loops: a convolution is 25 shifted pictures added up, a pool the mean of four corners; connections are counted."""

import torch
from torch import nn


def add_up_shifts(picture, kernel, bias):
    rows, columns = picture.shape[2] - 4, picture.shape[3] - 4
    total = bias[None, :, None, None]
    for u in range(5):
        for v in range(5):
            shifted = picture[:, :, u : u + rows, v : v + columns]
            total = total + (kernel[:, :, u, v] @ shifted.flatten(2)).unflatten(2, (rows, columns))
    return total


def mean_of_corners(maps):
    return (maps[..., ::2, ::2] + maps[..., ::2, 1::2] + maps[..., 1::2, ::2] + maps[..., 1::2, 1::2]) * 0.25


def lenet_forward(x, params):
    frame = nn.functional.pad(x, (2, 2, 2, 2))
    maps = mean_of_corners(add_up_shifts(frame, params["conv1.weight"], params["conv1.bias"]).sigmoid())
    maps = mean_of_corners(add_up_shifts(maps, params["conv2.weight"], params["conv2.bias"]).sigmoid())
    rows = []
    for one in maps:
        units = one.ravel()
        units = torch.sigmoid(params["fc1.weight"] @ units + params["fc1.bias"])
        units = torch.sigmoid(params["fc2.weight"] @ units + params["fc2.bias"])
        rows.append(params["fc3.weight"] @ units + params["fc3.bias"])
    return torch.stack(rows)


def stage(inputs, outputs, padding):
    return [nn.Conv2d(inputs, outputs, 5, padding=padding), nn.Sigmoid(), nn.AvgPool2d(2)]


class LeNet(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.features = nn.ModuleList(stage(1, 6, 2) + stage(6, 16, 0))
        self.classifier = nn.ModuleList([nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, num_classes)])

    def forward(self, x):
        for layer in self.features:
            x = layer(x)
        x = x.flatten(1)
        for i, layer in enumerate(self.classifier):
            x = layer(x if i == 0 else torch.tanh(x / 2) / 2 + 0.5)  # the sigmoid, written with tanh
        return x


def layer_shapes(batch_size=1):
    shapes = []
    x = torch.rand(batch_size, 1, 28, 28)
    for layer in [*LeNet().features, nn.Flatten()]:
        x = layer(x)
        shapes.append((type(layer).__name__, tuple(x.size())))
    for units in (120, 84, 10):
        shapes.append(("Linear", (batch_size, units)))
        if units > 10:
            shapes.append(("Sigmoid", (batch_size, units)))
    return shapes


def connection_counts():
    count = 0
    for _row in range(32 - 5 + 1):
        for _column in range(32 - 5 + 1):
            for _map in range(6):
                count += 25
                count += 1
    return {"C1": count, "C5": sum(16 * 25 + 1 for _unit in range(120)), "F6": sum(120 + 1 for _unit in range(84))}
