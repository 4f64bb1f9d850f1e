# mistake: the residual is target minus prediction, so the gradient points downhill
# caught by: test_gradient_on_lesson, test_mse_gradient
# hint: prediction minus target

import numpy as np


def mse_gradient(X, y, w, b):
    residuals = y - predict(X, w, b)
    return X.T @ residuals / len(y), np.mean(residuals)
