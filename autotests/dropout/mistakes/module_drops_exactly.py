# mistake: Dropping with probability p means dropping p * n of n units, no more and no less.
# caught by: test_module_new_mask
# hint: Each unit is drawn by itself
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
        order = torch.rand_like(x).flatten().argsort()
        mask = (order >= round(self.p * x.numel())).view(x.shape)
        return x * mask / (1 - self.p)
