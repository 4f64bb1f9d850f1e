"""Layers as attributes; the function lends the caller's weights to a module; shapes come from hooks."""

import torch
from torch import nn


class LeNet(nn.Module):
    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding="same")
        self.act1 = nn.Sigmoid()
        self.pool1 = nn.AvgPool2d(kernel_size=2, stride=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.act2 = nn.Sigmoid()
        self.pool2 = nn.AvgPool2d(kernel_size=2, stride=2)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(400, 120)
        self.act3 = nn.Sigmoid()
        self.fc2 = nn.Linear(120, 84)
        self.act4 = nn.Sigmoid()
        self.fc3 = nn.Linear(84, num_classes)

    def forward(self, x):
        x = self.pool1(self.act1(self.conv1(x)))
        x = self.pool2(self.act2(self.conv2(x)))
        x = self.flatten(x)
        x = self.act3(self.fc1(x))
        x = self.act4(self.fc2(x))
        return self.fc3(x)


def lenet_forward(x, params):
    with torch.device("meta"):
        skeleton = LeNet(num_classes=params["fc3.weight"].shape[0])
    return torch.func.functional_call(skeleton, dict(params), (x,))


def layer_shapes(batch_size=1):
    shapes = []

    def note(layer, _inputs, output):
        shapes.append((layer.__class__.__name__, output.shape))

    model = LeNet()
    for layer in model.children():
        layer.register_forward_hook(note)
    model(torch.zeros(batch_size, 1, 28, 28))
    return shapes


def connection_counts():
    def connections(units_per_map, layer):
        return units_per_map * sum(parameter.numel() for parameter in layer.parameters())

    return {
        "C1": connections(28 * 28, nn.Conv2d(1, 6, 5)),
        "C5": connections(1, nn.Conv2d(16, 120, 5)),
        "F6": connections(1, nn.Linear(120, 84)),
    }
