"""What NVML, NVIDIA's management library, tells about the GPUs of this machine, as plain data.

The package ``nvidia-ml-py`` is imported when the library is opened and not before, so that machines without a GPU need
neither. Whatever a driver or card does not tell is None.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from grader.errors import InfrastructureError

# Bits of nvmlDeviceGetCurrentClocksThrottleReasons (NVML API reference, "NvmlClocksEventReasons").
REASONS = {
    0x001: "idle",
    0x002: "application clocks",
    0x004: "software power cap",
    0x008: "hardware slowdown",
    0x010: "sync boost",
    0x020: "software thermal slowdown",
    0x040: "hardware thermal slowdown",
    0x080: "hardware power brake",
    0x100: "display clocks",
}


class NoNvml(InfrastructureError):
    """There is no NVML here: the package, the library or the driver is missing."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One card."""

    index: int  # in the order of the PCI bus
    uuid: str
    model: str
    minor: int  # of its device file: /dev/nvidia<minor>
    memory_mb: int
    mig: bool  # divided into instances, so that nothing can compute on the whole of it


@dataclass(frozen=True, slots=True)
class Computing:
    """A process that computes on a GPU."""

    pid: int  # in which pid namespace, the driver decides
    used_bytes: int | None


@dataclass(frozen=True, slots=True)
class Reading:
    """The state of a GPU at one moment."""

    used_bytes: int  # of all processes and the driver
    processes: tuple[Computing, ...]
    sm_mhz: int | None
    memory_mhz: int | None
    celsius: int | None
    watts: float | None
    utilisation: int | None  # percent of the last sample period in which some kernel ran
    reasons: frozenset[str]  # why it does not run at its highest clocks, in words


class Nvml(Protocol):
    """What of NVML is used; tests have a fake."""

    driver: str  # its version
    cuda: str  # newest CUDA version that the driver supports

    def gpus(self) -> tuple[Gpu, ...]:
        """All cards. Raises InfrastructureError."""

    def read(self, index: int) -> Reading:
        """The present state of one. Raises InfrastructureError, where it has fallen off the bus for instance."""


def open_nvml() -> Nvml:
    """Open the library. Raises NoNvml, which says what is missing."""
    try:
        library = importlib.import_module("pynvml")
    except ModuleNotFoundError:
        raise NoNvml("no NVML: the package nvidia-ml-py is not installed", remedy="pip install nvidia-ml-py") from None
    try:
        library.nvmlInit()
    except library.NVMLError as error:
        raise NoNvml(
            f"no NVML: {error}", remedy="install NVIDIA's driver, or reload it after an update; nvidia-smi must work"
        ) from None
    return _Library(library)


def reasons_of(bits: int) -> frozenset[str]:
    """Throttle reasons in words; a bit without a name stays a number, so that nothing is lost in a record."""
    found = {word for bit, word in REASONS.items() if bits & bit}
    unknown = bits & ~sum(REASONS)
    return frozenset(found | {f"reason {unknown:#x}"} if unknown else found)


class _Library:
    """Implements :class:`Nvml` with the package ``nvidia-ml-py``."""

    def __init__(self, library: Any) -> None:
        self._library = library
        # What a card, a driver or its administrator does not let this process know.
        self._untold = (
            library.NVMLError_NotSupported,
            library.NVMLError_NoPermission,
            library.NVMLError_FunctionNotFound,
        )
        self.driver: str = self._told(library.nvmlSystemGetDriverVersion) or "unknown"
        version = self._told(library.nvmlSystemGetCudaDriverVersion_v2)
        self.cuda = "unknown" if version is None else f"{version // 1000}.{version % 1000 // 10}"

    def gpus(self) -> tuple[Gpu, ...]:
        count: int = self._asked(self._library.nvmlDeviceGetCount)
        return tuple(self._gpu(index) for index in range(count))

    def read(self, index: int) -> Reading:
        library = self._library
        handle = self._handle(index)
        processes = self._told(library.nvmlDeviceGetComputeRunningProcesses, handle) or ()
        utilisation = self._told(library.nvmlDeviceGetUtilizationRates, handle)
        milliwatts = self._told(library.nvmlDeviceGetPowerUsage, handle)
        # The older name of "clocks event reasons": every driver has it.
        bits: int = self._told(library.nvmlDeviceGetCurrentClocksThrottleReasons, handle) or 0
        return Reading(
            used_bytes=self._asked(library.nvmlDeviceGetMemoryInfo, handle).used,
            processes=tuple(Computing(process.pid, process.usedGpuMemory) for process in processes),
            sm_mhz=self._told(library.nvmlDeviceGetClockInfo, handle, library.NVML_CLOCK_SM),
            memory_mhz=self._told(library.nvmlDeviceGetClockInfo, handle, library.NVML_CLOCK_MEM),
            celsius=self._told(library.nvmlDeviceGetTemperature, handle, library.NVML_TEMPERATURE_GPU),
            watts=None if milliwatts is None else milliwatts / 1000,
            utilisation=None if utilisation is None else utilisation.gpu,
            reasons=reasons_of(bits),
        )

    def _gpu(self, index: int) -> Gpu:
        library = self._library
        handle = self._handle(index)
        mode = self._told(library.nvmlDeviceGetMigMode, handle)
        return Gpu(
            index=index,
            uuid=self._asked(library.nvmlDeviceGetUUID, handle),
            model=self._asked(library.nvmlDeviceGetName, handle),
            minor=self._asked(library.nvmlDeviceGetMinorNumber, handle),
            memory_mb=self._asked(library.nvmlDeviceGetMemoryInfo, handle).total // 2**20,
            mig=mode is not None and mode[0] == library.NVML_DEVICE_MIG_ENABLE,
        )

    def _handle(self, index: int) -> Any:
        return self._asked(self._library.nvmlDeviceGetHandleByIndex, index)

    def _asked(self, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except self._library.NVMLError as error:
            raise _failed(function, error) from None

    def _told(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The answer, or None where it is not to be had here."""
        try:
            return function(*arguments)
        except self._untold:
            return None
        except self._library.NVMLError as error:
            raise _failed(function, error) from None


def _failed(function: Callable[..., Any], error: Exception) -> InfrastructureError:
    return InfrastructureError(
        f"{function.__name__} failed: {error}", remedy="see what nvidia-smi and the kernel's log say"
    )
