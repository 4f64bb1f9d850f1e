"""What one run is given: all of it follows from the seed, and hidden images are never those of the pool."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_runner.datasets import Pool
from gpu_runner.draw import Draw, draw, jitter
from grader.errors import ConfigError
from grader.sandbox import SharedArray
from tests.fakes.device import CLASSES, TIMED, quick, stripes

SEEDS = st.integers(0, 2**53 - 1)


def contents(shared: SharedArray) -> np.ndarray:
    import mmap

    with mmap.mmap(shared.descriptor, shared.nbytes, prot=mmap.PROT_READ) as memory:
        return np.frombuffer(bytes(memory), shared.dtype).reshape(shared.shape)


def numbered(count: int) -> Pool:
    """Images that tell their own place in the pool: two pixels hold its digits to base 100."""
    images = np.zeros((count, 2, 2), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.divmod(np.arange(count), 100)
    return Pool(images, np.arange(count, dtype=np.int64) % CLASSES, CLASSES)


def places(images: np.ndarray) -> np.ndarray:
    return images[:, 0, 0].astype(int) * 100 + images[:, 0, 1]


def same(one: Draw, other: Draw) -> bool:
    return bool(
        one.given_seed == other.given_seed
        and np.array_equal(contents(one.images), contents(other.images))
        and np.array_equal(one.labels, other.labels)
        and np.array_equal(one.hidden_images, other.hidden_images)
        and np.array_equal(one.hidden_labels, other.hidden_labels)
    )


def test_everything_follows_from_the_seed() -> None:
    first, again, other = (draw(stripes(), TIMED, seed) for seed in (5, 5, 6))
    assert same(first, again)
    assert not np.array_equal(contents(first.images), contents(other.images))
    assert not np.array_equal(first.hidden_images, other.hidden_images)
    assert first.given_seed != other.given_seed
    for each in (first, again, other):
        each.close()


@given(SEEDS, st.integers(1, 120), st.integers(1, 80))
def test_the_split_is_disjoint_and_covers(seed: int, train: int, hidden: int) -> None:
    made = draw(numbered(200), quick(train_images=train, hidden_images=hidden, noise=0), seed)
    known, secret = places(contents(made.images)), places(made.hidden_images)
    assert len(known) == train
    assert len(secret) == hidden
    assert len({*known, *secret}) == train + hidden
    if train + hidden == 200:
        assert {*known, *secret} == set(range(200))
    made.close()


@given(SEEDS)
def test_one_permutation_of_the_classes_holds_for_all_labels(seed: int) -> None:
    made = draw(numbered(200), quick(train_images=120, hidden_images=80, noise=0), seed)
    numbers: dict[int, set[int]] = {}
    for image, label in (
        *zip(places(contents(made.images)), made.labels, strict=True),
        *zip(places(made.hidden_images), made.hidden_labels, strict=True),
    ):
        numbers.setdefault(image % CLASSES, set()).add(int(label))
    assert all(len(told) == 1 for told in numbers.values())
    assert sorted(next(iter(told)) for told in numbers.values()) == list(range(CLASSES))
    made.close()


def test_the_permutation_the_split_and_the_order_differ_between_seeds() -> None:
    rules = quick(train_images=120, hidden_images=80, noise=0)
    renumbered, splits, orders = set(), set(), set()
    for seed in range(40):
        made = draw(numbered(200), rules, seed)
        known, labels = places(contents(made.images)), made.labels
        renumbered.add(tuple(int(labels[known % CLASSES == true][0]) for true in range(CLASSES)))
        splits.add(tuple(sorted(known)))
        orders.add(tuple(known))
        assert list(known) != sorted(known)
        made.close()
    assert len(splits) == len(orders) == 40
    assert len(renumbered) > 15, "of 24 permutations of four classes"


def test_the_jitter_leaves_the_split_of_a_seed_alone() -> None:
    faint = draw(stripes(), TIMED, 3)
    strong = draw(stripes(), replace(TIMED, noise=20, shift_pixels=1), 3)
    assert np.array_equal(faint.labels, strong.labels)
    assert not np.array_equal(contents(faint.images), contents(strong.images))
    assert np.array_equal(faint.hidden_labels, strong.hidden_labels)
    assert not np.array_equal(faint.hidden_images, strong.hidden_images)
    faint.close()
    strong.close()


def test_types_and_shapes() -> None:
    colours = Pool(np.zeros((9, 4, 5, 3), np.uint8), np.arange(9, dtype=np.int64), 9)
    made = draw(colours, quick(train_images=5, hidden_images=4), 1)
    assert (made.images.shape, made.images.dtype) == ((5, 4, 5, 3), np.uint8)
    assert (made.labels.shape, made.labels.dtype) == ((5,), np.int64)
    assert (made.hidden_images.shape, made.hidden_images.dtype) == ((4, 4, 5, 3), np.uint8)
    assert (made.hidden_labels.shape, made.hidden_labels.dtype) == ((4,), np.int64)
    assert made.shared_bytes == 5 * 60
    assert made.classes == 9
    made.close()
    made.close()


def test_the_pool_is_left_alone() -> None:
    pool = stripes()
    before = pool.images.copy(), pool.labels.copy()
    draw(pool, replace(TIMED, shift_pixels=1), 9).close()
    assert np.array_equal(pool.images, before[0])
    assert np.array_equal(pool.labels, before[1])


def test_too_few_images_are_the_tasks_mistake() -> None:
    with pytest.raises(ConfigError, match=r"stripes has 160 images; the task asks for 100 \+ 61") as caught:
        draw(stripes(), quick(train_images=100, hidden_images=61), 0, "assignment.toml")
    assert caught.value.where == "assignment.toml"


IMAGES = st.builds(
    lambda seed, count, shape, largest: np.random.default_rng(seed).integers(0, largest + 1, (count, *shape), np.uint8),
    st.integers(0, 1000),
    st.integers(1, 20),
    st.sampled_from([(3, 3), (4, 6), (8, 8), (5, 4, 3)]),
    st.integers(1, 255),
)


@given(IMAGES, st.integers(1, 64), st.integers(0, 3), SEEDS)
def test_noise_changes_every_image_within_its_range(images: np.ndarray, noise: int, shift: int, seed: int) -> None:
    largest = max(1, int(images.max()))
    before = images.copy()
    made = jitter(images, quick(noise=noise, shift_pixels=shift), np.random.default_rng(seed), largest)
    assert np.array_equal(images, before), "the caller's array"
    assert (made.shape, made.dtype) == (images.shape, np.uint8)
    assert made.max() <= largest
    assert (made != images).reshape(len(images), -1).any(axis=1).all(), "noise may undo a shift, but not here"
    if not shift:
        assert np.abs(made.astype(int) - images).max() <= noise


@pytest.mark.parametrize("level", [0, 1, 255])
def test_even_a_flat_image_is_changed(level: int) -> None:
    images = np.full((5000, 1, 2), level, np.uint8)
    made = jitter(images, quick(noise=1), np.random.default_rng(0), 255)
    assert (made != images).any(axis=(1, 2)).all()
    assert np.abs(made.astype(int) - level).max() == 1


@given(st.integers(1, 3), SEEDS)
def test_a_shift_moves_the_content_and_repeats_the_edge(reach: int, seed: int) -> None:
    """Every pixel of the result is the one that lies at most ``reach`` away, at the same place for the whole image."""
    rng = np.random.default_rng(seed)
    images = rng.permutation(64 * 6).astype(np.uint16).reshape(6, 8, 8)  # no value twice in an image
    images = (images % 251).astype(np.uint8)
    made = jitter(images, quick(noise=0, shift_pixels=reach), np.random.default_rng(seed), 255)
    for before, after in zip(images, made, strict=True):
        padded = np.pad(before, reach, mode="edge")
        moves = [
            (dy, dx)
            for dy in range(2 * reach + 1)
            for dx in range(2 * reach + 1)
            if np.array_equal(padded[dy : dy + 8, dx : dx + 8], after)
        ]
        assert moves
        assert (reach, reach) not in moves, "it stayed where it was"


def test_without_jitter_images_stay() -> None:
    images = stripes().images
    assert np.array_equal(jitter(images, quick(noise=0), np.random.default_rng(0), 255), images)


def test_all_shifts_occur() -> None:
    images = np.zeros((400, 5, 5), np.uint8)
    images[:, 2, 2] = 9
    made = jitter(images, quick(noise=0, shift_pixels=1), np.random.default_rng(0), 255)
    rows, columns = np.nonzero(made.reshape(400, 25).reshape(400, 5, 5))[1:]
    assert {*zip(rows - 2, columns - 2, strict=True)} == {
        (dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx
    }
