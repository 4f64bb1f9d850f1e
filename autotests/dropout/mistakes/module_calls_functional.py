# mistake: Building on F.dropout is how one writes a dropout layer.
# caught by: test_module_is_own_work
# hint: off limits
from torch import nn
from torch.nn import functional


class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError("p must be at least 0 and below 1")
        self.p = p

    def forward(self, x):
        return functional.dropout(x, self.p, self.training)
