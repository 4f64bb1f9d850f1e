# mistake: Only the images are shuffled; the labels stay in their old order.
# caught by: test_learns, accuracy
# hint: shuffled together with their labels
import torch
from torch import nn
from torch.nn import functional as F


def train(images, labels, *, seed, device):
    torch.manual_seed(seed)
    x, y = as_inputs(images, device), torch.tensor(labels, device=device)
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10)).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003)
    for _ in range(15):
        x = x[torch.randperm(len(x), device=device)]
        for inputs, classes in zip(x.split(64), y.split(64), strict=True):
            loss = F.cross_entropy(model(inputs), classes)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model
