# tries: to return from train at once while a thread goes on with it
# must not: have the time uncounted until the predictions are in
# earns: accuracy
# seconds: 1.6 ..
import threading
import time

from honest import centroids, nearest


def train(images, labels, *, seed, device):
    model = {}

    def work():
        time.sleep(1.6)
        model["made"] = centroids(images, labels)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, model


def predict(model, images):
    model[0].join()
    return nearest(model[1]["made"], images)
