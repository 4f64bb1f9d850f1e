"""Services that a test asks of a guest. Banned calls are banned in the block alone; then all is as before."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from grader.remote import RemoteError, RemoteSession
from grader.testing import call_with_warnings, forbid_calls

OpenSession = Callable[..., RemoteSession]


def test_banned_calls_are_allowed_again(open_session: OpenSession) -> None:
    """A class may have its ``__init__`` from a base: then it has none of its own afterwards either."""
    work = open_session(
        """
        import fractions, textwrap, collections
        class Indented(textwrap.TextWrapper): ...
        def wrap(): return Indented(width=9).fill("a b"), textwrap.dedent("  x")
        def ordered(): return dict(collections.Counter("aab"))
        def own(): return "__init__" in vars(collections.UserString), str(collections.UserList([1]))
        """
    ).submission
    before = work.wrap(), work.ordered(), work.own()
    for _ in range(2):
        names = ("textwrap.TextWrapper", "textwrap.TextWrapper", "textwrap.dedent", "collections.Counter")
        with forbid_calls(work, *names, "numbers.Number"):
            with pytest.raises(RemoteError, match=r"textwrap\.TextWrapper is off limits"):
                work.wrap()
            with pytest.raises(RemoteError, match=r"collections\.Counter is off limits"):
                work.ordered()
        assert (work.wrap(), work.ordered(), work.own()) == before


def test_a_class_without_an_init_of_its_own(open_session: OpenSession) -> None:
    work = open_session(
        """
        import sys, types
        module = sys.modules["shapes"] = types.ModuleType("shapes")
        class Base:
            def __init__(self, n): self.n = n
        class Square(Base): ...
        module.Square = Square
        def make(): return Square(3).n, "__init__" in vars(Square)
        """
    ).submission
    for _ in range(2):
        with forbid_calls(work, "shapes.Square"), pytest.raises(RemoteError, match="off limits"):
            work.make()
        assert work.make() == (3, False)


def test_warnings_are_told(open_session: OpenSession) -> None:
    work = open_session(
        """
        import warnings
        def f(x):
            warnings.warn("old", DeprecationWarning)
            return x
        """
    ).submission
    assert call_with_warnings(work.f, 5) == (5, ["DeprecationWarning"])
    assert call_with_warnings(work.f, 5) == (5, ["DeprecationWarning"])
