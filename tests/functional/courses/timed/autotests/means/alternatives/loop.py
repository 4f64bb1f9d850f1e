import numpy as np


def train(images, labels, *, seed, device):
    model = {}
    for label in range(10):
        model[label] = images[labels == label].astype(float).mean(axis=0)
    return model


def predict(model, images):
    answers = [min(model, key=lambda label: np.abs(image - model[label]).sum()) for image in images]
    return np.array(answers, dtype=np.int64)
