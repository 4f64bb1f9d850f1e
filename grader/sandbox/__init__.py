"""Where submissions run: one Protocol, one file per backend."""

from grader.sandbox.protocol import (
    NO_DEVICE,
    DeviceAccess,
    Guest,
    GuestFault,
    GuestKilled,
    GuestMemory,
    GuestTimeout,
    Sandbox,
    Zygote,
)
from grader.sandbox.registry import BACKENDS, open_sandbox
from grader.sandbox.shared import SharedArray

__all__ = [
    "BACKENDS",
    "NO_DEVICE",
    "DeviceAccess",
    "Guest",
    "GuestFault",
    "GuestKilled",
    "GuestMemory",
    "GuestTimeout",
    "Sandbox",
    "SharedArray",
    "Zygote",
    "open_sandbox",
]
