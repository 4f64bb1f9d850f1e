# mistake: Inheriting from nn.Dropout is writing a layer of one's own.
# caught by: test_module_is_own_work
# hint: off limits
from torch import nn


class Dropout(nn.Dropout):
    def __init__(self, p=0.5):
        if not 0 <= p < 1:
            raise ValueError("p must be at least 0 and below 1")
        super().__init__(p)
