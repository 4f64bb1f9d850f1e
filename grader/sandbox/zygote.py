"""Host side of the zygote: starts it through a backend's command, asks it for guests."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from grader.errors import InfrastructureError, SandboxUnavailable
from grader.model import Environment, Limits
from grader.sandbox.limits import limits_message
from grader.sandbox.process import GuestProcess
from grader.sandbox.protocol import NO_DEVICE, DeviceAccess
from grader.wall import frames
from grader.wall.zygote import CLONE, GUEST

WALL = Path(frames.__file__).resolve().parent

# TensorFlow takes 4 s on an idle machine; a loaded one with a cold disk cache took 60.
START_SECONDS = 180.0
# A fork takes 30 ms with torch imported.
FORK_SECONDS = 60.0

# What submissions of an environment find imported. TensorFlow by import alone: an operation in the parent hangs
# a child.
PRELOAD = {
    Environment.NUMPY: ("numpy", "numpy.random", "numpy.linalg", "numpy.testing"),
    Environment.TORCH: ("numpy", "numpy.random", "torch", "torch.nn.functional"),
    Environment.TENSORFLOW: ("numpy", "numpy.random", "tensorflow"),
}

# All that a guest's environment holds. One thread per library: a fork after work on two threads deadlocks. A fixed hash
# seed: a set of text is gone through in the same order each time. Two heaps: glibc would reserve 64 MiB of address
# space for each of a submission's threads, and the twelfth one could not start.
GUEST_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "USER": "student",
    "MPLBACKEND": "Agg",
    "MPLCONFIGDIR": "/tmp",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "CUDA_VISIBLE_DEVICES": "",
    "PYTHONHASHSEED": "0",
    "MALLOC_ARENA_MAX": "2",
}


class _ZygoteClient:
    """Speaks with a zygote that is warm."""

    def __init__(self, control: socket.socket, limits: Limits, errors: IO[bytes], *, isolated: bool) -> None:
        """:param errors: what the zygote's process prints."""
        self.versions: dict[str, str] = {}
        self._control = control
        self._limits = limits
        self._isolated = isolated
        self._errors = errors
        self._prepared: GuestProcess | None = None

    def await_ready(self) -> None:
        """See the protocol; a clone is as warm as what it was forked from."""

    def spawn(self, shared: Sequence[int] = ()) -> GuestProcess:
        """The prepared guest, or a fresh one. Raises InfrastructureError where the zygote is gone or cannot fork."""
        if shared:
            return self._fork(shared)
        guest, self._prepared = self._prepared, None
        if guest is not None:
            if guest.alive():
                return guest
            guest.close()
        return self._fork()

    def prepare(self) -> None:
        """Fork the next guest ahead of time. Raises InfrastructureError as :meth:`spawn` does."""
        if self._prepared is None:
            self._prepared = self._fork()

    def disown(self) -> None:
        """Forget the prepared guest, which a forked child has taken over."""
        if self._prepared is not None:
            self._prepared.disown()
            self._prepared = None

    def clone(self) -> _ZygoteClient:
        """Another zygote, forked from this one, whose end is its own too. Raises InfrastructureError."""
        ours, theirs = socket.socketpair()
        ours.settimeout(FORK_SECONDS)
        try:
            os.close(self._ask(CLONE, [theirs.fileno()]))
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        cloned = _ZygoteClient(ours, self._limits, self._errors, isolated=self._isolated)
        cloned.versions = self.versions
        return cloned

    def _fork(self, shared: Sequence[int] = ()) -> GuestProcess:
        ours, theirs = socket.socketpair()
        output, printing = os.pipe()
        try:
            pidfd = self._ask(GUEST, [theirs.fileno(), printing, *shared])
        except BaseException:
            ours.close()
            os.close(output)
            raise
        finally:
            theirs.close()
            os.close(printing)
        return GuestProcess(ours, output, pidfd, self._limits, own_namespace=self._isolated)

    def _ask(self, request: bytes, descriptors: list[int]) -> int:
        """The pidfd of what is forked for a request."""
        try:
            socket.send_fds(self._control, [request], descriptors)
            answer, received, _flags, _address = socket.recv_fds(self._control, 4096, 1)
        except OSError as error:
            raise self._failure(f"the sandbox's warm process does not answer ({type(error).__name__})") from error
        if not received:
            raise self._failure(f"the sandbox cannot fork: {_error_text(answer)}")
        return received[0]

    def close(self) -> None:
        """End it, and with it its guests; safe to call twice."""
        self.disown()
        self._control.close()

    def _failure(self, what: str) -> InfrastructureError:
        said = ""
        with contextlib.suppress(OSError, ValueError):
            self._errors.seek(0)
            said = self._errors.read(4000).decode("utf-8", "replace").strip()
        self.close()
        return SandboxUnavailable(f"{what}{chr(10) + said if said else ''}", remedy="run: grader doctor")


class ZygoteProcess(_ZygoteClient):
    """A zygote's process; implements :class:`grader.sandbox.protocol.Zygote`."""

    def __init__(
        self,
        command: list[str],
        environment_variables: dict[str, str],
        environment: Environment,
        limits: Limits,
        preload: tuple[str, ...],
        *,
        isolated: bool,
        drop_uid: bool = False,
        seccomp: bytes = b"",
        scratch: str = "/tmp",
        device: DeviceAccess = NO_DEVICE,
        wait: bool = True,
    ) -> None:
        """Start and warm up; ``command`` gets the control descriptor's number appended.

        :param wait: until it is warm; otherwise :meth:`await_ready` is to be called before anything else.
        Raises SandboxUnavailable with what the command printed where it does not come up.
        """
        ours, theirs = socket.socketpair()
        ours.settimeout(START_SECONDS)
        errors = tempfile.TemporaryFile()  # noqa: SIM115  # open until close()
        super().__init__(ours, limits, errors, isolated=isolated)
        self._environment = environment
        self._warm = False
        try:
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=self._errors,
                stderr=self._errors,
                env=environment_variables,
                cwd="/",
            )
        except OSError as error:
            self._control.close()
            self._errors.close()
            raise SandboxUnavailable(f"{command[0]} cannot be started: {error}", remedy="run: grader doctor") from error
        finally:
            theirs.close()
        settings = {
            "isolated": isolated,
            "drop_uid": drop_uid,
            "environment": environment.value,
            "needed": PRELOAD[environment],
            "preload": preload,
            "limits": limits_message(limits, device),
            "cores": device.cores,
            "driver": device.driver,
            "scratch": scratch,
        }
        try:
            frames.send_frame(self._control, settings, [seccomp])
        except OSError as error:
            raise self._failure(f"the sandbox does not start ({type(error).__name__})") from error
        if wait:
            self.await_ready()

    def await_ready(self) -> None:
        """Wait until it is warm. Raises SandboxUnavailable with what it printed where it does not come up."""
        if self._warm:
            return
        try:
            answer, _ = frames.read_frame(frames.receiver(self._control))
        except (EOFError, OSError) as error:
            raise self._failure(f"the sandbox does not start ({type(error).__name__})") from error
        if "error" in answer:
            raise self._failure(f"the sandbox cannot load the {self._environment} environment:\n{answer['error']}")
        self.versions = {"python": answer["python"], **answer["versions"]}
        self._control.settimeout(FORK_SECONDS)
        self._warm = True

    def close(self) -> None:
        """End the zygote, its clones and all guests; safe to call twice."""
        super().close()
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._errors.close()


def _error_text(answer: bytes) -> str:
    if not answer:
        return "it has ended"
    try:
        message: dict[str, Any] = frames.unpack_bytes(answer)[0]
    except frames.WireError:
        return "it answers nonsense"
    return str(message.get("error", "no reason given"))
