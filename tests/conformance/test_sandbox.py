"""One suite for every sandbox backend: what a backend declares, it must keep; what it does not declare is listed here.

A backend that cannot be started fails these tests with its remedy; nothing is passed over in silence.
"""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader.errors import InfrastructureError, SandboxUnavailable, UsageError
from grader.model import Environment, Limits, SubmissionFiles
from grader.remote import LoadError, RemoteSession
from grader.sandbox import BACKENDS, GuestFault, GuestKilled, GuestMemory, GuestTimeout, open_sandbox
from grader.sandbox.process import descendants
from grader.sandbox.protocol import GUARANTEES

# What each backend promises, word for word: a guarantee that is dropped, or added without a test, shows here.
DECLARED = {
    "bubblewrap": GUARANTEES,
    "subprocess": frozenset(
        {"clean environment", "limited cpu", "limited wall time", "limited memory", "limited output"}
    ),
}
TESTED: set[str] = set()

OpenSession = Callable[..., RemoteSession]


@pytest.fixture(params=sorted(BACKENDS))
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def box(backend: str, open_session: OpenSession) -> Callable[..., Any]:
    """``box(source)``: the submission of a fresh guest of this backend."""

    def open_box(source: str, **options: Any) -> Any:
        session = open_session("import ctypes, errno, os, signal, sys, time\n" + source, backend=backend, **options)
        session.load()
        return session.submission

    return open_box


def guarantee(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test only for backends that declare this guarantee."""
    assert name in GUARANTEES, name
    TESTED.add(name)

    def wrap(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def run(backend: str, **fixtures: Any) -> None:
            if name not in BACKENDS[backend]().guarantees:
                pytest.skip(f"{backend} does not declare: {name}")
            test(backend=backend, **fixtures)

        return run

    return wrap


def guest_of(submission: Any) -> Any:
    """The host's side of the guest's process, for looking at it from outside."""
    return object.__getattribute__(submission, "_session")._guest


def close(submission: Any) -> None:
    object.__getattribute__(submission, "_session").close()


# the suite itself -----------------------------------------------------------------------------------------------------


def test_backends_declare_exactly_this() -> None:
    assert {name: make().guarantees for name, make in BACKENDS.items()} == DECLARED
    assert {make().name for make in BACKENDS.values()} == set(BACKENDS)


def test_every_guarantee_has_a_test() -> None:
    assert TESTED == GUARANTEES


def test_unknown_backend() -> None:
    with pytest.raises(UsageError, match="unknown sandbox 'docker'"):
        open_sandbox("docker")


def test_missing_bubblewrap_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SandboxUnavailable, match="install bubblewrap"):
        open_sandbox("bubblewrap").start(Environment.NUMPY, Limits())


def test_a_preload_that_fails_stops_nobody(backend: str) -> None:
    """Submissions name what is preloaded; a module that cannot be imported is the affair of those that import it."""
    zygote = open_sandbox(backend).start(Environment.NUMPY, Limits(), ("no_such_module",))
    try:
        source = b"def f():\n    import no_such_module\ndef g(): return 1"
        session = RemoteSession(zygote, SubmissionFiles("work", "work.py", {"work.py": source}), Limits())
        assert session.submission.g() == 1
        with pytest.raises(ModuleNotFoundError):
            session.submission.f()
        session.close()
    finally:
        zygote.close()


def test_a_lost_zygote_is_the_graders_failure(backend: str) -> None:
    zygote = open_sandbox(backend).start(Environment.NUMPY, Limits())
    zygote.close()
    zygote.close()
    with pytest.raises(InfrastructureError):
        zygote.spawn()


def test_a_set_of_text_has_the_same_order_each_time(backend: str) -> None:
    source = b"def order(): return list(set('abcdefghijklmnop'))"
    orders = []
    for _ in range(2):
        zygote = open_sandbox(backend).start(Environment.NUMPY, Limits())
        try:
            session = RemoteSession(zygote, SubmissionFiles("work", "work.py", {"work.py": source}), Limits())
            orders.append(session.submission.order())
            session.close()
        finally:
            zygote.close()
    assert orders[0] == orders[1]


def test_a_guest_works(backend: str, box: Callable[..., Any]) -> None:
    work = box("import numpy as np\ndef f(x): return (x @ x.T).sum()")
    import numpy as np

    assert work.f(np.ones((2, 3))) == 12
    assert guest_of(work).alive()
    close(work)
    assert work.f(np.ones((2, 3))) == 12, "a fresh guest"


# no network -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def listener() -> Iterator[int]:
    """A server on the host's loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server.getsockname()[1]
        with pytest.raises(TimeoutError):
            server.accept()


@guarantee("no network")
def test_no_connection_to_the_hosts_loopback(backend: str, box: Callable[..., Any], listener: int) -> None:
    work = box(
        """
def connect(port):
    import socket, urllib.request
    told = []
    for attempt in (
        lambda: socket.create_connection(("127.0.0.1", port), 2),
        lambda: urllib.request.urlopen(f"http://localhost:{port}/", timeout=2),
        lambda: socket.socket(socket.AF_UNIX),
        lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        lambda: socket.socket(16, socket.SOCK_RAW),
        lambda: socket.fromfd(3, socket.AF_INET, socket.SOCK_STREAM).connect(("127.0.0.1", port)),
    ):
        try:
            attempt()
            told.append("it works")
        except OSError as error:
            told.append(type(error).__name__)
    a, b = socket.socketpair()
    a.send(b"x")
    return told, b.recv(1)
"""
    )
    told, inside = work.connect(listener)
    assert "it works" not in told
    assert inside == b"x", "a socket pair, as asyncio needs it, stays"


@guarantee("no network")
def test_namespaces_are_its_own(backend: str, box: Callable[..., Any]) -> None:
    """The seccomp filter is one wall; behind it there is no network to be reached either."""
    pid = guest_of(box("")).pid
    for kind in ("net", "pid", "mnt", "ipc", "user", "uts"):
        assert Path(f"/proc/{pid}/ns/{kind}").readlink() != Path(f"/proc/self/ns/{kind}").readlink(), kind


# files ----------------------------------------------------------------------------------------------------------------


@guarantee("read-only system")
def test_nothing_but_the_private_folders_can_be_written(backend: str, box: Callable[..., Any]) -> None:
    work = box(
        """
import numpy, site
def attempts():
    folders = ["/", "/usr", "/usr/bin", "/etc", "/dev", "/proc", "/box", "/box/wall", "/root", "/home", "/var/tmp"]
    folders += [sys.prefix, sys.base_prefix, os.path.dirname(numpy.__file__), *site.getsitepackages()]
    told = {}
    for folder in folders:
        for name, attempt in (
            ("file", lambda: open(os.path.join(folder, "planted.py"), "w")),
            ("folder", lambda: os.mkdir(os.path.join(folder, "planted"))),
            ("link", lambda: os.symlink("/etc", os.path.join(folder, "link"))),
            ("mode", lambda: os.chmod(folder, 0o777)),
        ):
            try:
                attempt()
                told[folder, name] = "it works"
            except OSError as error:
                told[folder, name] = errno.errorcode[error.errno]
    for file in (numpy.__file__, "/box/wall/guest.py", sys.executable):
        try:
            open(file, "r+b")
            told[file] = "it works"
        except OSError:
            pass
    with open("/tmp/mine", "w") as mine, open("/dev/shm/mine", "w") as shared:
        mine.write("x"), shared.write("x")
    return told
"""
    )
    assert {place: told for place, told in work.attempts().items() if told == "it works"} == {}


@guarantee("private files")
def test_nothing_of_the_course_or_the_machine_can_be_seen(backend: str, box: Callable[..., Any]) -> None:
    work = box(
        """
def seen(known):
    found = []
    for folder, folders, files in os.walk("/"):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in known]
        found += [os.path.join(folder, name) for name in files]
        if len(found) > 5000:
            break
    return found
"""
    )
    from grader.sandbox.bubblewrap import ETC, in_box, python_folders

    python = [str(in_box(folder)) for folder in python_folders()]
    system = ["/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/dev", *(f"/etc/{name}" for name in ETC)]
    found = work.seen([*python, *system])
    rest = [path for path in found if path not in system and not path.startswith("/box/wall/")]
    assert sorted(rest) == ["/proc/self/cmdline", "/proc/self/exe", "/proc/self/maps", "/tmp/submission/work.py"]
    course = Path(__file__).parents[2]
    assert course not in python_folders()


@guarantee("private files")
def test_guests_of_one_zygote_do_not_see_each_other(
    backend: str, box: Callable[..., Any], open_session: OpenSession
) -> None:
    source = """
import numpy
def leave():
    open("/tmp/left", "w").write("x")
    open("/dev/shm/left", "w").write("x")
    open("left.py", "w").write("x = 1")
    numpy.planted = sys.planted = 1
    os.environ["PLANTED"] = "1"
    return os.getpid()
def look():
    shared = sorted(os.listdir("/tmp")) + sorted(os.listdir("/dev/shm")) + sorted(os.listdir("."))
    return shared, hasattr(numpy, "planted"), hasattr(sys, "planted"), "PLANTED" in os.environ, os.listdir("/proc")
"""
    first, second = box(source), box(source)
    assert first.leave() == second.leave() == 1, "each is process 1 of its own namespace"
    third = box(source)
    assert third.look() == (["submission", "work.py"], False, False, False, ["self"])
    for name in ("left", "submission"):
        assert not Path("/tmp", name).exists()


@guarantee("limited disk")
def test_files_are_limited(backend: str, box: Callable[..., Any]) -> None:
    work = box(
        """
def fill(folder):
    written, block = 0, bytes(1 << 16)
    try:
        for number in range(64):
            with open(f"{folder}/{number}", "wb", buffering=0) as file:
                for _ in range(16):
                    written += file.write(block)
    except OSError as error:
        return written, errno.errorcode[error.errno]
    return written, "no end"
def many(folder):
    try:
        for number in range(20_000):
            open(f"{folder}/many{number}", "w").close()
    except OSError as error:
        return number, errno.errorcode[error.errno]
    return number, "no end"
def large():
    with open("/tmp/large", "wb", buffering=0) as file:
        try:
            for step in range(100):
                file.write(bytes(1 << 20))
        except OSError as error:
            return step, errno.errorcode[error.errno]
def descriptors():
    opened = []
    try:
        for _ in range(10_000):
            opened.append(os.open("/dev/null", 0))
    except OSError as error:
        for descriptor in opened:
            os.close(descriptor)
        return len(opened), errno.errorcode[error.errno]
"""
    )
    number, why = work.descriptors()
    assert (number < 64, why) == (True, "EMFILE")
    megabytes, why = work.large()
    assert (megabytes, why) == (4, "EFBIG")
    written, why = work.fill("/tmp")
    assert (written <= 8 * 2**20, why) == (True, "ENOSPC")
    written, why = work.fill("/dev/shm")
    assert (written <= 2 * 2**20, why) == (True, "ENOSPC")
    close(work)
    number, why = work.many("/tmp")
    assert (number < 600, why) == (True, "ENOSPC")


# environment ----------------------------------------------------------------------------------------------------------


@guarantee("clean environment")
def test_the_environment_is_an_allow_list(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_DATABASE_PASSWORD", "s3cret")
    monkeypatch.setenv("PYTHONPATH", "/s3cret")
    monkeypatch.setenv("LD_PRELOAD", "")
    source = b"""
import ctypes, os, sys
def told():
    libc = ctypes.CDLL(None)
    environ = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, "environ")
    in_c, place = [], 0
    while environ[place]:
        in_c.append(environ[place].decode())
        place += 1
    return dict(os.environ), in_c, sys.path, sys.argv, os.listdir(".")
"""
    zygote = open_sandbox(backend).start(Environment.NUMPY, Limits())
    try:
        session = RemoteSession(zygote, SubmissionFiles("work", "work.py", {"work.py": source}), Limits())
        told = session.submission.told()
        session.close()
    finally:
        zygote.close()
    from grader.sandbox.zygote import GUEST_ENVIRONMENT

    assert "s3cret" not in repr(told)
    assert set(told[0]) <= {*GUEST_ENVIRONMENT, "TMPDIR", "PWD", "LC_CTYPE"}
    assert not [entry for entry in told[2] if entry in ("", str(Path.cwd()), str(Path(__file__).parents[2]))]


# privileges -----------------------------------------------------------------------------------------------------------


@guarantee("no capabilities")
def test_no_capability_and_no_way_to_one(backend: str, box: Callable[..., Any]) -> None:
    work = box(
        """
import struct
libc = ctypes.CDLL(None, use_errno=True)
def told():
    header, data = ctypes.create_string_buffer(struct.pack("Ii", 0x20080522, 0)), ctypes.create_string_buffer(24)
    got = libc.capget(header, data)
    bounding = [number for number in range(64) if libc.prctl(23, number, 0, 0, 0) == 1]
    ambient = [number for number in range(41) if libc.prctl(47, 1, number, 0, 0) == 1]
    changes = {}
    for name, call in (
        ("setuid", lambda: os.setuid(0)), ("setgid", lambda: os.setgid(0)), ("setgroups", lambda: os.setgroups([0])),
        ("chroot", lambda: os.chroot("/tmp")), ("nice", lambda: os.nice(-5)),
        ("priority", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))),
        ("rlimit", lambda: __import__("resource").setrlimit(7, (4096, 4096))),
        ("mknod", lambda: os.mknod("/tmp/device", 0o020666, os.makedev(1, 1))),
    ):
        try:
            call()
            changes[name] = "it works"
        except (OSError, ValueError):
            pass
    return {
        "capget": (got, data.raw), "bounding": bounding, "ambient": ambient, "changes": changes,
        "no_new_privs": libc.prctl(39, 0, 0, 0, 0), "seccomp": libc.prctl(21, 0, 0, 0, 0),
        "dumpable": libc.prctl(3, 0, 0, 0, 0), "ids": {*os.getresuid(), *os.getresgid()},
    }
"""
    )
    told = work.told()
    assert told == {
        "capget": (0, bytes(24)),
        "bounding": [],
        "ambient": [],
        "changes": {},
        "no_new_privs": 1,
        "seccomp": 2,
        "dumpable": 0,
        "ids": {65534},
    }


@guarantee("seccomp")
def test_refused_system_calls(backend: str, box: Callable[..., Any]) -> None:
    import pyseccomp

    from grader.sandbox import seccomp

    groups = (seccomp.NETWORK, seccomp.NAMESPACES, seccomp.OTHER_PROCESSES, seccomp.KERNEL, seccomp.UNCOUNTED_MEMORY)
    names = " ".join(groups).split()
    numbers = {name: pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) for name in names}
    native = {name: number for name, number in numbers.items() if number >= 0}
    assert {"unshare", "mount", "ptrace", "bpf", "socket", "keyctl", "memfd_create", "setns"} <= set(native)
    work = box(
        """
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, (*arguments, *[0] * (6 - len(arguments)))))
    return "it works" if result >= 0 else errno.errorcode.get(ctypes.get_errno())
def all_of(numbers):
    return {name: call(number) for name, number in numbers.items()}
def clones(number, flags):
    return {flag: call(number, flag | signal.SIGCHLD) for flag in flags}
"""
    )
    assert set(work.all_of(native).values()) == {"EPERM"}
    clone, clone3, ioctl = (
        pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) for name in ("clone", "clone3", "ioctl")
    )
    assert set(work.clones(clone, list(seccomp.CLONE_NEW_FLAGS)).values()) == {"EPERM"}
    assert work.call(clone3, 0, 0) == "ENOSYS"
    assert work.call(ioctl, 0, seccomp.TIOCSTI, 0) == "EPERM"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="x86-64 has two further ways to call the kernel")
@guarantee("seccomp")
def test_no_other_way_into_the_kernel(backend: str, box: Callable[..., Any]) -> None:
    """The numbers of the x32 interface lie above 0x40000000 and would pass a filter that looks at numbers alone."""
    work = box(
        """
def call_x32():
    libc = ctypes.CDLL(None, use_errno=True)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if libc.syscall(ctypes.c_long(0x40000000 + 39)) < 0 else 9)
    _pid, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
"""
    )
    assert work.call_x32() is True


@guarantee("own pid namespace")
def test_other_processes_cannot_be_reached(backend: str, box: Callable[..., Any], open_session: OpenSession) -> None:
    neighbour = box("state = []\ndef add(): state.append(1); return len(state)")
    assert neighbour.add() == 1
    work = box(
        """
def told(foreign):
    seen = {"pid": os.getpid(), "parent": os.getppid(), "proc": os.listdir("/proc")}
    reached = []
    for pid in (*foreign, *range(2, 3000)):
        try:
            os.kill(pid, 0)
            reached.append(pid)
        except ProcessLookupError:
            pass
    try:
        os.kill(-1, signal.SIGKILL)
        reached.append(-1)
    except ProcessLookupError:
        pass
    return seen, reached
"""
    )
    foreign = [os.getpid(), os.getppid(), guest_of(neighbour).pid, guest_of(work).pid]
    seen, reached = work.told(foreign)
    assert seen == {"pid": 1, "parent": 0, "proc": ["self"]}
    assert reached == []
    assert neighbour.add() == 2
    assert box("def f(): return 1").f() == 1


@guarantee("limited processes")
def test_a_fork_storm_ends(backend: str, box: Callable[..., Any]) -> None:
    work = box(
        """
def storm():
    born = 0
    for _ in range(200):
        try:
            pid = os.fork()
        except OSError as error:
            return born, errno.errorcode[error.errno]
        if pid == 0:
            signal.pause()
        born += 1
    return born, "no end"
def threads():
    import threading
    stop, born = threading.Event(), 0
    try:
        for _ in range(200):
            threading.Thread(target=stop.wait, daemon=True).start()
            born += 1
    except RuntimeError as error:
        stop.set()
        return born, "refused"
    return born, "no end"
"""
    )
    born, why = work.storm()
    assert (born < 16, why) == (True, "EAGAIN")
    other = box("def f(): return os.fork() >= 0")
    assert other.f() is True, "the limit is each guest's own"
    close(work)
    born, why = work.threads()
    assert (born < 16, why) == (True, "refused")


# limits ---------------------------------------------------------------------------------------------------------------


LOOPS = {
    "plain": "while True: pass",
    "ignores signals": (
        "[signal.signal(n, signal.SIG_IGN) for n in range(1, 65) if n not in (9, 19, 32, 33)]\n    while True: pass"
    ),
    "catches all": "while True:\n        try: time.sleep(0); sum(range(10**6))\n        except BaseException: pass",
    "holds the GIL": "return pow(7, 10**8)",
    "regular expression": "import re; re.match(r'(a+)+$', 'a' * 60 + 'b')",
    "children": "for _ in range(3):\n        if os.fork() == 0:\n            while True: pass\n    os.wait()",
    "another thread": (
        "import threading\n    t = threading.Thread(target=lambda: sum(iter(int, 1)))\n    t.start(); t.join()"
    ),
}


@guarantee("limited cpu")
@pytest.mark.parametrize("loop", LOOPS)
def test_endless_work_ends(backend: str, box: Callable[..., Any], loop: str) -> None:
    work = box(f"def loop():\n    {LOOPS[loop]}\ndef fine(): return 1")
    started = time.monotonic()
    with pytest.raises(GuestTimeout):
        work.loop()
    assert time.monotonic() - started < 30
    assert work.fine() == 1, "a fresh guest"


@guarantee("limited cpu")
def test_the_kernel_ends_what_the_host_does_not_see(backend: str, box: Callable[..., Any]) -> None:
    """A process that works while nobody asks anything is stopped by its resource limit."""
    limits = Limits(cpu_seconds=1, wall_seconds=60, total_cpu_seconds=1, total_wall_seconds=120, memory_mb=200)
    work = box("def limit(): import resource; return resource.getrlimit(resource.RLIMIT_CPU)", limits=limits)
    assert work.limit() == (2, 2)


@guarantee("limited wall time")
@pytest.mark.parametrize(
    "wait", ["time.sleep(600)", "os.read(os.pipe()[0], 1)", "signal.pause()", "os.kill(os.getpid(), 19)"]
)
def test_endless_waiting_ends(backend: str, box: Callable[..., Any], wait: str) -> None:
    limits = Limits(cpu_seconds=1, wall_seconds=1, memory_mb=200)
    if "kill" in wait and backend == "bubblewrap":
        wait = "time.sleep(600)  # process 1 of a namespace cannot be stopped from inside"
    work = box(f"def wait():\n    {wait}", limits=limits)
    started = time.monotonic()
    with pytest.raises(GuestTimeout, match="1 seconds"):
        work.wait()
    assert 0.9 < time.monotonic() - started < 20


def test_modules_that_were_not_preloaded_can_be_imported(backend: str, box: Callable[..., Any]) -> None:
    """The guest is another user than the grader: all that it may import must be readable to anybody."""
    work = box(
        """
def load():
    import mmap, sqlite3, numpy.polynomial, xml.dom.minidom, concurrent.futures
    return sorted(module.__name__ for module in (mmap, sqlite3, numpy.polynomial))
"""
    )
    assert work.load() == ["mmap", "numpy.polynomial", "sqlite3"]


@guarantee("limited wall time")
def test_a_guest_that_reads_no_request_is_given_up(backend: str, box: Callable[..., Any]) -> None:
    import numpy as np

    limits = Limits(cpu_seconds=1, wall_seconds=1, memory_mb=200)
    work = box(
        "def stop(x=None):\n    os.dup2(os.open('/dev/null', 2), 3)\n    return 1",
        limits=limits,
    )
    with pytest.raises(GuestFault):  # noqa: PT012  which of several calls fails is open
        work.stop()
        work.stop(np.zeros(4_000_000))


MEMORY = {
    "one block": "x = bytearray(400 << 20)",
    "small steps": "x = []\n    while True: x.append(bytearray(1 << 16))",
    "anonymous map": "import mmap; m = mmap.mmap(-1, 400 << 20); m.write(bytes(1 << 20) * 400)",
    "several processes": """
    for _ in range(8):
        if os.fork() == 0:
            x = bytearray(b"x" * (60 << 20)); time.sleep(60)
    time.sleep(60)""",
    "shared maps of several processes": """
    import mmap
    for _ in range(8):
        if os.fork() == 0:
            m = mmap.mmap(-1, 60 << 20)
            for _ in range(60): m.write(bytes(1 << 20))
            time.sleep(60)
    time.sleep(60)""",
}


@guarantee("limited memory")
@pytest.mark.parametrize("hog", MEMORY)
def test_memory_ends(backend: str, box: Callable[..., Any], hog: str) -> None:
    """Either the kernel refuses a further block (MemoryError) or the host ends the guest."""
    limits = Limits(cpu_seconds=20, wall_seconds=60, memory_mb=200)
    work = box(f"def hog():\n    {MEMORY[hog].strip()}\ndef fine(): return 1", limits=limits)
    with pytest.raises((MemoryError, OSError, GuestMemory)):
        work.hog()
    assert work.fine() == 1


@guarantee("limited memory")
def test_memory_that_grows_between_quick_calls_is_seen(backend: str, box: Callable[..., Any]) -> None:
    limits = Limits(cpu_seconds=20, wall_seconds=60, memory_mb=200)
    work = box(
        """
def grow():
    for _ in range(6):
        if os.fork() == 0:
            x = bytearray(b"x" * (60 << 20)); time.sleep(60)
    return 1
def quick(): return 1
""",
        limits=limits,
    )
    work.grow()
    end = time.monotonic() + 30
    with pytest.raises(GuestMemory):  # noqa: PT012  which of several calls fails is open
        while time.monotonic() < end:
            work.quick()


@guarantee("limited output")
def test_output_is_bounded_and_never_blocks(backend: str, box: Callable[..., Any]) -> None:
    work = box(
        """
def shout():
    for _ in range(300):
        os.write(1, b"x" * 65536)
    print("y" * 100_000, file=sys.stderr)
    return 1
"""
    )
    assert work.shout() == 1
    text = object.__getattribute__(work, "_session").take_output()
    assert 16 * 1024 <= len(text) < 17 * 1024
    assert "not kept" in text


# nothing survives -----------------------------------------------------------------------------------------------------


@guarantee("nothing survives")
def test_a_daemon_ends_with_its_guest(backend: str, box: Callable[..., Any]) -> None:
    work = box(
        """
def daemon():
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in range(1, 65):
                if number not in (9, 19, 32, 33):
                    signal.signal(number, signal.SIG_IGN)
            os.write(writing, b"x")
            while True:
                time.sleep(1)
        os._exit(0)
    os.wait()
    os.read(reading, 1)
    return 1
"""
    )
    assert work.daemon() == 1
    pid = guest_of(work).pid
    family = [pid, *descendants(pid)]
    assert len(family) == 2
    close(work)
    assert [pid for pid in family if is_alive(pid)] == []


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@guarantee("nothing survives")
def test_guests_end_with_the_grader(backend: str, tmp_path: Path) -> None:
    """kill -9 of the process that holds the sandbox takes zygote and guests with it."""
    script = f"""
import sys, time
from grader.model import Environment, Limits, SubmissionFiles
from grader.remote import RemoteSession
from grader.sandbox import open_sandbox
zygote = open_sandbox({backend!r}).start(Environment.NUMPY, Limits())
files = SubmissionFiles("work", "work.py", {{"work.py": b"import os\\ndef f():\\n    os.fork()\\n    return 1"}})
session = RemoteSession(zygote, files, Limits())
session.submission.f()
print("ready", flush=True)
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process, contextlib.ExitStack() as stack:
        stack.callback(process.kill)
        assert process.stdout.readline() == "ready\n"
        family = descendants(process.pid)
        assert len(family) >= 3
        process.kill()
        process.wait()
        end = time.monotonic() + 20
        while any(map(is_alive, family)) and time.monotonic() < end:
            os.sched_yield()
        assert [pid for pid in family if is_alive(pid)] == []


@guarantee("nothing survives")
def test_nothing_is_left_for_the_next(backend: str, box: Callable[..., Any]) -> None:
    source = """
import builtins, numpy
def leave():
    numpy.sum = builtins.sum = lambda *_a, **_k: 42
    numpy.random.seed(1)
    sys.modules["planted"] = sys
    os.makedirs("/tmp/submission/__pycache__", exist_ok=True)
    for path in ("/tmp/sitecustomize.py", "/dev/shm/x", "numpy.py"):
        open(path, "w").write("raise SystemExit")
    return 1
def look():
    files = sorted(os.listdir("/tmp") + os.listdir("/dev/shm") + os.listdir("."))
    return files, numpy.sum([1, 2]), "planted" in sys.modules
def byte_code():
    import helper
    return helper.x, [name for _folder, _folders, names in os.walk("/tmp") for name in names if name.endswith(".pyc")]
"""
    first = box(source, helpers={"helper.py": "x = 3"})
    before = first.look()
    assert before[1:] == (3, False)
    assert first.leave() == 1
    close(first)
    assert first.look() == before
    assert box(source, helpers={"helper.py": "x = 3"}).byte_code() == (3, [])
    assert box(source).look()[1:] == before[1:]


# frameworks -----------------------------------------------------------------------------------------------------------


TORCH_SOURCE = """
import torch
def train():
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 1)
    optimiser = torch.optim.Adam(model.parameters())
    for _ in range(3):
        loss = model(torch.ones(8, 4)).pow(2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return float(loss)
def hog():
    kept = []
    while True:
        kept.append(torch.ones(1 << 20))
"""


@guarantee("limited memory")
def test_torch_trains_and_its_memory_ends(backend: str, box: Callable[..., Any]) -> None:
    pytest.importorskip("torch", reason="install the torch extra")
    limits = replace(Limits(), memory_mb=300, cpu_seconds=20, wall_seconds=60)
    work = box(TORCH_SOURCE, environment=Environment.TORCH, limits=limits)
    assert work.train() > 0
    with pytest.raises((RuntimeError, MemoryError, GuestMemory)):
        work.hog()
    assert work.train() > 0


def test_workers_of_a_data_loader_answer(backend: str, box: Callable[..., Any]) -> None:
    """torch would let them send descriptors over a local socket, which a guest may not open."""
    pytest.importorskip("torch", reason="install the torch extra")
    source = """
import torch
from torch.utils.data import DataLoader, TensorDataset
def batches():
    data = TensorDataset(torch.arange(12.0).reshape(6, 2), torch.arange(6))
    loader = DataLoader(data, batch_size=3, num_workers=1)
    return [[images.sum().item(), labels.tolist()] for images, labels in loader]
"""
    limits = replace(Limits(), memory_mb=2048, processes=64, cpu_seconds=20, wall_seconds=60)
    work = box(source, environment=Environment.TORCH, limits=limits)
    assert work.batches() == [[15.0, [0, 1, 2]], [51.0, [3, 4, 5]]]


def test_neighbours_of_scikit_learn_are_found_without_proc(backend: str, box: Callable[..., Any]) -> None:
    """Its bound on threads looks for libraries in /proc/self/maps, if there was a /proc when it was imported."""
    pytest.importorskip("sklearn", reason="install the timed extra")
    source = """
import numpy as np
from sklearn.neighbors import KNeighborsClassifier
def nearest():
    points = np.linspace(0, 1, 40).reshape(20, 2)
    model = KNeighborsClassifier(1, algorithm="brute").fit(points, np.arange(20))
    return model.predict(points).tolist()
"""
    limits = replace(Limits(), memory_mb=1024, processes=64, load_cpu_seconds=60, load_wall_seconds=120)
    assert box(source, limits=limits).nearest() == list(range(20))


@pytest.mark.parametrize("end", ["os._exit(0)", "os.abort()", "ctypes.string_at(0)"])
def test_a_guest_that_ends_is_noticed(backend: str, box: Callable[..., Any], end: str) -> None:
    work = box(f"def end():\n    {end}\ndef fine(): return 1")
    with pytest.raises(GuestKilled):
        work.end()
    assert work.fine() == 1


def test_a_guest_may_signal_itself(backend: str, box: Callable[..., Any]) -> None:
    """As process 1 of a namespace it ignores what it does not handle, even SIGKILL; elsewhere it is killed."""
    work = box("def end():\n    os.kill(os.getpid(), signal.SIGKILL)\n    return 1\ndef fine(): return 1")
    with contextlib.suppress(GuestKilled):
        assert work.end() == 1
    assert work.fine() == 1


def test_a_module_that_ends_the_process_is_a_fault_of_its_own(backend: str, open_session: OpenSession) -> None:
    for end in ("import os; os._exit(0)", "import ctypes; ctypes.string_at(0)"):
        with pytest.raises((GuestKilled, LoadError)):
            open_session(end, backend=backend).load()
