# tries: to call functions of the host's that it was not given
# must not: call any
# outcome: killed
# earns: nothing
def train(images, labels, *, seed, device, log):
    tell = next(c.cell_contents for c in log.__closure__ if type(c.cell_contents).__name__ == "Callback")
    tell.number = 2
    tell(1)


def predict(model, images):
    return None
