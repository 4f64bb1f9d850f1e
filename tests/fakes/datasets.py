"""Data sets of a few images, in every format that the catalogue has."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import tarfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gpu_runner.catalogue import Dataset, File, Format

CLASSES = ("cat", "dog", "newt")


def arrays(count: int, shape: tuple[int, ...], seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, *shape), np.uint8), rng.permutation(np.arange(count) % len(CLASSES))


def idx(array: NDArray[np.uint8], code: int = 8, dims: tuple[int, ...] | None = None) -> bytes:
    """The array as gzipped IDX; ``code`` and ``dims`` lie in the head."""
    dims = array.shape if dims is None else dims
    head = bytes([0, 0, code, len(dims)]) + struct.pack(f">{len(dims)}I", *dims)
    return gzip.compress(head + array.astype(np.uint8).tobytes(), mtime=0)


def npz(**members: NDArray[np.generic]) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **members)
    return out.getvalue()


def cifar(
    batches: dict[str, tuple[NDArray[np.uint8], NDArray[np.int64]]], folder: str = "cifar-10-batches-bin"
) -> bytes:
    """The batches, file name → (images (n, 32, 32, 3), labels), as the official archive has them."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, (images, labels) in batches.items():
            planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
            data = np.concatenate([labels.astype(np.uint8)[:, None], planes], axis=1).tobytes()
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def describe(
    name: str,
    format: Format,
    contents: dict[str, bytes],
    shape: tuple[int, ...],
    images: int,
    *,
    mirrors: tuple[str, ...] = (),
    algorithm: str = "sha256",
) -> Dataset:
    """A data set whose files have these contents."""
    files = tuple(
        File(file, len(content), f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}")
        for file, content in contents.items()
    )
    return Dataset(name, f"Tiny {name}", format, files, CLASSES, shape, images, mirrors)


def put(folder: Path, contents: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
