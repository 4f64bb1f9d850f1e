"""The zygote: a warm process that forks one guest per request. It runs no student's code and holds no secret.

Started with the number of its control socket. First it reads one frame with its settings, warms up and answers
``{"ready": …}``. Then each request, one byte accompanied by descriptors, is answered by a child's pidfd, or by
``{"error": …}``. ``GUEST`` brings the guest's socket, the pipe for what it prints, and any memory that it shares with
the host. ``CLONE`` brings a control socket, which another zygote then serves: a fork, as warm as this one, in its
memory.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import linecache
import os
import socket
import struct
import sys
import tempfile
import traceback
from types import ModuleType
from typing import Any, NoReturn

from . import frames, isolation
from .shared import FIRST_SHARED, MAX_SHARED, adopt

GUEST = b"+"
CLONE = b"="


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    settings, buffers = frames.read_frame(frames.receiver(control))
    seccomp_filter = bytes(buffers[0]) if buffers else b""
    isolated = settings["isolated"]
    namespace = -1
    if settings["cores"]:
        os.sched_setaffinity(0, settings["cores"])
    try:
        warm_up(settings["needed"], settings["preload"], settings["environment"], driver=settings["driver"])
        if isolated:
            namespace = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
            isolation.remember_libraries()
        if settings["driver"]:  # guests then see this process in /proc: its memory and environment stay closed
            isolation.prctl(isolation.PR_SET_DUMPABLE, 0)
    except Exception:
        frames.send_frame(control, {"error": traceback.format_exc(limit=-4)})
        return
    from . import guest  # warm: the guest's own modules too

    settings["limits"]["mapped_bytes"] = isolation.mapped_bytes()
    linecache.clearcache()  # torch fills it; every guest would let go of it: 4.5 ms of copied pages
    gc.collect()
    gc.freeze()  # the collector of a child then leaves the shared pages alone
    frames.send_frame(control, {"ready": True, "python": sys.version.split()[0], "versions": versions()})
    while True:
        request, descriptors = receive_with_descriptors(control)
        if request is None:
            os._exit(0)  # a clone would take torch down piece by piece
        reap()
        if request == CLONE:
            control = clone(control, descriptors)
            continue
        try:
            pid = isolation.fork_into_pid_namespace(namespace) if isolated else os.fork()
        except OSError as error:
            for descriptor in descriptors:
                os.close(descriptor)
            frames.send_frame(control, {"error": f"fork: {error}"})
            continue
        if pid == 0:
            control.close()
            if namespace >= 0:
                os.close(namespace)
            run_guest(guest, descriptors, settings, seccomp_filter)
        for descriptor in descriptors:
            os.close(descriptor)
        send_pidfd(control, pid)


def clone(control: socket.socket, descriptors: list[int]) -> socket.socket:
    """Fork another zygote, which ends with this one; returns the control socket to go on with, in each of the two."""
    theirs = socket.socket(fileno=descriptors[0])
    try:
        pid = os.fork()
    except OSError as error:
        theirs.close()
        frames.send_frame(control, {"error": f"fork: {error}"})
        return control
    if pid == 0:
        control.close()
        isolation.prctl(isolation.PR_SET_PDEATHSIG, isolation.SIGKILL)
        return theirs
    theirs.close()
    send_pidfd(control, pid)
    return control


def send_pidfd(control: socket.socket, pid: int) -> None:
    """Answer a request with the child that was forked for it."""
    pidfd = os.pidfd_open(pid)
    try:
        socket.send_fds(control, [struct.pack("!i", pid)], [pidfd])
    finally:
        os.close(pidfd)


def run_guest(guest: ModuleType, descriptors: list[int], settings: dict[str, Any], seccomp_filter: bytes) -> NoReturn:
    """In the child: confine, then serve until the host hangs up. Never returns."""
    code = 1
    try:
        place_descriptors(*descriptors)
        wire = socket.socket(fileno=3)
        try:
            adopt(len(descriptors) - 2)
            if settings["isolated"]:
                isolation.confine(settings["limits"], seccomp_filter, settings["drop_uid"], settings["driver"])
            else:
                os.setsid()
                isolation.prctl(isolation.PR_SET_PDEATHSIG, isolation.SIGKILL)
                isolation.set_resource_limits({**settings["limits"], "processes": _soft_process_limit()})
        except Exception:
            frames.send_frame(wire, {"unconfined": traceback.format_exc(limit=-3)})
            os._exit(70)
        # The host waits for this before it believes that what comes next is the submission's own doing.
        frames.send_frame(wire, {"confined": True})
        scratch = settings["scratch"]
        if not settings["isolated"]:  # the folder is shared with other guests
            scratch = tempfile.mkdtemp(dir=scratch)
        guest.serve(wire, scratch)
        code = 0
    except BaseException:
        code = 71
    finally:
        os._exit(code)


def _soft_process_limit() -> int:
    """Without a user namespace the process limit counts all of a user's processes; leave it as it is."""
    import resource

    return resource.getrlimit(resource.RLIMIT_NPROC)[0]


def place_descriptors(wire: int, output: int, *shared: int) -> None:
    """Make /dev/null 0, the output pipe 1 and 2, the wire 3, shared memory 4 and on; close everything else."""
    null = os.open(os.devnull, os.O_RDONLY)
    places = {0: null, 1: output, 2: output, 3: wire, **dict(enumerate(shared, FIRST_SHARED))}
    saved = {target: os.dup2(source, 200 + target) for target, source in places.items()}  # out of the way
    for target, source in saved.items():
        os.dup2(source, target)
    first = max(places) + 1
    os.closerange(first, max(saved.values()) + 64)
    with contextlib.suppress(OSError):
        os.closerange(first, 4096)


def receive_with_descriptors(control: socket.socket) -> tuple[bytes | None, list[int]]:
    """One byte and its descriptors; ``(None, [])`` where the host hung up."""
    data, descriptors, _flags, _address = socket.recv_fds(control, 1, 2 + MAX_SHARED)
    if not data:
        return None, []
    return data, descriptors


def reap() -> None:
    """Collect children that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def warm_up(needed: list[str], preload: list[str], environment: str, *, driver: bool) -> None:
    """Import what submissions import, and run once what frameworks put off until first use.

    :param needed: the environment's own modules; whoever lacks one cannot grade.
    :param preload: modules that some submission imports; ``module:function`` is called besides. One that fails to
        import is that submission's affair.
    :param driver: whether a GPU is visible, which nothing may touch before the fork.
    """
    sys.dont_write_bytecode = True
    for name in needed:
        importlib.import_module(name)
    for name in preload:
        with contextlib.suppress(Exception):
            module, _, function = name.partition(":")
            imported = importlib.import_module(module)
            if function:
                getattr(imported, function)()
    if environment == "torch":
        from . import warm_torch

        warm_torch.first_steps(backward=not driver)
    if "torch" in sys.modules:
        from . import warm_torch

        warm_torch.pass_tensors_by_value()


def versions() -> dict[str, str]:
    """Versions of the frameworks that are warm."""
    names = ("numpy", "torch", "tensorflow", "matplotlib")
    return {name: getattr(sys.modules[name], "__version__", "") for name in names if name in sys.modules}


if __name__ == "__main__":
    main()
