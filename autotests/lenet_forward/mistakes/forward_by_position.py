# mistake: The weights come in the order of the layers, so their names can be ignored.
# caught by: test_forward_names
# hint: A dict may come in any order
import torch
from torch.nn import functional as F


def lenet_forward(x, params):
    w1, b1, w2, b2, w3, b3, w4, b4, w5, b5 = params.values()
    maps = F.avg_pool2d(torch.sigmoid(F.conv2d(x, w1, b1, padding=2)), 2)
    maps = F.avg_pool2d(torch.sigmoid(F.conv2d(maps, w2, b2)), 2)
    units = torch.sigmoid(F.linear(maps.flatten(start_dim=1), w3, b3))
    units = torch.sigmoid(F.linear(units, w4, b4))
    return F.linear(units, w5, b5)
