# mistake: Random numbers come from NumPy, in a torch module too.
# caught by: test_module_global_generator
# hint: no NumPy
import numpy as np
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
        mask = torch.from_numpy(np.random.rand(*x.shape) >= self.p).to(x.device)
        return x * mask / (1 - self.p)
