# mistake: a threshold unit answers -1 or 1, as the sign function does
# caught by: test_step_by_hand, test_step
# hint: else 0

import numpy as np


def step(z):
    return np.where(z > 0, 1, -1)
