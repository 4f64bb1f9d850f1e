"""GPUs that nobody has, for :class:`gpu_runner.devices.nvml.Nvml`."""

from __future__ import annotations

from dataclasses import dataclass, field

from gpu_runner.devices.nvml import Computing, Gpu, Reading

MIB = 2**20
IDLE = Reading(
    used_bytes=500 * MIB,
    processes=(),
    sm_mhz=345,
    memory_mhz=1593,
    celsius=30,
    watts=70.5,
    utilisation=0,
    reasons=frozenset({"idle"}),
)


def card(index: int = 0, *, model: str = "Fake 9000", mig: bool = False) -> Gpu:
    return Gpu(index=index, uuid=f"GPU-{index}a-fake", model=model, minor=index, memory_mb=16000, mig=mig)


@dataclass
class FakeNvml:
    """Says what a test wants it to say."""

    cards: list[Gpu] = field(default_factory=lambda: [card()])
    now: Reading = IDLE
    driver: str = "600.1"
    cuda: str = "13.0"

    def gpus(self) -> tuple[Gpu, ...]:
        return tuple(self.cards)

    def read(self, index: int) -> Reading:
        assert 0 <= index < len(self.cards)
        return self.now


def computing(*pids_and_mib: tuple[int, int | None]) -> tuple[Computing, ...]:
    return tuple(Computing(pid, None if mib is None else mib * MIB) for pid, mib in pids_and_mib)
