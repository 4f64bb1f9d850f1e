# tries: to answer for predict in advance, on the wire itself
# must not: be believed
# outcome: killed
# earns: nothing
import socket

import numpy as np
from wall import frames, values


def train(images, labels, *, seed, device):
    wire = socket.socket(fileno=3)
    encoder = values.Encoder(lambda value: None)
    answer = encoder.encode(np.zeros(200, np.int64))
    for number in range(2, 8):
        frames.send_frame(wire, {"id": number, "ok": answer}, encoder.buffers)
    wire.detach()


def predict(model, images):
    return np.zeros(len(images), np.int64)
