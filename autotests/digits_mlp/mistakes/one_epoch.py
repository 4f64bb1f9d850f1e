# mistake: One look at each image is enough.
# caught by: accuracy
# hint: train for more epochs
import torch
from torch import nn
from torch.nn import functional as F


def train(images, labels, *, seed, device):
    torch.manual_seed(seed)
    x, y = as_inputs(images, device), torch.tensor(labels, device=device)
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10)).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003)
    for chosen in torch.randperm(len(x), device=device).split(32):
        loss = F.cross_entropy(model(x[chosen]), y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model
