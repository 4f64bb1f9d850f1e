"""What is recorded of a notebook's cells for people to read changes nothing of what the cells compute."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import pytest

from grader.model import Environment, Limits, SubmissionFiles
from grader.remote import RemoteSession
from grader.sandbox import GuestTimeout
from grader.wall.notebook import run_cells
from grader.wall.recording import Recorder
from tests.conftest import StartZygote

CELLS = {
    "stdout is replaced for several cells": [
        "import io, sys\nbefore = sys.stdout\nsys.stdout = caught = io.StringIO()",
        "print('caught')",
        "sys.stdout = before\nanswer = caught.getvalue()",
    ],
    "stdout has all that a stream has": [
        "import sys\nsys.stdout.reconfigure(line_buffering=True)",
        "out = sys.stdout\nanswer = out.name, out.mode, out.encoding, out.errors, out.isatty(), out.fileno()",
    ],
    "a logger keeps its stream": [
        "import logging, sys\nlogger = logging.Logger('mine')\nlogger.addHandler(logging.StreamHandler(sys.stderr))",
        "logger.warning('later')\nanswer = 1",
    ],
    "a repr that raises": [
        "class Odd:\n    def __repr__(self):\n        raise ValueError",
        "display(Odd())\nanswer = 1",
        "Odd()",
    ],
    "an expression too deep for a tree": ["answer = " + "+".join(["1"] * 2500)],
    "a future statement": ["from __future__ import annotations\ndef f(x: Missing): pass\nanswer = 1\nanswer"],
    "no code": ["", "# a comment", "answer = 1;"],
    "an error in the last line": ["answer = 1", "answer = 2\n1 / 0"],
    "no Python": ["answer = 1", "return 2", "answer = 3\n)"],
}


@pytest.fixture(autouse=True)
def _streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", sys.__stdout__)
    monkeypatch.setattr(sys, "stderr", sys.__stderr__)


def outcome(cells: list[str], recorder: Recorder | None) -> tuple[Any, list[tuple[int, str]]]:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    errors = [(number, repr(error)) for number, error in run_cells(enumerate(cells, 1), namespace, recorder)]
    return namespace["answer"], errors


@pytest.mark.parametrize("cells", CELLS.values(), ids=CELLS)
def test_the_same_is_computed(cells: list[str]) -> None:
    assert outcome(cells, Recorder()) == outcome(cells, None)


def test_outputs() -> None:
    recorder = Recorder()
    outcome(["print('one')\nanswer = 2\nanswer", "answer;", "display(3)"], recorder)
    assert recorder.outputs == {
        1: [{"type": "stream", "name": "stdout", "text": "one\n"}, {"type": "result", "text": "2"}],
        2: [],
        3: [{"type": "display", "text": "3"}],
    }


def recorded(start_zygote: StartZygote, cells: list[str], limits: Limits) -> RemoteSession:
    files = SubmissionFiles("work", "work.ipynb", {"work.ipynb": b"{}"}, tuple(enumerate(cells, 1)))
    return RemoteSession(start_zygote("subprocess", Environment.NUMPY, limits), files, limits, record=True)


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(["Endless()"], id="a repr without an end"),
        pytest.param(["print('\U0001f600' * 20_000)"] * 100, id="more than a frame holds"),
    ],
)
def test_what_cannot_be_recorded_counts_all_the_same(start_zygote: StartZygote, last: list[str]) -> None:
    limits = replace(Limits(), load_cpu_seconds=1.0, total_cpu_seconds=1.5)
    cells = ["class Endless:\n    def __repr__(self):\n        while True: pass", "answer = 42", *last]
    session = recorded(start_zygote, cells, limits)
    try:
        loaded = session.load()
        assert (loaded.cell_errors, loaded.outputs) == ((), {})
        assert session.get("answer") == 42
    finally:
        session.close()


def test_an_endless_cell_is_endless_without_recording_too(start_zygote: StartZygote) -> None:
    limits = replace(Limits(), load_cpu_seconds=0.5)
    session = recorded(start_zygote, ["while True: pass"], limits)
    with pytest.raises(GuestTimeout):
        session.load()
    session.close()
