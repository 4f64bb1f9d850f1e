# mistake: Any tensor of shape (n, 3, 32, 32) holds the images, so reshape will do.
# caught by: accuracy
# hint: train for more epochs
import torch


def as_inputs(images, device):
    return (torch.tensor(images, device=device).float().reshape(-1, 3, 32, 32) - 121.0) / 64.0
