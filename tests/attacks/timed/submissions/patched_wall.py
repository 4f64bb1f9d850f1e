# tries: to answer with what is no value: the host's own memory, a function that it was not given, nonsense
# must not: crash the runner or be believed
# outcome: killed
# earns: nothing
from wall import values


def train(images, labels, *, seed, device):
    return None


def predict(model, images):
    values.Encoder.encode = lambda self, value, depth=0: {"k": "shared", "n": 0, "d": "<i8", "s": [200]}
