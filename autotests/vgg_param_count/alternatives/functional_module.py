# A module of its own with ModuleLists and functional ReLU, pool and dropout; counting by recursion over the list.
from itertools import pairwise

import torch
import torch.nn as nn
import torch.nn.functional as F


def _repeat(*blocks):
    return [entry for block in blocks for entry in (*block, "M")]


VGG_CONFIGS = {
    "A": _repeat([64], [128], [256] * 2, [512] * 2, [512] * 2),
    "B": _repeat([64] * 2, [128] * 2, [256] * 2, [512] * 2, [512] * 2),
    "C": _repeat(*([(c, 3)] * 2 for c in (64, 128)), *([c, c, (c, 1)] for c in (256, 512, 512))),
    "D": _repeat([64] * 2, [128] * 2, [256] * 3, [512] * 3, [512] * 3),
    "E": _repeat([64] * 2, [128] * 2, [256] * 4, [512] * 4, [512] * 4),
}


def conv_params(in_channels, out_channels, kernel_size=3, bias=True):
    return out_channels * (in_channels * kernel_size * kernel_size + int(bias))


def linear_params(in_features, out_features, bias=True):
    return conv_params(in_features, out_features, 1, bias)


def _entries(config):
    if not isinstance(config, str):
        return tuple(config)
    try:
        return tuple(VGG_CONFIGS[config])
    except KeyError:
        raise ValueError(f"{config} is none of A, B, C, D, E") from None


def _count(entries, channels, size, bias):
    """Parameters of the convolutions, and the number of features behind them."""
    if size == 0:
        raise ValueError("no pixel is left")
    if not entries:
        return 0, channels * size**2
    first, *rest = entries
    if first == "M":
        return _count(rest, channels, size // 2, bias)
    width, kernel = first if isinstance(first, (tuple, list)) else (first, 3)
    others, features = _count(rest, width, size, bias)
    return conv_params(channels, width, kernel, bias) + others, features


def vgg_param_count(config, num_classes=1000, in_channels=3, image_size=224, bias=True):
    convolutions, features = _count(_entries(config), in_channels, image_size, bias)
    classifier = (features, 4096, 4096, num_classes)
    return convolutions + sum(linear_params(n, m, bias) for n, m in pairwise(classifier))


def vgg_param_table(config, num_classes=1000, in_channels=3, image_size=224):
    rows = []

    def walk(entries, block, position, channels, size):
        if not size:
            raise ValueError("no pixel is left")
        if not entries:
            return channels * size * size
        first, rest = entries[0], entries[1:]
        if first == "M":
            rows.append([f"block{block}_pool", [channels, size // 2, size // 2], 0])
            return walk(rest, block + 1, 1, channels, size // 2)
        width, kernel = first if isinstance(first, (tuple, list)) else (first, 3)
        rows.append([f"block{block}_conv{position}", [width, size, size], conv_params(channels, width, kernel)])
        return walk(rest, block, position + 1, width, size)

    features = walk(_entries(config), 1, 1, in_channels, image_size)
    rows.append(["flatten", [features], 0])
    rows.append(["fc1", [4096], linear_params(features, 4096)])
    rows.append(["fc2", [4096], linear_params(4096, 4096)])
    rows.append(["predictions", [num_classes], linear_params(4096, num_classes)])
    return rows


class VGG(nn.Module):
    def __init__(self, entries, num_classes):
        super().__init__()
        _, features = _count(entries, 3, 224, True)
        self.blocks = nn.ModuleList([nn.ModuleList()])
        channels = 3
        for entry in entries:
            if entry == "M":
                self.blocks.append(nn.ModuleList())
            else:
                width, kernel = entry if isinstance(entry, (tuple, list)) else (entry, 3)
                self.blocks[-1].append(nn.Conv2d(channels, width, kernel, padding="same"))
                channels = width
        self.hidden = nn.ModuleList([nn.Linear(features, 4096), nn.Linear(4096, 4096)])
        self.out = nn.Linear(4096, num_classes)

    def forward(self, x):
        for number, block in enumerate(self.blocks):
            if number:
                x = F.max_pool2d(x, 2)
            for convolution in block:
                x = F.relu(convolution(x))
        x = torch.flatten(x, 1)
        for layer in self.hidden:
            x = F.dropout(F.relu(layer(x)), training=self.training)
        return self.out(x)


def build_vgg(config, num_classes=1000):
    return VGG(_entries(config), num_classes)
