# tries: to drown the host in points of a learning curve
# must not: hold up the clock, or take memory without end
# outcome: timeout
# earns: nothing
def train(images, labels, *, seed, device, log):
    while True:
        log(1, 2.0, 0.5)


def predict(model, images):
    return None
