# mistake: X.T @ r already is the gradient; the mean over the samples is lost
# caught by: test_gradient_on_lesson, test_mse_gradient
# hint: the mean over the samples stays

import numpy as np


def mse_gradient(X, y, w, b):
    residuals = predict(X, w, b) - y
    return X.T @ residuals, np.sum(residuals)
