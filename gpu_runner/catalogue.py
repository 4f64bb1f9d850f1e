"""The data sets that timed tasks can name; the project ships none of their files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Format(StrEnum):
    """What a data set's files are."""

    IDX = "idx"  # gzipped IDX files: images, labels, images, labels …
    CIFAR10 = "cifar10"  # CIFAR-10's binary archive
    NPZ = "npz"  # x_train, y_train, x_test, y_test
    DIGITS = "digits"  # bundled with scikit-learn: no files


@dataclass(frozen=True, slots=True)
class File:
    """One file of a data set, as its publisher gives it out."""

    name: str
    size: int  # bytes
    checksum: str  # "sha256:…" or "md5:…", in hexadecimal


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set of small images, each of one class."""

    name: str  # what assignment.toml and the command line call it
    title: str
    format: Format
    files: tuple[File, ...]
    classes: tuple[str, ...]  # names, in the order of the labels
    image_shape: tuple[int, ...]  # (height, width) or (height, width, 3)
    images: int  # training and test images together
    mirrors: tuple[str, ...] = ()  # addresses of folders that hold the files, best first; empty: not public


_DIGITS = tuple("0123456789")
_CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

_DATASETS = (
    Dataset("digits", "scikit-learn's digits", Format.DIGITS, (), _DIGITS, (8, 8), 1797),
    Dataset(
        "fashion-mnist",
        "Fashion-MNIST",
        Format.IDX,
        (
            File(
                "train-images-idx3-ubyte.gz",
                26421880,
                "sha256:3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            File(
                "train-labels-idx1-ubyte.gz",
                29515,
                "sha256:a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            File(
                "t10k-images-idx3-ubyte.gz",
                4422102,
                "sha256:346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            File(
                "t10k-labels-idx1-ubyte.gz",
                5148,
                "sha256:67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        (28, 28),
        70_000,
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
        ),
    ),
    Dataset(
        "mnist",
        "MNIST",
        Format.IDX,
        (
            File(
                "train-images-idx3-ubyte.gz",
                9912422,
                "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            File(
                "train-labels-idx1-ubyte.gz",
                28881,
                "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            File(
                "t10k-images-idx3-ubyte.gz",
                1648877,
                "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            File(
                "t10k-labels-idx1-ubyte.gz",
                4542,
                "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ),
        _DIGITS,
        (28, 28),
        70_000,
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            "https://storage.googleapis.com/cvdf-datasets/mnist",
            "http://yann.lecun.com/exdb/mnist",
        ),
    ),
    Dataset(
        "cifar10",
        "CIFAR-10",
        Format.CIFAR10,
        (
            File(
                "cifar-10-binary.tar.gz",
                170052171,
                "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
        ),
        _CIFAR10,
        (32, 32, 3),
        60_000,
        (
            "https://www.cs.toronto.edu/~kriz",
            "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10",
        ),
    ),
    Dataset(
        "cifar10-subset",
        "CIFAR-10, 6,000 images",
        Format.NPZ,
        (
            File(
                "cifar10_5000_1000.npz",
                13994933,
                "sha256:abd28bf9522578a8ae9c6d1f2f5f2255809497ccaa615386afa042e18f13ad9f",
            ),
        ),
        _CIFAR10,
        (32, 32, 3),
        6_000,
    ),
)

CATALOGUE = {dataset.name: dataset for dataset in _DATASETS}
