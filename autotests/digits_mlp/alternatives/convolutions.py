"""PyTorch: a small convolutional network with batch normalisation, whose model is more than a module."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn


@dataclass
class Trained:
    network: nn.Module
    device: str
    mean: float
    deviation: float


class Digits(nn.Module):
    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(2 * channels),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.head = nn.Linear(2 * channels * 4, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x).flatten(1))


def train(images, labels, *, seed, device):
    torch.manual_seed(seed)
    pixels = torch.tensor(images, device=device).unsqueeze(1).float()
    trained = Trained(Digits().to(device), device, pixels.mean().item(), pixels.std().item())
    x = (pixels - trained.mean) / trained.deviation
    y = torch.tensor(labels, device=device)
    optimizer = torch.optim.SGD(trained.network.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    epochs = 15
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        for batch in torch.randperm(len(x), device=device).split(64):
            optimizer.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(trained.network(x[batch]), y[batch]).backward()
            optimizer.step()
        schedule.step()
    trained.network.eval()
    return trained


@torch.no_grad()
def predict(model, images):
    x = torch.as_tensor(images.astype(np.float32), device=model.device).unsqueeze(1)
    scores = [model.network((part - model.mean) / model.deviation) for part in x.split(256)]
    return torch.cat(scores).argmax(dim=1).cpu().numpy()
