# mistake: A weight that has been used can be popped from the dict.
# caught by: test_forward_leaves_arguments
# hint: popped from it
import torch
from torch.nn import functional as F


def lenet_forward(x, params):
    maps = torch.sigmoid(F.conv2d(x, params.pop("conv1.weight"), params.pop("conv1.bias"), padding=2))
    maps = torch.sigmoid(F.conv2d(F.avg_pool2d(maps, 2), params.pop("conv2.weight"), params.pop("conv2.bias")))
    units = F.avg_pool2d(maps, 2).flatten(start_dim=1)
    units = torch.sigmoid(F.linear(units, params.pop("fc1.weight"), params.pop("fc1.bias")))
    units = torch.sigmoid(F.linear(units, params.pop("fc2.weight"), params.pop("fc2.bias")))
    return F.linear(units, params.pop("fc3.weight"), params.pop("fc3.bias"))
