"""Turn the model's limits into the message that a zygote reads."""

from __future__ import annotations

from grader.model import Limits
from grader.sandbox.protocol import NO_DEVICE, DeviceAccess

MIB = 2**20


def limits_message(limits: Limits, device: DeviceAccess = NO_DEVICE) -> dict[str, float]:
    """The limits that the kernel enforces inside a guest; seconds and bytes."""
    return {
        "total_cpu_seconds": limits.total_cpu_seconds,
        "memory_bytes": limits.memory_mb * MIB,
        "processes": limits.processes,
        "open_files": limits.open_files,
        "file_bytes": limits.file_mb * MIB,
        "disk_bytes": limits.disk_mb * MIB,
        "address_space": not device.driver,
    }
