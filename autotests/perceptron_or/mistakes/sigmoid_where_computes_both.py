# mistake: np.where computes only the branch that it chooses
# caught by: test_sigmoid_far_from_zero
# hint: np.where computes both of its branches

import numpy as np


def sigmoid(z):
    return np.where(z >= 0, 1 / (1 + np.exp(-z)), np.exp(z) / (1 + np.exp(z)))
