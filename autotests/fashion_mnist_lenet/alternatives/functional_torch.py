# variant: small
"""PyTorch without modules: weights in a dictionary, Adam, average pooling, and a learning rate that falls by hand."""

import math

import torch
from torch.nn import functional as F

CHANNELS, HIDDEN, EPOCHS, RATE = (12, 32), 128, 8, 0.004


def scores(weights, x):
    x = F.avg_pool2d(F.relu(F.conv2d(x, weights["conv1"], weights["bias1"], stride=1, padding=2)), 2)
    x = F.avg_pool2d(F.relu(F.conv2d(x, weights["conv2"], weights["bias2"])), 2)
    x = F.relu(F.linear(x.flatten(1), weights["full3"], weights["bias3"]))
    return F.linear(x, weights["full4"], weights["bias4"])


def pixels(images, device):
    return torch.as_tensor(images.copy(), device=device)[:, None].float().div(127.5).sub(1)


def train(images, labels, *, seed, device):
    generator = torch.Generator().manual_seed(seed)
    first, second = CHANNELS
    shapes = {
        "conv1": (first, 1, 5, 5),
        "conv2": (second, first, 5, 5),
        "full3": (HIDDEN, 25 * second),
        "full4": (10, HIDDEN),
    }
    weights = {}
    for number, (name, shape) in enumerate(shapes.items(), start=1):
        spread = math.sqrt(2 / math.prod(shape[1:]))
        weights[name] = (spread * torch.randn(shape, generator=generator)).to(device)
        weights[f"bias{number}"] = torch.zeros(shape[0], device=device)
    for tensor in weights.values():
        tensor.requires_grad_()
    optimizer = torch.optim.Adam(weights.values())
    x, y = pixels(images, device), torch.as_tensor(labels.copy(), device=device)
    batch = 256 if len(x) > 20_000 else 50
    steps, step = EPOCHS * math.ceil(len(x) / batch), 0
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(x), generator=generator).to(device).split(batch):
            down, right = (int(torch.randint(-1, 2, (), generator=generator)) for _ in range(2))
            moved = torch.roll(x[chosen], (down, right), (2, 3))  # one shift for the whole batch
            loss = F.cross_entropy(scores(weights, moved), y[chosen])
            loss.backward()
            optimizer.param_groups[0]["lr"] = RATE * (1 - step / steps)
            optimizer.step()
            for tensor in weights.values():
                tensor.grad = None
            step += 1
    return {name: tensor.detach() for name, tensor in weights.items()}


def predict(model, images):
    device = model["conv1"].device
    return torch.cat([scores(model, part).argmax(1) for part in pixels(images, device).split(1000)]).cpu().numpy()
