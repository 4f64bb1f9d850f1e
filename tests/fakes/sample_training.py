"""A made-up class that has handed in a timed task: fast and slow, accurate and not, and each way to fail."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

from grader.course.timed import ACCURACY, TIME, timed_specs
from grader.model import (
    Assignment,
    Course,
    CurvePoint,
    Environment,
    GradeReport,
    Limits,
    Outcome,
    ShownAs,
    Status,
    Student,
    TestResult,
    Timed,
    Training,
    TrainingRun,
)
from tests.fakes.sample_reports import GRADED_AT, ROSTER

NAME = "digits_mlp"
TIMED = Timed(
    dataset="digits", train_images=1400, hidden_images=397, full=0.95, accuracy_points=10.0, time_points=4.0,
    multiple=4.0, floor_seconds=3.0, part_from=0.85,
)  # fmt: skip
REFERENCE = 1.04  # seconds


def assignment(timed: Timed = TIMED) -> Assignment:
    """The task."""
    return Assignment(
        name=NAME,
        title="Digits against the clock",
        summary="Train on 8×8 digits.",
        environment=Environment.TORCH,
        points=16.0,
        limits=Limits(),
        order=1,
        due=None,
        solution=Path("course/solutions", NAME, f"{NAME}.py"),
        autotests=Path("course/autotests", NAME),
        timed=timed,
    )


def course(students: int = 12, shown: ShownAs = ShownAs.PSEUDONYMS) -> Course:
    """A course of that many students; beyond the 40 who have names, ids alone."""
    more = tuple(Student(f"s{number:04}") for number in range(len(ROSTER), students))
    return Course(
        "Deep learning, first steps", 20260901, Path("course"), "sqlite:///grader.sqlite",
        (*ROSTER, *more)[:students], (assignment(),), shown,
    )  # fmt: skip


def curve(draw: random.Random, accuracy: float, epochs: int = 12) -> tuple[CurvePoint, ...]:
    """A learning curve that ends near this accuracy."""
    speed = draw.uniform(0.2, 0.6)
    return tuple(
        CurvePoint(
            epoch=epoch,
            loss=round(2.3 * math.exp(-speed * epoch) + 0.05 * draw.random() + (1 - accuracy), 4),
            accuracy=round(0.1 + (accuracy - 0.1) * (1 - math.exp(-speed * (epoch + 1))), 4),
            seconds=round(0.08 * epoch, 3),
        )
        for epoch in range(epochs)
    )


def run(number: int = 0, accuracy: float | None = 0.96, seconds: float = 1.2, **changes: object) -> TrainingRun:
    """One timed run."""
    made = TrainingRun(
        seed=1_000_003 * (number + 1),
        outcome=Outcome.PASSED,
        seconds=seconds,
        accuracy=accuracy,
        hidden_images=TIMED.hidden_images,
        device="cpu-0",
        train_seconds=None if accuracy is None else seconds - 0.01,
        conditions={"torch": "2.13.0", "load": 0.4},
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def training(*runs: TrainingRun, **changes: object) -> Training:
    """What these runs come to, as the judgement would say."""
    accuracies = [each.accuracy for each in runs]
    complete = [accuracy for accuracy in accuracies if accuracy is not None]
    mean = sum(complete) / len(complete) if len(complete) == len(runs) and runs else None
    made = Training(
        runs=runs,
        accuracy=mean,
        low=None if mean is None else max(mean - 0.012, 0.0),
        high=None if mean is None else min(mean + 0.012, 1.0),
        seconds=sorted(each.seconds for each in runs)[len(runs) // 2] if runs else 0.0,
        limit_seconds=max(TIMED.floor_seconds, TIMED.multiple * REFERENCE),
        reference_seconds=REFERENCE,
        device="cpu-0",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def report(student: str, judged: Training | None, **changes: object) -> GradeReport:
    """A graded submission whose two timed lines follow from its training."""
    mean = None if judged is None else judged.accuracy
    share = 0.0 if mean is None else 1.0 if mean >= TIMED.full else 0.5 if mean >= 0.85 else 0.0
    in_time = judged is not None and mean is not None and judged.seconds <= judged.limit_seconds
    tests = [TestResult("test_shapes", "predict returns one label per image", 2.0, 2.0, Outcome.PASSED, visible=True)]
    for spec, part in zip(timed_specs(TIMED), (share, float(in_time)), strict=True):
        assert spec.name in (ACCURACY, TIME)
        lost = Outcome.TIMEOUT if spec.name == TIME else Outcome.FAILED
        outcome = Outcome.PASSED if part == 1.0 else lost
        tests.append(TestResult(spec.name, spec.title, spec.points, part * spec.points, outcome, hint=spec.hint))
    made = GradeReport(
        assignment=NAME,
        student=student,
        status=Status.GRADED,
        score=sum(test.earned for test in tests),
        max_score=16.0,
        tests=tuple(tests),
        seconds=4.2,
        key=f"{NAME}:{student}",
        training=judged,
        graded_at=GRADED_AT,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def failed(student: str, outcome: Outcome = Outcome.ERROR, message: str = "") -> GradeReport:
    """A submission whose second run ended without predictions."""
    bad = run(1, None, 0.4, outcome=outcome, message=message)
    return report(student, training(run(0), bad, run(2)))


def reports(students: int = 12) -> list[GradeReport]:
    """One report per student of :func:`course`, the same at each call; every seventh has no result to rank."""
    draw = random.Random(20260901)
    made = []
    for number, student in enumerate(course(students).roster):
        accuracy = round(min(0.995, max(0.1, draw.gauss(0.955, 0.03))), 4)
        spent = round(draw.lognormvariate(0.5, 0.5), 4)
        logs = draw.random() < 0.7
        runs = [
            run(k, round(min(1.0, accuracy + draw.gauss(0, 0.004)), 4), round(spent * draw.uniform(0.95, 1.05), 4),
                curve=curve(draw, accuracy) if logs else ())
            for k in range(3)
        ]  # fmt: skip
        if number % 9 == 4:
            runs.append(run(3, accuracy, spent * 2, disturbed="Other processes took 41% of the core."))
        judged = report(student.id, training(*runs))
        if number % 7 == 6:
            judged = (
                failed(student.id, Outcome.ERROR, "The loss became NaN in epoch 2.") if number % 2 == 0
                else report(student.id, None, status=Status.MISSING, score=0.0, tests=())
            )  # fmt: skip
        made.append(judged)
    return made


def nan_curve() -> tuple[CurvePoint, ...]:
    """A loss that overflows, and epochs and values that nobody should log."""
    nan, inf = math.nan, math.inf
    return (
        CurvePoint(0, loss=2.3, accuracy=0.1),
        CurvePoint(1, loss=1.8, accuracy=0.4),
        CurvePoint(2, loss=nan, accuracy=0.1),
        CurvePoint(3, loss=inf, accuracy=nan),
        CurvePoint(nan, loss=1.0),
        CurvePoint(inf, loss=1.0),
        CurvePoint(4, loss=1e300, accuracy=0.1),
        CurvePoint(5, loss=-inf),
    )
