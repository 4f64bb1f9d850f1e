# mistake: backward() computes the gradients afresh, so there is nothing to set to zero.
# caught by: test_learns, accuracy
# hint: gradients set to zero
import torch
from torch import nn
from torch.nn import functional as F


def train(images, labels, *, seed, device):
    torch.manual_seed(seed)
    x, y = as_inputs(images, device), torch.tensor(labels, device=device)
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10)).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(15):
        for chosen in torch.randperm(len(x), device=device).split(64):
            F.cross_entropy(model(x[chosen]), y[chosen]).backward()
            optimizer.step()
    return model
