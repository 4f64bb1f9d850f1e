"""The pipeline with examiners that play a script: what is graded, what stays due, what is started again, what ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.errors import InfrastructureError, StoreError, SuiteError, TaskError
from grader.grading import pipeline
from grader.grading.examiner_client import Examined, ExaminerLost, LoadFailure
from grader.grading.intake import Handout, Submission
from grader.grading.pipeline import Event, Failure, InvalidTask, Settings, run_plan, summary
from grader.grading.plan import Plan
from grader.model import GradeReport, Outcome, Status, SubmissionFiles
from tests.fakes.examiner import FakeExaminer, examined, fake_examiner, make_plan


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Nor does it matter which ones the tests before have left in this process."""
    threads = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= threads


def run(monkeypatch: pytest.MonkeyPatch, plan: Plan, fake: type[FakeExaminer], jobs: int = 1) -> list[Event]:
    monkeypatch.setattr(pipeline, "ExaminerClient", fake)
    events: list[Event] = []
    try:
        run_plan(plan, Settings(1, "bubblewrap", jobs), events.append)
    finally:
        assert all(each.closed for each in fake.made), "no process is left"
    return events


def scores(events: list[Event]) -> dict[str, float | None]:
    return {event.student: event.score for event in events if isinstance(event, GradeReport)}


def failures(events: list[Event]) -> dict[str, str]:
    return {event.report.student: str(event.error) for event in events if isinstance(event, Failure)}


def test_everybody_is_graded_once_after_the_reference(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = fake_examiner(lambda _, student: examined(Outcome.FAILED, 0.5) if student == "b" else examined())
    events = run(monkeypatch, make_plan(tmp_path, "abc"), fake)
    assert scores(events) == {"a": 2.0, "b": 1.0, "c": 2.0}
    [examiner] = fake.made
    assert examiner.students == ["", "a", "b", "c"]
    for event in events:
        assert isinstance(event, GradeReport)
        assert event.status is Status.GRADED
        assert event.graded_at is not None
        assert len(event.key) == 64


def test_workers_share_a_large_class_and_keep_to_an_assignment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # No worker goes on before all have begun; otherwise the quickest might do everything.
    begun = threading.Barrier(3, timeout=30)
    students = [f"s{number:02}" for number in range(60)]

    def play(examiner: FakeExaminer, student: str) -> Examined:
        if student and examiner.students.index(student) == (examiner is fake.made[0]):  # the reference was its first
            begun.wait()
        return examined()

    fake = fake_examiner(play)
    events = run(monkeypatch, make_plan(tmp_path, students, "one"), fake, jobs=3)
    assert len(fake.made) == 3
    assert len(fake.made[0].clones) == 2, "one was started, the others are its clones"
    assert sorted(scores(events)) == students
    assert sorted(student for each in fake.made for student in each.students if student) == students


def test_a_missing_submission_needs_no_examiner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plan = make_plan(tmp_path, "a")
    (plan.due[0].folder / "work.py").unlink()
    fake = fake_examiner()
    [report] = run(monkeypatch, plan, fake)
    assert isinstance(report, GradeReport)
    assert (report.status, report.score, fake.made) == (Status.MISSING, 0.0, [])


def test_a_failure_at_one_costs_the_others_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def play(_: FakeExaminer, student: str) -> Examined:
        if student == "b":
            raise InfrastructureError("disk full", remedy="make room")
        return examined()

    events = run(monkeypatch, make_plan(tmp_path, "abc"), fake_examiner(play))
    assert scores(events) == {"a": 2.0, "c": 2.0}
    assert failures(events) == {"b": "disk full\n  remedy: make room"}
    [failure] = [event for event in events if isinstance(event, Failure)]
    assert (failure.report.status, failure.report.score) == (Status.NOT_GRADED, None)
    assert failure.report.reason == "disk full", "the remedy is not for the student"
    assert len(failure.report.key) == 64


def test_a_folder_that_the_disk_does_not_give_costs_nobody_a_mark(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    read = pipeline.read_submission

    def fail_at_b(submission: Submission, handout: Handout) -> SubmissionFiles:
        if submission.student == "b":
            raise InfrastructureError("work.py cannot be read: Input/output error.")
        return read(submission, handout)

    monkeypatch.setattr(pipeline, "read_submission", fail_at_b)
    events = run(monkeypatch, make_plan(tmp_path, "abc"), fake_examiner())
    assert scores(events) == {"a": 2.0, "c": 2.0}
    assert list(failures(events)) == ["b"]


def test_a_lost_examiner_is_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def play(examiner: FakeExaminer, student: str) -> Examined:
        if student == "b":
            examiner.close()
            raise ExaminerLost("it has ended")
        return examined()

    fake = fake_examiner(play)
    events = run(monkeypatch, make_plan(tmp_path, "abc"), fake)
    assert scores(events) == {"a": 2.0, "c": 2.0}
    assert list(failures(events)) == ["b"]
    assert [each.students for each in fake.made] == [["", "a", "b"], ["", "c"]]


def test_an_examiner_lost_while_it_starts_is_started_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def begin(examiner: FakeExaminer) -> None:
        if len(type(examiner).made) < 3:
            raise ExaminerLost("it has ended")

    fake = fake_examiner(begin=begin)
    assert scores(run(monkeypatch, make_plan(tmp_path, "a"), fake)) == {"a": 2.0}
    assert len(fake.made) == 3


@pytest.mark.parametrize("when", ["start", "reference", "submission"])
def test_examiners_that_are_lost_again_and_again_end_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, when: str
) -> None:
    def lose(examiner: FakeExaminer, student: str = "") -> Examined:
        if when == "submission" and not student:
            return examined()
        examiner.close()
        raise ExaminerLost("it has ended")

    fake = fake_examiner(lose, lose if when == "start" else lambda _: None)  # type: ignore[arg-type]
    with pytest.raises(InfrastructureError, match="again and again"):
        run(monkeypatch, make_plan(tmp_path, "abcdefgh"), fake)
    assert len(fake.made) == pipeline.MAX_RESTARTS + 1


def test_a_sandbox_that_does_not_start_ends_the_run_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def begin(_: FakeExaminer) -> None:
        raise InfrastructureError("no bubblewrap")

    fake = fake_examiner(begin=begin)
    with pytest.raises(InfrastructureError, match="no bubblewrap"):
        run(monkeypatch, make_plan(tmp_path, "ab"), fake)
    assert len(fake.made) == 1


def invalid(events: list[Event]) -> dict[str, str]:
    return {event.assignment: str(event.error) for event in events if isinstance(event, InvalidTask)}


def test_a_reference_that_fails_ends_its_assignment_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def play(examiner: FakeExaminer, _student: str) -> Examined:
        return examined(Outcome.FAILED, 0.0, "wrong") if examiner.assignment.name == "one" else examined()

    events = run(monkeypatch, make_plan(tmp_path, "abc", "one", "two"), fake_examiner(play))
    assert list(invalid(events)) == ["one"]
    assert "fails its own suite: test_it: failed (wrong)" in invalid(events)["one"]
    assert str(tmp_path / "solutions" / "one" / "one.py") in invalid(events)["one"]
    assert {event.assignment for event in events if isinstance(event, GradeReport)} == {"two"}


def test_an_invalid_assignment_is_found_out_once_whatever_the_number_of_workers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def begin(_: FakeExaminer) -> None:
        raise SuiteError("it does not collect")

    fake = fake_examiner(begin=begin)
    events = run(monkeypatch, make_plan(tmp_path, map(str, range(60))), fake, jobs=2)
    assert [type(event) for event in events] == [InvalidTask]
    assert len(fake.made) == 1


def test_tests_without_marks_make_it_invalid(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = fake_examiner()
    fake.tests = ("test_it", "test_other")
    assert "test_other" in invalid(run(monkeypatch, make_plan(tmp_path, "a"), fake))["work"]


def test_a_reference_that_does_not_load_makes_it_invalid(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = Examined(
        LoadFailure(Outcome.ERROR, "", "  work.py, line 1, in <module>\nE"), (), "", {}, {}, frozenset(), 0.0
    )
    events = run(monkeypatch, make_plan(tmp_path, "a"), fake_examiner(lambda *_: broken))
    assert "does not load" in invalid(events)["work"]
    assert "work.py, line 1" in invalid(events)["work"]


@pytest.mark.parametrize("error", [StoreError("disk full"), KeyboardInterrupt()])
def test_what_the_receiver_raises_ends_everything(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: BaseException
) -> None:
    """A worker that is in the middle of an examination is ended with its processes."""
    examining, ended = threading.Event(), threading.Event()

    class Fake(FakeExaminer):
        made: list[FakeExaminer] = []  # noqa: RUF012  # of this test alone

        @staticmethod
        def begin(_examiner: FakeExaminer) -> None: ...

        @staticmethod
        def play(_examiner: FakeExaminer, student: str) -> Examined:
            if student == "b":
                examining.set()
                assert ended.wait(30)
                raise ExaminerLost("it was killed")
            return examined()

        def kill(self) -> None:
            super().kill()
            ended.set()

    def receive(event: Event) -> None:
        assert isinstance(event, GradeReport)
        assert event.student == "a"
        assert examining.wait(30)
        raise error

    monkeypatch.setattr(pipeline, "ExaminerClient", Fake)
    with pytest.raises(type(error)):
        run_plan(make_plan(tmp_path, "abc"), Settings(1, "bubblewrap", 1), receive)
    assert [each.closed for each in Fake.made] == [True]
    assert Fake.made[0].students == ["", "a", "b"]


def test_an_examiner_that_still_warms_up_is_ended_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The second worker warms up while the first one's result ends the run."""
    warming, ended = threading.Event(), threading.Event()

    class Fake(FakeExaminer):
        made: list[FakeExaminer] = []  # noqa: RUF012  # of this test alone

        @staticmethod
        def begin(examiner: FakeExaminer) -> None:
            if examiner.assignment.name == "two":
                warming.set()
                assert ended.wait(30)
                raise ExaminerLost("it was killed")
            assert warming.wait(30)

        @staticmethod
        def play(_examiner: FakeExaminer, _student: str) -> Examined:
            return examined()

        def kill(self) -> None:
            super().kill()
            if self.assignment.name == "two":
                ended.set()

    def receive(_event: Event) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "ExaminerClient", Fake)
    with pytest.raises(KeyboardInterrupt):
        run_plan(make_plan(tmp_path, "ab", "one", "two"), Settings(1, "bubblewrap", 2), receive)
    assert all(each.closed for each in Fake.made if each.assignment.name == "one")


def test_a_defect_of_ours_is_not_swallowed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def play(_: FakeExaminer, student: str) -> Examined:
        if student:
            raise RuntimeError("a defect")
        return examined()

    with pytest.raises(RuntimeError, match="a defect"):
        run(monkeypatch, make_plan(tmp_path, "ab"), fake_examiner(play))


def test_nothing_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run(monkeypatch, make_plan(tmp_path, ""), fake_examiner()) == []


def test_a_task_error_is_no_infrastructure_error() -> None:
    assert not issubclass(TaskError, InfrastructureError)


@pytest.mark.parametrize(
    ("message", "traceback", "said"),
    [
        (
            "",
            "  work.py, line 4, in <module>\n    def f(x)\nSyntaxError: expected ':'",
            "SyntaxError: expected ':' (work.py, line 4)",
        ),
        (
            "No answer.",
            "  work.py, line 1, in <module>\n    import h\n  h.py, line 3, in g\n    wait()",
            "No answer. (h.py, line 3)",
        ),
        ("", "ValueError: two\n  words", "ValueError: two"),
        ("", "", "it ended without a word"),
        ("The process ended.", "", "The process ended."),
    ],
)
def test_a_failure_to_load_in_one_line(message: str, traceback: str, said: str) -> None:
    assert summary(LoadFailure(Outcome.ERROR, message, traceback)) == said
