"""Host side of the wall: the objects that tests hold in place of a student's."""

from __future__ import annotations

from typing import Any

from grader.wall.services import SERVICES


def ask_service(name: str, target: Any, *args: Any) -> Any:
    """Run one of the guest's services on ``target``, where it lives: across the wall, or here for an ordinary object."""
    return SERVICES[name](target, *args)


def remote_bases(value: Any) -> list[str] | None:
    """Qualified names of the classes that a remote value claims; ``None`` for an ordinary object."""
    return None


def remote_type_name(value: Any) -> str:
    """Name of the class that a remote value claims; empty for an ordinary object."""
    return ""
