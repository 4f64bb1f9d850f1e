# mistake: every S-shaped curve is a sigmoid
# caught by: test_sigmoid_by_hand, test_sigmoid
# hint: 1 / (1 + exp(-z))

import numpy as np


def sigmoid(z):
    return np.tanh(z)
