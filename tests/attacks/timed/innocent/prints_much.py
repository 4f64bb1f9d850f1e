# looks like: a flood; a line for each step
import sys

from honest import centroids, nearest


def train(images, labels, *, seed, device):
    for step in range(5000):
        print(f"step {step}: loss {1 / (step + 1):.6f}")
        print("\r", step, end="", file=sys.stderr)
    return centroids(images, labels)


predict = nearest
