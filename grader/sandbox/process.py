"""Host side of a guest's process: its socket, its output, its clock and its end."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

from grader.errors import InfrastructureError
from grader.model import Limits
from grader.sandbox.protocol import Frame, GuestFault, GuestKilled, GuestMemory, GuestTimeout
from grader.wall import frames

MIB = 2**20
TICK = os.sysconf("SC_CLK_TCK")
_HELD = re.compile(rb"^Rss(?:Anon|Shmem):\s*(\d+) kB$", re.MULTILINE)
# A call that has not answered by then is looked at for memory and CPU, again and again; most calls take microseconds.
FIRST_LOOK_SECONDS = 0.1
LOOK_SECONDS = 0.25
# Drained per look, so that a guest that prints without end cannot keep the host from its clock.
DRAIN_BYTES = 1 << 20
# A guest that runs Python code answers a signal within a millisecond; one that is stuck in C never does.
WHERE_SECONDS = 0.3
# A killed guest is gone within milliseconds; one that is not keeps a device or disk busy in the kernel.
DEATH_SECONDS = 20.0


class GuestProcess:
    """A guest behind a socket; implements :class:`grader.sandbox.protocol.Guest`.

    :param pidfd: descriptor of the guest's first process.
    :param own_namespace: True where killing that process ends all others of the guest (a pid namespace).
    """

    def __init__(
        self, wire: socket.socket, output: int, pidfd: int, limits: Limits, *, own_namespace: bool
    ) -> None:
        self._wire = wire
        self._wire.setblocking(False)
        self._output = output
        os.set_blocking(output, False)
        self._pidfd = pidfd
        self.pid = _pid_of(pidfd)
        self.interrupted = False
        self.condemned: GuestFault | None = None
        self._descriptors = threading.Lock()  # for a thread that condemns: a closed number may soon be another guest's
        self._limits = limits
        self._own_namespace = own_namespace
        self._base_bytes = held_bytes(self.pid)
        self._confined = False
        self._looked: float | None = None  # when /proc was looked at, or the first exchange began
        self._printed = bytearray()
        self._room = limits.output_kb * 1024
        self._dropped = False
        self._cpu = 0.0
        self._poll = select.poll()
        self._poll.register(wire, select.POLLIN)
        self._poll.register(output, select.POLLIN)
        self._death = select.poll()
        self._death.register(pidfd, select.POLLIN)
        self._reader = frames.Reader(wire)
        self._closed = False

    def exchange(
        self,
        message: dict[str, Any],
        buffers: list[Any],
        *,
        cpu_seconds: float,
        wall_seconds: float,
        interrupt_after: float | None = None,
    ) -> Frame:
        self.interrupted = False
        clock = _Clock(self, cpu_seconds, wall_seconds, interrupt_after)
        try:
            parts = frames.pack(message, buffers)
        except frames.WireError as error:
            self.close()
            raise GuestKilled(f"An argument of the call is {error}.") from None
        try:
            self._send(parts, clock)
            if not self._confined:
                self._read_greeting(clock)
            if not self._reader.has_more:
                clock.wait()  # rather than ask the socket first, which has nothing yet
            return frames.read_frame(lambda size: self._reader.receive_exactly(size, clock.wait))
        except (frames.WireError, EOFError, OSError, GuestFault) as error:
            if not self._confined:  # until it says so, nothing of the submission has run
                self.close()
                raise InfrastructureError(
                    "a guest ended, or took too long, before it was isolated", remedy="run: grader doctor"
                ) from error
            if isinstance(error, GuestFault):
                raise
            if isinstance(error, frames.WireError):
                self.close()
                raise GuestKilled(f"The submission's process sent something that is no answer ({error}).") from None
            raise self._ended() from None

    @property
    def received_bytes(self) -> int:
        return self._reader.taken

    def alive(self) -> bool:
        if self._closed:
            return False
        return not self._death.poll(0)

    def take_output(self) -> str:
        if not self._closed:
            self._drain()
        text = self._printed.decode("utf-8", "replace")
        if self._dropped and text:
            text += f"\n[output beyond {self._limits.output_kb} KiB is not kept]\n"
        self._printed.clear()
        return text

    def cpu_seconds(self) -> float:
        with contextlib.suppress(OSError):
            self._cpu = max(self._cpu, tree_usage(self.pid, 0)[0])
        return self._cpu

    def interrupt(self) -> None:
        """Send SIGINT to all processes of the guest, as Ctrl-C in a terminal would."""
        self.interrupted = True
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGINT)
        for pid in descendants(self.pid):  # os.system ignores the signal while it waits for its child
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGINT)

    def condemn(self, fault: GuestFault) -> None:
        with self._descriptors:
            if self._pidfd < 0:
                return
            self.condemned = self.condemned or fault
            with contextlib.suppress(ProcessLookupError):  # it has ended
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def close(self) -> None:
        if self._closed:
            return
        self.cpu_seconds()
        self._closed = True
        left = [] if self._own_namespace else descendants(self.pid)
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        if not self._own_namespace:
            for pid in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
        if not self._death.poll(DEATH_SECONDS * 1000):
            raise InfrastructureError(f"a guest process ({self.pid}) does not die", remedy="look at the kernel's log")
        self._drain()
        self.disown()

    def disown(self) -> None:
        """Close this process's descriptors and leave the guest alone."""
        self._closed = True
        self._wire.close()
        os.close(self._output)
        with self._descriptors:
            os.close(self._pidfd)
            self._pidfd = -1

    def give_up(self, why: str) -> GuestTimeout:
        """Ask the guest what it is running, then end it."""
        where = None
        deadline = time.monotonic() + WHERE_SECONDS

        def receive(size: int) -> bytearray:
            data = bytearray()
            while len(data) < size:
                self._wire.settimeout(max(0.001, deadline - time.monotonic()))
                part = self._wire.recv(size - len(data))
                if not part or time.monotonic() > deadline:
                    raise EOFError
                data += part
            return data

        with contextlib.suppress(OSError, EOFError, frames.WireError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGXCPU)
            answer, _ = frames.read_frame(receive)
            where = answer.get("where")
        self.close()
        return GuestTimeout(why, where)

    # ------------------------------------------------------------------------------------------------------------------

    def _read_greeting(self, clock: _Clock) -> None:
        """The first frame is sent before any of the submission's code runs: isolated, or why not."""
        greeting, _buffers = frames.read_frame(lambda size: self._reader.receive_exactly(size, clock.wait))
        if greeting.get("confined") is not True:
            self.close()
            raise InfrastructureError(
                f"a guest could not be isolated:\n{greeting.get('unconfined', '')}", remedy="run: grader doctor"
            )
        self._confined = True

    def _send(self, parts: list[Any], clock: _Clock) -> None:
        data = parts[0] if len(parts) == 1 else b"".join(parts) if sum(map(len, parts)) < 65536 else None
        for part in parts if data is None else [data]:
            view = memoryview(part)
            while view:
                try:
                    view = view[self._wire.send(view) :]
                except BlockingIOError:
                    clock.wait(writing=True)

    def _drain(self) -> None:
        taken = 0
        while taken < DRAIN_BYTES:
            try:
                chunk = os.read(self._output, 65536)
            except BlockingIOError:
                return
            if not chunk:
                with contextlib.suppress(KeyError):
                    self._poll.unregister(self._output)
                return
            taken += len(chunk)
            kept = chunk[: max(0, self._room)]
            self._room -= len(kept)
            self._printed += kept
            self._dropped = self._dropped or len(kept) < len(chunk)

    def _ended(self) -> GuestFault:
        """Why the socket closed: the process has ended, or it closed the socket and still runs."""
        used = self.cpu_seconds()
        self.close()
        if self.condemned is not None:
            return self.condemned
        if used >= self._limits.total_cpu_seconds:
            return GuestTimeout(f"The submission used more than its {used:.0f} CPU seconds in all.")
        return GuestKilled("The submission's process ended in the middle of a call (exit, crash, or killed).")


class _Clock:
    """CPU and wall limit of one exchange."""

    def __init__(
        self, guest: GuestProcess, cpu_seconds: float, wall_seconds: float, interrupt_after: float | None = None
    ) -> None:
        self._guest = guest
        self._interrupt_after = interrupt_after
        self._cpu_seconds = cpu_seconds
        self._wall_seconds = wall_seconds
        self._start = time.monotonic()
        self._cpu_start: float | None = None
        # Calls that answer at once are looked at too, now and then: meanwhile other processes of the guest may grow.
        if guest._looked is None:
            guest._looked = self._start
        overdue = self._start - guest._looked > LOOK_SECONDS
        self._next_look = 0.0 if overdue else FIRST_LOOK_SECONDS

    def wait(self, *, writing: bool = False) -> None:
        """Wait until the socket is ready; raise GuestTimeout or GuestMemory where a limit is passed."""
        guest = self._guest
        if writing:  # this alone: a guest that talks instead of listening would otherwise wake us without end
            guest._poll.modify(guest._wire, select.POLLOUT)
        try:
            while True:
                elapsed = time.monotonic() - self._start
                if elapsed >= self._next_look:
                    self._look(elapsed)
                    self._next_look = elapsed + LOOK_SECONDS
                ready = guest._poll.poll(max(0.0, self._next_look - elapsed) * 1000)
                descriptors = {descriptor for descriptor, _event in ready}
                if guest._output in descriptors:
                    guest._drain()
                if guest._wire.fileno() in descriptors:
                    if time.monotonic() - self._start > self._wall_seconds:
                        self._look(time.monotonic() - self._start)  # a guest that dribbles bytes
                    return
        finally:
            if writing and not guest._closed:
                guest._poll.modify(guest._wire, select.POLLIN)

    def _look(self, elapsed: float) -> None:
        guest = self._guest
        guest._looked = time.monotonic()
        cpu, memory = tree_usage(guest.pid, guest._base_bytes)
        if self._cpu_start is None:
            # A call is charged from its first look on: asking /proc at its start would cost a tenth of its time.
            self._cpu_start = cpu
        used = cpu - self._cpu_start
        if used > self._cpu_seconds:
            raise guest.give_up(f"No answer after {self._cpu_seconds:g} CPU seconds: an endless loop, or far too slow.")
        if self._interrupt_after is not None and elapsed > self._interrupt_after:
            self._interrupt_after = None
            guest.interrupt()
        if elapsed > self._wall_seconds:
            limit = round(self._wall_seconds, 1)
            raise guest.give_up(f"No answer after {limit:g} seconds: it waits for something, or is too slow.")
        if memory > guest._limits.memory_mb * MIB:
            guest.close()
            raise GuestMemory(f"The submission took more than its {guest._limits.memory_mb} MiB of memory.")


def _pid_of(pidfd: int) -> int:
    """The process number in this process's own pid namespace."""
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines():
        if line.startswith("Pid:"):
            return int(line.split()[1])
    raise InfrastructureError("the kernel does not tell the number of a guest's process", remedy="needs Linux 5.4")


def process_cpu(pid: int) -> float:
    """CPU seconds (user and system) of a process and of its children that were waited for; 0 where it is gone."""
    try:
        return _cpu_of(Path(f"/proc/{pid}/stat").read_bytes())
    except OSError:
        return 0.0


def _cpu_of(stat: bytes) -> float:
    return sum(map(int, stat.rpartition(b")")[2].split()[11:15])) / TICK


def held_bytes(pid: int) -> int:
    """Resident bytes that no file backs, shared ones included; 0 where the process is gone.

    What several processes share counts for each of them: shared memory must not be a way around the limit.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return 0
    return sum(int(kibibytes) * 1024 for kibibytes in _HELD.findall(status))


def descendants(pid: int) -> list[int]:
    """Numbers of all living descendants."""
    found: list[int] = []
    queue = [pid]
    while queue:
        parent = queue.pop()
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                numbers = list(map(int, children.read_text().split()))
                found += numbers
                queue += numbers
    return found


def tree_usage(pid: int, base_bytes: int) -> tuple[float, int]:
    """CPU seconds of a process and all its descendants, and the bytes that each holds beyond ``base_bytes``.

    The base is what a process has just after the fork; every further fork shares it, so it is allowed for each.
    """
    processes = [pid, *descendants(pid)]
    cpu = sum(map(process_cpu, processes))
    return cpu, sum(max(0, held_bytes(process) - base_bytes) for process in processes)
