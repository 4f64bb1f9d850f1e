# mistake: only the weights' gradient is a mean; for the bias the residuals are added up
# caught by: test_gradient_on_lesson, test_mse_gradient
# hint: means over the samples

import numpy as np


def mse_gradient(X, y, w, b):
    residuals = predict(X, w, b) - y
    return X.T @ residuals / len(y), np.sum(residuals)
