# The table is the one walk; the count and the network are both read off the table's rows.
from collections import OrderedDict

import numpy as np
import torch

_DEPTHS = {"A": (1, 1, 2, 2, 2), "B": (2, 2, 2, 2, 2), "C": (2, 2, 2, 2, 2), "D": (2, 2, 3, 3, 3), "E": (2, 2, 4, 4, 4)}
_WIDTHS = (64, 128, 256, 512, 512)
VGG_CONFIGS = {}
for _name, _depths in _DEPTHS.items():
    VGG_CONFIGS[_name] = ()
    for _block, (_width, _depth) in enumerate(zip(_WIDTHS, _depths, strict=True)):
        VGG_CONFIGS[_name] += (_width,) * _depth
        if _name == "C" and _block >= 2:
            VGG_CONFIGS[_name] += ((_width, 1),)
        VGG_CONFIGS[_name] += ("M",)


def conv_params(in_channels, out_channels, kernel_size=3, bias=True):
    return np.prod([kernel_size, kernel_size, in_channels, out_channels]) + out_channels * bias


def linear_params(in_features, out_features, bias=True):
    return np.int64(in_features + bias) * out_features


def _geometry(config, num_classes, in_channels, image_size):
    """One dict per layer: kind, name, inputs, outputs, kernel, shape."""
    if isinstance(config, str):
        config = VGG_CONFIGS.get(config)
        if config is None:
            raise ValueError("unknown configuration")
    channels, size, block, number, layers = in_channels, image_size, 1, 0, []
    for entry in config:
        match entry:
            case "M":
                size //= 2
                if size < 1:
                    raise ValueError("image too small")
                layers.append({"kind": "pool", "name": f"block{block}_pool", "shape": (channels, size, size)})
                block, number = block + 1, 0
                continue
            case (width, kernel):
                pass
            case width:
                kernel = 3
        number += 1
        layer = {"kind": "conv", "name": f"block{block}_conv{number}", "in": channels, "out": width, "kernel": kernel}
        layers.append(layer | {"shape": (width, size, size)})
        channels = width
    features = channels * size * size
    layers.append({"kind": "flatten", "name": "flatten", "shape": (features,)})
    for name, width in [("fc1", 4096), ("fc2", 4096), ("predictions", num_classes)]:
        layers.append({"kind": "linear", "name": name, "in": features, "out": width, "shape": (width,)})
        features = width
    return layers


def _params(layer, bias=True):
    if layer["kind"] == "conv":
        return conv_params(layer["in"], layer["out"], layer["kernel"], bias)
    if layer["kind"] == "linear":
        return linear_params(layer["in"], layer["out"], bias)
    return 0


def vgg_param_table(config, num_classes=1000, in_channels=3, image_size=224):
    layers = _geometry(config, num_classes, in_channels, image_size)
    return [(layer["name"], layer["shape"], _params(layer)) for layer in layers]


def vgg_param_count(config, num_classes=1000, in_channels=3, image_size=224, bias=True):
    return sum(_params(layer, bias) for layer in _geometry(config, num_classes, in_channels, image_size))


def build_vgg(config, num_classes=1000):
    modules = OrderedDict()
    for layer in _geometry(config, num_classes, 3, 224):
        name = layer["name"]
        match layer["kind"]:
            case "conv":
                half = (layer["kernel"] - 1) // 2
                modules[name] = torch.nn.Conv2d(layer["in"], layer["out"], layer["kernel"], padding=half)
                modules[name + "_relu"] = torch.nn.ReLU(inplace=True)
            case "pool":
                modules[name] = torch.nn.MaxPool2d(kernel_size=2)
            case "flatten":
                modules[name] = torch.nn.Flatten()
            case "linear":
                modules[name] = torch.nn.Linear(layer["in"], layer["out"])
                if name != "predictions":
                    modules[name + "_relu"] = torch.nn.ReLU(inplace=True)
    return torch.nn.Sequential(modules)
