"""Services that a test asks of a guest. Banned calls are banned in the block alone; then all is as before."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from grader.model import Environment
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


@pytest.mark.parametrize(
    "bound", ["from torch import dropout as d", "d = getattr(torch, 'drop' + 'out')", "d = torch.ops.aten.dropout"]
)
def test_a_banned_torch_function_that_was_bound_before(open_session: OpenSession, bound: str) -> None:
    work = open_session(
        f"""
        import torch
        {bound}
        def banned(): return d(torch.ones(4), 0.5, True)
        def allowed(): return torch.ones(4) * (torch.rand(4) >= 0.5)
        """,
        environment=Environment.TORCH,
    ).submission
    with forbid_calls(work, "torch.dropout", "torch.nn.functional.dropout"):
        with pytest.raises(RemoteError, match="off limits"):
            work.banned()
        assert work.allowed().shape == (4,)
    assert work.banned().shape == (4,)


def test_star_imports_hide_nothing_that_is_defined_after_them(open_session: OpenSession) -> None:
    stars = "\n".join(f"name_{number} = {number}" for number in range(3000))
    work = open_session(f"from numpy import *\n{stars}\ndef answer():\n    return 42\n").submission
    assert work.answer() == 42
    with pytest.raises(AttributeError, match="Did you mean the answer"):
        work.answr  # noqa: B018  looking it up is what fails
