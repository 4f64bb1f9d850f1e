"""What tests hold: the submission, its functions, and handles of objects that stay in the guest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grader.remote.errors import MissingName, Unusable, missing_text

if TYPE_CHECKING:
    from grader.remote.session import RemoteSession


class SubmissionProxy:
    """Reads as if it were the student's module."""

    __slots__ = ("_session",)

    def __init__(self, session: RemoteSession) -> None:
        object.__setattr__(self, "_session", session)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        session: RemoteSession = object.__getattribute__(self, "_session")
        names = session.names()
        if name not in names:
            raise MissingName(missing_text(name, session.files.entry, names))
        return RemoteFunction(session, name) if names[name] else session.get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("a test cannot change the submission")

    def __repr__(self) -> str:
        return "<the submission>"


class RemoteFunction:
    """A module-level callable of the submission, by name; nothing crosses the wall until it is called."""

    __slots__ = ("__weakref__", "_kept", "_session", "remote_name")

    def __init__(self, session: RemoteSession, name: str) -> None:
        self._session = session
        self.remote_name = name
        self._kept: Handle | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._session.call_named(self.remote_name, args, kwargs)

    def keep(self, handle: Handle) -> None:
        """Hold a handle for as long as this function is held."""
        self._kept = handle

    def remote_service(self, name: str, args: tuple[Any, ...]) -> Any:
        return self._session.service(name, self, args)

    def __repr__(self) -> str:
        return f"<{self.remote_name} of the submission>"


class Handle:
    """An object that stays in the guest: it can be called, indexed, iterated, measured and asked for an attribute.

    It is equal to nothing but itself, and neither true nor false. Its own public names begin with ``remote``, since all
    others are the student's: ``layer.number`` asks the guest.
    """

    __slots__ = ("__weakref__", "_generation", "_number", "_remark", "_session", "_sized", "remote_bases")

    def __init__(
        self,
        generation: int,
        number: int,
        bases: tuple[str, ...],
        remark: str,
        session: RemoteSession,
        *,
        sized: bool = True,
    ) -> None:
        self._session = session
        self._generation = generation
        self._number = number
        self.remote_bases = bases
        self._remark = remark
        self._sized = sized  # whether its class claims to have a length

    @property
    def remote_type(self) -> str:
        """Name of the class that the object claims to be of, with what else is known of it."""
        name = self.remote_bases[0].rpartition(".")[2]
        return f"{name} ({self._remark})" if self._remark else name

    def remote_service(self, name: str, args: tuple[Any, ...]) -> Any:
        return self._session.service(name, self, args)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        number = self._session._number(self)
        return self._session.call({"handle": number}, self.remote_type, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):  # numpy, copy and pytest probe for these
            raise AttributeError(name)
        return self._session.attribute(self, name)

    def __getitem__(self, index: Any) -> Any:
        return self._session.item(self, index)

    def __len__(self) -> int:
        return self._session.length(self)

    def __iter__(self) -> Iterator[Any]:
        result: Iterator[Any] = self._session.iterate(self)
        return result

    def __bool__(self) -> bool:
        raise Unusable(f"The answer is a {self.remote_type}, which is neither true nor false.")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Handle) and (self._generation, self._number) == (other._generation, other._number)

    def __hash__(self) -> int:
        return hash((self._generation, self._number))

    def __repr__(self) -> str:
        return f"<a {self.remote_type} of the submission>"
