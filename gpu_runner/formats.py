"""The files that data sets come in → NumPy arrays. Nothing is unpickled and nothing is unpacked onto the disk.

Each reader takes a binary file at its beginning and gives the images as uint8 (n, height, width) or (n, height, width,
3) and the labels as int64 (n,). What a file claims about itself is checked against what it holds.
"""

from __future__ import annotations

import gzip
import importlib
import lzma
import math
import struct
import tarfile
import zipfile
import zlib
from io import BufferedIOBase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Images = NDArray[np.uint8]
    Labels = NDArray[np.int64]

# IDX: two zero bytes, the code of the elements' type, the number of dimensions; http://yann.lecun.com/exdb/mnist/
IDX_UNSIGNED_BYTE = 0x08
# CIFAR-10's binary version: one byte of label, then the red, green and blue planes, row by row;
# https://www.cs.toronto.edu/~kriz/cifar.html
CIFAR_SIDE = 32
CIFAR_RECORD = 1 + 3 * CIFAR_SIDE**2
CIFAR_BATCHES = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")
# What the decompressors raise for damaged data.
DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError)


class Malformed(ValueError):
    """A file does not hold what its format says; one sentence without the file's name."""


def read_idx_images(file: BufferedIOBase) -> Images:
    """Read a gzipped IDX file of images.

    :raises Malformed: it is damaged, has another type or shape, or more or less data than its head says.
    """
    return _read_idx(file, 3)


def read_idx_labels(file: BufferedIOBase) -> Labels:
    """Read a gzipped IDX file of labels.

    :raises Malformed: as for :func:`read_idx_images`.
    """
    import numpy as np

    return _read_idx(file, 1).astype(np.int64)


def _read_idx(file: BufferedIOBase, dimensions: int) -> Images:
    import numpy as np

    try:
        data = gzip.GzipFile(fileobj=file).read()
    except DAMAGE as error:
        raise Malformed(f"it cannot be decompressed ({error})") from error
    head = 4 + 4 * dimensions
    magic = bytes([0, 0, IDX_UNSIGNED_BYTE, dimensions])
    if data[:4] != magic:
        raise Malformed(f"it begins with the bytes {data[:4].hex()}, an IDX file of this kind with {magic.hex()}")
    if len(data) < head:
        raise Malformed("it ends within its head")
    shape = struct.unpack(f">{dimensions}I", data[4:head])
    if len(data) - head != math.prod(shape):
        raise Malformed(f"its head announces {math.prod(shape)} bytes of data, {len(data) - head} follow")
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape)


def read_cifar10(file: BufferedIOBase) -> list[tuple[Images, Labels]]:
    """Read CIFAR-10's binary archive: the five training batches, then the test batch; images are RGB.

    :raises Malformed: it is damaged, lacks a batch, or a batch holds no whole number of records.
    """
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=file, mode="r:gz") as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                if name in CIFAR_BATCHES and member.isfile():
                    content = archive.extractfile(member)
                    found[name] = content.read() if content else b""
    except DAMAGE as error:
        raise Malformed(f"it cannot be unpacked ({error})") from error
    absent = [name for name in CIFAR_BATCHES if name not in found]
    if absent:
        raise Malformed(f"it lacks {', '.join(absent)}")
    return [_cifar_batch(name, found.pop(name)) for name in CIFAR_BATCHES]


def _cifar_batch(name: str, data: bytes) -> tuple[Images, Labels]:
    import numpy as np

    if not data or len(data) % CIFAR_RECORD:
        raise Malformed(f"{name} holds {len(data)} bytes, not a whole number of images of {CIFAR_RECORD}")
    records = np.frombuffer(data, np.uint8).reshape(-1, CIFAR_RECORD)
    planes = records[:, 1:].reshape(-1, 3, CIFAR_SIDE, CIFAR_SIDE)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), records[:, 0].astype(np.int64)


def read_npz(file: BufferedIOBase) -> list[tuple[Images, Labels]]:
    """Read x_train, y_train, x_test and y_test of an .npz file; other arrays in it are left alone.

    :raises Malformed: it is damaged, lacks one of them, or one is not of uint8 (x) or of whole numbers (y).
    """
    import numpy as np

    try:
        # A zip archive, or a lone .npy file, whose bytes np.load would give back as an array.
        with np.load(file, allow_pickle=False) as archive:
            parts = [_npz_part(archive, part) for part in ("train", "test")]
    except KeyError as error:
        raise Malformed(f"it lacks an array ({error.args[0]})") from error
    except Malformed:
        raise
    except (*DAMAGE, ValueError, TypeError, AttributeError, NotImplementedError, RuntimeError) as error:
        raise Malformed(f"it cannot be read as .npz ({error})") from error
    return parts


def _npz_part(archive: np.lib.npyio.NpzFile, part: str) -> tuple[Images, Labels]:
    import numpy as np

    images, labels = archive[f"x_{part}"], archive[f"y_{part}"]
    if images.dtype != np.uint8:
        raise Malformed(f"x_{part} is of type {images.dtype}, not uint8")
    if not np.issubdtype(labels.dtype, np.integer):
        raise Malformed(f"y_{part} is of type {labels.dtype}, not of whole numbers")
    return images, labels.astype(np.int64)


def read_digits() -> list[tuple[Images, Labels]]:
    """Read scikit-learn's bundled digits: 8 by 8, values 0 to 16.

    :raises ImportError: there is no scikit-learn.
    :raises Malformed: this release of it bundles something else.
    """
    import numpy as np

    bundle = importlib.import_module("sklearn.datasets").load_digits()  # it has no types
    images, labels = bundle.images.astype(np.uint8), bundle.target.astype(np.int64)
    if not np.array_equal(images, bundle.images) or images.max(initial=0) > 16:
        raise Malformed("its pixels are not whole numbers from 0 to 16")
    return [(images, labels)]
