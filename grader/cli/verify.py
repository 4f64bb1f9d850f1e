"""``grader verify``."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

import click

from grader.cli.common import assignments_argument, data_option, json_option, open_course, print_json
from grader.cli.gpu_run import device_options

if TYPE_CHECKING:
    from pathlib import Path

    from grader.cli.timed import TimedOptions
    from grader.grading.verify import Proof, Verification
    from grader.model import Assignment, Course


@click.command(short_help="Prove that the test suites judge rightly.")
@assignments_argument
@click.option(
    "--seeds",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    help="Draws of random inputs per submission.",
)
@click.option("--jobs", type=click.IntRange(1, 256), metavar="N", help="Assignments at one time (default: the cores).")
@click.option("-v", "--verbose", is_flag=True, help="List every proof, not only those that fail.")
@device_options
@data_option
@json_option
def verify(
    assignments: tuple[str, ...],
    seeds: int,
    jobs: int | None,
    verbose: bool,
    device: str | None,
    small: bool,
    folder: Path | None,
    as_json: bool,
) -> int:
    """Prove the suites of these assignments (default: all).

    The reference and every alternative must have all marks, the untouched stub none, every known mistake must cost
    marks in the tests that it names and only there or in those that need them, no test may accept an adversary's
    answer, and no verdict may change with the seed. A timed task must have been calibrated on some device, and where
    its data are at hand its examples are trained. Exit code 1 where any of that does not hold.
    """
    from grader.cli.timed import TimedOptions, require_small
    from grader.cli.timed_verify import count_timed_proofs
    from grader.course import select_assignments
    from grader.errors import TaskError
    from grader.grading.verify import count_proofs

    course = open_course()
    selected = select_assignments(course, assignments)
    if small and assignments:
        require_small(selected)
    options = TimedOptions(folder, device, 1, small)
    if not selected:
        raise TaskError("the course has no assignment", where=course.root / "solutions", remedy="write one")
    examiners = Examiners()
    pool = ThreadPoolExecutor(max_workers=jobs or os.cpu_count() or 1)
    total = sum(count_proofs(each) + count_timed_proofs(each) for each in selected)
    with progress(total) as advance, examiners.ended_with(pool):
        # The longest first, so that no worker is left with one at the end.
        longest_first = sorted(selected, key=proof_cost, reverse=True)
        prove = functools.partial(_verify, course, seeds=seeds, options=options, report=advance, started=examiners.hold)
        futures = {each.name: pool.submit(prove, each) for each in longest_first}
        results = [futures[each.name].result() for each in selected]
    if as_json:
        print_json([_as_dict(result) for result in results])
    else:
        _print(results, verbose=verbose)
    return 0 if all(result.holds for result in results) else 1


def proof_cost(assignment: Assignment) -> int:
    """How long a proof takes, against others: with a framework three times as long as without."""
    from grader.grading.verify import count_proofs

    return count_proofs(assignment) * (1 if assignment.environment == "numpy" else 3)


class Killable(Protocol):
    """An examiner, or a session of timed runs."""

    def kill(self) -> None:
        """End its processes, from another thread."""


class Examiners:
    """The warm processes of the proofs under way, so that an interruption can end them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: list[Killable] = []
        self._ending = False

    def hold(self, examiner: Killable) -> None:
        """Called from a thread that has started one."""
        with self._lock:
            self._held.append(examiner)
            if self._ending:
                examiner.kill()

    @contextlib.contextmanager
    def ended_with(self, pool: ThreadPoolExecutor) -> Iterator[None]:
        """End the pool with the block; where that fails or is interrupted, at once and with all processes."""
        from grader.cli.grade import terminated_as_interrupted

        try:
            with terminated_as_interrupted():
                yield
        except BaseException:
            with self._lock:
                self._ending = True
                for examiner in self._held:
                    examiner.kill()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def progress(total: int) -> Iterator[Callable[[Proof], object]]:
    """A progress bar on a terminal's stderr; nothing elsewhere. Gives a function to call per proof."""
    if not sys.stderr.isatty():
        yield lambda _proof: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("proving"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[last]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("proving", total=total, last="")
        yield lambda proof: bar.update(task, advance=1, last=f"{proof.kind} {proof.name}")


def _verify(
    course: Course,
    assignment: Assignment,
    *,
    seeds: int,
    options: TimedOptions,
    report: Callable[[Proof], object],
    started: Callable[[Killable], None],
) -> Verification:
    from dataclasses import replace

    from grader.cli.timed import small_variant
    from grader.cli.timed_verify import verify_timed
    from grader.course.suite import read_suites
    from grader.course.table import read_text
    from grader.generation.stub import make_stub
    from grader.grading.verify import verify_assignment

    source = read_text(assignment.solution, remedy="mend the solution source")
    stub = make_stub(source, assignment.solution)
    chosen = small_variant(assignment) if options.small else assignment
    specs = read_suites(chosen)
    suites = verify_assignment(
        course,
        chosen,
        specs,
        stub,
        sandbox="bubblewrap",
        seeds=seeds,
        report=report,
        started=started,
    )
    return replace(suites, proofs=(*suites.proofs, *verify_timed(assignment, specs, options, report, started)))


def _as_dict(result: Verification) -> dict[str, Any]:
    from dataclasses import asdict

    proofs = [asdict(proof) for proof in result.proofs]
    return {"assignment": result.assignment, "holds": result.holds, "seeds": result.seeds, "proofs": proofs}


def _print(results: list[Verification], *, verbose: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from grader.cli.timed_verify import KIND

    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120)
    table = Table(title="Proof of the suites", caption=f"{results[0].seeds} seeds each" if results else "")
    for column in ("assignment", "reference", "stub", "alternatives", "mistakes", "adversaries", "timed", "verdict"):
        table.add_column(column, justify="left" if column in ("assignment", "verdict") else "right")
    for result in results:
        cells = [_count(result, kind) for kind in ("reference", "stub", "alternative", "mistake", "adversary", KIND)]
        verdict = Text("holds", style="green") if result.holds else Text("does not hold", style="bold red")
        table.add_row(result.assignment, *cells, verdict)
    console.print(table)
    for result in results:
        for proof in result.proofs:
            if verbose or not proof.holds or proof.found.startswith("not tried here"):
                mark = "FAIL" if not proof.holds else "-   " if proof.found.startswith("not tried here") else "ok  "
                said = f"expected {proof.expected}; found {proof.found}"
                console.print(Text(f"{mark} {result.assignment}: {proof.kind} {proof.name}: {said}"), soft_wrap=True)
                for problem in proof.problems:
                    console.print(Text(f"       {problem}"), soft_wrap=True)


def _count(result: Verification, kind: str) -> str:
    proofs = [proof for proof in result.proofs if proof.kind == kind]
    tried = [proof for proof in proofs if not proof.found.startswith("not tried here")]
    held = sum(proof.holds for proof in tried)
    return f"{held} of {len(tried)}" if tried else "-"
