# No layer classes: bare parameters, matrices stored as (inputs, outputs), the classifier created before the filters.
# The count adds up the parameters of a list of shapes.
import math
import re
from itertools import pairwise

import torch
from torch.nn import Module, Parameter, ParameterList, functional, init

_TEXT = {
    "A": "64 M 128 M 256 256 M 512 512 M 512 512 M",
    "B": "64 64 M 128 128 M 256 256 M 512 512 M 512 512 M",
    "C": "64 64 M 128 128 M 256 256 256/1 M 512 512 512/1 M 512 512 512/1 M",
    "D": "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M",
    "E": "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M",
}


def _parse(word):
    if word == "M":
        return word
    channels, kernel = re.fullmatch(r"(\d+)(?:/(\d+))?", word).groups(default="3")
    return [int(channels), int(kernel)]


VGG_CONFIGS = {name: [_parse(word) for word in text.split()] for name, text in _TEXT.items()}


def conv_params(in_channels, out_channels, kernel_size=3, bias=True):
    filters = range(out_channels)
    return sum(in_channels * kernel_size**2 + (1 if bias else 0) for _ in filters)


def linear_params(in_features, out_features, bias=True):
    if bias:
        in_features += 1  # the bias is the weight of an input that is always 1
    return in_features * out_features


class _Walk:
    """Iterates over a configuration; afterwards ``features`` says how many numbers are left."""

    def __init__(self, config, channels, size):
        if isinstance(config, str) and config not in VGG_CONFIGS:
            raise ValueError(config)
        self.entries = iter(VGG_CONFIGS[config] if isinstance(config, str) else config)
        self.channels, self.size = channels, size

    @property
    def features(self):
        return self.channels * self.size**2

    def __iter__(self):
        for entry in self.entries:
            if isinstance(entry, str):
                self.size >>= 1
                if self.size == 0:
                    raise ValueError("the image is gone")
                yield None
            else:
                width, kernel = (entry, 3) if isinstance(entry, int) else entry
                shape = (width, self.channels, kernel, kernel)
                self.channels = width
                yield shape


def vgg_param_count(config, num_classes=1000, in_channels=3, image_size=224, bias=True):
    walk = _Walk(config, in_channels, image_size)
    shapes = [shape for shape in walk if shape]
    shapes += [(4096, walk.features), (4096, 4096), (num_classes, 4096)]
    return sum(math.prod(shape) + (shape[0] if bias else 0) for shape in shapes)


def vgg_param_table(config, num_classes=1000, in_channels=3, image_size=224):
    walk = _Walk(config, in_channels, image_size)
    table, block, number = [], 1, 1
    for shape in walk:
        if shape is None:
            table.append((f"block{block}_pool", (walk.channels, walk.size, walk.size), 0))
            block, number = block + 1, 1
        else:
            count = math.prod(shape) + shape[0]
            table.append((f"block{block}_conv{number}", (shape[0], walk.size, walk.size), count))
            number += 1
    table += [("flatten", (walk.features,), 0), ("fc1", (4096,), 4096 * (walk.features + 1))]
    return [*table, ("fc2", (4096,), 4096 * 4097), ("predictions", (num_classes,), num_classes * 4097)]


class BareVGG(Module):
    def __init__(self, config, num_classes):
        super().__init__()
        walk = _Walk(config, 3, 224)
        shapes = list(walk)
        widths = [walk.features, 4096, 4096, num_classes]
        self.matrices = ParameterList(torch.empty(n, m) for n, m in pairwise(widths))
        self.offsets = ParameterList(torch.zeros(m) for m in widths[1:])
        self.pool_before = [index for index, shape in enumerate(shapes) if shape is None]
        self.shapes = shapes
        for index, shape in enumerate(shapes):
            if shape:
                self.register_parameter(f"filter{index}", Parameter(torch.empty(shape)))
                self.register_parameter(f"shift{index}", Parameter(torch.zeros(shape[0])))
        for parameter in self.parameters():
            if parameter.dim() > 1:
                init.normal_(parameter, std=0.01)

    def forward(self, images):
        for index, shape in enumerate(self.shapes):
            if shape is None:
                rows, columns = images.shape[-2] // 2 * 2, images.shape[-1] // 2 * 2
                images = images[..., :rows, :columns].unflatten(-1, (-1, 2)).unflatten(-3, (-1, 2)).amax(dim=(-1, -3))
            else:
                weight, bias = getattr(self, f"filter{index}"), getattr(self, f"shift{index}")
                images = functional.conv2d(images, weight, bias, padding=shape[-1] // 2).clamp(min=0)
        x = images.reshape(images.shape[0], -1)
        for matrix, offset in list(zip(self.matrices, self.offsets, strict=True))[:-1]:
            x = torch.maximum(x @ matrix + offset, torch.zeros((), device=x.device))
        return torch.addmm(self.offsets[-1], x, self.matrices[-1])


def build_vgg(config, num_classes=1000):
    return BareVGG(config, num_classes)
