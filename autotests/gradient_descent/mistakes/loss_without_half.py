# mistake: mean squared error is the plain mean, whatever the lesson's formula says
# caught by: test_loss_on_lesson, test_mse_loss
# hint: divided by 2 n

import numpy as np


def mse_loss(X, y, w, b):
    return np.mean((predict(X, w, b) - y) ** 2)
