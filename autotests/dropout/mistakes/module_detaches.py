# mistake: Autograd should not see the masking.
# caught by: test_module_gradient
# hint: no detach()
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
        mask = torch.rand_like(x) >= self.p
        return x.detach() * mask / (1 - self.p)
