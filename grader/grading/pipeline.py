"""Grading a plan: workers with warm examiners on one side, one writer on the other."""

from __future__ import annotations

import itertools
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from grader.errors import InfrastructureError, SubmissionError, SuiteError, TaskError, UnreadableSubmission
from grader.grading.content_key import refusal_key, submission_key
from grader.grading.examiner_client import Examined, Examiner, ExaminerClient, ExaminerLost, LoadFailure
from grader.grading.family import ExaminerFamily
from grader.grading.intake import Submission, read_submission
from grader.grading.plan import Plan, Task
from grader.grading.schedule import Schedule
from grader.grading.scoring import score_tests, total, untested
from grader.model import GradeReport, Outcome, Status, SubmissionFiles
from grader.remote import explained
from grader.reports.class_report import ITS_TURN

# Starts of a fresh examiner after one was lost, per worker and assignment; then the machine is at fault.
MAX_RESTARTS = 3


@dataclass(frozen=True, slots=True)
class Settings:
    """How to grade."""

    course_seed: int
    sandbox: str
    jobs: int | None = None  # submissions at one time; None: as many as there are cores
    record: bool = False  # whether reports hold what notebooks' cells put out


@dataclass(frozen=True, slots=True)
class InvalidTask:
    """An assignment whose reference fails its own suite, or whose suite does not run; nothing of it is graded."""

    assignment: str
    error: TaskError


@dataclass(frozen=True, slots=True)
class Failure:
    """The grader itself failed at a submission, which stays due."""

    report: GradeReport  # without a mark; its reason is fit for the student
    error: InfrastructureError  # its notes are for the instructor alone


Event = GradeReport | Failure | InvalidTask


def run_plan(plan: Plan, settings: Settings, receive: Callable[[Event], None]) -> None:
    """Grade all that is due.

    :param receive: called in the caller's thread, once per submission and once per invalid task (whose submissions
        get no event of their own), as results come in. Whatever it raises stops the run.
    An interruption (KeyboardInterrupt) ends all processes before it is passed on.
    """
    events: queue.Queue[Event | BaseException | None] = queue.Queue()
    schedule = Schedule(plan.due)
    stop = threading.Event()
    jobs = settings.jobs or os.cpu_count() or 1
    count = max(1, min(jobs, len(plan.due)))
    families = {name: ExaminerFamily() for name in plan.tasks}
    workers = [Worker(plan, settings, schedule, events, stop, families) for _ in range(count)]
    running = len(workers)
    invalid = set()
    try:
        for worker in workers:
            worker.start()
        while running:
            event = events.get()
            if event is None:
                running -= 1
            elif isinstance(event, BaseException):
                raise event
            elif isinstance(event, InvalidTask) and event.assignment in invalid:
                continue  # two workers have found it out
            else:
                if isinstance(event, InvalidTask):
                    invalid.add(event.assignment)
                receive(event)
    finally:
        stop.set()
        for worker in workers:
            worker.abandon()
        for worker in workers:
            if worker.ident is not None:  # it has been started
                worker.join()


class AssignmentGrader:
    """The warm examiner of one assignment: shows that the reference passes, examines, is started again when lost.

    Its processes belong to the thread that calls :meth:`grade`, and end with it.
    """

    def __init__(
        self,
        task: Task,
        settings: Settings,
        preload: tuple[str, ...],
        family: ExaminerFamily | None = None,
    ) -> None:
        """Starts nothing yet.

        :param preload: modules that the submissions at hand are known to import.
        :param family: shared with the assignment's other workers.
        """
        self.task = task
        self._settings = settings
        self._preload = preload
        self._family = family or ExaminerFamily()
        self._client: Examiner | None = None
        self._starts = 0
        self._abandoned = False
        self._lock = threading.Lock()

    def grade(self, submission: Submission, files: SubmissionFiles) -> Event:
        """Grade one submission; a Failure concerns this one alone, an InvalidTask all of the assignment.

        Raises InfrastructureError where not even an examiner can be started.
        """
        start = time.monotonic()
        try:
            client = self._examiner()
        except TaskError as error:
            return InvalidTask(self.task.assignment.name, error)
        try:
            examined = client.examine(submission.student, files, record=self._settings.record)
            report = report_of(submission, self.task, files, examined)
        except InfrastructureError as error:
            if not client.alive:
                self.close()
            return Failure(not_graded(submission, error, submission_key(self.task.key, files)), error)
        return replace(report, seconds=time.monotonic() - start, graded_at=datetime.now(UTC))

    def abandon(self) -> None:
        """End the processes, from another thread; a call in progress then fails, and no examiner is started again."""
        with self._lock:
            self._abandoned = True
            if self._client is not None:
                self._client.kill()

    def close(self) -> None:
        """End the processes. Safe to call twice."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            self._family.leave(client)

    def _examiner(self) -> Examiner:
        """The warm examiner; its first act is to show that the reference passes."""
        last: ExaminerLost | None = None
        if self._client is not None and not self._client.alive:  # it was idle, or its origin is lost
            self.close()
        while self._client is None:
            if self._starts > MAX_RESTARTS:
                name = self.task.assignment.name
                error = InfrastructureError(
                    f"the examiner of {name} was lost again and again", remedy="run: grader doctor"
                )
                for words in getattr(last, "__notes__", ()):  # what it printed before it ended
                    error.add_note(words)
                raise error
            self._starts += 1
            try:
                self._own(self._family.join(self._start))
            except ExaminerLost as lost:
                last = lost
                self.close()
                if self._abandoned:
                    raise
            except BaseException:
                self.close()
                raise
        return self._client

    def _start(self) -> ExaminerClient:
        """Start an examiner and show that the reference passes."""
        assignment = self.task.assignment
        client = ExaminerClient(
            assignment,
            self._settings.course_seed,
            sandbox=self._settings.sandbox,
            suites=tuple(map(str, assignment.suites)),
            preload=self._preload,
            started=self._own,
        )
        check_collected(self.task, client)
        check_reference(self.task, client)
        return client

    def _own(self, client: Examiner) -> None:
        """Hold a process that has just been started, so that :meth:`abandon` reaches it while it warms up."""
        with self._lock:
            self._client = client
            if self._abandoned:
                client.kill()


class Worker(threading.Thread):
    """Grades what the schedule gives it, with the warm processes of one assignment at a time."""

    def __init__(
        self,
        plan: Plan,
        settings: Settings,
        schedule: Schedule,
        events: queue.Queue[Event | BaseException | None],
        stop: threading.Event,
        families: Mapping[str, ExaminerFamily],
    ) -> None:
        super().__init__(name="grading worker")
        self._families = families
        self._plan = plan
        self._settings = settings
        self._schedule = schedule
        self._events = events
        self._stop_asked = stop
        self._grader: AssignmentGrader | None = None
        self._lock = threading.Lock()

    def abandon(self) -> None:
        """End the worker's processes from another thread, after the stop; a call in progress then fails."""
        with self._lock:
            if self._grader is not None:
                self._grader.abandon()

    def run(self) -> None:
        current: str | None = None
        try:
            while not self._stop_asked.is_set():
                submission = self._schedule.take(current)
                if submission is None:
                    break
                current = submission.assignment.name
                self._grade(submission)
        except BaseException as error:  # a defect of ours must reach the caller, not end a thread in silence
            if not self._stop_asked.is_set():
                self._events.put(error)
        finally:
            self._close()
            self._events.put(None)

    def _grade(self, submission: Submission) -> None:
        """Grade one submission; InfrastructureError where not even an examiner can be started."""
        read = read_or_refuse(submission, self._plan.tasks[submission.assignment.name])
        if not isinstance(read, SubmissionFiles):
            self._events.put(read)
            return
        event = self._grader_of(submission.assignment.name).grade(submission, read)
        if isinstance(event, InvalidTask):
            self._schedule.drop(event.assignment)
        if isinstance(event, Failure) and self._stop_asked.is_set():
            return  # its processes were ended on purpose
        self._events.put(event)

    def _grader_of(self, name: str) -> AssignmentGrader:
        """The one that is warm, where it is this assignment's; otherwise a new one in its place."""
        grader = self._grader
        if grader is None or grader.task.assignment.name != name:
            self._close()
            preload = self._plan.preload.get(name, ())
            grader = AssignmentGrader(self._plan.tasks[name], self._settings, preload, self._families[name])
            with self._lock:
                self._grader = grader
                if self._stop_asked.is_set():
                    grader.abandon()
        return grader

    def _close(self) -> None:
        with self._lock:
            grader, self._grader = self._grader, None
        if grader is not None:
            grader.close()


def read_or_refuse(submission: Submission, task: Task) -> SubmissionFiles | GradeReport | Failure:
    """Read a submission; where that does not work, what is to be said of it instead of a grading."""
    start = time.monotonic()
    try:
        return read_submission(submission, task.handout)
    except SubmissionError as error:
        report = refused(submission, task, error)
        return replace(report, seconds=time.monotonic() - start, graded_at=datetime.now(UTC))
    except InfrastructureError as error:
        return Failure(not_graded(submission, error, ""), error)


def check_collected(task: Task, client: ExaminerClient) -> None:
    """The tests that pytest has collected must be those that carry marks; SuiteError otherwise."""
    marked = {spec.name for spec in task.specs if not spec.timed}
    if marked != set(client.tests):
        odd = ", ".join(sorted(marked ^ set(client.tests)))
        raise SuiteError(
            f"pytest collects other tests than those with marks: {odd}",
            where=task.assignment.autotests,
            remedy="every test is a function test_… at the top level with @pytest.mark.points",
        )


def check_reference(task: Task, client: ExaminerClient) -> None:
    """The reference must have full marks; SuiteError otherwise."""
    name = task.assignment.name
    solution = SubmissionFiles(name, f"{name}.py", {f"{name}.py": task.assignment.solution.read_bytes()})
    examined = client.examine("", solution)
    where = task.assignment.solution
    if examined.load_failure is not None:
        said = examined.load_failure.traceback or examined.load_failure.message
        raise SuiteError(f"the reference solution does not load:\n{said}", where=where, remedy="mend the solution")
    results = score_tests(task.specs, examined.cases.get(0, {}))
    timed = {spec.name for spec in task.specs if spec.timed}  # timed runs, not these suites, decide them
    lost = [result for result in results if result.outcome is not Outcome.PASSED and result.name not in timed]
    if lost:
        said = "; ".join(f"{each.name}: {each.outcome}" + f" ({each.message})" * bool(each.message) for each in lost)
        raise SuiteError(
            f"the reference solution fails its own suite: {said}", where=where, remedy=f"run: grader verify {name}"
        )


def report_of(submission: Submission, task: Task, files: SubmissionFiles, examined: Examined) -> GradeReport:
    """The report of a submission that reached the examiner."""
    notes = list(files.notes)
    notes += [f"Cell {number} raised an exception and was passed over:\n{why}" for number, why in examined.cell_errors]
    common = {
        "assignment": task.assignment.name,
        "student": submission.student,
        "max_score": task.assignment.points,
        "notes": tuple(notes),
        "output": examined.output,
        "cell_outputs": cell_outputs(examined),
        "key": submission_key(task.key, files),
    }
    if examined.load_failure is not None:
        failure = examined.load_failure
        return GradeReport(
            status=Status.BROKEN,
            score=0.0,
            tests=untested(task.specs),
            reason=f"{files.entry} cannot be loaded: {summary(failure)}",
            traceback=failure.traceback,
            **common,  # type: ignore[arg-type]
        )
    results = score_tests(task.specs, examined.cases.get(0, {}))
    return GradeReport(status=Status.GRADED, score=total(results), tests=results, **common)  # type: ignore[arg-type]


def cell_outputs(examined: Examined) -> dict[int, tuple[Mapping[str, str], ...]]:
    """What each of a notebook's cells has put out, with the exception that ended it."""
    outputs = dict(examined.cell_outputs)
    for number, why in examined.cell_errors:
        outputs[number] = (*outputs.get(number, ()), {"type": "error", "text": why})
    return outputs


def summary(failure: LoadFailure) -> str:
    """One line for a failure to load: what, and in which line of the student's."""
    lines = [line for line in failure.traceback.splitlines() if line.strip()]
    frames = list(itertools.takewhile(lambda line: line.startswith("  "), lines))  # the exception's own words follow
    places = [line.strip() for line in frames if not line.startswith("    ")]
    where = f" ({places[-1].rpartition(', in ')[0]})" if places else ""
    said = failure.message or next(iter(lines[len(frames) :]), "it ended without a word")
    return explained(f"{said}{where}", said.partition(":")[0])


def refused(submission: Submission, task: Task, error: SubmissionError) -> GradeReport:
    """The report of a submission that is missing or cannot be read."""
    unreadable = isinstance(error, UnreadableSubmission)
    return GradeReport(
        task.assignment.name,
        submission.student,
        Status.UNREADABLE if unreadable else Status.MISSING,
        0.0,
        task.assignment.points,
        untested(task.specs),
        reason=error.what,
        key=refusal_key(task.key, error.what),
    )


def not_graded(submission: Submission, error: InfrastructureError, key: str) -> GradeReport:
    """The report of a submission at which the grader failed: no mark, and it stays due."""
    return GradeReport(
        submission.assignment.name,
        submission.student,
        Status.NOT_GRADED,
        None,
        submission.assignment.points,
        reason=error.what,
        key=key,
        graded_at=datetime.now(UTC),
    )


def unsettled(submission: Submission) -> GradeReport:
    """Stands for a submission to which the run has not come, because its assignment is invalid."""
    name, points = submission.assignment.name, submission.assignment.points
    return GradeReport(name, submission.student, Status.NOT_GRADED, None, points, reason=ITS_TURN)
