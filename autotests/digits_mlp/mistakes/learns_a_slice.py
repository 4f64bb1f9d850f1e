# mistake: The twenty images that were meant for trying things out are all that it ever learns from.
# caught by: accuracy, test_learns
# hint: Go through train line by line
import torch
from torch import nn
from torch.nn import functional as F


def train(images, labels, *, seed, device, log=None):
    torch.manual_seed(seed)
    x, y = as_inputs(images[:20], device), torch.tensor(labels[:20], device=device)
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10)).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003)
    for epoch in range(1, 101):
        scores = model(x)
        loss = F.cross_entropy(scores, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if log is not None:
            log(epoch=epoch, loss=loss.item(), accuracy=(scores.argmax(1) == y).float().mean().item())
    return model
