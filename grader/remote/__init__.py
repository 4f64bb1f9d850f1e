"""Host side of the wall: the objects that tests hold in place of a student's."""

from __future__ import annotations

from typing import Any

from grader.remote.errors import MissingName, RemoteError, RemoteTraceback, SubmissionFault, Unusable, read_frames
from grader.remote.explain import explained, fault_outcome
from grader.remote.loaded import CellError, Loaded, LoadError
from grader.remote.proxies import Handle, RemoteFunction, SubmissionProxy
from grader.remote.reflect import watch_arguments
from grader.remote.session import RemoteSession
from grader.remote.training import TrainingSession
from grader.wall.services import SERVICES

__all__ = [
    "CellError",
    "Handle",
    "LoadError",
    "Loaded",
    "MissingName",
    "RemoteError",
    "RemoteFunction",
    "RemoteSession",
    "RemoteTraceback",
    "SubmissionFault",
    "SubmissionProxy",
    "TrainingSession",
    "Unusable",
    "ask_service",
    "explained",
    "fault_outcome",
    "read_frames",
    "remote_bases",
    "remote_type_name",
    "watch_arguments",
]


def ask_service(name: str, target: Any, *args: Any) -> Any:
    """Run a guest's service on ``target`` where that lives: across the wall, or here for an ordinary object."""
    if isinstance(target, SubmissionProxy):
        session: RemoteSession = object.__getattribute__(target, "_session")
        return session.service(name, None, args)
    if isinstance(target, (Handle, RemoteFunction)):
        return target.remote_service(name, args)
    return SERVICES[name](target, *args)


def remote_bases(value: Any) -> list[str] | None:
    """Qualified names of the classes that a remote value claims; ``None`` for an ordinary object."""
    return list(value.remote_bases) if isinstance(value, Handle) else None


def remote_type_name(value: Any) -> str:
    """Name of the class that a remote value claims; empty for an ordinary object."""
    return value.remote_type if isinstance(value, Handle) else ""
