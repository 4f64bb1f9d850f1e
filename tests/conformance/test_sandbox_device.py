"""What a box with a device gives its guests beyond the ordinary one, and what it keeps from them all the same."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.model import Environment, Limits
from grader.remote import RemoteSession
from grader.sandbox import BACKENDS, DeviceAccess, SharedArray, Zygote, open_sandbox
from grader.wall import zygote as zygote_process
from tests.fakes.device import handed_in

LIMITS = Limits(memory_mb=300, wall_seconds=10.0)
CORES = sorted(os.sched_getaffinity(0))
SECRET = "zygote-environment-2c9e"

Box = Callable[..., Any]


@pytest.fixture
def open_box() -> Iterator[Callable[..., Any]]:
    """``open_box(source, backend=…, **access)``: the submission of a guest with access to a device."""
    sessions: list[RemoteSession] = []
    zygotes: list[Zygote] = []

    def open_one(source: str, backend: str = "bubblewrap", **access: Any) -> Any:
        zygotes.append(open_sandbox(backend).start(Environment.NUMPY, LIMITS, (), DeviceAccess(**access)))
        sessions.append(RemoteSession(zygotes[-1], handed_in("import os, sys\n" + source), LIMITS))
        sessions[-1].load()
        return sessions[-1].submission

    yield open_one
    for session in sessions:
        session.close()
    for zygote in zygotes:
        zygote.close()


# cores ----------------------------------------------------------------------------------------------------------------

AFFINITY = """
import ctypes, threading

def allowed():
    return sorted(os.sched_getaffinity(0))

def escape():
    refused = []
    for cores in (range(1024), [0], [1], range(os.cpu_count())):
        try:
            os.sched_setaffinity(0, cores)
        except OSError as error:
            refused.append(error.errno)
    mask = (ctypes.c_ulong * 16)(*[2**64 - 1] * 16)
    libc = ctypes.CDLL(None, use_errno=True)
    refused.append(ctypes.get_errno() if libc.sched_setaffinity(0, 128, mask) else 0)
    return refused

def of_children():
    told = []
    thread = threading.Thread(target=lambda: told.append((escape(), allowed())))
    thread.start(); thread.join()
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        escape()
        os.write(theirs, repr(allowed()).encode())
        os._exit(0)
    os.waitpid(child, 0)
    return told[0], os.read(ours, 100).decode()
"""


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_guests_begin_on_their_cores(backend: str, open_box: Box) -> None:
    for core in (CORES[0], CORES[-1]):
        assert open_box(AFFINITY, backend, cores=(core,)).allowed() == [core]
    assert open_box(AFFINITY, backend).allowed() == CORES, "without cores of their own they have all"


def test_guests_stay_on_their_cores(open_box: Box) -> None:
    """Neither they nor their threads and children get away."""
    submission = open_box(AFFINITY, cores=(CORES[-1],))
    assert submission.escape() == [1] * 5  # EPERM
    assert submission.allowed() == [CORES[-1]]
    (refused, thread), child = submission.of_children()
    assert refused == [1] * 5
    assert thread == [CORES[-1]]
    assert child == repr([CORES[-1]])


def test_without_cores_of_their_own_guests_choose(open_box: Box) -> None:
    """Frameworks pin their threads; that is refused only where a core is what is measured."""
    source = f"def choose():\n    os.sched_setaffinity(0, [{CORES[0]}]); return sorted(os.sched_getaffinity(0))"
    assert open_box(source).choose() == [CORES[0]]


# folders, variables, nodes --------------------------------------------------------------------------------------------


@pytest.fixture
def driver_folder() -> Iterator[Path]:
    """A folder outside of /tmp, which each guest has for itself, that everybody may write to."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="a driver's “own” ") as name:
        folder = Path(name, "lib")
        folder.mkdir()
        for path in (folder.parent, folder):
            path.chmod(0o777)
        (folder / "libfake.so").write_text("library", encoding="utf-8")
        (folder / "libfake.so").chmod(0o666)
        yield folder


def test_folders_are_there_and_read_only(open_box: Box, driver_folder: Path) -> None:
    source = f"""
FOLDER = {str(driver_folder)!r}
def read():
    with open(FOLDER + "/libfake.so") as file:
        return file.read()
def write():
    refused = []
    for act in (lambda: open(FOLDER + "/libfake.so", "w"), lambda: open(FOLDER + "/new", "w"),
                lambda: os.unlink(FOLDER + "/libfake.so"), lambda: open(FOLDER + "/../new", "w")):
        try:
            act()
        except OSError as error:
            refused.append(error.errno)
    return refused
"""
    submission = open_box(source, folders=(str(driver_folder), "/no/such/folder"))
    assert submission.read() == "library"
    assert submission.write() in ([30, 30, 30, 30], [30, 30, 30, 13])  # EROFS; EACCES in the folder made on the way
    assert [path.name for path in driver_folder.iterdir()] == ["libfake.so"]
    assert (driver_folder / "libfake.so").read_text(encoding="utf-8") == "library"


def test_a_folder_outside_of_usr_is_there_only_where_it_is_named(open_box: Box) -> None:
    """/sys/devices/system is what a driver reads; an ordinary box has nothing of it."""
    folder = "/sys/devices/system/cpu"
    source = f"""
def there():
    return os.path.isdir({folder!r}) and sorted(os.listdir({folder!r}))
def write():
    try:
        open({folder!r} + "/online", "w")
    except OSError as error:
        return error.errno
def others():
    return os.path.exists("/sys/class") or os.path.exists("/sys/kernel")
"""
    assert open_box(source).there() is False
    submission = open_box(source, folders=(folder,))
    assert f"cpu{CORES[0]}" in submission.there()
    assert submission.write() in (1, 13, 30)  # EPERM, EACCES, EROFS
    assert submission.others() is False


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_variables(backend: str, open_box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "the host's")
    monkeypatch.setenv("HOST_SECRET", SECRET)
    source = "def variables(): return dict(os.environ)"
    ordinary = open_box(source, backend).variables()
    assert ordinary["CUDA_VISIBLE_DEVICES"] == ""
    given = open_box(source, backend, variables=(("CUDA_VISIBLE_DEVICES", "GPU-1"), ("IT'S", 'a "b" c'))).variables()
    assert given == {**ordinary, "CUDA_VISIBLE_DEVICES": "GPU-1", "IT'S": 'a "b" c'} | {
        name: given[name] for name in ("HOME", "TMPDIR", "MPLCONFIGDIR") if name in ordinary
    }
    assert SECRET not in str(given)


def test_device_nodes(open_box: Box) -> None:
    """/dev/fuse or /dev/kmsg stand for a GPU's node: there where it is named, and only there."""
    node = next((name for name in ("/dev/kvm", "/dev/fuse", "/dev/kmsg") if Path(name).exists()), "")
    if not node:
        pytest.skip("this machine has no device node to lend")
    source = f"def there(): return os.path.exists({node!r}), sorted(os.listdir('/dev'))"
    there, ordinary = open_box(source).there()
    assert not there
    there, names = open_box(source, nodes=(node,)).there()
    assert there
    assert set(names) - set(ordinary) == {Path(node).name}


# a driver's /proc -----------------------------------------------------------------------------------------------------

PROC = """
import ctypes, json

def own():
    with open("/proc/self/maps") as maps, open("/proc/self/status") as status:
        names = [line for line in status if line.startswith("Name")]
        return len(maps.readlines()), names, sorted(os.listdir("/proc/self/fd"))

def machine():
    return [os.path.exists(f"/proc/{name}") for name in ("cpuinfo", "meminfo", "stat")]

def numbers():
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())

def commands():
    told = []
    for number in numbers():
        with open(f"/proc/{number}/cmdline") as file:
            told.append(file.read())
    return told

def readable(names):
    found = []
    for number in numbers():
        if number == int(os.readlink("/proc/self")):
            continue
        for name in names:
            for mode in ("rb", "r+b"):
                try:
                    with open(f"/proc/{number}/{name}", mode) as file:
                        found.append([number, name, mode, len(file.read(10))])
                except OSError:
                    pass
        for name in ("fd", "map_files"):
            try:
                found.append([number, name, len(os.listdir(f"/proc/{number}/{name}"))])
            except OSError:
                pass
        for name in ("cwd", "root", "exe"):
            try:
                found.append([number, name, os.readlink(f"/proc/{number}/{name}")])
            except OSError:
                pass
    return found

def signals():
    done = []
    for number in numbers():
        if number != 1:  # that number is its own, in a namespace of its own
            try:
                os.kill(number, 0)
                done.append(number)
            except OSError:
                pass
    return done

def attach():
    libc = ctypes.CDLL(None, use_errno=True)
    return [libc.ptrace(16, number, 0, 0) for number in numbers()]

def settings():
    written = []
    for name in ("sys/kernel/core_pattern", "sys/vm/drop_caches", "sysrq-trigger", "sys/kernel/hostname"):
        try:
            with open(f"/proc/{name}", "w") as file:
                file.write("1")
            written.append(name)
        except OSError:
            pass
    return written

def address_space():
    import mmap
    with mmap.mmap(-1, 8 << 30, prot=mmap.PROT_READ, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as reserved:
        return len(reserved) >> 30
"""


def test_a_driver_finds_a_proc(open_box: Box) -> None:
    submission = open_box(PROC, driver=True)
    maps, name, descriptors = submission.own()
    assert maps > 50
    assert len(name) == 1
    assert {"0", "1", "2", "3"} <= set(descriptors)
    assert submission.machine() == [True] * 3


def test_an_ordinary_guest_finds_none(open_box: Box) -> None:
    assert open_box(PROC).machine() == [False] * 3


def test_the_zygotes_memory_and_environment_stay_closed(open_box: Box) -> None:
    """Its processes are seen by their numbers, and that is all."""
    submission = open_box(PROC, driver=True, variables=(("SECRET", SECRET),))
    assert len(submission.numbers()) >= 2, "the zygote, and the guest itself"
    names = ["environ", "mem", "maps", "smaps", "auxv", "stack", "syscall", "personality", "pagemap", "io"]
    assert submission.readable(names) == []
    assert set(submission.attach()) == {-1}
    assert submission.signals() == []


def test_the_hosts_processes_cannot_be_seen(open_box: Box) -> None:
    submission = open_box(PROC, driver=True)
    assert len(submission.numbers()) < 6
    commands = submission.commands()
    mine = Path("/proc/self/cmdline").read_text(encoding="utf-8")
    assert mine not in commands
    assert all("pytest" not in command for command in commands)
    assert max(submission.numbers()) < 100, "numbers of the box's own namespace"


def test_another_guest_is_closed_as_well() -> None:
    """Of two guests of one zygote, one with a secret in its memory and arrays that it was lent."""
    zygote = open_sandbox("bubblewrap").start(Environment.NUMPY, LIMITS, (), DeviceAccess(driver=True))
    with SharedArray.of(np.arange(1000)) as lent:
        one = RemoteSession(zygote, handed_in("SECRET = 'its model' * 1000"), LIMITS, shared=(lent,))
        other = RemoteSession(zygote, handed_in("import os, sys\n" + PROC), LIMITS)
        try:
            one.load()
            other.load()
            submission = other.submission
            assert len(submission.numbers()) >= 3
            assert submission.readable(["environ", "mem", "maps", "pagemap"]) == []
            assert set(submission.attach()) == {-1}
            assert submission.signals() == []
        finally:
            one.close()
            other.close()
            zygote.close()


def test_nothing_of_the_machine_can_be_set_through_proc(open_box: Box) -> None:
    assert open_box(PROC, driver=True).settings() == []


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_a_driver_may_reserve_address_space(backend: str, open_box: Box) -> None:
    """CUDA maps tens of gigabytes that it never touches; what is touched is still counted."""
    assert open_box(PROC, backend, driver=True).address_space() == 8
    with pytest.raises((OSError, MemoryError)):
        open_box(PROC, backend).address_space()


# sockets --------------------------------------------------------------------------------------------------------------

SOCKETS = """
import socket

def made():
    def kind(name, family, kind):
        try:
            socket.socket(family, kind).close()
        except OSError:
            return []
        return [name]
    return (
        kind("stream", socket.AF_UNIX, socket.SOCK_STREAM)
        + kind("seqpacket", socket.AF_UNIX, socket.SOCK_SEQPACKET)
        + kind("dgram", socket.AF_UNIX, socket.SOCK_DGRAM)
        + kind("inet", socket.AF_INET, socket.SOCK_STREAM)
        + kind("inet6", socket.AF_INET6, socket.SOCK_STREAM)
        + kind("netlink", socket.AF_NETLINK, socket.SOCK_RAW)
    )

def listen_and_connect():
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.bind(chr(0) + f"cuda-uvmfd-{os.stat('/proc/self/ns/pid').st_ino}-{os.getpid()}")
        server.listen(16)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
            try:
                client.connect(server.getsockname())
            except PermissionError:
                return "listens alone"
    return "connected"
"""


def test_a_driver_listens_on_a_local_socket_that_nobody_reaches(open_box: Box) -> None:
    """CUDA binds one, named like this, when it starts, and does not start without."""
    submission = open_box(SOCKETS, driver=True)
    assert submission.made() == ["stream", "seqpacket"]
    assert submission.listen_and_connect() == "listens alone"


def test_others_make_no_socket(open_box: Box) -> None:
    assert open_box(SOCKETS).made() == []


# what is done before the fork -----------------------------------------------------------------------------------------


def test_nothing_touches_a_gpu_before_the_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """Autograd's first use starts CUDA and a thread per GPU; children could then use neither."""
    torch = pytest.importorskip("torch")
    used: list[str] = []

    def engine(*_arguments: object, **_keywords: object) -> None:
        used.append("autograd")
        raise AssertionError("autograd was used")

    monkeypatch.setattr(torch.autograd, "_engine_run_backward", engine)  # of grad()
    monkeypatch.setattr(torch.autograd.graph, "_engine_run_backward", engine)
    monkeypatch.setattr(torch.cuda, "_lazy_init", engine)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # it sets that, too
    zygote_process.warm_up(["torch"], [], "torch", driver=True)
    assert used == []
    with pytest.raises(AssertionError):
        zygote_process.warm_up(["torch"], [], "torch", driver=False)
    assert used == ["autograd"], "the watch works"
