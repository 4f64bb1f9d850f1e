# mistake: A mask is small enough for the CPU.
# caught by: test_module_device
# hint: Make the mask where x is
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
        mask = torch.rand(x.shape, device="cpu") >= self.p
        return x * mask / (1 - self.p)
