# mistake: A seed in forward makes the layer repeatable.
# caught by: test_module_new_mask, test_module_global_generator
# hint: no seeding in your code
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
        torch.manual_seed(0)
        return x * (torch.rand_like(x) >= self.p) / (1 - self.p)
