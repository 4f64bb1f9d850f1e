"""The Ray engine without Ray: actors of this process, examiners that play a script."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grader.cluster import MAX_LOSSES, run_pool
from grader.course import load_course, read_suites
from grader.errors import InfrastructureError, SuiteError
from grader.grading import pipeline, ray_engine
from grader.grading.examiner_client import Examined
from grader.grading.pipeline import Event, Failure, InvalidTask, Settings, run_plan
from grader.grading.plan import Plan, make_task
from grader.grading.ray_engine import FOLDER_PREFIX, Bundle, GradingActor, GradingWork, pack, unpack
from grader.model import GradeReport, Outcome, Status
from tests.fakes.crew import FakeCrew, FakeTicket
from tests.fakes.examiner import FakeExaminer, examined, fake_examiner, make_plan
from tests.functional.courses.tools import make_course

SETTINGS = Settings(7, "bubblewrap", 2)


class SendingCrew(FakeCrew):
    """Sends through pickle, as Ray does, and keeps what was sent."""

    def send(self, worker, arguments):  # type: ignore[no-untyped-def]
        self.sent = [*getattr(self, "sent", []), (worker.number, arguments)]
        return super().send(worker, pickle.loads(pickle.dumps(arguments)))

    def fetch(self, ticket: FakeTicket) -> object:
        return pickle.loads(pickle.dumps(super().fetch(ticket)))


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "node's [temporary] folder"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def run(
    monkeypatch: pytest.MonkeyPatch,
    plan: Plan,
    fake: type[FakeExaminer] | None = None,
    lose: Callable[[FakeTicket], bool] = lambda _ticket: False,
    size: int = 2,
) -> tuple[list[Event], SendingCrew]:
    fake = fake or fake_examiner()
    monkeypatch.setattr(pipeline, "ExaminerClient", fake)
    monkeypatch.setattr(ray_engine, "suite_key", lambda *_: "key")  # as make_plan's
    events: list[Event] = []
    crew = SendingCrew(GradingActor, lose=lose)
    run_pool(crew, GradingWork(plan, SETTINGS, events.append), size)
    return events, crew


def scores(events: list[Event]) -> dict[str, float | None]:
    assert all(isinstance(event, GradeReport) for event in events)
    assert len({event.student for event in events if isinstance(event, GradeReport)}) == len(events), "once each"
    return {event.student: event.score for event in events if isinstance(event, GradeReport)}


def test_the_reports_are_those_of_the_local_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def play(_: FakeExaminer, student: str) -> Examined:
        return examined(Outcome.FAILED, 0.5) if student == "b" else examined()

    plan = make_plan(tmp_path, "abcd", "one", "two")
    (plan.due[0].folder / "one.py").write_bytes(b"\0")
    events, _ = run(monkeypatch, plan, fake_examiner(play))
    local: list[Event] = []
    run_plan(plan, SETTINGS, local.append)

    def comparable(found: list[Event]) -> list[GradeReport]:
        reports = [replace(each, seconds=0.0) for each in found if isinstance(each, GradeReport)]
        return sorted(reports, key=lambda report: (report.assignment, report.student))

    assert len(events) == 8
    assert comparable(events) == comparable(local)
    assert all(isinstance(each, GradeReport) and each.graded_at for each in events)


def test_an_assignment_is_sent_once_to_a_worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _, crew = run(monkeypatch, make_plan(tmp_path, "abc", "one", "two"), size=1)
    bundles = [(bundle and bundle.task.assignment.name, student) for _, (bundle, student, _) in crew.sent]
    assert [student for _, student in bundles] == [*"abc", *"abc"]
    assert [name for name, _ in bundles if name] == ["one", "two"]


def test_nothing_stays_in_the_temporary_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, temporary: Path
) -> None:
    seen = []

    def play(examiner: FakeExaminer, _student: str) -> Examined:
        assert examiner.assignment.solution.read_text() == "x = 1\n"
        seen.append(examiner.assignment.solution)
        return examined()

    run(monkeypatch, make_plan(tmp_path, "a"), fake_examiner(play))
    assert all(path.is_relative_to(temporary) and FOLDER_PREFIX in str(path) for path in seen)
    assert list(temporary.iterdir()) == []


def test_a_lost_worker_costs_nobody_a_mark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = fake_examiner()

    def lose(ticket: FakeTicket) -> bool:
        return ticket.worker.number == 0 and ticket.arguments is not None and ticket.arguments[1] == "b"

    events, crew = run(monkeypatch, make_plan(tmp_path, "abcd"), fake, lose, size=1)
    assert scores(events) == dict.fromkeys("abcd", 2.0)
    assert [worker.state for worker in crew.workers] == ["lost", "released"]
    second = [bundle for number, (bundle, _, _) in crew.sent if number == 1]
    assert isinstance(second[0], Bundle), "the next worker is sent the assignment"
    assert second[1:] == [None, None]


def test_a_submission_that_loses_every_worker_is_not_graded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def lose(ticket: FakeTicket) -> bool:
        return ticket.arguments is not None and ticket.arguments[1] == "b"

    events, crew = run(monkeypatch, make_plan(tmp_path, "abc", "one", "two"), lose=lose)
    failures = [event for event in events if isinstance(event, Failure)]
    assert [(each.report.assignment, each.report.student) for each in failures] == [("one", "b"), ("two", "b")]
    assert all((each.report.status, each.report.score) == (Status.NOT_GRADED, None) for each in failures)
    assert all(len(each.report.key) == 64 for each in failures)
    assert failures[0].error.__notes__ == ["the machine was switched off"]
    assert "switched off" not in failures[0].report.reason
    assert sum(isinstance(event, GradeReport) for event in events) == 4
    assert [worker.state for worker in crew.workers].count("lost") == 2 * MAX_LOSSES


def test_a_failure_names_the_machine_to_the_instructor_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def play(examiner: FakeExaminer, student: str) -> Examined:
        if student:
            raise InfrastructureError("disk full", where=examiner.assignment.autotests / "test_hidden.py")
        return examined()

    plan = make_plan(tmp_path, "a")
    [failure], _ = run(monkeypatch, plan, fake_examiner(play))
    assert isinstance(failure, Failure)
    assert failure.report.reason == "disk full"
    assert failure.error.where == str(plan.due[0].assignment.autotests / "test_hidden.py")
    assert any("on the machine" in note for note in failure.error.__notes__)


def test_an_invalid_assignment_is_told_once_with_paths_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def begin(examiner: FakeExaminer) -> None:
        if examiner.assignment.name == "one":
            raise SuiteError(f"in {examiner.assignment.autotests}", where=examiner.assignment.solution)

    plan = make_plan(tmp_path, [f"s{number:02}" for number in range(40)], "one", "two")
    events, _ = run(monkeypatch, plan, fake_examiner(begin=begin), size=4)
    [invalid] = [event for event in events if isinstance(event, InvalidTask)]
    one = plan.tasks["one"].assignment
    assert (invalid.assignment, invalid.error.what, invalid.error.where) == (
        "one",
        f"in {one.autotests}",
        str(one.solution),
    )
    assert len([event for event in events if isinstance(event, GradeReport)]) == 40


def test_a_machine_that_cannot_grade_ends_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def begin(_: FakeExaminer) -> None:
        raise InfrastructureError("no bubblewrap", remedy="apt-get install bubblewrap")

    with pytest.raises(InfrastructureError, match="no bubblewrap") as caught:
        run(monkeypatch, make_plan(tmp_path, "ab"), fake_examiner(begin=begin))
    assert caught.value.remedy == "apt-get install bubblewrap"
    assert any("on the machine" in note for note in caught.value.__notes__)


def test_what_is_unpacked_has_the_key_of_what_was_packed(tmp_path: Path) -> None:
    course = load_course(make_course(tmp_path))
    assignment = course.assignments[0]
    task = make_task(course, assignment, read_suites(assignment), "bubblewrap")
    bundle = pack(task, Settings(course.seed, "bubblewrap"), ("scipy",))
    assert sorted(bundle.suite) == ["test_hidden.py", "test_visible.py"]
    folder = tmp_path / "node"
    there = unpack(bundle, folder)
    assert read_suites(there.assignment) == task.specs
    assert there.assignment.solution.read_bytes() == assignment.solution.read_bytes()
    assert there.assignment.autotests.is_relative_to(folder)

    altered = replace(bundle, suite={**bundle.suite, "test_hidden.py": b"# another\n"})
    with pytest.raises(InfrastructureError, match="other versions"):
        unpack(altered, tmp_path / "other")


def test_a_suite_that_has_gone_makes_it_invalid(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plan = make_plan(tmp_path, "ab")
    plan.tasks["work"].assignment.solution.unlink()
    [event], _ = run(monkeypatch, plan)
    assert isinstance(event, InvalidTask)
    assert "cannot be read" in event.error.what
