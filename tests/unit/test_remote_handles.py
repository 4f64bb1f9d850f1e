"""Handles: objects that stay in the guest, and what a test may do with them."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from grader.model import Environment
from grader.remote import Handle, RemoteError, RemoteSession, Unusable, remote_bases, remote_type_name
from grader.sandbox import GuestKilled
from grader.testing import is_instance

OpenSession = Callable[..., RemoteSession]

SOURCE = """
class Thing:
    size = 3
    def __init__(self, value=0): self.value = value
    def __eq__(self, other): return True
    __hash__ = None
    def __bool__(self): return True
    def __len__(self): return self.size
    def __getitem__(self, key): return ("item", key)
    def __iter__(self): return iter(range(self.size))
    def __call__(self, x): return x + self.value
    def again(self): return self
    def __array__(self, *args, **kwargs): raise RuntimeError

class Sub(Thing): ...

def make(value=0): return Thing(value)
def sub(): return Sub()
def read(thing): return thing.value
def same(a, b): return a is b
def endless():
    n = 0
    while True:
        yield n
        n += 1
def lengths(n):
    thing = Thing()
    thing.size = n
    return thing
class Liar:
    __class__ = int
    __module__ = "numpy"
    __qualname__ = "ndarray"
    def __len__(self): return 10**9
def liar(): return Liar()
def pair():
    thing = Thing()
    return [thing, thing, Thing()]
"""


@pytest.fixture
def session(open_session: OpenSession) -> RemoteSession:
    return open_session(SOURCE)


def test_equal_to_itself_alone(session: RemoteSession) -> None:
    first, second, other = session.submission.pair()
    assert first == second
    assert first is second, "one handle for one object"
    assert hash(first) == hash(second)
    assert first != other
    for value in (0, 1, True, None, "x", first.value, object()):
        assert first != value
    assert not np.array_equal(first, np.zeros(3))


def test_neither_true_nor_false(session: RemoteSession) -> None:
    thing = session.submission.make()
    with pytest.raises(Unusable, match="neither true nor false"):
        bool(thing)
    with pytest.raises(Unusable):
        assert thing


def test_calls_attributes_items_and_length(session: RemoteSession) -> None:
    thing = session.submission.make(5)
    assert thing(2) == 7
    assert thing.value == 5
    assert thing["a"] == ("item", "a")
    assert thing[2] == ("item", 2)
    assert len(thing) == 3
    assert list(thing) == [0, 1, 2]
    assert thing.again() == thing
    assert session.submission.read(thing) == 5
    assert session.submission.same(thing, thing.again()) is True
    with pytest.raises(AttributeError):
        _ = thing.nothing
    with pytest.raises(RemoteError, match="AttributeError"):
        _ = thing.nothing
    assert not hasattr(thing, "__array__"), "numpy asks a guest nothing of its own accord"


@pytest.mark.parametrize("number", [-1, 2**70])
def test_lengths_that_are_none(session: RemoteSession, number: int) -> None:
    with pytest.raises((Unusable, RemoteError, OverflowError)):
        len(session.submission.lengths(number))


def test_iteration_is_bounded(session: RemoteSession) -> None:
    generator = session.submission.endless()
    taken = []
    with pytest.raises(Unusable, match="more than 100000 items"):  # noqa: PT012  which of several calls fails is open
        for item in generator:
            taken.append(item)
    assert taken == list(range(100_000))


def test_numpy_makes_no_array_of_a_liar(session: RemoteSession) -> None:
    """np.asarray takes whatever has a length and items for a sequence; a billion claimed items must not be fetched."""
    liar = session.submission.liar()
    with pytest.raises((RemoteError, TypeError, ValueError, MemoryError)):
        np.asarray(liar, dtype=float)


def test_classes_are_claims(session: RemoteSession) -> None:
    thing = session.submission.sub()
    assert remote_type_name(thing) == "Sub"
    assert remote_bases(thing) == ["work.Sub", "work.Thing", "builtins.object"]
    assert is_instance(thing, "work.Thing")
    assert not is_instance(thing, "builtins.int")
    liar = session.submission.liar()
    assert isinstance(liar, Handle)
    assert not isinstance(liar, (int, np.ndarray))
    assert repr(thing) == "<a Sub of the submission>"


def test_a_handle_is_lost_with_its_guest(session: RemoteSession) -> None:
    thing = session.submission.make(1)
    session.close()
    session.load()
    fresh = session.submission.make(2)
    assert thing != fresh
    for use in (lambda: thing(1), lambda: thing.value, lambda: session.submission.read(thing), lambda: list(thing)):
        with pytest.raises(Unusable, match="was lost"):
            use()


def test_handles_are_set_free(open_session: OpenSession) -> None:
    session = open_session(
        """
        import gc, weakref
        alive = weakref.WeakSet()
        class Thing: ...
        def make():
            thing = Thing()
            alive.add(thing)
            return thing
        def count():
            gc.collect()
            return len(alive)
        """
    )
    kept = session.submission.make()
    for _ in range(50):
        session.submission.make()
    gc.collect()
    session.submission.count()
    assert session.submission.count() == 1
    del kept
    gc.collect()
    session.submission.count()
    assert session.submission.count() == 0


def test_an_object_may_come_back_after_it_was_set_free(open_session: OpenSession) -> None:
    session = open_session("class T: ...\nt = T()\nt.n = 3\ndef get(): return t")
    for _ in range(5):
        assert session.submission.get().n == 3
        gc.collect()


def test_too_many_objects(open_session: OpenSession) -> None:
    session = open_session("class T: ...\nkept = [T() for _ in range(30_000)]\ndef f(): return kept")
    with pytest.raises((Unusable, GuestKilled), match="objects"):
        session.submission.f()


@pytest.mark.parametrize("value", ["[object()]", "{'a': object()}", "(object(), 1)"])
def test_handles_inside_containers(open_session: OpenSession, value: str) -> None:
    answer: Any = open_session(f"def f(): return {value}").submission.f()
    inner = answer["a"] if isinstance(answer, dict) else answer[0]
    assert isinstance(inner, Handle)


def test_a_torch_module_is_a_handle(open_session: OpenSession) -> None:
    torch = pytest.importorskip("torch", reason="install the torch extra")
    session = open_session("import torch\ndef make(): return torch.nn.Linear(2, 3)", environment=Environment.TORCH)
    model = session.submission.make()
    assert is_instance(model, "torch.nn.modules.module.Module")
    assert [tuple(p.shape) for p in model.parameters()] == [(3, 2), (3,)]
    x = torch.ones(4, 2)
    assert torch.allclose(model(x), x @ model.weight.T + model.bias)
    assert model(x).requires_grad is False
    assert model.training is True
    assert model.eval().training is False


def test_a_students_attributes_are_not_hidden_by_ours(open_session: OpenSession) -> None:
    names = ("generation", "number", "remark", "sized", "session", "ask_service")
    body = "\n".join(f"    {name} = 'mine'" for name in names)
    thing = open_session(f"class Thing:\n{body}\ndef make(): return Thing()").submission.make()
    assert {getattr(thing, name) for name in names} == {"mine"}
