"""The data sets of timed tasks: what they are, where their files lie, and all of their images as one pool.

A pool holds the training and the test images of a data set together; each run draws its own split from it. It is
checked and decompressed once and then memory-mapped (see :mod:`gpu_runner.pool_cache`).
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import json
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from io import BufferedIOBase
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gpu_runner.catalogue import CATALOGUE, Dataset, File, Format
from gpu_runner.formats import Malformed, read_cifar10, read_digits, read_idx_images, read_idx_labels, read_npz
from gpu_runner.pool_cache import cached
from grader.errors import ConfigError

if TYPE_CHECKING:
    from gpu_runner.formats import Images, Labels

Content = TypeVar("Content")

# Changes when the same files shall give another pool, so that old entries of the cache are not used.
POOL_VERSION = 1
MISSING = "is missing"


@dataclass(frozen=True, slots=True)
class Pool:
    """All images of a data set; both arrays are read-only and C-contiguous."""

    images: Images  # uint8 (n, height, width) or (n, height, width, 3)
    labels: Labels  # int64 (n,), from 0 to classes - 1
    classes: int


class Presence(StrEnum):
    """Whether a data set can be used; sizes are compared, checksums are not computed."""

    PRESENT = "present"
    DAMAGED = "damaged"  # some files are missing or have another size
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Found:
    """Where a data set was looked for and what was there."""

    presence: Presence
    folder: Path | None  # that holds the files; None for what a package bundles
    problem: str = ""  # what is wrong, one sentence; empty where it is present
    remedy: str = ""


def find(name: str) -> Dataset:
    """The data set of that name.

    :raises ConfigError: there is none.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    close = difflib.get_close_matches(name, CATALOGUE, n=1)
    known = f"did you mean {close[0]}?" if close else f"one of {', '.join(CATALOGUE)}"
    raise ConfigError(f'there is no data set "{name}"', remedy=known)


def cache_folder() -> Path:
    """$GRADER_CACHE, or ``~/.cache/dl-course-grader/data``.

    :raises ConfigError: it is not set and there is no home folder.
    """
    if os.environ.get("GRADER_CACHE"):
        return Path(os.environ["GRADER_CACHE"]).absolute()
    try:
        return Path.home() / ".cache" / "dl-course-grader" / "data"
    except RuntimeError as error:
        raise ConfigError("there is no home folder to keep data in", remedy="set GRADER_CACHE to a folder") from error


def data_folder(option: Path | None) -> Path:
    """The folder of the data sets' files: the option ``--data``, else $GRADER_DATA, else the cache's own.

    :raises ConfigError: none of them is given and there is no home folder.
    """
    if option is not None:
        return option.absolute()
    if os.environ.get("GRADER_DATA"):
        return Path(os.environ["GRADER_DATA"]).absolute()
    return cache_folder() / "downloads"


def look(dataset: Dataset, folder: Path) -> Found:
    """Find a data set's files in ``folder/<name>`` or in ``folder`` itself."""
    if dataset.format is Format.DIGITS:
        if importlib.util.find_spec("sklearn"):
            return Found(Presence.PRESENT, None)
        return Found(
            Presence.ABSENT, None, "scikit-learn, which bundles it, is not installed", "pip install scikit-learn"
        )
    damaged: Found | None = None
    for place in (folder / dataset.name, folder):
        faults = [_fault(file, place / file.name) for file in dataset.files]
        if not any(faults):
            return Found(Presence.PRESENT, place)
        if damaged is None and not all(fault.endswith(MISSING) for fault in faults):
            # A file that is there and wrong tells more than the missing ones.
            worst = min(filter(None, faults), key=lambda fault: fault.endswith(MISSING))
            damaged = Found(Presence.DAMAGED, place, worst, _remedy(dataset))
    lie = f"{dataset.files[0].name} " + ("and the others lie" if len(dataset.files) > 1 else "lies")
    problem = f"{lie} neither in {folder / dataset.name} nor in {folder}"
    return damaged or Found(Presence.ABSENT, None, problem, _remedy(dataset))


def load_pool(name: str, folder: Path | None) -> Pool:
    """All images of the data set, checked against its checksums when they are first read.

    :param folder: where its files lie, or their folder named like the data set; None: see :func:`data_folder`.
    :raises ConfigError: there is no such data set; a file is missing, truncated, altered or malformed; scikit-learn
        is not installed for its digits.
    """
    dataset = find(name)
    found = look(dataset, folder or data_folder(None))
    if found.presence is not Presence.PRESENT:
        raise ConfigError(found.problem, where=_where(dataset), remedy=found.remedy)
    place = found.folder
    if place is None:
        images, labels = _read_bundled(dataset)
        images.flags.writeable = labels.flags.writeable = False
    else:
        entry = cache_folder() / "pools" / f"{name}-{content_key(dataset)[:16]}"
        images, labels = cached(entry, lambda: _read_files(dataset, place))
    return Pool(images, labels, len(dataset.classes))


def content_key(dataset: Dataset) -> str:
    """A sha256 that tells one content from another: of the checksums of the data set's files."""
    facts = [POOL_VERSION, dataset.name, dataset.format, [(file.name, file.checksum) for file in dataset.files]]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def checksum_problem(file: File, stream: BufferedIOBase) -> str:
    """Compare a file, read from where it stands, with its checksum: empty, or what is wrong in one sentence."""
    algorithm, _, expected = file.checksum.partition(":")
    digest = hashlib.file_digest(stream, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()
    return "" if digest == expected else f"its {algorithm} is {digest}, not {expected}"


def _fault(file: File, path: Path) -> str:
    """What a glance shows to be wrong with a file; empty where nothing is."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return f"{path} {MISSING}"
    except OSError as error:
        return f"{path} cannot be read ({error.strerror})"
    if not stat.S_ISREG(status.st_mode):
        return f"{path} is not a file"
    if status.st_size == file.size:
        return ""
    for other in CATALOGUE.values():
        if any((its.name, its.size) == (file.name, status.st_size) for its in other.files):
            return f"{path} is the file of {other.title}"
    kind = "truncated" if status.st_size < file.size else "not the right one"
    return f"{path} is {kind}: {status.st_size} bytes instead of {file.size}"


def _remedy(dataset: Dataset) -> str:
    if dataset.mirrors:
        return f"grader data fetch {dataset.name}, or name its folder with --data DIR or GRADER_DATA"
    return (
        "it is not on the internet: get it from whoever runs the course and name its folder with --data or GRADER_DATA"
    )


def _read_bundled(dataset: Dataset) -> tuple[Images, Labels]:
    try:
        return _join(dataset, read_digits())
    except (ImportError, Malformed) as error:
        raise ConfigError(
            f"scikit-learn's digits cannot be read: {error}", where=_where(dataset), remedy="pip install scikit-learn"
        ) from error


def _read_files(dataset: Dataset, place: Path) -> tuple[Images, Labels]:
    """Check and read every file; the images and the labels of an IDX pair become one part."""
    if dataset.format is Format.CIFAR10:
        parts = _read_file(dataset, place, dataset.files[0], read_cifar10)
    elif dataset.format is Format.NPZ:
        parts = _read_file(dataset, place, dataset.files[0], read_npz)
    else:
        pairs = zip(dataset.files[::2], dataset.files[1::2], strict=True)
        parts = [
            (_read_file(dataset, place, images, read_idx_images), _read_file(dataset, place, labels, read_idx_labels))
            for images, labels in pairs
        ]
    try:
        return _join(dataset, parts)
    except Malformed as error:
        raise ConfigError(str(error), where=_where(dataset, place), remedy=_remedy(dataset)) from error


def _read_file(dataset: Dataset, place: Path, file: File, read: Callable[[BufferedIOBase], Content]) -> Content:
    """Check one file and read it, both from one handle."""
    path = place / file.name
    try:
        with path.open("rb") as stream:
            problem = checksum_problem(file, stream)
            if problem:
                raise ConfigError(f"it is altered: {problem}", where=path, remedy=_remedy(dataset))
            stream.seek(0)
            return read(stream)
    except Malformed as error:
        raise ConfigError(str(error), where=path, remedy=_remedy(dataset)) from error
    except OSError as error:
        raise ConfigError(f"it cannot be read ({error.strerror})", where=path, remedy=_remedy(dataset)) from error


def _join(dataset: Dataset, parts: Sequence[tuple[Images, Labels]]) -> tuple[Images, Labels]:
    """The parts as one pool, held to what the catalogue says of the data set."""
    import numpy as np

    for images, labels in parts:
        if images.shape[1:] != dataset.image_shape:
            raise Malformed(f"its images are of shape {images.shape[1:]}, not {dataset.image_shape}")
        if labels.shape != images.shape[:1]:
            raise Malformed(f"there are {len(images)} images and labels of shape {labels.shape}")
        outside = labels[(labels < 0) | (labels >= len(dataset.classes))]
        if outside.size:
            raise Malformed(f"the label {outside[0]} is outside 0 to {len(dataset.classes) - 1}")
    total = sum(len(images) for images, _ in parts)
    if total != dataset.images:
        raise Malformed(f"there are {total} images, not {dataset.images}")
    return np.concatenate([images for images, _ in parts]), np.concatenate(
        [labels for _, labels in parts], dtype=np.int64
    )


def _where(dataset: Dataset, place: Path | None = None) -> str:
    return f'data set "{dataset.name}"' + (f" in {place}" if place else "")
