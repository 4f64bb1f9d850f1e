"""What is shown while timed tasks run: lines for a log, lines and a live table for a terminal."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gpu_runner.ports import Began, Ended, Event, Failed, Judged, Point, Waiting
from grader.cli.timed_display import describe, shown_runs, sparkline
from grader.errors import InfrastructureError
from grader.model import CurvePoint, Job, JobState, Outcome, Training, TrainingRun

DEVICE = "cpu-0"
RUN = TrainingRun(1, Outcome.PASSED, 1.25, 0.975, 400, DEVICE)
JOB = Job(4, "digits", "ada", "key", JobState.TRAINED, datetime(2026, 1, 2, tzinfo=UTC))
TRAINING = Training((RUN,) * 3, 0.975, 0.961, 0.988, 1.25, 30.0, 0.7, DEVICE)
FAILED = replace(RUN, outcome=Outcome.ERROR, seconds=0.0123, accuracy=None)
NO_PREDICTIONS = replace(TRAINING, runs=(FAILED,), accuracy=None, low=None, high=None, seconds=0.0123)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def log_of(capsys: pytest.CaptureFixture[str], events: list[Event], **options: Any) -> list[str]:
    with shown_runs(**options) as show:
        for event in events:
            show(event)
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Waiting(DEVICE, "cpu-0 is in use; waiting for it"), "cpu-0 is in use; waiting for it"),
        (Ended(DEVICE, "", RUN), "cpu-0: reference 1.25 s, accuracy 0.9750"),
        (
            Ended(DEVICE, "", replace(RUN, disturbed="others ran")),
            "cpu-0: reference 1.25 s, accuracy 0.9750 (disturbed: others ran)",
        ),
        (Ended(DEVICE, "ada", RUN), ""),
        (Ended(DEVICE, "ada", replace(RUN, disturbed="others ran")), ""),  # it counts where it was in time
        (
            Ended(DEVICE, "ada", replace(FAILED, disturbed="others ran")),
            "cpu-0: a run of ada was disturbed: others ran",
        ),
        (Judged(JOB, TRAINING), "cpu-0: ada 0.9750 (0.961 to 0.988, 3 runs), 1.25 s of 30.00 s"),
        (Judged(JOB, NO_PREDICTIONS), "cpu-0: ada no predictions: exception (0.012 s of 30.00 s)"),
        (Failed(DEVICE, InfrastructureError("the disk is full")), "cpu-0: failed: the disk is full"),
        (Failed(DEVICE, InfrastructureError("it was killed"), JOB), "cpu-0: failed at ada: it was killed"),
        (Began(DEVICE, "ada", 1), ""),
        (Point(DEVICE, CurvePoint(1.0, 0.5)), ""),
    ],
)
def test_what_is_worth_a_line(event: Event, line: str) -> None:
    assert describe(event) == line


def test_a_name_cannot_write_on_the_terminal() -> None:
    evil = replace(JOB, student="\x1b[2J\x1b]0;owned\x07" + "x" * 100)
    line = describe(Judged(evil, TRAINING))
    assert line.isprintable()
    assert len(line) < 110


def test_a_log_says_whose_turn_it_is_and_counts_verdicts(capsys: pytest.CaptureFixture[str]) -> None:
    events: list[Event] = [
        Began(DEVICE, "", 1),
        Ended(DEVICE, "", RUN),
        Began(DEVICE, "ada", 1),
        *(Point(DEVICE, CurvePoint(float(epoch), 1.0 / epoch)) for epoch in range(1, 50)),
        Ended(DEVICE, "ada", RUN),
        Judged(JOB, TRAINING),
        Judged(replace(JOB, student="ben"), NO_PREDICTIONS),
    ]
    assert log_of(capsys, events, total=2) == [
        "cpu-0: reference 1.25 s, accuracy 0.9750",
        "cpu-0: ada trains",
        "[1/2] cpu-0: ada 0.9750 (0.961 to 0.988, 3 runs), 1.25 s of 30.00 s",
        "[2/2] cpu-0: ben no predictions: exception (0.012 s of 30.00 s)",
    ]
    assert log_of(capsys, events[-1:]) == ["cpu-0: ben no predictions: exception (0.012 s of 30.00 s)"]


def shown_on_a_terminal(monkeypatch: pytest.MonkeyPatch, events: list[Event], columns: int = 80) -> str:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    with shown_runs(2) as show:
        for event in events:
            show(event)
    return terminal.getvalue()


def last_frame(shown: str) -> str:
    return [line for line in shown.splitlines() if "loss" in line][-1]


def test_a_terminal_shows_the_curve_of_the_run_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [Point(DEVICE, CurvePoint(float(epoch), 1.0 / epoch, 0.1 * epoch)) for epoch in (1, 2, 4)]
    shown = shown_on_a_terminal(monkeypatch, [Began(DEVICE, "ada", 2), *points])
    last = last_frame(shown)
    words = ("cpu-0", "ada", "run 2", "epoch 4", "loss 0.25 █▃▁", "accuracy 0.400")
    assert [word for word in words if word not in last] == []


def test_a_repeated_run_begins_its_curve_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    epochs = [1.0, 2.0, 3.0, 1.0, 2.0]
    points = [Point(DEVICE, CurvePoint(epoch, 1.0 / epoch)) for epoch in epochs]
    last = last_frame(shown_on_a_terminal(monkeypatch, [Began(DEVICE, "", 1), *points]))
    assert "(reference)" in last
    assert "loss 0.5 █▁" in last


def test_long_lines_are_cut_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    long = replace(RUN, disturbed="others ran " * 20)
    shown = shown_on_a_terminal(monkeypatch, [Ended(DEVICE, "", long), Judged(JOB, TRAINING)], columns=60)
    [line] = [line for line in shown.splitlines() if "disturbed" in line]
    assert line.rstrip().endswith("…")
    assert any("[1/2] cpu-0: ada" in line for line in shown.splitlines())


def test_sparkline_of_what_is_no_number() -> None:
    assert sparkline([]) == ""
    assert sparkline([1.0, 1.0]) == "▁▁"
    assert sparkline([float("nan"), float("inf")]) == "××"
