# mistake: A layer should have its own seeded generator.
# caught by: test_module_global_generator
# hint: no torch.Generator of your own
import torch
from torch import nn


class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError("p must be at least 0 and below 1")
        self.p = p
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, x):
        if not self.training:
            return x
        mask = torch.rand(x.shape, generator=self.generator).to(x.device) >= self.p
        return x * mask / (1 - self.p)
