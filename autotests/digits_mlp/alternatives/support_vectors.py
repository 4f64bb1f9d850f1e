"""scikit-learn: a support-vector machine. It knows no epochs, so it takes no log, and needs no seed."""

import numpy as np
from sklearn.svm import SVC


def train(images, labels, *, seed, device):
    return SVC(C=10, gamma="scale").fit(images.reshape(len(images), -1).astype(float), labels)


def predict(model, images):
    return model.predict(images.reshape(len(images), -1).astype(float)).astype(np.int64)
