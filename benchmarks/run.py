"""How fast grading is, against the two usual ways, measured in one run: ``make bench``.

How to read the result
----------------------
A machine that does something else as well changes every figure in seconds, so ratios count. The ways to grade take
turns, a batch each, over the same submissions; each round gives one ratio of their times, and what counts is the median
of these ratios with their quartiles. n is the number of rounds (of ratios and CPU times) or of submissions (of times).

- *ours*: ``grader grade --jobs 1`` from reading the student's folder to the finished report, sandboxed, warm; the
  database is a line of its own.
- *plain forker*: forker.py, one warm process that forks a child per submission, which runs the same tests on the module
  in its own process: no isolation at all. The target is at most 1.5 times its time.
- *tuned forker*: the same with all of the examiner's own tuning, so that the ratio is the price of the wall alone.
- *fresh pytest*: ``python -m pytest`` for each submission, which starts everything anew; a sample, as it takes seconds.

CPU time is of all processes of one side together and depends less on who else is running. The wall ratio of ours can be
below the CPU ratio where a second core takes part: ending a guest and forking the next one overlap.

Timed training tasks have tables of their own, see timed.py, and so has a class in nbgrader, see classroom.py, where it
is installed; ``--only timed`` or ``--only nbgrader`` measures nothing else.

Verdicts are compared too: "other verdicts" counts submissions of which a forker failed other tests, and should be 0.
The results are printed and never asserted: a figure is no test.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from calls import NUMBERS, call_seconds, lives
from contenders import Batch, Grader, WarmForker, fresh_pytest
from corpus import hand_in
from measure import HEAD, duration, ratio, spread, summarise
from timed import bench_timed, timed_markdown

from grader.course import load_course, select_assignments
from grader.course.suite import read_suites
from grader.grading.plan import make_plan, make_task
from grader.model import Assignment, Course, Environment
from grader.store.database import Store

ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENTS = ("gradient_descent", "lenet_forward")
PARTS = ("grading", "wall", "timed", "nbgrader")
TARGET_RATIO = 1.5
TARGET_CALL_SECONDS = 0.3e-3


def bench_grading(course: Course, assignment: Assignment, *, count: int, batch: int, fresh: int) -> dict[str, Any]:
    """Grade ``count`` submissions in batches, ours and the forkers in turn, and ``fresh`` of them anew."""
    task = make_task(course, assignment, read_suites(assignment), "bubblewrap")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        # Before the count come those that each side warms up with.
        submissions = hand_in(assignment, batch + count, folder / "submitted")
        warm, timed = submissions[:batch], submissions[batch:]
        plan = make_plan({assignment.name: task}, submissions, [], lambda *_: False)
        sides: dict[str, list[Batch]] = {"ours": [], "tuned": [], "plain": []}
        fresh_seconds: list[float] = []
        with (
            WarmForker(assignment, "tuned") as tuned,
            WarmForker(assignment, "plain") as plain,
            Grader(plan, course.seed) as grader,
        ):
            start = time.perf_counter()
            grader.grade(warm[:1])  # starts the examiner and its zygote, and grades the reference
            start_seconds = time.perf_counter() - start
            contenders = {"ours": grader, "tuned": tuned, "plain": plain}
            for contender in contenders.values():
                contender.grade(warm)
            grader.reports.clear()
            for first in range(0, count, batch):
                part = timed[first : first + batch]
                # Who begins changes with the round, so that a drift of the machine's load favours nobody.
                names = list(contenders)
                for name in names if (first // batch) % 2 == 0 else reversed(names):
                    sides[name].append(contenders[name].grade(part))
                if len(fresh_seconds) < fresh:
                    fresh_seconds.append(fresh_pytest(part[0]))
            storing = store_seconds(grader, folder)
    ours = sides["ours"]
    result: dict[str, Any] = {
        "assignment": assignment.name,
        "submissions": count,
        "rounds": len(ours),
        "start_seconds": start_seconds,
        "store_seconds": summarise(storing).as_dict,
        "fresh_seconds": summarise(fresh_seconds).as_dict,
        "fresh_ratio_to_ours": summarise(
            [s / statistics.mean(b.seconds) for s, b in zip(fresh_seconds, ours, strict=False)]
        ).as_dict,
    }
    for name, batches in sides.items():
        rounds = list(zip(ours, batches, strict=True))
        result[name] = {
            "seconds": summarise([s for b in batches for s in b.seconds]).as_dict,
            "cpu_seconds": summarise([b.cpu / len(b.seconds) for b in batches]).as_dict,
            "ratio": summarise([sum(a.seconds) / sum(b.seconds) for a, b in rounds]).as_dict,
            "cpu_ratio": summarise([a.cpu / b.cpu for a, b in rounds]).as_dict,
            "other_verdicts": sum(a != b for x, y in rounds for a, b in zip(x.lost, y.lost, strict=True)),
        }
    return result


def store_seconds(grader: Grader, folder: Path) -> list[float]:
    """Seconds to write each report into an SQLite database, one transaction each."""
    seconds = []
    with Store(f"sqlite:///{folder / 'results.sqlite'}") as store:
        for report in grader.reports:
            start = time.perf_counter()
            store.record(report)
            seconds.append(time.perf_counter() - start)
    return seconds


def bench_wall(*, rounds: int, guests: int, environments: tuple[Environment, ...]) -> dict[str, Any]:
    """Calls of 1 KB and lives of guests."""
    calls, echoes = call_seconds(rounds)
    result: dict[str, Any] = {
        "call_seconds": summarise(calls).as_dict,
        "echo_seconds": summarise(echoes).as_dict,
        "ratio_to_echo": statistics.median(calls) / statistics.median(echoes),
        "guests": {},
    }
    for environment in environments:
        found = lives(environment, guests)
        result["guests"][environment.value] = {
            part: summarise([getattr(life, part) for life in found]).as_dict
            for part in ("spawn", "load", "call", "close")
        }
    return result


def as_markdown(result: dict[str, Any]) -> str:
    machine = result["machine"]
    lines = [f"# Benchmark: Python {machine['python']}, {machine['cores']} cores, load {machine['load']}", ""]
    for found in result.get("grading", ()):
        lines += grading_markdown(found)
    if "wall" in result:
        lines += wall_markdown(result["wall"])
    if "timed" in result:
        lines += timed_markdown(result["timed"])
    if "nbgrader" in result:
        from classroom import classroom_markdown

        for found in result["nbgrader"]:
            lines += classroom_markdown(found)
    return "\n".join(lines)


def grading_markdown(found: dict[str, Any]) -> list[str]:
    """Lines of one assignment's table."""
    lines = [f"## {found['assignment']}: {found['submissions']} submissions, {found['rounds']} rounds", "", *HEAD]
    rows = []
    for name, label in (("plain", "plain forker"), ("tuned", "tuned forker")):
        rows += [
            (f"**ours / {label}** (target {TARGET_RATIO:g})", spread(found[name]["ratio"], ratio)),
            (f"ours / {label}, CPU time", spread(found[name]["cpu_ratio"], ratio)),
        ]
    rows += [("fresh pytest / ours", spread(found["fresh_ratio_to_ours"], ratio))]
    for name, label in (("ours", "ours"), ("plain", "plain forker"), ("tuned", "tuned forker")):
        rows += [(f"{label}, per submission", spread(found[name]["seconds"]))]
        rows += [(f"{label}, CPU per submission", spread(found[name]["cpu_seconds"]))]
    rows += [("fresh pytest, per submission", spread(found["fresh_seconds"]))]
    rows += [("database, per submission", spread(found["store_seconds"]))]
    lines += [f"| {name} | {text} |" for name, text in rows]
    start = f"Start until the first grade (examiner, zygote, reference): {duration(found['start_seconds'])}"
    other = found["plain"]["other_verdicts"] + found["tuned"]["other_verdicts"]
    return [*lines, "", f"{start}; not counted above. Other verdicts: {other}.", ""]


def wall_markdown(wall: dict[str, Any]) -> list[str]:
    """Lines of the wall's table."""
    lines = [f"## The wall: {NUMBERS} float64 there and back", "", *HEAD]
    lines += [f"| **call** (target {duration(TARGET_CALL_SECONDS)}) | {spread(wall['call_seconds'])} |"]
    lines += [f"| bare echo to another process | {spread(wall['echo_seconds'])} |"]
    for name, parts in wall["guests"].items():
        lines += [f"| {name} guest: {part} | {spread(summary)} |" for part, summary in parts.items()]
    p95 = duration(wall["call_seconds"]["p95"])
    closing = f"95 of 100 calls take {p95} at most. Median: {wall['ratio_to_echo']:.3g} times the bare echo's."
    return [*lines, "", closing, ""]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("assignments", nargs="*", default=ASSIGNMENTS, metavar="A", help="assignments to grade")
    parser.add_argument("--count", type=int, default=100, metavar="N", help="submissions of each (default: 100)")
    parser.add_argument("--batch", type=int, default=10, metavar="N", help="submissions of one round (default: 10)")
    parser.add_argument("--fresh", type=int, default=6, metavar="N", help="submissions for fresh pytest (default: 6)")
    parser.add_argument("--own", type=int, default=20, metavar="N", help="notebooks for nbgrader's way (default: 20)")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure this part alone; may be repeated")
    parser.add_argument("--queued", type=int, default=100, metavar="N", help="timed submissions queued (default: 100)")
    parser.add_argument(
        "--rounds", type=int, default=3, metavar="N", help="times a class is trained, or autograded (default: 3)"
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run: few submissions, no figure worth keeping")
    parser.add_argument("--json", action="store_true", help="JSON instead of Markdown")
    given = parser.parse_args(arguments)
    if given.quick:
        given.count, given.batch, given.fresh, given.queued, given.rounds, given.own = 4, 2, 1, 2, 2, 1
    course = load_course(ROOT)
    chosen = select_assignments(course, given.assignments)
    environments = tuple(dict.fromkeys(assignment.environment for assignment in chosen))
    parts = given.only or PARTS
    result: dict[str, Any] = {
        "machine": {
            "python": platform.python_version(),
            "cores": len(os.sched_getaffinity(0)),
            "load": round(os.getloadavg()[0], 1),
        }
    }
    if "grading" in parts:
        result["grading"] = [
            bench_grading(course, assignment, count=given.count, batch=given.batch, fresh=given.fresh)
            for assignment in chosen
        ]
    if "wall" in parts:
        rounds, guests = (2, 2) if given.quick else (60, 20)
        result["wall"] = bench_wall(rounds=rounds, guests=guests, environments=environments)
    if "timed" in parts:
        runs = 2 if given.quick else 20
        result["timed"] = bench_timed(course, runs=runs, queued=given.queued, rounds=given.rounds, quick=given.quick)
    if "nbgrader" in parts and (given.only or find_spec("nbgrader")):
        from classroom import bench_classroom  # nbgrader is an extra

        result["nbgrader"] = []
        for assignment in chosen:
            with tempfile.TemporaryDirectory(prefix="bench-") as name:
                sizes = {"count": given.count, "own": given.own, "rounds": given.rounds}
                result["nbgrader"].append(bench_classroom(ROOT, assignment, Path(name), **sizes))
    print(json.dumps(result, indent=1) if given.json else as_markdown(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
