# mistake: p is checked where it is used, in forward.
# caught by: test_module_checks_p
# hint: Check p in the constructor
import torch
from torch import nn


class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training:
            return x
        if not 0 <= self.p < 1:
            raise ValueError("p must be at least 0 and below 1")
        return x * (torch.rand_like(x) >= self.p) / (1 - self.p)
