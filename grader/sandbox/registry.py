"""The backends by name."""

from __future__ import annotations

from collections.abc import Callable

from grader.errors import UsageError
from grader.sandbox.bubblewrap import Bubblewrap
from grader.sandbox.protocol import Sandbox
from grader.sandbox.unsafe_subprocess import UnsafeSubprocess

BACKENDS: dict[str, Callable[[], Sandbox]] = {"bubblewrap": Bubblewrap, "subprocess": UnsafeSubprocess}


def open_sandbox(name: str) -> Sandbox:
    """The backend called ``name``; UsageError where there is none."""
    if name not in BACKENDS:
        raise UsageError(f"unknown sandbox {name!r}", remedy=f"choose one of {', '.join(BACKENDS)}")
    return BACKENDS[name]()
