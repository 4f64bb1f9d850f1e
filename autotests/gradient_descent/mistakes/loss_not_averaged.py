# mistake: the loss adds up over the samples, without dividing by their number
# caught by: test_loss_on_lesson, test_mse_loss
# hint: divided by 2 n

import numpy as np


def mse_loss(X, y, w, b):
    return np.sum((predict(X, w, b) - y) ** 2) / 2
