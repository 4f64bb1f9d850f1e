# mistake: A unit is a row of the batch, so whole rows are dropped.
# caught by: test_module_training
# hint: not of whole rows
import torch
from torch import nn


class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError("p must be at least 0 and below 1")
        self.p = p

    def forward(self, x):
        if not self.training:
            return x
        mask = torch.rand(len(x), device=x.device) >= self.p
        return x * mask.reshape(-1, *[1] * (x.dim() - 1)) / (1 - self.p)
