# mistake: Features can be detached before the classifier, it is only a forward pass.
# caught by: test_forward_gradients
# hint: cut the graph
import torch
from torch.nn import functional as F


def lenet_forward(x, params):
    maps = torch.sigmoid(F.conv2d(x, params["conv1.weight"], params["conv1.bias"], padding=2))
    maps = F.avg_pool2d(maps, 2)
    maps = torch.sigmoid(F.conv2d(maps, params["conv2.weight"], params["conv2.bias"]))
    maps = F.avg_pool2d(maps, 2)
    units = maps.flatten(start_dim=1).detach()
    units = torch.sigmoid(F.linear(units, params["fc1.weight"], params["fc1.bias"]))
    units = torch.sigmoid(F.linear(units, params["fc2.weight"], params["fc2.bias"]))
    return F.linear(units, params["fc3.weight"], params["fc3.bias"])
