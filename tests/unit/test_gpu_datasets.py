"""Data sets of timed tasks: every format, every way in which files can be wrong, and the cache of pools."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gpu_runner import datasets, pool_cache
from gpu_runner.catalogue import CATALOGUE, Dataset, Format
from gpu_runner.datasets import Presence, cache_folder, content_key, data_folder, find, load_pool, look
from gpu_runner.formats import CIFAR_BATCHES
from grader.errors import ConfigError
from tests.fakes.datasets import arrays, cifar, describe, idx, npz, put

SHARED = Path(__file__).parents[3] / "shared" / "data"
IMAGES, LABELS = arrays(5, (4, 3), 1)
HIDDEN, ANSWERS = arrays(2, (4, 3), 2)


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for data under an odd path; the cache lies beside it, and nothing of this machine is seen."""
    root = tmp_path / 'it\'s "data" #1'
    root.mkdir()
    monkeypatch.setenv("GRADER_CACHE", str(tmp_path / "a cache's [x]"))
    monkeypatch.delenv("GRADER_DATA", raising=False)
    return root


Add = Callable[[Dataset], Dataset]


@pytest.fixture
def add(monkeypatch: pytest.MonkeyPatch) -> Add:
    """Put a data set into the catalogue for one test."""

    def add_one(dataset: Dataset) -> Dataset:
        monkeypatch.setitem(CATALOGUE, dataset.name, dataset)
        return dataset

    return add_one


def tiny(**changed: bytes) -> dict[str, bytes]:
    """The files of a small IDX data set; ``x``, ``y``, ``u`` and ``v`` take the place of one of them."""
    return {
        "train-images.gz": changed.get("x", idx(IMAGES)),
        "train-labels.gz": changed.get("y", idx(LABELS)),
        "test-images.gz": changed.get("u", idx(HIDDEN)),
        "test-labels.gz": changed.get("v", idx(ANSWERS)),
    }


def tiny_dataset(contents: dict[str, bytes] | None = None, **more: object) -> Dataset:
    mirrors = ("https://example.org/tiny",)
    return describe("tiny", Format.IDX, contents or tiny(), (4, 3), 7, mirrors=mirrors, **more)  # type: ignore[arg-type]


def entry() -> Path:
    (found,) = (cache_folder() / "pools").glob("tiny-*")
    return found


def test_idx_parts_become_one_pool(root: Path, add: Add) -> None:
    add(tiny_dataset())
    put(root / "tiny", tiny())
    for _ in range(2):  # made, then from the cache
        pool = load_pool("tiny", root)
        assert np.array_equal(pool.images, np.concatenate([IMAGES, HIDDEN]))
        assert np.array_equal(pool.labels, np.concatenate([LABELS, ANSWERS]))
        assert (pool.images.dtype, pool.labels.dtype, pool.classes) == (np.uint8, np.int64, 3)
        for array in (pool.images, pool.labels):
            assert array.flags.c_contiguous
            assert not array.flags.writeable


def test_cifar_planes_become_rgb(root: Path, add: Add) -> None:
    batches = {name: arrays(2, (32, 32, 3), seed) for seed, name in enumerate(CIFAR_BATCHES)}
    contents = {"archive.tar.gz": cifar(dict(reversed(batches.items())))}  # the order in the archive does not count
    add(describe("tiny", Format.CIFAR10, contents, (32, 32, 3), 12, algorithm="md5"))
    put(root, contents)
    pool = load_pool("tiny", root)
    assert np.array_equal(pool.images, np.concatenate([images for images, _ in batches.values()]))
    assert np.array_equal(pool.labels, np.concatenate([labels for _, labels in batches.values()]))
    assert pool.images.flags.c_contiguous


def test_npz(root: Path, add: Add) -> None:
    contents = {
        "tiny.npz": npz(x_train=IMAGES, y_train=LABELS.astype(np.uint8), x_test=HIDDEN, y_test=ANSWERS, z=LABELS)
    }
    add(describe("tiny", Format.NPZ, contents, (4, 3), 7))
    put(root, contents)
    pool = load_pool("tiny", root)
    assert np.array_equal(pool.images, np.concatenate([IMAGES, HIDDEN]))
    assert np.array_equal(pool.labels, np.concatenate([LABELS, ANSWERS]))
    assert pool.labels.dtype == np.int64


def test_digits_need_no_file(root: Path) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    pool = load_pool("digits", root)
    assert pool.images.shape == (1797, 8, 8)
    assert pool.images.dtype == np.uint8
    assert (pool.images.min(), pool.images.max()) == (0, 16)
    assert np.array_equal(np.unique(pool.labels), np.arange(10))
    assert not pool.images.flags.writeable
    assert pool.images.flags.c_contiguous


def test_digits_without_scikit_learn(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"scikit-learn.*not installed") as caught:
        load_pool("digits", root)
    assert caught.value.remedy == "pip install scikit-learn"


def test_digits_where_scikit_learn_does_not_load(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        load_pool("digits", root)
    assert caught.value.remedy == "pip install scikit-learn"


def test_an_unknown_name_gets_its_neighbour() -> None:
    with pytest.raises(ConfigError) as caught:
        find("fashon-mnist")
    assert caught.value.remedy == "did you mean fashion-mnist?"
    with pytest.raises(ConfigError) as caught:
        find("xyz")
    assert "digits, fashion-mnist, mnist, cifar10, cifar10-subset" in caught.value.remedy


def test_missing_files_are_named_with_the_remedy(root: Path, add: Add) -> None:
    dataset = add(tiny_dataset())
    assert look(dataset, root).presence is Presence.ABSENT
    with pytest.raises(ConfigError) as caught:
        load_pool("tiny", root)
    assert "train-images.gz and the others" in caught.value.what
    assert str(root / "tiny") in caught.value.what
    assert caught.value.remedy == "grader data fetch tiny, or name its folder with --data DIR or GRADER_DATA"
    put(root / "tiny", tiny())
    (root / "tiny" / "test-labels.gz").unlink()
    found = look(dataset, root)
    assert found.presence is Presence.DAMAGED
    assert found.problem == f"{root / 'tiny' / 'test-labels.gz'} is missing"


def test_a_truncated_file_is_named_before_a_missing_one(root: Path, add: Add) -> None:
    dataset = add(tiny_dataset())
    put(root, tiny())
    size = dataset.files[1].size
    (root / "train-labels.gz").write_bytes(tiny()["train-labels.gz"][:-1])
    (root / "train-images.gz").unlink()
    with pytest.raises(ConfigError) as caught:
        load_pool("tiny", root)
    assert caught.value.what == f"{root / 'train-labels.gz'} is truncated: {size - 1} bytes instead of {size}"


def test_a_file_of_another_data_set_is_recognised(root: Path, add: Add) -> None:
    add(tiny_dataset())
    other = {"train-images.gz": b"other"}
    add(describe("other", Format.IDX, other, (4, 3), 7))
    put(root, other)
    with pytest.raises(ConfigError, match=r"train-images.gz is the file of Tiny other"):
        load_pool("tiny", root)


def test_a_folder_of_its_own_comes_before_the_folder_of_all(root: Path, add: Add) -> None:
    add(tiny_dataset())
    put(root, {**tiny(), "train-images.gz": b"of another data set with the same names"})
    put(root / "tiny", tiny())
    assert look(find("tiny"), root).folder == root / "tiny"
    # A folder that lacks them does not hide the files beside it.
    (root / "tiny" / "train-images.gz").unlink()
    put(root, tiny())
    assert look(find("tiny"), root).folder == root


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_an_altered_file_of_the_right_size_is_named(root: Path, add: Add, algorithm: str) -> None:
    contents = tiny()
    add(tiny_dataset(contents, algorithm=algorithm))
    put(root, contents)
    altered = bytearray(contents["test-images.gz"])
    altered[-5] ^= 1
    (root / "test-images.gz").write_bytes(altered)
    with pytest.raises(ConfigError) as caught:
        load_pool("tiny", root)
    assert caught.value.where == str(root / "test-images.gz")
    assert f"{algorithm} is {hashlib.new(algorithm, altered).hexdigest()}, not " in caught.value.what
    assert "grader data fetch tiny" in caught.value.remedy
    assert not list((cache_folder() / "pools").rglob("*.npy"))


def test_a_file_that_cannot_be_read_is_named(root: Path, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    add(tiny_dataset())
    put(root, tiny())
    monkeypatch.setattr(datasets, "checksum_problem", refuse)
    with pytest.raises(ConfigError, match="Permission denied") as caught:
        load_pool("tiny", root)
    assert caught.value.where == str(root / "train-images.gz")


def refuse(*_: object) -> str:
    raise PermissionError(13, "Permission denied")


def test_a_folder_with_the_name_of_a_file(root: Path, add: Add) -> None:
    dataset = add(tiny_dataset())
    put(root, tiny())
    (root / "train-images.gz").unlink()
    (root / "train-images.gz").mkdir()
    assert look(dataset, root).problem == f"{root / 'train-images.gz'} is not a file"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"x": gzip.compress(b"")}, "begins with the bytes "),
        ({"x": idx(LABELS)}, "begins with the bytes 00000801, an IDX file of this kind with 00000803"),
        ({"y": idx(LABELS, code=0x0D)}, "begins with the bytes 00000d01"),
        ({"x": gzip.compress(bytes([0, 0, 8, 3, 0, 0]))}, "ends within its head"),
        ({"x": idx(IMAGES, dims=(6, 4, 3))}, "announces 72 bytes of data, 60 follow"),
        ({"x": idx(IMAGES, dims=(4, 4, 3))}, "announces 48 bytes of data, 60 follow"),
        ({"x": idx(IMAGES, dims=(2**32 - 1, 2**32 - 1, 2**32 - 1))}, "60 follow"),
        ({"x": b"no gzip"}, "cannot be decompressed"),
        ({"x": idx(IMAGES)[:-12]}, "cannot be decompressed"),
        ({"y": idx(LABELS[:4])}, "there are 5 images and labels of shape (4,)"),
        ({"y": idx(np.array([0, 1, 2, 3, 0], np.uint8))}, "the label 3 is outside 0 to 2"),
        ({"u": idx(HIDDEN[:1]), "v": idx(ANSWERS[:1])}, "there are 6 images, not 7"),
        ({"x": idx(IMAGES.reshape(5, 3, 4))}, "its images are of shape (3, 4), not (4, 3)"),
    ],
)  # fmt: skip
def test_malformed_idx(root: Path, add: Add, changed: dict[str, bytes], words: str) -> None:
    contents = tiny(**changed)
    add(tiny_dataset(contents))
    put(root, contents)
    with pytest.raises(ConfigError) as caught:
        load_pool("tiny", root)
    assert words in caught.value.what
    assert str(root) in caught.value.where
    assert caught.value.remedy


def hostile() -> np.ndarray:
    """An array whose reading would run a pickle."""
    array = np.empty(5, object)
    array[:] = [1, 0, 1, 2, 0]
    return array


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (npz(x_train=IMAGES, y_train=LABELS, x_test=HIDDEN), "lacks an array (y_test"),
        (npz(x_train=IMAGES / 1, y_train=LABELS, x_test=HIDDEN, y_test=ANSWERS), "x_train is of type float64"),
        (npz(x_train=IMAGES, y_train=LABELS / 2, x_test=HIDDEN, y_test=ANSWERS), "y_train is of type float64"),
        (npz(x_train=IMAGES, y_train=hostile(), x_test=HIDDEN, y_test=ANSWERS), "cannot be read as .npz"),
        (npz(x_train=IMAGES, y_train=LABELS - 5, x_test=HIDDEN, y_test=ANSWERS), "is outside 0 to 2"),
        (npz(x_train=IMAGES, y_train=LABELS, x_test=HIDDEN, y_test=ANSWERS)[:-40], "cannot be read as .npz"),
        (b"no zip", "cannot be read as .npz"),
        (b"", "cannot be read as .npz"),
    ],
)  # fmt: skip
def test_malformed_npz(root: Path, add: Add, content: bytes, words: str) -> None:
    add(describe("tiny", Format.NPZ, {"tiny.npz": content}, (4, 3), 7))
    put(root, {"tiny.npz": content})
    with pytest.raises(ConfigError) as caught:
        load_pool("tiny", root)
    assert words in caught.value.what


def test_a_lone_npy_is_no_npz(root: Path, add: Add) -> None:
    out = io.BytesIO()
    np.save(out, IMAGES)
    add(describe("tiny", Format.NPZ, {"tiny.npz": out.getvalue()}, (4, 3), 7))
    put(root, {"tiny.npz": out.getvalue()})
    with pytest.raises(ConfigError, match=r"cannot be read as .npz"):
        load_pool("tiny", root)


def without_a_batch() -> bytes:
    return cifar({name: arrays(1, (32, 32, 3), 0) for name in CIFAR_BATCHES[1:]})


def with_a_torn_batch() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name in CIFAR_BATCHES:
            member = tarfile.TarInfo(name)
            member.size = 3072
            archive.addfile(member, io.BytesIO(bytes(3072)))
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (without_a_batch(), "lacks data_batch_1.bin"),
        (with_a_torn_batch(), "data_batch_1.bin holds 3072 bytes"),
        (without_a_batch()[:-2000], "cannot be unpacked"),
        (b"no archive", "cannot be unpacked"),
    ],
)
def test_malformed_cifar(root: Path, add: Add, content: bytes, words: str) -> None:
    add(describe("tiny", Format.CIFAR10, {"archive.tar.gz": content}, (32, 32, 3), 7))
    put(root, {"archive.tar.gz": content})
    with pytest.raises(ConfigError) as caught:
        load_pool("tiny", root)
    assert words in caught.value.what


def test_the_cache_serves_the_second_time(root: Path, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    add(tiny_dataset())
    put(root, tiny())
    first = load_pool("tiny", root)
    monkeypatch.setattr(datasets, "checksum_problem", refuse)
    assert np.array_equal(load_pool("tiny", root).images, first.images)
    assert sorted(path.name for path in entry().iterdir()) == ["entry.json", "images.npy", "labels.npy", "lock"]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "entry.json"])
@pytest.mark.parametrize(
    "harm",
    [flip, Path.unlink, lambda path: path.write_bytes(b""), lambda path: path.write_bytes(b"[1]")],
    ids=["flipped", "missing", "empty", "else"],
)
def test_a_damaged_cache_is_made_anew(root: Path, add: Add, name: str, harm: Callable[[Path], object]) -> None:
    add(tiny_dataset())
    put(root, tiny())
    load_pool("tiny", root)
    whole = {path.name: path.read_bytes() for path in entry().iterdir()}
    harm(entry() / name)
    pool = load_pool("tiny", root)
    assert np.array_equal(pool.images, np.concatenate([IMAGES, HIDDEN]))
    assert np.array_equal(pool.labels, np.concatenate([LABELS, ANSWERS]))
    assert {path.name: path.read_bytes() for path in entry().iterdir()} == whole


def test_a_pool_in_use_survives_its_cache(root: Path, add: Add) -> None:
    add(tiny_dataset())
    put(root, tiny())
    pool = load_pool("tiny", root)
    (entry() / "images.npy").unlink()
    load_pool("tiny", root)
    assert np.array_equal(pool.images, np.concatenate([IMAGES, HIDDEN]))


def test_an_unusable_cache_is_no_failure(root: Path, add: Add, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(tiny_dataset())
    put(root, tiny())
    (tmp_path / "file").touch()
    monkeypatch.setenv("GRADER_CACHE", str(tmp_path / "file" / "below"))
    pool = load_pool("tiny", root)
    assert np.array_equal(pool.labels, np.concatenate([LABELS, ANSWERS]))
    assert not pool.images.flags.writeable
    assert not pool.labels.flags.writeable


def test_a_full_disk_is_no_failure(root: Path, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    add(tiny_dataset())
    put(root, tiny())

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    assert np.array_equal(load_pool("tiny", root).images, np.concatenate([IMAGES, HIDDEN]))
    monkeypatch.undo()


def test_a_cache_that_somebody_holds_for_long_is_not_waited_for(
    root: Path, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filelock import FileLock

    add(tiny_dataset())
    put(root, tiny())
    monkeypatch.setattr(pool_cache, "LOCK_SECONDS", 0.0)
    folder = cache_folder() / "pools" / f"tiny-{content_key(find('tiny'))[:16]}"
    folder.mkdir(parents=True)
    with FileLock(folder / "lock"):
        pool = load_pool("tiny", root)
    assert np.array_equal(pool.images, np.concatenate([IMAGES, HIDDEN]))
    assert [path.name for path in folder.glob("*.npy")] == []


def test_processes_that_start_together_see_one_pool(root: Path) -> None:
    program = (
        "import sys, pathlib, hashlib\n"
        "from gpu_runner import pool_cache\n"
        "import numpy as np\n"
        "images = np.arange(120, dtype=np.uint8).reshape(5, 4, 6)\n"
        "made = lambda: (images, np.arange(5))\n"
        "got, labels = pool_cache.cached(pathlib.Path(sys.argv[1]), made)\n"
        "print(hashlib.sha256(got.tobytes() + labels.tobytes()).hexdigest(), got.flags.writeable)\n"
    )
    command = [sys.executable, "-c", program, str(root / "an entry")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(3)]
    images = np.arange(120, dtype=np.uint8)
    expected = f"{hashlib.sha256(images.tobytes() + np.arange(5).tobytes()).hexdigest()} False\n"
    assert [process.communicate(timeout=60)[0] for process in started] == [expected] * 3
    assert set(json.loads((root / "an entry" / "entry.json").read_text())) == {"images", "labels"}


def test_other_checksums_are_another_entry() -> None:
    assert content_key(tiny_dataset()) == content_key(tiny_dataset())
    assert content_key(tiny_dataset()) != content_key(tiny_dataset(tiny(x=idx(IMAGES + 1))))


def test_where_data_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert data_folder(None) == cache_folder() / "downloads"
    monkeypatch.setenv("GRADER_DATA", "my data")
    assert data_folder(None) == tmp_path / "my data"
    assert data_folder(Path("other")) == tmp_path / "other"
    monkeypatch.setenv("GRADER_DATA", "")
    monkeypatch.setenv("GRADER_CACHE", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert data_folder(None) == tmp_path / "home" / ".cache" / "dl-course-grader" / "data" / "downloads"


def test_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRADER_CACHE")

    def homeless(cls: type[Path]) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", classmethod(homeless))
    with pytest.raises(ConfigError) as caught:
        data_folder(None)
    assert "GRADER_CACHE" in caught.value.remedy


def test_grader_data_is_where_a_pool_comes_from(root: Path, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    add(tiny_dataset())
    put(root / "tiny", tiny())
    monkeypatch.setenv("GRADER_DATA", str(root))
    assert len(load_pool("tiny", None).images) == 7


@pytest.mark.parametrize("dataset", CATALOGUE.values(), ids=CATALOGUE)
def test_the_catalogue_is_consistent(dataset: Dataset) -> None:
    lengths = {"sha256": 64, "md5": 32}
    assert len(set(dataset.classes)) == len(dataset.classes) == 10
    assert bool(dataset.files) == (dataset.format is not Format.DIGITS)
    assert len(dataset.files) % 2 == 0 or dataset.format is not Format.IDX
    for file in dataset.files:
        algorithm, _, digest = file.checksum.partition(":")
        assert len(bytes.fromhex(digest)) * 2 == lengths[algorithm]
        assert file.size > 0
        assert Path(file.name).name == file.name
    assert all(mirror.startswith(("https://", "http://")) and not mirror.endswith("/") for mirror in dataset.mirrors)


@pytest.mark.parametrize(
    ("name", "shape", "per_class"),
    [("fashion-mnist", (70_000, 28, 28), 7000), ("mnist", (70_000, 28, 28), None),
     ("cifar10", (60_000, 32, 32, 3), 6000), ("cifar10-subset", (6_000, 32, 32, 3), 600)],
)  # fmt: skip
def test_the_real_files(name: str, shape: tuple[int, ...], per_class: int | None) -> None:
    if look(find(name), SHARED).presence is Presence.ABSENT:
        pytest.skip(f"the files of {name} are not at hand")
    for _ in range(2):
        pool = load_pool(name, SHARED)
        assert pool.images.shape == shape
        assert pool.images.dtype == np.uint8
        counts = np.bincount(pool.labels, minlength=10)
        assert counts.sum() == shape[0]
        assert per_class is None or set(counts) == {per_class}
        assert pool.images.max() == 255
