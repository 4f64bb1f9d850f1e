# looks like: a table of the data; it imports scikit-learn for its classifier
from sklearn.neighbors import KNeighborsClassifier


def train(images, labels, *, seed, device):
    return KNeighborsClassifier(3).fit(images.reshape(len(images), -1), labels)


def predict(model, images):
    return model.predict(images.reshape(len(images), -1))
