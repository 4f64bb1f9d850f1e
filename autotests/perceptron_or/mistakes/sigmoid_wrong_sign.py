# mistake: the exponent is plus z
# caught by: test_sigmoid_by_hand, test_sigmoid
# hint: larger for positive z

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(np.clip(z, -700, 700)))
