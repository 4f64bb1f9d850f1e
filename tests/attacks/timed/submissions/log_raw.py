# tries: to stop the runner by calling the function behind log in ways that nobody thought of
# must not: be more than a strange learning curve
# earns: accuracy, time
from honest import centroids, nearest


def train(images, labels, *, seed, device, log):
    tell = next(c.cell_contents for c in log.__closure__ if type(c.cell_contents).__name__ == "Callback")
    tell()
    tell(10**900, -(10**900), 1j)
    tell(1, 2, 3, 4, 5, epoch=6, told=8)
    tell._guest.call_back(tell.number, (1,), {"self": 7, "told": 8, "": 9})
    tell("e" * 10_000, {"a": [1, (2, {3})]}, images)
    tell(float("nan"), float("inf"), -float("inf"))
    return centroids(images, labels)


predict = nearest
