"""How long a guest's threads could have run and did not, because others ran on their cores.

The kernel counts for each thread how long it ran and how long it waited for a core (``/proc/<pid>/task/*/schedstat``).
What it waited counts against the machine as far as it exceeds what the guest's other threads ran meanwhile: for those,
it waited by its own doing.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.sandbox.process import MIB, TICK, descendants, tree_usage

# A run that lost less than this part of its time to others keeps its place among the others' times: the time limits
# of tasks leave far more room (a multiple of the reference's time).
SHARE = 0.2
# Stolen time is counted in ticks; below two of them a share of a very short run says nothing.
LEAST_SECONDS = 2 / TICK
# What is compared over one stretch. The kernel counts a wait when it ends and a run at the next tick, so that each is
# known to some ten milliseconds; and a stretch must be short, for what own threads did in one excuses no other.
STRETCH_SECONDS = 0.5
NANO = 1e-9

Thread = tuple[int, int]  # pid, tid


@dataclass(frozen=True, slots=True)
class Ticket:
    """What the kernel has counted for one thread so far, in seconds."""

    ran: float
    waited: float


class Waiting:
    """Seconds that threads waited for others than their own kind, summed over a watch."""

    def __init__(self) -> None:
        self.seconds = 0.0  # watched in all
        self.unjudged = 0.0  # of these: intervals in which threads came and went
        self._waited: dict[Thread, float] = {}  # in the stretches that are over
        self._stretch: dict[Thread, float] = {}  # in the present one: waited, less what others of the guest ran
        self._stretch_seconds = 0.0
        self._at: float | None = None
        self._threads: Mapping[Thread, Ticket] = {}

    def add(self, at: float, threads: Mapping[Thread, Ticket]) -> None:
        """One more look.

        :param at: seconds, of a clock that never goes back.
        :param threads: all threads of the guest that live.
        """
        before, begin = self._threads, self._at
        self._threads, self._at = threads, at
        if begin is None:
            return
        self.seconds += at - begin
        # What a thread ran before it was first seen or after it was last seen is unknown, and might be what the others
        # waited for. So such an interval is not held against the machine. A guest that starts short-lived threads or
        # processes without end, each alive for a part f of the time, stays below SHARE: it causes waiting for a part f
        # and an interval counts only if none was alive at either end, f (1 - f)^2 <= 4/27.
        if threads.keys() != before.keys() or any(threads[key].ran < before[key].ran for key in threads):
            self.unjudged += at - begin
            self._end_stretch()
            return
        ran = {key: ticket.ran - before[key].ran for key, ticket in threads.items()}
        together = sum(ran.values())
        for key, ticket in threads.items():
            others = ticket.waited - before[key].waited - (together - ran[key])
            self._stretch[key] = self._stretch.get(key, 0.0) + others
        self._stretch_seconds += at - begin
        if self._stretch_seconds >= STRETCH_SECONDS:
            self._end_stretch()

    @property
    def worst(self) -> float:
        """Seconds that the thread which lost most waited for processes that are not the guest's."""
        keys = self._waited.keys() | self._stretch.keys()
        return max((self._waited.get(key, 0.0) + max(0.0, self._stretch.get(key, 0.0)) for key in keys), default=0.0)

    def _end_stretch(self) -> None:
        for key, seconds in self._stretch.items():
            self._waited[key] = self._waited.get(key, 0.0) + max(0.0, seconds)
        self._stretch = {}
        self._stretch_seconds = 0.0


def verdict(waited: float, stolen: float, seconds: float) -> str:
    """One sentence on what kept the guest from its cores; empty where that is too little to matter.

    :param waited: seconds that a thread waited for other processes.
    :param stolen: seconds that the hypervisor gave the cores to other machines.
    :param seconds: of the whole watch.
    """
    if waited + stolen <= max(SHARE * seconds, LEAST_SECONDS):
        return ""
    parts = []
    if waited > 0:
        parts.append(f"other processes ran on the core for {waited:.2f} s while the submission waited for it")
    if stolen > 0:
        parts.append(f"the hypervisor took the core away for {stolen:.2f} s")
    return f"{' and '.join(parts)}, of {seconds:.2f} s"


class RunQueue:
    """Watches the threads of a guest's processes.

    :param pid: the guest's first process.
    :param cores: the cores that it may use; empty: all of this machine.
    """

    def __init__(self, pid: int, cores: tuple[int, ...]) -> None:
        self._pid = pid
        self._cores = cores
        self._waiting = Waiting()
        self._counted = counts_waiting()
        self._cpu = tree_usage(pid, 0)[0]
        self._cpu_now = self._cpu
        self._peak_bytes = 0
        self._stolen = stolen_seconds(cores)
        self._pressure = pressure_seconds()
        self._megahertz: list[float] = []

    def look(self) -> None:
        self._waiting.add(time.monotonic(), threads_of(self._pid))
        cpu, held = tree_usage(self._pid, 0)
        self._cpu_now = max(self._cpu_now, cpu)
        self._peak_bytes = max(self._peak_bytes, held)
        self._megahertz += megahertz(self._cores)

    def disturbed(self) -> str:
        return verdict(self._waiting.worst if self._counted else 0.0, self._lost(), self._waiting.seconds)

    def conditions(self) -> dict[str, Any]:
        conditions: dict[str, Any] = {
            "load_average": round(os.getloadavg()[0], 2),
            "cpu_seconds": round(self._cpu_now - self._cpu, 3),
            "peak_memory_mb": round(self._peak_bytes / MIB, 1),
            "stolen_seconds": round(self._lost(), 3),
            # Where the kernel counts no waiting, nothing is held against the machine: its pressure, recorded below,
            # covers all cores, and a submission raises it with threads of its own.
            "waiting_counted_by": "schedstat" if self._counted else "nobody",
        }
        if self._counted:
            conditions["waiting_seconds"] = round(self._waiting.worst, 3)
            conditions["unjudged_seconds"] = round(self._waiting.unjudged, 3)
        pressure = pressure_seconds()
        if pressure is not None and self._pressure is not None:
            conditions["machine_pressure_seconds"] = round(pressure - self._pressure, 3)
        if self._megahertz:
            conditions["core_mhz"] = round(sum(self._megahertz) / len(self._megahertz))
        return conditions

    def cost_seconds(self) -> float:
        """At most so many seconds would the run have been quicker with the cores for itself."""
        waited = self._waiting.worst + self._waiting.unjudged if self._counted else 0.0
        return waited + self._lost()

    def _lost(self) -> float:
        return stolen_seconds(self._cores) - self._stolen


def counts_waiting() -> bool:
    """Whether the kernel counts run-queue waiting; where it does not, the file is missing or says only zeros."""
    with contextlib.suppress(OSError):
        return int(Path("/proc/self/schedstat").read_bytes().split()[0]) > 0
    return False


def threads_of(pid: int) -> dict[Thread, Ticket]:
    """All living threads of a process and its descendants."""
    threads: dict[Thread, Ticket] = {}
    for process in (pid, *descendants(pid)):
        try:
            folders = list(Path(f"/proc/{process}/task").iterdir())
        except OSError:
            continue  # it has ended meanwhile
        for folder in folders:
            with contextlib.suppress(OSError):  # likewise
                ran, waited, _slices = (folder / "schedstat").read_bytes().split()
                threads[process, int(folder.name)] = Ticket(int(ran) * NANO, int(waited) * NANO)
    return threads


def stolen_seconds(cores: tuple[int, ...]) -> float:
    """Seconds since the start of the machine that its hypervisor gave a core to others; the mean over the cores."""
    names = {f"cpu{core}" for core in cores} or {"cpu"}
    stolen = []
    for line in Path("/proc/stat").read_text(encoding="ascii").splitlines():
        name, *counts = line.split()
        if name in names and len(counts) > 7:
            stolen.append(int(counts[7]) / TICK)
    return sum(stolen) / (len(cores) or os.cpu_count() or 1)


def pressure_seconds() -> float | None:
    """Seconds in which some thread of this machine waited for a core; None where the kernel does not say."""
    try:
        first = Path("/proc/pressure/cpu").read_text(encoding="ascii").splitlines()[0]
        return int(first.rpartition("total=")[2]) / 1e6
    except (OSError, IndexError, ValueError):
        return None


def megahertz(cores: tuple[int, ...]) -> list[float]:
    """The present clock of each core, where the kernel tells it; virtual machines do not."""
    clocks = []
    for core in cores:
        with contextlib.suppress(OSError, ValueError):
            text = Path(f"/sys/devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq").read_text(encoding="ascii")
            clocks.append(int(text) / 1000)
    return clocks
