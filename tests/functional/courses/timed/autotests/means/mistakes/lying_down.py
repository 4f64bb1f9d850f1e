# mistake: The images that predict gets may lie on their side.
# caught by: accuracy
# hint: prepare the images exactly as train does
import numpy as np


def predict(model, images):
    distances = ((images.transpose(0, 2, 1)[:, None] - model[None]) ** 2).sum(axis=(2, 3))
    return distances.argmin(axis=1).astype(np.int64)
