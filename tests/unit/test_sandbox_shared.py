"""Training data in sealed memory: nobody changes it, and nothing in it leads from one guest to the next."""

from __future__ import annotations

import errno
import mmap
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from grader.errors import InfrastructureError
from grader.model import Environment, Limits
from grader.remote import TrainingSession
from grader.sandbox import BACKENDS, DeviceAccess, SharedArray, Zygote, open_sandbox
from tests.fakes.device import handed_in

LIMITS = Limits(memory_mb=300)
IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
LABELS = np.array([7, -8], np.int64)


@pytest.fixture
def arrays() -> Iterator[tuple[SharedArray, SharedArray]]:
    with SharedArray.of(IMAGES) as images, SharedArray.of(LABELS) as labels:
        yield images, labels


@pytest.fixture(scope="module", params=[*sorted(BACKENDS), "bubblewrap for a driver"])
def zygote(request: pytest.FixtureRequest) -> Iterator[Zygote]:
    backend, _for, driver = str(request.param).partition(" ")
    started = open_sandbox(backend).start(Environment.NUMPY, LIMITS, (), DeviceAccess(driver=bool(driver)))
    yield started
    started.close()


def trained(zygote: Zygote, source: str, arrays: tuple[SharedArray, ...]) -> list[str]:
    """What ``train`` prints in a guest of its own."""
    session = TrainingSession(zygote, handed_in(source), LIMITS, shared=arrays)
    try:
        session.load()
        session.run("train", arrays, {}, keep=True)
        return session.take_output().splitlines()
    finally:
        session.close()


def held(array: SharedArray) -> np.ndarray:
    with mmap.mmap(array.descriptor, array.nbytes, prot=mmap.PROT_READ) as memory:
        return np.frombuffer(bytes(memory), array.dtype).reshape(array.shape)


# on the host ----------------------------------------------------------------------------------------------------------


def test_it_holds_what_it_was_made_of(arrays: tuple[SharedArray, SharedArray]) -> None:
    assert np.array_equal(held(arrays[0]), IMAGES)
    assert np.array_equal(held(arrays[1]), LABELS)
    assert (arrays[0].shape, arrays[0].dtype, arrays[0].nbytes) == ((2, 3, 4), np.uint8, 24)


def test_it_can_be_filled_in_place() -> None:
    with SharedArray((3,), np.int32, lambda view: np.copyto(view, [1, 2, 3])) as array:
        assert held(array).tolist() == [1, 2, 3]


def test_not_even_the_host_can_change_it(arrays: tuple[SharedArray, SharedArray]) -> None:
    descriptor = arrays[0].descriptor
    for change in (
        lambda: os.write(descriptor, b"x"),
        lambda: os.pwrite(descriptor, b"x", 0),
        lambda: os.ftruncate(descriptor, 1),
        lambda: os.ftruncate(descriptor, 100),
        lambda: mmap.mmap(descriptor, 24),
        lambda: os.write(os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY), b"x"),
    ):
        with pytest.raises(PermissionError):
            change()
    assert np.array_equal(held(arrays[0]), IMAGES)


def test_closing_twice_is_harmless_and_leaves_no_descriptor() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    array = SharedArray.of(IMAGES)
    assert len(list(Path("/proc/self/fd").iterdir())) == before + 1
    array.close()
    array.close()
    assert array.descriptor == -1
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_fill_that_fails_leaves_nothing() -> None:
    def fill(view: np.ndarray) -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        SharedArray((3,), np.uint8, fill)


def test_a_view_that_is_kept_is_refused() -> None:
    """It would see nothing change, and sealing would fail for a reason that nobody understands."""
    kept: list[np.ndarray] = []
    with pytest.raises(BufferError):
        SharedArray((3,), np.uint8, kept.append)


def test_no_room_is_the_machines_affair(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(os, "ftruncate", refuse)
    with pytest.raises(InfrastructureError, match=r"no room for 3 MiB of training data: .*Cannot allocate"):
        SharedArray((3 << 20,), np.uint8, lambda view: None)


# in guests ------------------------------------------------------------------------------------------------------------


def test_to_a_guest_they_are_ordinary_arrays(zygote: Zygote, arrays: tuple[SharedArray, SharedArray]) -> None:
    source = """
    def train(images, labels):
        for array in (images, labels):
            print(type(array).__name__, array.dtype, array.shape, array.flags.writeable, array.tolist())
    """
    assert trained(zygote, source, arrays) == [
        f"ndarray uint8 (2, 3, 4) True {IMAGES.tolist()}",
        f"ndarray int64 (2,) True {LABELS.tolist()}",
    ]


def test_what_a_guest_writes_stays_its_own(zygote: Zygote, arrays: tuple[SharedArray, SharedArray]) -> None:
    source = """
    import os
    def train(images, labels):
        images[:] = 99
        labels += 1
        child = os.fork()
        if child == 0:
            images[:] = 5
            os._exit(0)
        os.waitpid(child, 0)
        print(set(images.ravel().tolist()), labels.tolist())
    """
    for _ in range(2):
        assert trained(zygote, source, arrays) == ["{99} [8, -7]"]
    assert np.array_equal(held(arrays[0]), IMAGES)
    assert np.array_equal(held(arrays[1]), LABELS)


def test_several_guests_at_once_share_one_copy(zygote: Zygote, arrays: tuple[SharedArray, SharedArray]) -> None:
    source = """
    def train(images, labels):
        images += 1
        return images
    def predict(model, images):
        return model
    """
    sessions = [TrainingSession(zygote, handed_in(source), LIMITS, shared=arrays) for _ in range(3)]
    models = []
    for session in sessions:
        session.load()
        models.append(session.run("train", arrays, {}, keep=True))
    for session, model in zip(sessions, models, strict=True):
        assert np.array_equal(session.run("predict", (model, None), {}, keep=False), IMAGES + 1)
        session.close()


def test_a_guest_outlives_the_hosts_descriptor(zygote: Zygote) -> None:
    array = SharedArray.of(IMAGES)
    session = TrainingSession(zygote, handed_in("def train(images): print(int(images.sum()))"), LIMITS, shared=(array,))
    session.load()
    array.close()
    session.run("train", (array,), {}, keep=True)
    assert session.take_output() == f"{IMAGES.sum()}\n"
    session.close()


def test_a_guest_has_no_descriptor_of_it(zygote: Zygote, arrays: tuple[SharedArray, SharedArray]) -> None:
    """Offset and extended attributes of an open file would pass from one guest to the next."""
    source = """
    import os, stat
    def train(images, labels):
        for descriptor in range(3, 1024):
            try:
                status = os.fstat(descriptor)
            except OSError:
                continue
            print(descriptor, stat.S_ISREG(status.st_mode), stat.S_ISSOCK(status.st_mode))
    """
    assert trained(zygote, source, arrays) == ["3 False True"]


def test_a_guest_does_not_reach_the_file_by_any_path(
    zygote: Zygote, arrays: tuple[SharedArray, SharedArray], request: pytest.FixtureRequest
) -> None:
    """Neither through /proc/self/fd nor through its maps; and were it there, the seals would hold."""
    if "subprocess" in request.node.name:
        pytest.skip("without isolation root reaches /proc/self/map_files; this backend promises nothing of the kind")
    source = """
    import os
    def train(images, labels):
        images[0] = 1
        for folder in ("/proc/self/fd", "/proc/self/map_files", "/proc/1/fd", "/proc/thread-self/fd"):
            try:
                names = os.listdir(folder)
            except OSError:
                continue
            for name in names:
                try:
                    if "training data" in os.readlink(f"{folder}/{name}"):
                        os.close(os.open(f"{folder}/{name}", os.O_RDWR))
                        print("reached", folder, name)
                except OSError:
                    continue
    """
    assert trained(zygote, source, arrays) == []


def test_memory_that_was_written_is_counted(zygote: Zygote) -> None:
    """Copy-on-write is no way around the memory limit, and reading costs nothing of it."""
    source = "def train(images):\n    print(int(images[::4096].sum()))"
    with SharedArray((64 << 20,), np.uint8, lambda view: view.fill(1)) as large:
        session = TrainingSession(zygote, handed_in(source), LIMITS, shared=(large,))
        session.load()
        session.run("train", (large,), {}, keep=True)
        guest = session.guest
        assert guest is not None
        status = Path(f"/proc/{guest.pid}/status").read_text()
        anonymous = re.search(r"RssAnon:\s+(\d+) kB", status)
        assert anonymous is not None
        assert int(anonymous[1]) < 60_000
        session.close()


def test_without_shared_memory_nothing_changes(zygote: Zygote) -> None:
    session = TrainingSession(zygote, handed_in("def train(n): print(n)"), LIMITS)
    session.load()
    session.run("train", (3,), {}, keep=True)
    assert session.take_output() == "3\n"
    session.close()
