"""The host's side of a conversation: data, changed arguments, callbacks, faults, and a guest that lies on the wire."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from grader.errors import InfrastructureError, TaskError
from grader.model import Environment, Limits, SubmissionFiles
from grader.remote import LoadError, MissingName, RemoteError, RemoteSession, SubmissionFault, Unusable, watch_arguments
from grader.remote.kept import own_bytes
from grader.remote.training import TrainingSession
from grader.sandbox import GuestFault, GuestKilled, GuestMemory, GuestTimeout, Zygote
from grader.sandbox.process import GuestProcess
from grader.wall.guest import MAX_NAMES

OpenSession = Callable[..., RemoteSession]
StartZygote = Callable[..., Zygote]

# In the head of a submission: speaks on the wire itself, past the guest's own code.
LIAR = """
import json, os, struct

def tell(message, *buffers):
    text = json.dumps(message).encode()
    sizes = b"".join(struct.pack("!Q", len(b)) for b in buffers)
    data = b"GW1\\n" + struct.pack("!II", len(text), len(buffers)) + sizes + text + b"".join(buffers)
    while data:
        data = data[os.write(3, data):]

def request_id():
    import sys
    frame = sys._getframe()
    while "request" not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals["request"]["id"]
"""


def liar(body: str) -> str:
    """A submission whose ``lie()`` first sends what ``body`` tells."""
    import textwrap

    return LIAR + "\ndef lie(*args, **kwargs):\n" + textwrap.indent(textwrap.dedent(body), "    ")


# calls ----------------------------------------------------------------------------------------------------------------


def test_reads_as_the_module(open_session: OpenSession) -> None:
    work = open_session(
        """
        TABLE = {"A": [1, (2, "M")]}
        def add(a, b=1): return a + b
        class Counter:
            def __init__(self): self.n = 0
            def up(self, by=1): self.n += by; return self
        """
    ).submission
    assert work.TABLE == {"A": [1, (2, "M")]}
    assert work.add(1) == 2
    assert work.add(np.ones(2), b=2).tolist() == [3, 3]
    assert work.Counter().up().up(by=4).n == 5
    with pytest.raises(AttributeError, match="cannot change"):
        work.TABLE = {}
    assert not hasattr(work, "__wrapped__")


def test_missing_names_say_what_is_near(open_session: OpenSession) -> None:
    work = open_session("def mse_los(): ...\ndef _private(): return 1").submission
    with pytest.raises(MissingName, match=r"work\.py does not define mse_loss\. Did you mean the mse_los that"):
        work.mse_loss()
    with pytest.raises(AttributeError, match=r"does not define other_thing\.$"):
        work.other_thing()
    assert not hasattr(work, "mse_loss")


def test_a_deleted_name_is_missing_at_the_call(open_session: OpenSession) -> None:
    work = open_session("def f(): del globals()['g']\ndef g(): ...").submission
    g = work.g
    work.f()
    with pytest.raises(MissingName):
        g()


def test_plain_data_that_a_test_passes_is_checked_on_this_side(open_session: OpenSession) -> None:
    work = open_session("def f(x): ...").submission
    with pytest.raises(TaskError, match="a test passes a object"):
        work.f(object())


def test_loading(open_session: OpenSession) -> None:
    with pytest.raises(LoadError) as caught:
        open_session("x = 1\n1 / 0\n").load()
    remote = caught.value.remote
    assert (remote.type_name, remote.frames[-1].file, remote.frames[-1].line) == ("ZeroDivisionError", "work.py", 2)
    with pytest.raises(LoadError, match=r"(?s)line 1.*def f\(:.*SyntaxError"):
        open_session("def f(:").load()
    with pytest.raises(LoadError, match="SystemExit"):
        open_session("raise SystemExit(0)").load()
    with pytest.raises(GuestTimeout):
        open_session("while True: pass").load()
    assert open_session("import helper\nf = helper.f", helpers={"helper.py": "def f(): return 5"}).submission.f() == 5


# changed arguments ----------------------------------------------------------------------------------------------------

CHANGER = """
import numpy as np
def change(x):
    if isinstance(x, dict): x["new"] = x.pop("old"); return
    if isinstance(x, list): x.append(1); x[0][...] = 7; return
    if isinstance(x, set): x.add(9); return
    x[...] = 7
def nothing(x): return 0
"""


def changed(value: Any) -> list[Any]:
    return [
        np.zeros(2),
        [np.zeros(2), 0],
        {"old": 1},
        {1},
    ][value]


@pytest.mark.parametrize("kind", range(4), ids=["array", "list", "dict", "set"])
def test_changed_arguments_show_where_a_test_watches(open_session: OpenSession, kind: int) -> None:
    work = open_session(CHANGER).submission
    after = [np.full(2, 7.0), [np.full(2, 7.0), 0, 1], {"new": 1}, {1, 9}][kind]
    argument = changed(kind)
    inner = argument[0] if kind == 1 else None
    with watch_arguments():
        work.change(argument)
    assert repr(argument) == repr(after)
    if kind == 1:
        assert argument[0] is inner, "the same array, changed in place"


@pytest.mark.parametrize("kind", range(4), ids=["array", "list", "dict", "set"])
def test_a_submission_cannot_choose_what_a_test_computes_from(open_session: OpenSession, kind: int) -> None:
    """The expected value is often computed after the call, from the very arguments that were passed."""
    work = open_session(CHANGER).submission
    argument = changed(kind)
    work.change(argument)
    assert repr(argument) == repr(changed(kind))


def test_keyword_arguments_and_read_only_arrays(open_session: OpenSession) -> None:
    work = open_session(CHANGER).submission
    read_only, writable = np.zeros(2), np.zeros(2)
    read_only.flags.writeable = False
    with watch_arguments():
        work.change(x=writable)
        work.change(read_only)
    assert writable.tolist() == [7, 7]
    assert read_only.tolist() == [0, 0]


def test_a_generator_advances_with_the_guest(open_session: OpenSession) -> None:
    work = open_session(
        """
        def draw(rng): return rng.permutation(7), rng.random(3), rng.integers(0, 9, 3, dtype="int32")
        def nothing(rng): return 0
        """
    ).submission
    ours, twin = np.random.default_rng(3), np.random.default_rng(3)
    work.draw(ours)
    twin.permutation(7), twin.random(3), twin.integers(0, 9, 3, dtype="int32")
    assert ours.bit_generator.state == twin.bit_generator.state
    work.nothing(ours)
    assert ours.bit_generator.state == twin.bit_generator.state


@pytest.mark.parametrize(
    "lie",
    [
        "rng.bit_generator.state = np.random.default_rng(5).bit_generator.state",
        "s = rng.bit_generator.state; s['state']['state'] ^= 1 << 100; rng.bit_generator.state = s",
        "s = rng.bit_generator.state; s['state']['inc'] += 2; rng.bit_generator.state = s",
        "rng.bit_generator.advance(-5)",
        "rng.bit_generator.advance(2**60)",
    ],
)
def test_a_lie_about_a_generator_is_not_believed(open_session: OpenSession, lie: str) -> None:
    work = open_session(f"import numpy as np\ndef f(rng):\n    {lie}").submission
    rng = np.random.default_rng(3)
    work.f(rng)
    assert rng.bit_generator.state == np.random.default_rng(3).bit_generator.state


def test_a_guest_cannot_choose_the_next_draw(open_session: OpenSession) -> None:
    work = open_session(
        """
        def f(rng):
            rng.random()
            state = rng.bit_generator.state
            state.update(has_uint32=1, uinteger=0)
            rng.bit_generator.state = state
        """
    ).submission
    ours, twin = np.random.default_rng(3), np.random.default_rng(3)
    work.f(ours)
    twin.random()
    assert ours.integers(0, 2**32, dtype=np.uint32) == twin.integers(0, 2**32, dtype=np.uint32) != 0


def test_other_generators_stay_as_they_are(open_session: OpenSession) -> None:
    work = open_session("def f(rng): return rng.random()").submission
    rng = np.random.Generator(np.random.MT19937(1))
    expected = np.random.Generator(np.random.MT19937(1)).random()
    assert work.f(rng) == expected
    assert rng.random() == expected


# callbacks ------------------------------------------------------------------------------------------------------------


def test_a_function_of_the_test_is_called_back(open_session: OpenSession) -> None:
    work = open_session(
        """
        def numerical(f, x): return (f(x + 1e-3) - f(x - 1e-3)) / 2e-3
        def keywords(f): return f(1, b=2)
        def back(f): return f
        """
    ).submission
    assert work.numerical(lambda x: float((x**2).sum()), np.array([3.0])) == pytest.approx(6.0)
    assert work.keywords(lambda a, b: [a, b]) == [1, 2]

    def mine() -> None: ...

    assert work.back(mine) is mine


def test_a_function_of_the_submission_comes_as_a_function(open_session: OpenSession) -> None:
    work = open_session("def apply(f, x): return f(x)\ndef square(x): return x * x").submission
    assert work.apply(work.square, 3) == 9


def test_an_exception_in_a_callback_reaches_the_test(open_session: OpenSession) -> None:
    work = open_session(
        """
        def swallow(f):
            try: f()
            except Exception: pass
            return "swallowed"
        """
    ).submission

    def fails() -> None:
        raise ZeroDivisionError("in the test")

    with pytest.raises(ZeroDivisionError, match="in the test"):
        work.swallow(fails)
    assert work.swallow(lambda: 1) == "swallowed"


def test_pytest_fail_in_a_callback_leaves_no_guest_in_the_middle_of_a_call(open_session: OpenSession) -> None:
    session = open_session("def call(f): return f()\ndef one(): return 1")
    with pytest.raises(pytest.fail.Exception):
        session.submission.call(lambda: pytest.fail("wrong"))
    assert session.submission.one() == 1
    assert session.fault is None


def test_endless_callbacks_end(open_session: OpenSession) -> None:
    work = open_session("def forever(f):\n    while True: f()").submission
    with pytest.raises(GuestFault):
        work.forever(lambda: None)
    work = open_session("import time\ndef slowly(f):\n    while True: time.sleep(0.02); f()", limits=LAZY).submission
    start = time.monotonic()
    with pytest.raises(GuestTimeout):
        work.slowly(lambda: None)
    assert time.monotonic() - start < 5


LAZY = Limits(cpu_seconds=1, wall_seconds=0.8, total_wall_seconds=1.5, memory_mb=200)


SMALL = Limits(memory_mb=150)
FLOODS = """
    import numpy as np
    def flood(f, times):
        for _ in range(times): f(np.ones(1_000_000))
        return times
    def batches(times):
        for _ in range(times): yield np.ones(1_000_000)
    def nested(times):
        for _ in range(times): yield batches(4)
    class Data:
        def __len__(self): return 2000
        def __getitem__(self, i): return np.ones(1_000_000)
    def text(n):
        return "x" * n + chr(0x1F4A3)
    """


@pytest.mark.parametrize("way", ["callbacks", "items", "nested items", "indexing"])
def test_what_a_test_keeps_is_bounded(open_session: OpenSession, way: str) -> None:
    """A test that keeps what it is given would otherwise fill the machine's memory, as much as a student likes."""
    session, kept = open_session(FLOODS, limits=SMALL), []
    work = session.submission
    before = own_bytes()
    with pytest.raises(GuestMemory, match="passed to the tests takes more than 150 MiB"):  # noqa: PT012  one of several
        if way == "callbacks":
            work.flood(kept.append, 2000)
        elif way == "items":
            kept.extend(work.batches(2000))
        elif way == "nested items":
            kept.extend(list(inner) for inner in work.nested(500))
        else:
            data = work.Data()
            kept.extend(data[i] for i in range(len(data)))
    assert isinstance(session.fault, GuestMemory)
    assert own_bytes() - before < 450 << 20, "the bound, and two frames"
    kept.clear()
    session.begin_test()
    assert work.flood(kept.append, 3) == 3


def test_what_nobody_keeps_costs_nothing(open_session: OpenSession) -> None:
    session = open_session(FLOODS, limits=SMALL)
    assert session.submission.flood(lambda _values: None, 60) == 60
    assert sum(len(batch) for batch in session.submission.batches(60)) == 60_000_000

    def in_cycles(values: Any) -> None:
        with pytest.raises(ValueError, match="reshape"):
            values.reshape(7, 7)  # the traceback holds the frame that holds it

    assert session.submission.flood(in_cycles, 60) == 60
    assert session.fault is None


def test_what_a_test_computes_for_itself_is_not_charged(open_session: OpenSession) -> None:
    session = open_session(FLOODS, limits=SMALL)
    own = [np.ones(25_000_000) for _batch in session.submission.batches(3)]
    assert session.submission.flood(own.append, 3) == 3
    assert session.fault is None


def test_the_next_test_pays_for_nothing_that_the_last_one_kept(open_session: OpenSession) -> None:
    session, before = open_session(FLOODS, limits=SMALL), own_bytes()
    for _test in range(4):
        session.begin_test()
        with pytest.raises(GuestMemory):
            session.submission.flood([].append, 2000)
    session.begin_test()
    assert own_bytes() - before < 100 << 20


def test_a_dozen_threads_start_within_the_address_space(open_session: OpenSession) -> None:
    """Each would otherwise reserve 64 MiB of it for a heap of its own."""
    source = """
        import threading
        def crowd(n):
            together = threading.Barrier(n)
            def work():
                kept = [bytes(2000) for _ in range(100)]
                together.wait()
                return kept
            threads = [threading.Thread(target=work) for _ in range(n)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            return n
        """
    assert open_session(source, backend="bubblewrap", limits=Limits(memory_mb=300)).submission.crowd(12) == 12


def test_a_long_text_does_not_become_four_times_as_long(open_session: OpenSession) -> None:
    work = open_session(FLOODS, limits=Limits(memory_mb=600)).submission
    assert len(work.text(1_000_000)) == 1_000_001
    with pytest.raises(GuestKilled, match="a text beyond ASCII of more than"):
        work.text(50_000_000)


def test_a_guest_that_is_condemned_between_two_calls_ends_for_that_reason(start_zygote: StartZygote) -> None:
    files = SubmissionFiles("work", "work.py", {"work.py": b"def train(): return 1"})
    session = TrainingSession(start_zygote("subprocess", Environment.NUMPY, SMALL), files, SMALL)
    session.load()
    assert session.run("train", (), {}, keep=False) == 1
    guest = session.guest
    assert isinstance(guest, GuestProcess)
    guest.condemn(GuestMemory("more GPU memory than it may"))
    assert guest._death.poll(20_000)
    with pytest.raises(GuestMemory, match="more GPU memory"):
        session.run("train", (), {}, keep=False)
    assert isinstance(session.fault, GuestMemory)


def test_forged_callbacks(open_session: OpenSession) -> None:
    for forged in ("1", "0", "'f'", "None", "True", "[]", "10**30"):
        session = open_session(liar(f"tell({{'callback': {forged}, 'args': None, 'kwargs': None}}); return 1"))
        with pytest.raises(GuestKilled):
            session.submission.lie()
    for args in ("3", "{'k': 'list', 'v': 3}", "{'k': 'handle', 'h': -1}", "{'k': 'dict', 'v': []}"):
        session = open_session(
            liar(f"tell({{'callback': 1, 'args': {args}, 'kwargs': {{'k': 'dict', 'v': []}}}}); return 1")
        )
        called: list[Any] = []
        with pytest.raises(GuestKilled):
            session.submission.lie(lambda *args, called=called: called.append(args))
        assert not called


# lies on the wire -----------------------------------------------------------------------------------------------------


def test_a_forged_answer_is_as_good_as_any_answer(open_session: OpenSession) -> None:
    """It can say what a return could say; the next request finds the guest out of step, and it is lost."""
    session = open_session(liar("tell({'id': request_id(), 'ok': 42}); return 0"))
    assert session.submission.lie() == 42
    with pytest.raises(GuestKilled):
        session.submission.lie()
    assert session.submission.lie() == 42, "a fresh guest"


@pytest.mark.parametrize(
    "told",
    [
        "tell({'id': 12345, 'ok': 1})",
        "tell({'ok': 1})",
        "tell({'id': 'x', 'ok': 1})",
        "os.write(3, b'no frame at all, but long enough to be read as one')",
        "tell({'id': request_id(), 'ok': []})",
        "tell({'id': request_id(), 'ok': {'k': 'pickle'}})",
        "tell({'id': request_id(), 'ok': {'k': 'handle', 'h': 10**30, 'c': ['x']}})",
        "tell({'id': request_id(), 'ok': 1, 'changed': 5})",
        "tell({'id': request_id(), 'ok': 1, 'changed': [[7, 1]]})",
        "tell({'id': request_id(), 'ok': 1, 'changed': [[[], 1]]})",
        "tell({'id': request_id(), 'ok': 1, 'changed': [[True, 1]]})",
        "tell({'id': request_id(), 'ok': 1, 'changed': [[0, {}]]})",
        "tell({'id': request_id(), 'ok': 1, 'changed': [[0, 1], [0, 1]]})",
        "os.close(3)",
        "os._exit(0)",
        "os.kill(os.getpid(), 9)",
    ],
)
def test_nonsense_on_the_wire_loses_the_guest_and_nothing_else(open_session: OpenSession, told: str) -> None:
    session = open_session(liar(f"{told}; return 1") + "\ndef fine(): return 1")
    with pytest.raises(GuestKilled):
        session.submission.lie(np.zeros(1))
    assert isinstance(session.fault, GuestKilled)
    session.begin_test()
    assert session.submission.fine() == 1
    assert session.fault is None
    assert session.infrastructure is None


@pytest.mark.parametrize("told", ["{'unconfined': 'x'}", "{'id': request_id(), 'unconfined': 'x', 'ok': 1}"])
def test_a_guest_cannot_blame_the_grader(open_session: OpenSession, told: str) -> None:
    """Else a submission could always stay ungraded, and stop the others' grading with it."""
    session = open_session(liar(f"tell({told}); os._exit(0)"))
    with contextlib.suppress(GuestKilled):
        assert session.submission.lie() == 1
    assert session.infrastructure is None
    with contextlib.suppress(GuestKilled):
        session.submission.lie()
    assert session.infrastructure is None


# A list nested 400 deep: its JSON can be read, and its str() takes a longer stack than the reading did.
DEEP = "deep = []\nfor _ in range(400): deep = [deep]\n"


@pytest.mark.parametrize(
    "raised",
    [
        "5",
        "{}",
        "{'type': 5, 'message': 5, 'frames': 5}",
        "{'type': [[]], 'message': deep, 'frames': [[deep, 10**100, deep, deep]], 'syntax': {'line': deep}}",
        "{'type': ['builtins.SystemExit'], 'message': 'x' * 10**6, 'frames': [['f', 1, 'g', 's']] * 10**4}",
        "{'type': ['builtins.KeyboardInterrupt']}",
        "{'type': ['builtins.StopIteration']}",
        "{'type': ['builtins.UnicodeDecodeError', 'builtins.UnicodeError', 'builtins.ValueError']}",
        "{'type': ['_pytest.outcomes.Skipped', 'builtins.BaseException']}",
        "{'type': ['builtins.print']}",
        "{'type': ['builtins.ExceptionGroup']}",
    ],
)
def test_any_description_of_an_exception_is_bounded_text(open_session: OpenSession, raised: str) -> None:
    session = open_session(liar(f"{DEEP}tell({{'id': request_id(), 'raised': {raised}}}); return 1"))
    with pytest.raises(RemoteError) as caught:
        session.submission.lie()
    error = caught.value
    assert isinstance(error, Exception)
    assert not isinstance(error, (KeyboardInterrupt, SystemExit, pytest.skip.Exception))
    assert len(error.public) + len(str(error.remote)) < 20_000


BUILT_IN = [
    error
    for error in vars(__import__("builtins")).values()
    if isinstance(error, type)
    and issubclass(error, Exception)
    and not issubclass(error, (ExceptionGroup, UnicodeError))
]


def test_exceptions_arrive_as_their_built_in_class(open_session: OpenSession) -> None:
    session = open_session(
        """
        def fail(name):
            import builtins
            class Own(getattr(builtins, name)): pass
            raise Own("words")
        """
    )
    for error in BUILT_IN:
        with pytest.raises(RemoteError, match=r'^"?fail raised Own') as caught:
            session.submission.fail(error.__name__)
        if error is not Exception:
            assert isinstance(caught.value, error)
        assert caught.value.remote.frames[-1].source == 'raise Own("words")'


@pytest.mark.parametrize("told", ["SystemExit(0)", "KeyboardInterrupt()", "GeneratorExit()", "BaseException('x')"])
def test_what_ends_a_process_is_an_error_like_any_other(open_session: OpenSession, told: str) -> None:
    session = open_session(f"def f(): raise {told}\ndef g(): return 1")
    with pytest.raises(RemoteError):
        session.submission.f()
    assert session.submission.g() == 1


def test_an_exception_that_cannot_be_shown(open_session: OpenSession) -> None:
    session = open_session(
        """
        class Hostile(ValueError):
            def __str__(self): raise RuntimeError
            __repr__ = __str__
        def f(): raise Hostile
        """
    )
    with pytest.raises(ValueError, match="cannot be shown"):
        session.submission.f()


def test_thousands_of_names_and_notes_are_cut(open_session: OpenSession) -> None:
    source = (
        LIAR + "\ntell({'id': 1, 'names': {str(i): True for i in range(10**5)}, 'notes': [{'cell': 10**50}] * 1000})"
    )
    loaded = open_session(source).load()
    assert len(loaded.names) == MAX_NAMES
    assert [error.cell for error in loaded.cell_errors] == [0] * 50


def test_floods_of_handles_are_bounded(open_session: OpenSession) -> None:
    """Each costs the host memory; and looking one up among those set free must not cost more the more there are."""
    many = "{'k': 'list', 'v': [{'k': 'handle', 'h': h} for h in range(%d)]}"
    session = open_session(liar(f"tell({{'id': request_id(), 'ok': {many % 60_000}}})"))
    with pytest.raises(GuestKilled, match="too many objects"):
        session.submission.lie()
    call = f"{{'callback': 1, 'args': {many % 15_000}, 'kwargs': {{'k': 'dict', 'v': []}}}}"
    session = open_session(liar(f"for _ in range(6): tell({call})\nreturn 1"))
    start = time.process_time()
    with pytest.raises(GuestFault):  # noqa: PT012  which of several calls fails is open
        session.submission.lie(lambda *args: None)
        session.submission.lie(lambda *args: None)
    assert time.process_time() - start < 10


# limits ---------------------------------------------------------------------------------------------------------------


def test_a_fault_loses_the_guest_and_the_next_call_gets_a_fresh_one(open_session: OpenSession) -> None:
    session = open_session(
        """
        state = []
        def loop():
            while True: pass
        def count(): state.append(1); return len(state)
        """
    )
    assert session.submission.count() == 1
    assert session.submission.count() == 2
    first = session.generation
    with pytest.raises(GuestTimeout, match="1 CPU seconds"):
        session.submission.loop()
    assert session.generation == first
    assert isinstance(session.fault, GuestTimeout)
    session.begin_test()
    assert session.submission.count() == 1
    assert session.generation == first + 1


def test_a_sleeper_cannot_keep_the_tests_waiting_call_after_call(open_session: OpenSession) -> None:
    work = open_session("import time\ndef nap(): time.sleep(0.3); return 1", limits=LAZY).submission
    start = time.monotonic()
    with pytest.raises(GuestTimeout):  # noqa: PT012  which of several calls fails is open
        for _ in range(30):
            work.nap()
    assert time.monotonic() - start < 6


def test_a_guest_that_answers_byte_by_byte_is_given_up(open_session: OpenSession) -> None:
    """Also while it is asked where it was: no answer may take longer than its limit, however it comes."""
    dribble = """
    import signal, time
    def forever(*_):
        while True:
            os.write(3, b"G"); time.sleep(0.1)
    signal.signal(signal.SIGXCPU, forever)
    os.write(3, b"GW1\\n" + struct.pack("!II", 8000000, 0))
    forever()
    """
    session = open_session(liar(dribble), limits=LAZY)
    start = time.monotonic()
    with pytest.raises(GuestTimeout):
        session.submission.lie()
    assert time.monotonic() - start < 6


def test_output_is_kept_up_to_a_limit_over_all_guests(open_session: OpenSession) -> None:
    session = open_session("import os\ndef shout():\n    print('x' * 20_000, flush=True)\n    os._exit(0)")
    texts = []
    for _ in range(3):
        with pytest.raises(GuestKilled):
            session.submission.shout()
        texts.append(session.take_output())
    assert sum(text.count("x") for text in texts) <= 16 * 1024 + 10
    assert "not kept" in texts[0]


def test_cpu_seconds_of_all_guests_together(open_session: OpenSession) -> None:
    limits = Limits(cpu_seconds=0.3, wall_seconds=10, total_cpu_seconds=1.0, memory_mb=200)
    session = open_session("def loop():\n    while True: pass", limits=limits)
    told = []
    for _ in range(8):
        with pytest.raises(GuestTimeout) as caught:
            session.submission.loop()
        told.append(str(caught.value))
    assert told[0].startswith("No answer after 0.3 CPU seconds")
    assert "in all" in told[-1]


def test_a_sandbox_that_breaks_is_no_fault_of_the_submission(start_zygote: Any, open_session: OpenSession) -> None:
    class Broken:
        versions: dict[str, str] = {}  # noqa: RUF012  never changed

        def spawn(self, shared: object = ()) -> Any:
            raise InfrastructureError("gone")

        def close(self) -> None: ...

    session = open_session("def f(): ...")
    broken = RemoteSession(Broken(), replace(session.files), Limits())
    with pytest.raises(InfrastructureError):
        broken.submission.f()
    assert broken.infrastructure is not None
    assert broken.fault is None


def test_a_defect_of_ours_is_no_answer(open_session: OpenSession, monkeypatch: pytest.MonkeyPatch) -> None:
    session = open_session("def f(): ...")
    assert session.submission.f() is None

    def fail(*_args: Any, **_kwargs: Any) -> Any:
        raise ValueError("ours")  # a test of invalid arguments waits for just this

    monkeypatch.setattr(GuestProcess, "exchange", fail)
    with pytest.raises(InfrastructureError, match="ValueError: ours"):
        session.submission.f()
    assert session.infrastructure is not None
    assert session.fault is None


def test_unusable_answers_are_told_apart(open_session: OpenSession) -> None:
    work = open_session(
        """
        def endless():
            value = []
            value.append(value)
            return value
        def large(): return 2 ** 5000
        """
    ).submission
    with pytest.raises(Unusable, match="nested"):
        work.endless()
    with pytest.raises(SubmissionFault, match="4096 bits"):
        work.large()
