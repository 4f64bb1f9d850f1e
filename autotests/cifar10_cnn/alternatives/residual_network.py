# variant: small
"""PyTorch in another style: residual blocks, AdamW, cross-entropy on a DataLoader's batches, one shift per batch."""

import math
import random

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset


class Residual(torch.nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.convolution = torch.nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False)
        self.norm = torch.nn.BatchNorm2d(channels)

    def forward(self, x):
        return x + torch.relu(self.norm(self.convolution(x)))


def build(width):
    def stage(before, after):
        return [
            torch.nn.Conv2d(before, after, kernel_size=3, stride=2, padding=1, bias=False),
            torch.nn.BatchNorm2d(after),
            torch.nn.ReLU(),
            Residual(after),
        ]

    return torch.nn.Sequential(
        *stage(3, width),
        *stage(width, 2 * width),
        *stage(2 * width, 4 * width),
        torch.nn.AdaptiveMaxPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(4 * width, 10),
    )


class Classifier:
    def __init__(self, images, device):
        self.mean, self.deviation = images.mean(axis=(0, 1, 2)), images.std(axis=(0, 1, 2))
        self.device = device
        self.network = build(64 if device == "cuda" else 32).to(device)

    def prepare(self, images):
        scaled = (images - self.mean) / self.deviation
        return torch.from_numpy(np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), dtype=np.float32))

    def fit(self, images, labels, epochs, log):
        loader = DataLoader(
            TensorDataset(self.prepare(images), torch.from_numpy(labels.copy())),
            batch_size=50 if len(images) < 20_000 else 250,
            shuffle=True,
        )
        steps, step = epochs * len(loader), 0
        optimizer = torch.optim.AdamW(self.network.parameters(), weight_decay=0.05)
        criterion = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
        for epoch in range(epochs):
            self.network.train()
            for x, y in loader:
                for group in optimizer.param_groups:
                    group["lr"] = 0.004 * math.sin(math.pi * (step + 1) / (steps + 2)) ** 2
                x = torch.roll(x, (random.randint(-2, 2), random.randint(-2, 2)), dims=(2, 3))
                if random.random() < 0.5:
                    x = x.flip(dims=(3,))
                loss = criterion(self.network(x.to(self.device)), y.to(self.device))
                self.network.zero_grad()
                loss.backward()
                optimizer.step()
                step += 1
            if log:
                log(epoch=epoch + 1, loss=float(loss))
        return self

    @torch.no_grad()
    def __call__(self, images):
        self.network.eval()
        parts = [self.network(part.to(self.device)).cpu() for part in self.prepare(images).split(500)]
        return torch.cat(parts).max(dim=1).indices.numpy()


def train(images, labels, *, seed, device, log=None):
    random.seed(seed)
    torch.manual_seed(seed)
    return Classifier(images, device).fit(images, labels, epochs=9, log=log)


def predict(model, images):
    return model(images)
