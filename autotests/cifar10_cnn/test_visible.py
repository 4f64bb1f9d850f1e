"""The tests of cifar10_cnn that you can see. Run them in this folder with: python -m pytest test_visible.py

They need no data set: they draw stripes in five colours, lying and standing, which are much easier than cats. Add -s
to see about how long the whole task would take: python -m pytest -s test_visible.py
"""

import time

import numpy as np
import pytest

IMAGES, SIZE, CLASSES = 200, 32, 10
TRAINING_IMAGES = 50000  # of the whole task


def stripes(n, seed, contrast=1.0):
    """Images uint8 (n, 32, 32, 3) of noisy stripes, and their labels int64 (n,): as many of each class, mixed."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(n) % CLASSES).astype(np.int64)
    waves = np.sin(2 * np.pi * (np.arange(SIZE) / 8 + generator.random((n, 1))))
    lines = np.where((labels < 5)[:, None, None], waves[:, None, :], waves[:, :, None])[..., None]
    # Red, green and blue are a third of a circle apart: a number between 0 and 2 pi is a hue.
    hue = np.cos(2 * np.pi * (labels[:, None] / 5 + np.array([0, 1, 2]) / 3))[:, None, None, :]
    pixels = 128 + contrast * (60 * hue + 30 * lines) + generator.normal(0, 20, (n, SIZE, SIZE, 3))
    return np.clip(pixels, 0, 255).astype(np.uint8), labels


def assert_labels(answer, count):
    """Predictions must be an int64 array (count,) of labels 0 to 9."""
    assert isinstance(answer, np.ndarray), f"predict should return a NumPy array, not a {type(answer).__name__}"
    assert answer.shape == (count,), f"predict should return one label for each of {count} images, not {answer.shape}"
    assert answer.dtype == np.int64, f"the labels should be int64, not {answer.dtype}; astype(np.int64) converts them"
    assert ((answer >= 0) & (answer < CLASSES)).all(), "the labels should be numbers from 0 to 9"


@pytest.mark.points(
    0.5,
    title="predict returns one int64 label for each image, and nobody's images are changed",
    hint="Take the argmax of each image's scores and convert it: an int64 NumPy array of shape (m,). Work on copies.",
)
def test_labels(submission):
    images, labels = stripes(100, seed=1)
    unseen, _ = stripes(37, seed=2)
    before = images.copy(), labels.copy(), unseen.copy()
    model = submission.train(images, labels, seed=3, device="cpu")
    assert_labels(submission.predict(model, unseen), 37)
    # You hand over your arrays themselves; the grader hands over copies, where a change does no harm.
    for what, now, then in zip(("images", "labels", "new images"), (images, labels, unseen), before, strict=True):
        assert np.array_equal(now, then), f"the {what} were changed; work on a copy"


@pytest.mark.points(
    1,
    title="train learns something from 200 easy images",
    hint="Go through train line by line: are the images shuffled together with their labels, the gradients set to zero "
    "before each backward pass, the learning rate neither huge nor tiny? Does the "
    "loss get scores, not probabilities? Does predict prepare images as train does, "
    "with the model in evaluation mode? Two hundred images are few: a batch of 64 or less leaves enough steps to learn "
    "from them.",
    needs=("test_labels",),
)
def test_learns(submission):
    images, labels = stripes(IMAGES, seed=4)
    unseen, answers = stripes(IMAGES, seed=5)
    start = time.perf_counter()
    model = submission.train(images, labels, seed=6, device="cpu")
    predicted = submission.predict(model, unseen)
    seconds = time.perf_counter() - start
    assert_labels(predicted, IMAGES)
    right = (predicted == answers).mean()
    # Large data train in larger batches, so this is too much rather than too little.
    whole = seconds * TRAINING_IMAGES / IMAGES
    print(f"\n{IMAGES} images: {right:.0%} right in {seconds:.1f} s; all {TRAINING_IMAGES} here: {whole:.0f} s at most")
    assert right >= 0.4, f"{right:.0%} of the new images are right, not 40 % or more; guessing gives about 10 %"


@pytest.mark.points(
    0.5,
    title="the same seed gives the same predictions",
    hint="Seed everything random with the argument seed: initial weights, order of images, shifts, mirroring, dropout.",
    needs=("test_learns",),
)
def test_same_seed(submission):
    images, labels = stripes(100, seed=7)
    # Little contrast, so that small differences between two models show.
    faint, _ = stripes(IMAGES, seed=8, contrast=0.5)
    first, second = (
        submission.predict(submission.train(images, labels, seed=9, device="cpu"), faint) for _ in range(2)
    )
    assert_labels(first, IMAGES)
    assert_labels(second, IMAGES)
    assert len(np.unique(first)) > 1, "predict gives all images the same label"
    differ = int((first != second).sum())
    assert not differ, f"two runs with the same seed give {differ} of {IMAGES} images another label"
