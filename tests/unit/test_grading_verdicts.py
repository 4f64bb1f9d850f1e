"""From an exception in a test to an outcome and to words; and what the proofs of ``grader verify`` work with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from grader.errors import InfrastructureError, TaskError
from grader.grading.adversaries import one_more_axis
from grader.grading.examiner import parsable_source
from grader.grading.examiner_client import examiner_environment
from grader.grading.verdicts import UNFIT, WRONG, BrokenHere, Verdict, misfit, verdict_of
from grader.grading.verify import dependents
from grader.model import Outcome, SubmissionFiles, TestSpec
from grader.remote import MissingName, Unusable
from grader.remote.errors import raised_error
from grader.sandbox import GuestKilled, GuestMemory, GuestTimeout
from grader.testing import WrongAnswer

SECRET = "8675309"


def judged(error: BaseException, *, visible: bool = False) -> Verdict:
    return verdict_of(error, None, visible=visible)


def raised(*names: str, message: str = "", frames: list[Any] | None = None) -> BaseException:
    """As a guest tells of an exception of these classes."""
    told = [["work.py", 3, "f", "g()"]] if frames is None else frames
    return raised_error({"type": [f"builtins.{name}" for name in names], "message": message, "frames": told}, "f")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (WrongAnswer("f should be a float."), Outcome.FAILED),
        (AssertionError("assert 1 == 2"), Outcome.FAILED),
        (MissingName("work.py does not define f."), Outcome.FAILED),
        (Unusable("The answer cannot be used."), Outcome.FAILED),
        (TypeError("unsupported operand"), Outcome.FAILED),
        (ValueError("shapes differ"), Outcome.FAILED),
        (SystemExit(0), Outcome.FAILED),
        (raised("ValueError", "Exception"), Outcome.ERROR),
        (raised("OSError", "Exception"), Outcome.ERROR),
        (raised("SystemExit", "BaseException"), Outcome.ERROR),
        (raised("KeyboardInterrupt", "BaseException"), Outcome.ERROR),
        (raised("MemoryError", "Exception"), Outcome.MEMORY),
        (GuestTimeout("No answer."), Outcome.TIMEOUT),
        (GuestMemory("Too much."), Outcome.MEMORY),
        (GuestKilled("It ended."), Outcome.KILLED),
    ],
)
def test_what_is_the_submissions_doing(error: BaseException, outcome: Outcome) -> None:
    verdict = judged(error)
    assert verdict.outcome is outcome
    assert verdict.message


@pytest.mark.parametrize(
    "error",
    [
        InfrastructureError(f"disk full {SECRET}"),
        TaskError(f"a test passes a module {SECRET}"),
        MemoryError(SECRET),
        KeyboardInterrupt(),
        FileNotFoundError(2, SECRET),
    ],
)
def test_what_is_not_gives_no_verdict_and_tells_nothing(error: BaseException) -> None:
    with pytest.raises(BrokenHere) as found:
        judged(error)
    assert str(found.value) == type(error).__name__


def test_the_loss_of_the_guest_counts_more_than_what_the_test_made_of_it() -> None:
    for error in (AssertionError(), ValueError(), WrongAnswer("x"), InfrastructureError("x")):
        assert verdict_of(error, GuestTimeout("No answer."), visible=True).outcome is Outcome.TIMEOUT


def test_a_skipped_test_has_not_run() -> None:
    with pytest.raises(pytest.skip.Exception) as found:
        pytest.skip("no GPU")
    assert judged(found.value).outcome is Outcome.NOT_RUN


def test_hidden_values_are_not_in_the_words() -> None:
    errors = [
        WrongAnswer("f is not right.", f"expected {SECRET}"),
        AssertionError(f"assert 1 == {SECRET}"),
        ValueError(f"operands could not be broadcast together with shapes ({SECRET},)"),
        KeyError(SECRET),
    ]
    for error in errors:
        assert SECRET not in repr(judged(error))
        assert SECRET in repr(judged(error, visible=True))
    assert judged(errors[1]).message == WRONG


def test_a_visible_assertion_shows_its_own_words_first() -> None:
    assert judged(AssertionError("it should grow\nassert 1 > 2"), visible=True).message == "it should grow"
    assert judged(AssertionError("assert 1 > 2\n + where 1 = f()"), visible=True).message.startswith("assert 1 > 2")
    assert judged(AssertionError(), visible=True).message == WRONG


def fails(action: Callable[[], object]) -> str:
    with pytest.raises((TypeError, ValueError, AttributeError)) as found:
        action()
    return misfit(str(found.value))


def test_words_for_an_answer_of_the_wrong_kind() -> None:
    """The patterns are of Python's own messages, so Python must say them."""
    number: Any = 3.0
    nothing: Any = None
    assert fails(lambda: number()) == "The test calls a value of type float as a function, which cannot be."
    assert fails(lambda: number[0]) == "The test takes an entry out of a value of type float, which cannot be."
    assert fails(lambda: nothing[0]) == "The test takes an entry out of None, which cannot be: is there a return?"
    assert fails(lambda: list(number)) == (
        "The test goes through the entries of a value of type float, which cannot be."
    )
    assert fails(lambda: len(number)) == "The test asks for the length of a value of type float, which cannot be."
    assert fails(lambda: number.shape) == "The test uses .shape of a value of type float, which cannot be."
    assert fails(lambda: _two(number)) == (
        "The test expects several values and got a value of type float, which cannot be."
    )
    assert fails(lambda: _two((1,))) == "The test expects 2 values; there are 1."
    assert fails(lambda: _two((1, 2, 3))) == "The test expects 2 values; there are more."
    assert fails(lambda: np.ones(3) + np.ones(4)) == UNFIT


def _two(value: Any) -> None:
    _first, _second = value


def test_a_call_that_does_not_fit_the_function() -> None:
    error = raised("TypeError", message="f() takes 1 positional argument but 2 were given", frames=[])
    assert judged(error).message == (
        "f cannot be called in the way that the assignment describes: f() takes 1 positional argument but 2 were "
        "given. Compare the names, the order and the number of its parameters."
    )
    inside = raised("TypeError", message="g() takes 1 positional argument but 2 were given")
    assert judged(inside).message.startswith("f raised TypeError: g() takes")


def test_exceptions_that_beginners_do_not_know_are_explained() -> None:
    assert judged(raised("RecursionError", "RuntimeError", message="depth")).message == (
        "f raised RecursionError: depth. It calls itself without an end."
    )
    assert "input()" in judged(raised("EOFError", message="EOF when reading a line")).message
    assert judged(raised("KeyError", message="'a'")).message == "f raised KeyError: 'a'"


def test_needs_are_followed_through_others() -> None:
    specs = [
        TestSpec("a", "a", 1, "", visible=False),
        TestSpec("b", "b", 1, "", visible=False, needs=("a",)),
        TestSpec("c", "c", 1, "", visible=False, needs=("b",)),
        TestSpec("d", "d", 1, "", visible=False),
    ]
    assert dependents(specs, ["a"]) == {"a", "b", "c"}
    assert dependents(specs, ["c"]) == {"c"}


def test_the_adversary_with_one_more_axis() -> None:
    assert one_more_axis(2.0).shape == (1,)
    assert one_more_axis(np.ones((2, 3))).shape == (1, 2, 3)
    assert one_more_axis((np.ones(2), 3))[0].shape == (1, 2)
    for unchanged in (None, True, "text", ("a",), [1.0]):
        assert one_more_axis(unchanged) is unchanged


def test_an_examiners_environment_has_no_options_for_another_pytest() -> None:
    variables = {"PATH": "/bin", "PYTEST_ADDOPTS": "-x", "PYTEST_PLUGINS": "p", "OMP_NUM_THREADS": "8"}
    changed = examiner_environment(variables)
    assert (changed["PATH"], changed["OMP_NUM_THREADS"]) == ("/bin", "1")
    assert not any(name.startswith("PYTEST_") for name in changed)


def test_the_source_that_tests_may_parse_holds_what_is_python() -> None:
    cells = ((1, "%matplotlib inline\nx = 1"), (2, "def broken(:"), (3, "y = 2"), (4, "%%bash\nls"))
    source = parsable_source(SubmissionFiles("work", "work.ipynb", {"work.ipynb": b""}, cells))
    assert "x = 1" in source
    assert "y = 2" in source
    assert "broken" not in source
    compile(source, "work", "exec")
