# mistake: the derivative of a square brings a 2, and the half in the loss is forgotten
# caught by: test_gradient_on_lesson, test_mse_gradient
# hint: no further factor

import numpy as np


def mse_gradient(X, y, w, b):
    residuals = predict(X, w, b) - y
    return 2 * X.T @ residuals / len(y), 2 * np.mean(residuals)
