"""``grader grade``."""

from __future__ import annotations

import contextlib
import functools
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grader.cli.common import data_option, db_option, json_option, open_course

if TYPE_CHECKING:
    from grader.cli.timed import TimedOptions
    from grader.errors import InfrastructureError
    from grader.grading.intake import Submission
    from grader.grading.pipeline import Event, Failure, InvalidTask, Settings
    from grader.grading.plan import Plan, Task
    from grader.model import Course, GradeReport
    from grader.store.database import Store

    Engine = Callable[[Plan, Settings, Callable[[Event], None]], None]

UNSAFE = (
    "the subprocess sandbox isolates nothing: a submission can read your files, the suites and the results, use the "
    "network and change other students' work"
)


@click.command(short_help="Grade submissions in the sandbox and store the results.")
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("-a", "--assignment", "names", multiple=True, metavar="A", help="Only this assignment; may be repeated.")
@click.option("--student", metavar="S", help="Only this student.")
@click.option("--jobs", type=click.IntRange(1, 256), metavar="N", help="Submissions at one time (default: the cores).")
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Where to grade: on this machine, or on a Ray cluster.",
)
@click.option(
    "--ray-address",
    metavar="HOST:PORT",
    help="Head of the Ray cluster (default: RAY_ADDRESS, or a cluster of this machine alone).",
)
@click.option("--regrade", is_flag=True, help="Grade unchanged ones too; changes are shown before they are written.")
@click.option("--yes", is_flag=True, help="With --regrade: write the changes without asking.")
@click.option(
    "--sandbox",
    type=click.Choice(["bubblewrap", "subprocess"]),
    default="bubblewrap",
    show_default=True,
    help="Where submissions run; subprocess isolates nothing and needs --unsafe.",
)
@click.option("--unsafe", is_flag=True, help="Allow a sandbox that does not isolate submissions.")
@data_option
@db_option
@json_option
def grade(
    path: Path | None,
    names: tuple[str, ...],
    student: str | None,
    jobs: int | None,
    engine: str,
    ray_address: str | None,
    regrade: bool,
    yes: bool,
    sandbox: str,
    unsafe: bool,
    folder: Path | None,
    db: str | None,
    as_json: bool,
) -> int:
    """Grade the submissions under PATH (default: submitted/), which holds one folder per student.

    What was graded before and has not changed is passed over, so an interrupted run resumes. Exit code 0; 1 where an
    assignment is invalid; 2 where something was not graded, and stays due.
    """
    from grader.errors import UsageError

    if sandbox == "subprocess" and not unsafe:
        remedy = "use bubblewrap, or add --unsafe if you trust every submission"
        raise UsageError(UNSAFE, where="--sandbox subprocess", remedy=remedy)
    if ray_address is not None and engine != "ray":
        raise UsageError("only a Ray cluster has an address", where="--ray-address", remedy="add --engine ray")
    from grader.cli.timed import TimedOptions

    if engine == "ray":
        from grader.cluster import require_ray

        require_ray()  # before anything else is done
    course = open_course(db)
    run = GradeRun(
        course,
        path or course.root / "submitted",
        names,
        student,
        sandbox,
        jobs,
        engine_of(engine, ray_address),
        timed=TimedOptions(folder, sandbox=sandbox, engine=engine, ray_address=ray_address),
    )
    return run.execute(regrade=regrade, yes=yes, as_json=as_json)


def engine_of(name: str, ray_address: str | None) -> Engine:
    """What grades a plan: ``local`` or ``ray``."""
    if name == "ray":
        from grader.grading.ray_engine import run_plan_on_ray

        return functools.partial(run_plan_on_ray, address=ray_address)
    from grader.grading.pipeline import run_plan

    return run_plan


class GradeRun:
    """One run of the command."""

    def __init__(
        self,
        course: Course,
        path: Path,
        names: tuple[str, ...],
        student: str | None,
        sandbox: str,
        jobs: int | None,
        engine: Engine,
        *,
        timed: TimedOptions,
        named: bool | None = None,
        again: bool = False,
    ) -> None:
        """:param named: whether the assignments were named on the command line; by default, whether there are names.
        :param again: train unchanged submissions of timed tasks too.
        """
        self.course = course
        self.path = path
        self.names = names
        self.student = student
        self.sandbox = sandbox
        self.jobs = jobs
        self.engine = engine
        self.timed = timed
        self.named = bool(names) if named is None else named
        self.again = again
        self.reports: list[GradeReport] = []
        self.invalid: list[InvalidTask] = []
        self.failures: list[Failure] = []
        self.trouble: InfrastructureError | None = None  # why the run ended early

    def execute(self, *, regrade: bool, yes: bool, as_json: bool) -> int:
        from grader.grading.plan import make_plan
        from grader.store.database import Store

        # Before there is a database: a wrong path leaves none behind.
        tasks, submissions, warnings = self._survey(regrade=regrade)
        with Store(self.course.database) as store:

            def is_graded(submission: Submission, key: str) -> bool:
                name, student = submission.assignment.name, submission.student
                return not (regrade or self.again) and store.find(name, student, key) is not None

            plan = make_plan(tasks, submissions, warnings, is_graded)
            for warning in plan.warnings:
                click.echo(f"note: {warning}", err=True)
            self._grade(plan, None if regrade else store)
            written = self._settle_regrade(store, yes=yes, as_json=as_json) if regrade else True
            self._print(store, plan, written=written, as_json=as_json)
        for invalid in self.invalid:
            click.echo(f"error: {invalid.assignment} is not graded: {invalid.error}", err=True)
        for error, failed in self._failures().items():
            click.echo(f"error: not graded: {failed}: {error}", err=True)
        if self.trouble is not None:
            click.echo(f"error: {with_notes(self.trouble)}", err=True)
        left = sum(report.status == "not_graded" for report in self.reports)
        if left:
            click.echo(f"{left} of {len(plan.due)} submissions were not graded and stay due; run it again.", err=True)
        if left or self.trouble is not None:
            return 2
        return 1 if self.invalid else 0

    def _failures(self) -> dict[str, str]:
        """What went wrong -> whom it befell."""
        places: dict[str, list[str]] = {}
        for failure in self.failures:
            place = f"{failure.report.student}/{failure.report.assignment}"
            places.setdefault(with_notes(failure.error), []).append(place)
        return {
            error: ", ".join(befell[:5]) + (f" and {len(befell) - 5} more" if len(befell) > 5 else "")
            for error, befell in places.items()
        }

    def _survey(self, *, regrade: bool) -> tuple[dict[str, Task], list[Submission], list[str]]:
        """The tasks by assignment, every place where work should be, and warnings; what is invalid is found here."""
        from grader.course import select_assignments
        from grader.course.suite import read_suites
        from grader.errors import TaskError
        from grader.generation.stub import make_stub
        from grader.grading.plan import find_submissions, make_task

        selected = select_assignments(self.course, self.names)
        timed = [each.name for each in selected if each.timed is not None]
        if regrade and timed:  # a measurement, which differs each time, and costs device time
            click.echo(f"note: {', '.join(timed)}: to train again, run: grader gpu run --again", err=True)
            selected = tuple(each for each in selected if each.timed is None)
        submissions, warnings = find_submissions(
            self.course, self.path, selected, named=self.named, student=self.student, now=datetime.now(UTC)
        )
        tasks = {}
        for assignment in selected:
            make_stub(_read_source(assignment.solution), assignment.solution)  # its markers must be sound
            tasks[assignment.name] = make_task(self.course, assignment, read_suites(assignment), self.sandbox)
        if not tasks:
            raise TaskError("the course has no assignment", where=self.course.root / "solutions", remedy="write one")
        return tasks, submissions, warnings

    def _grade(self, plan: Plan, store: Store | None) -> None:
        """Grade what is due; results go to the store one by one, or into memory alone where there is none."""
        from grader.cli.timed import TimedPhase
        from grader.cli.timed_display import shown_runs
        from grader.errors import InfrastructureError, StoreError
        from grader.grading.pipeline import Failure, InvalidTask, Settings, not_graded

        done = set()
        held: list[GradeReport] = []  # of timed tasks, whose suites have run and whose training is to come
        phase = TimedPhase(self.course, self.timed, plan)

        def keep(event: Event) -> None:
            """Remember a result; what has one is in the store, or goes there after a regrade."""
            if isinstance(event, InvalidTask):
                self.invalid.append(event)
                return
            if isinstance(event, Failure):
                self.failures.append(event)
            report = event.report if isinstance(event, Failure) else event
            self.reports.append(report)
            done.add((report.assignment, report.student))

        try:
            with terminated_as_interrupted():
                with progress(len(plan.due)) as advance:

                    def receive(event: Event) -> None:
                        if not isinstance(event, InvalidTask):
                            report = event.report if isinstance(event, Failure) else event
                            advance(f"{report.assignment} {report.status.value}")
                            if phase.wants(report):
                                held.append(report)
                                return
                            if store is not None:
                                store.record(report)
                        keep(event)

                    self.engine(plan, Settings(self.course.seed, self.sandbox, self.jobs), receive)
                if held and store is not None:
                    with shown_runs(len(held)) as show:
                        phase.run(held, store, keep, show)
        except StoreError:
            raise
        except InfrastructureError as error:
            self.trouble = error
            invalid = {each.assignment for each in self.invalid}
            for submission in plan.due:
                place = (submission.assignment.name, submission.student)
                if place not in done and submission.assignment.name not in invalid:
                    report = not_graded(submission, error, plan.keys[place])
                    self.reports.append(report)
                    if store is not None:
                        store.record(report)
        except KeyboardInterrupt:
            graded = sum(report.status != "not_graded" for report in self.reports)
            kept = "graded and stored; run it again for the rest"
            if store is None:
                kept = "graded anew, and nothing was written"
            click.echo(f"\ninterrupted: {graded} of {len(plan.due)} are {kept}.", err=True)
            raise SystemExit(InfrastructureError.exit_code) from None  # something was not graded

    def _settle_regrade(self, store: Store, *, yes: bool, as_json: bool) -> bool:
        """Show what a regrade would change, and write it where that is wanted; tell whether it was."""
        from grader.reports.compare import differences
        from grader.reports.terminal import differences_table, look

        changes = []
        for report in self.reports:
            old = store.latest(report.assignment, report.student)
            if old and old[0].status != "not_graded" and report.status != "not_graded":
                changes += differences(old[0], report)
        width, color = look(sys.stderr if as_json else sys.stdout)
        click.echo(differences_table(changes, width=width, color=color), err=as_json)
        if changes and not yes:
            if not sys.stdin.isatty():
                click.echo("Nothing was written; add --yes to write these changes.", err=True)
                return False
            if not click.confirm("Write these changes?", err=True):
                click.echo("Nothing was written.", err=True)
                return False
        for report in self.reports:
            store.record(report)
        return True

    def _print(self, store: Store, plan: Plan, *, written: bool, as_json: bool) -> None:
        from grader.grading.pipeline import unsettled
        from grader.reports.class_report import build, select
        from grader.reports.export import to_json
        from grader.reports.terminal import class_table, look

        if as_json:
            # Of what was due, what this run has found; of the rest, and where that was not written, what is stored.
            kept = {(report.assignment, report.student): report for report in store.latest()}
            found = {(each.assignment.name, each.student): unsettled(each) for each in plan.due}
            found = {**kept, **found} if written else {**found, **kept}
            found |= {
                (report.assignment, report.student): report
                for report in self.reports
                if written or report.status == "not_graded"
            }
            order = {assignment.name: place for place, assignment in enumerate(self.course.assignments)}
            places = {(each.assignment.name, each.student) for each in (*plan.due, *plan.unchanged)}
            listed = sorted(places, key=lambda place: (order[place[0]], place[1]))
            click.echo(to_json([found[place] for place in listed]), nl=False)
            return
        graded = sum(report.status != "not_graded" for report in self.reports)
        if written:
            click.echo(f"{graded} graded now, {len(plan.unchanged)} unchanged since the last time.", err=True)
        else:
            click.echo(f"{graded} graded again; the table shows what is stored.", err=True)
        if not plan.due and not plan.unchanged:
            click.echo(f"note: there is nothing to grade in {self.path}", err=True)
            return
        wanted = {each.assignment.name for each in (*plan.due, *plan.unchanged)}
        table = select(build(self.course, store.latest(), pending=store.pending()), assignments=wanted)
        width, color = look(sys.stdout)
        click.echo(class_table(table, width=width, color=color), nl=False)


@contextlib.contextmanager
def progress(total: int) -> Iterator[Any]:
    """A progress bar on a terminal's stderr; nothing elsewhere. Gives a function to call with words for each result."""
    if not total or not sys.stderr.isatty():
        yield lambda _said: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    last = TextColumn("{task.fields[last]}")
    columns = (TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), last)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("grading", total=total, last="")
        yield lambda said: bar.update(task, advance=1, last=said)


@contextlib.contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C, so that children end and the database is left in order."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _read_source(path: Path) -> str:
    from grader.course.table import read_text

    return read_text(path, remedy="mend the solution source")


def with_notes(error: BaseException) -> str:
    """An error with what the instructor alone may read of it."""
    return "\n".join([str(error), *getattr(error, "__notes__", ())])
