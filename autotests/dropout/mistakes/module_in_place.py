# mistake: Zeroing the units in x itself saves memory.
# caught by: test_module_training
# hint: The argument x was changed
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
        x *= torch.rand_like(x) >= self.p
        return x / (1 - self.p)
