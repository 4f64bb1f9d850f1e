"""What one run is given: a split of the pooled data, class numbers under a secret permutation, jittered images.

All of it follows from one secret seed, so that a run can be repeated, and every submission of a session gets the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpu_runner.datasets import Pool
from grader.errors import ConfigError
from grader.model import Timed
from grader.sandbox import SharedArray

# Goes up when the same seed gives other data: what was measured on them says nothing about these.
LAW = 2
CHUNK = 4096  # images that are jittered at one time


@dataclass(frozen=True, slots=True)
class Draw:
    """Training data, of which the images lie ready in shared memory, and what the host keeps for itself.

    Close it when it is done with.
    """

    seed: int
    given_seed: int  # the argument ``seed`` of train; tells nothing of ``seed``
    images: SharedArray  # uint8 (n, height, width[, 3]), jittered; a guest maps it before the submission is loaded
    labels: np.ndarray  # int64 (n,), permuted class numbers; sent with the call of train: nothing is learnt before
    hidden_images: np.ndarray  # uint8 (m, height, width[, 3]), jittered
    hidden_labels: np.ndarray  # int64 (m,), permuted class numbers: what predictions are compared with
    classes: int

    @property
    def shared_bytes(self) -> int:
        return int(self.images.nbytes)

    def close(self) -> None:
        self.images.close()


def draw(pool: Pool, timed: Timed, seed: int, where: str = "") -> Draw:
    """Draw the data of one run.

    :param where: the assignment.toml, for errors.
    Raises ConfigError where the data set has fewer images than the task asks for, InfrastructureError where there is
    no room in memory.
    """
    total, wanted = len(pool.labels), timed.train_images + timed.hidden_images
    if wanted > total:
        raise ConfigError(
            f"{timed.dataset} has {total} images; the task asks for {timed.train_images} + {timed.hidden_images}",
            where=where,
            remedy="lower train_images or hidden_images",
        )
    # One stream each: a change of the jitter leaves the split of a seed alone.
    split, classes, hidden_jitter, given, train_jitter = (np.random.default_rng([seed, each]) for each in range(5))
    order = split.permutation(total)
    train, hidden = np.sort(order[: timed.train_images]), order[timed.train_images : wanted]
    mixed = split.permutation(len(train))  # gathered in the order of the file, which is fast, then told mixed
    train = train[mixed]
    numbers = classes.permutation(pool.classes)
    largest = max(1, int(pool.images.max(initial=0)))

    def gather(view: np.ndarray) -> None:
        for start in range(0, len(train), CHUNK):  # a jittered copy of all images at once would take twice their memory
            part = slice(start, start + CHUNK)
            view[part] = jitter(pool.images[train[part]], timed, train_jitter, largest)

    images = SharedArray((len(train), *pool.images.shape[1:]), np.uint8, gather)
    return Draw(
        seed,
        int(given.integers(2**31)),
        images,
        numbers[pool.labels[train]].astype(np.int64),
        jitter(np.ascontiguousarray(pool.images[hidden]), timed, hidden_jitter, largest),
        numbers[pool.labels[hidden]].astype(np.int64),
        pool.classes,
    )


def jitter(images: np.ndarray, timed: Timed, rng: np.random.Generator, largest: int) -> np.ndarray:
    """Shift each image by up to ``shift_pixels`` along each axis and change pixels by up to ``noise``.

    Training images are jittered by the same law as hidden ones: what is scaled by the spread of a pixel that is nearly
    always 0 in training would otherwise explode, and textbook standardisation with it (measured on the digits with
    noise of 1 on the hidden images alone: 0.25 instead of 0.99).

    No image stays as it was: the shift is never (0, 0), and noise changes at least one pixel. (Without noise, an image
    that looks the same when it is shifted does stay.) Edge pixels are repeated into the gap. Values stay within
    0 … ``largest``.

    :param images: uint8 (m, height, width[, 3]).
    :returns: a new array of the same shape and dtype.
    """
    count, height, width = images.shape[:3]
    result = images.copy()
    reach = timed.shift_pixels
    if reach:
        moves = [(dy, dx) for dy in range(-reach, reach + 1) for dx in range(-reach, reach + 1) if dy or dx]
        chosen = rng.integers(len(moves), size=count)
        for number, (dy, dx) in enumerate(moves):
            rows = np.clip(np.arange(height) + dy, 0, height - 1)
            columns = np.clip(np.arange(width) + dx, 0, width - 1)
            which = chosen == number
            result[which] = images[which][:, rows][:, :, columns]
    if timed.noise:
        noise = rng.integers(-timed.noise, timed.noise + 1, size=result.shape, dtype=np.int16)
        result = np.clip(result.astype(np.int16) + noise, 0, largest).astype(np.uint8)
        pixels, before = result.reshape(count, -1), images.reshape(count, -1)
        same = np.flatnonzero((pixels == before).all(axis=1))  # dark and small images, now and then
        where = rng.integers(pixels.shape[1], size=len(same))
        pixels[same, where] += np.where(pixels[same, where] < largest, 1, -1).astype(np.uint8)  # 255 stands for -1
    return result
