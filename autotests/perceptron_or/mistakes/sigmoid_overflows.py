# mistake: the formula can be typed in as it stands
# caught by: test_sigmoid_far_from_zero
# hint: np.exp of a large number overflows

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))
