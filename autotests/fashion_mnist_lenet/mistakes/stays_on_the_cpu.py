# mistake: It trains wherever the data are; the device is not looked at.
# caught by: time
# hint: move the data to the device once
# device: cuda
_train_as_asked = train


def train(images, labels, *, seed, device, log=None):
    return _train_as_asked(images, labels, seed=seed, device="cpu", log=log)
