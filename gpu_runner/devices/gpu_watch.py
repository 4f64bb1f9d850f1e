"""What NVML says of a GPU during one run: whose memory, who else computes, what slowed it."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from gpu_runner.devices.locks import user_name
from gpu_runner.devices.nvml import Computing, Gpu, Nvml, Reading
from grader.sandbox.process import MIB, descendants

# Reasons for lower clocks that lie with the machine: its cooling and its supply. A software power cap is not among
# them: the card's power limit is reached by any heavy computation, on every card of the model alike, and a submission
# that brings it about must not have its runs made void. Neither are clocks that an administrator has set, nor idleness.
SLOWED = frozenset(
    {"hardware slowdown", "software thermal slowdown", "hardware thermal slowdown", "hardware power brake"}
)
# Memory of an idle device that may come and go with the driver's own needs. A process that computes holds more: CUDA's
# context alone takes some hundred MiB.
SLACK_BYTES = 64 * MIB
MEASURED = ("sm_mhz", "memory_mhz", "celsius", "watts", "utilisation")


class GpuWatch:
    """Looks at a GPU while one guest uses it.

    :param baseline: bytes of device memory that were held before the guest came.
    :param pid: the guest's first process.
    :param gpu_memory_mb: MiB that its processes may hold together, the driver's own part for them included.
    :param condemn: called once where they hold more, with words for the student.
    """

    def __init__(
        self,
        nvml: Nvml,
        gpu: Gpu,
        baseline: int,
        pid: int,
        gpu_memory_mb: int,
        condemn: Callable[[str], None],
    ) -> None:
        self._nvml = nvml
        self._gpu = gpu
        self._baseline = baseline
        self._pid = pid
        self._gpu_memory_mb = gpu_memory_mb
        self._condemn = condemn
        self._condemned = False
        self._peak_bytes = 0
        self._told = False  # NVML has said what the guest's processes hold, by their numbers
        self._reasons: Counter[str] = Counter()
        self._looks = 0
        self._measured: dict[str, list[float]] = {name: [] for name in MEASURED}
        self._suspects: frozenset[int] = frozenset()
        self._strangers: dict[int, str] = {}

    def look(self) -> None:
        """Take one reading. Raises InfrastructureError where the GPU does not answer."""
        reading = self._nvml.read(self._gpu.index)
        self._looks += 1
        self._reasons.update(reading.reasons)
        for name, values in self._measured.items():
            value = getattr(reading, name)
            if value is not None:
                values.append(value)
        own = {self._pid, *descendants(self._pid)}
        mine = [process for process in reading.processes if process.pid in own]
        others = [process for process in reading.processes if process.pid not in own and process.pid != os.getpid()]
        self._note_strangers(mine, others)
        held = self._held(reading, mine, others)
        self._peak_bytes = max(self._peak_bytes, held)
        if held > self._gpu_memory_mb * MIB and not self._condemned:
            self._condemned = True
            self._condemn(
                f"The submission took {held / MIB:.0f} MiB of GPU memory; {self._gpu_memory_mb} MiB are allowed."
            )

    def disturbed(self) -> str:
        """One sentence on what slowed the GPU besides the guest; empty: nothing."""
        parts = []
        if self._strangers:
            parts.append(f"{' and '.join(self._strangers.values())} computed on the GPU as well")
        slowed = sorted(SLOWED & self._reasons.keys())
        if slowed:
            counts = ", ".join(f"{reason} in {self._reasons[reason]} of {self._looks} looks" for reason in slowed)
            parts.append(f"the GPU was throttled ({counts})")
        return "; ".join(parts)

    def conditions(self) -> dict[str, Any]:
        """JSON values for the run's record."""
        spread = {
            name: {"min": min(values), "mean": round(sum(values) / len(values), 1), "max": max(values)}
            for name, values in self._measured.items()
            if values
        }
        return {
            "gpu": self._gpu.model,
            "gpu_uuid": self._gpu.uuid,
            "driver": self._nvml.driver,
            "cuda_driver": self._nvml.cuda,
            "peak_gpu_memory_mb": round(self._peak_bytes / MIB),
            # "device": all that came since the guest did; NVML does not tell it by process, as inside some containers.
            "gpu_memory_counted_by": "process" if self._told or self._peak_bytes <= SLACK_BYTES else "device",
            "throttle_reasons": {reason: self._reasons[reason] for reason in sorted(self._reasons)},
            "looks": self._looks,
            **spread,
        }

    def _note_strangers(self, mine: list[Computing], others: list[Computing]) -> None:
        # Where NVML shows the guest under the number that it has here, it shows all under such numbers. Otherwise it
        # may speak of another pid namespace, as from inside a container, and a number that nobody has here may be the
        # guest's own.
        suspects = frozenset(process.pid for process in others if mine or Path(f"/proc/{process.pid}").exists())
        # Twice in a row: a process that the guest has just started or that has just ended may look like a stranger.
        for pid in suspects & self._suspects - self._strangers.keys():
            self._strangers[pid] = descriptions([pid])
        self._suspects = suspects

    def _held(self, reading: Reading, mine: list[Computing], others: list[Computing]) -> int:
        """Bytes that the guest holds: as NVML says for each process, or else all that came since the baseline."""
        told = [process.used_bytes for process in mine if process.used_bytes is not None]
        if mine and len(told) == len(mine):
            self._told = True
            return sum(told)
        # It may be that the guest does not compute yet, or that NVML hides its processes.
        theirs = [process.used_bytes for process in others if Path(f"/proc/{process.pid}").exists()]
        if None in theirs:
            return 0  # a stranger holds nobody knows how much: nothing can be held against the guest
        return max(0, reading.used_bytes - self._baseline - sum(filter(None, theirs)))


def descriptions(pids: Iterable[int]) -> str:
    """``process 123 (python, anna) and process 124 (…)``, as far as this process can tell."""
    return " and ".join(map(_description, pids))


def _description(pid: int) -> str:
    with contextlib.suppress(OSError):
        folder = Path("/proc", str(pid))
        command = folder.joinpath("comm").read_text(encoding="utf-8", errors="replace")
        command = "".join(character for character in command if character.isprintable())
        return f"process {pid} ({command}, {user_name(folder.stat().st_uid)})"
    return f"process {pid}"
