"""Which devices this machine has, and what is missing for those that it has not."""

from __future__ import annotations

import os
from pathlib import Path

from gpu_runner.devices.base import Device
from gpu_runner.devices.cpu import CpuDevice, processor_model
from gpu_runner.devices.cuda import CudaDevice
from gpu_runner.devices.driver import visible
from gpu_runner.devices.nvml import Gpu, NoNvml, Nvml, open_nvml
from gpu_runner.devices.runqueue import counts_waiting
from grader.errors import InfrastructureError, UsageError

KINDS = ("cpu", "cuda")
# Exists while NVIDIA's kernel driver is loaded.
DRIVER = Path("/proc/driver/nvidia/version")


def find_devices(kind: str | None = None, workers: int | None = None, *, nvml: Nvml | None = None) -> list[Device]:
    """The devices to run on, one worker each.

    :param kind: "cpu" or "cuda"; None: the GPUs of this machine, or else its CPU.
    :param workers: how many devices at most; None: all GPUs, or one CPU core. No more are returned than there are: GPUs
        that CUDA_VISIBLE_DEVICES leaves, or physical cores that this process may use.
    :param nvml: None: this machine's.
    Raises UsageError for another kind or no worker; InfrastructureError where a GPU is asked for and there is none, or
    where there is one and it cannot be used: its tasks are not quietly run on the CPU instead.
    """
    if kind is not None and kind not in KINDS:
        raise UsageError(f'there is no kind of device "{kind}"', remedy=f"choose one of {', '.join(KINDS)}")
    if workers is not None and workers < 1:
        raise UsageError(f"{workers} workers cannot run anything", remedy="choose at least 1")
    if kind != "cpu":
        try:
            nvml = nvml or open_nvml()
        except NoNvml:
            if kind == "cuda" or DRIVER.exists():
                raise
        else:
            gpus = _usable(nvml)
            if gpus:
                return [CudaDevice(gpu.index, nvml) for gpu in gpus[:workers]]
            if kind == "cuda" or nvml.gpus():
                raise InfrastructureError(f"no GPU can be used: {_unusable(nvml)}", remedy=_remedy(nvml))
    return [CpuDevice(core, (core,)) for core in physical_cores()[: workers or 1]]


def describe_devices(nvml: Nvml | None = None) -> str:
    """What this machine has to run timed tasks on, one device or gap per line."""
    cores = physical_cores()
    lines = [f"cpu: {len(cores)} core{'s' * (len(cores) != 1)} ({processor_model()})"]
    if not counts_waiting():
        lines.append(
            "cpu: this kernel does not count how long processes wait for a core (/proc/self/schedstat): a run that "
            "others disturb is not noticed"
        )
    try:
        nvml = nvml or open_nvml()
    except NoNvml as error:
        return "\n".join([*lines, f"cuda: {error.what} (remedy: {error.remedy})"])
    usable = _usable(nvml)
    for gpu in usable:
        lines.append(f"cuda: {gpu.model} {gpu.index}, {gpu.memory_mb} MiB (driver {nvml.driver}, CUDA {nvml.cuda})")
    if len(usable) < len(nvml.gpus()) or not usable:
        lines.append(f"cuda: {_unusable(nvml)} (remedy: {_remedy(nvml)})")
    return "\n".join(lines)


def physical_cores() -> list[int]:
    """One number for each physical core that this process may use.

    Of the hardware threads of a core only the first counts: two runs on one core would slow each other down, and
    nothing that the kernel counts would show it.
    """
    seen: set[str] = set()
    cores = []
    for core in sorted(os.sched_getaffinity(0)):
        topology = Path(f"/sys/devices/system/cpu/cpu{core}/topology")
        try:
            siblings = (topology / "thread_siblings_list").read_text(encoding="ascii")
        except OSError:
            siblings = str(core)  # not told: one core each
        if siblings not in seen:
            seen.add(siblings)
            cores.append(core)
    return cores


def _usable(nvml: Nvml) -> list[Gpu]:
    return [gpu for gpu in visible(nvml.gpus(), os.environ.get("CUDA_VISIBLE_DEVICES")) if not gpu.mig]


def _unusable(nvml: Nvml) -> str:
    gpus = nvml.gpus()
    if not gpus:
        return "the driver finds no GPU"
    divided = [f"{gpu.model} {gpu.index} is divided into instances (MIG)" for gpu in gpus if gpu.mig]
    left = {gpu.uuid for gpu in visible(gpus, os.environ.get("CUDA_VISIBLE_DEVICES"))}
    hidden = [f"CUDA_VISIBLE_DEVICES hides {gpu.model} {gpu.index}" for gpu in gpus if gpu.uuid not in left]
    return ", ".join(divided + hidden)


def _remedy(nvml: Nvml) -> str:
    if not nvml.gpus():
        return "see what nvidia-smi says"
    return "set CUDA_VISIBLE_DEVICES to the GPUs that may be used; those in MIG mode cannot be"
