"""Timed training tasks: what a run costs beside the student's work, and whether clock and verdict can be trusted.

On CPU cores, with ``digits_mlp`` and scikit-learn's bundled images:

- *overhead of a run*: from asking for a run until it stands in an SQLite database, less the seconds that the student is
  charged. Warm: the framework's zygote runs already, the draw is fresh. Target: 0.5 s.
- *clock error*: a submission measures its own ``train`` and ``predict``; (host − guest) / guest. What the host's clock
  holds besides is two messages each way and the hidden images, some milliseconds whatever the task takes. Target: 1 %.
- *device time in students' code*: submissions through the real queue, one worker per core. The device's time goes from
  its first call of train to the end of its last run; the reference's runs are told apart. Target: 90 %.
- *verdict stability*: a class of twelve, graded again and again with fresh secret seeds; the share of marks that are
  the usual one of their submission. Only the two timed lines are graded: the suites' marks follow from the course's
  seed. Target: 99 %.

A core that others use as well makes every run longer, so that overheads look smaller beside it, and has the reference
repeated; so disturbed runs are counted.
"""

from __future__ import annotations

import os
import statistics
from dataclasses import asdict
from typing import Any

from measure import HEAD, duration, percent, spread, summarise
from timed_class import Marks, occupation, stability, whole_class
from timed_runs import clock_errors, run_overheads

from gpu_runner.datasets import load_pool
from gpu_runner.devices import find_devices
from grader.cli.timed import timed_task
from grader.course import select_assignments
from grader.model import Course

TASK = "digits_mlp"
WORKERS = 2
TARGET_OVERHEAD_SECONDS = 0.5
TARGET_CLOCK_ERROR = 0.01
TARGET_SHARE = 0.9
TARGET_STABILITY = 0.99
# Seconds of work, and how often it is measured.
DURATIONS = ((0.1, 20), (1.0, 10), (5.0, 4))
QUICK_DURATIONS = ((0.1, 2),)


def bench_timed(course: Course, *, runs: int, queued: int, rounds: int, quick: bool) -> dict[str, Any]:
    """Measure all four.

    :param runs: whose overhead is measured.
    :param queued: submissions in the queue, three runs each.
    :param rounds: in which the class of twelve is graded; with ``quick`` only its last three.
    """
    [assignment] = select_assignments(course, [TASK])
    task = timed_task(assignment, small=False)
    pool = load_pool(task.timed.dataset, None)
    devices = find_devices("cpu", WORKERS)
    overheads = run_overheads(task, pool, devices[0], runs)
    clock = clock_errors(task, pool, devices[0], QUICK_DURATIONS if quick else DURATIONS)
    occupied = occupation(task, pool, devices, queued)
    files = whole_class(assignment)
    chosen = dict(list(files.items())[-3:]) if quick else files
    marks = stability(task, pool, devices, chosen, rounds)
    return {
        "task": task.name,
        "device": devices[0].model,
        "devices": len(devices),
        "load": round(os.getloadavg()[0], 1),
        "overhead": {
            "overhead_seconds": summarise(overheads.overhead).as_dict,
            "run_seconds": summarise(overheads.run).as_dict,
            "store_seconds": summarise(overheads.storing).as_dict,
            "disturbed": overheads.disturbed,
        },
        "clock": [
            {
                "seconds": each.seconds,
                "absolute": summarise(each.absolute).as_dict,
                "relative": summarise(each.relative).as_dict,
            }
            for each in clock
        ],
        "queue": asdict(occupied) | {"gaps": summarise(occupied.gaps).as_dict, "submissions": queued},
        "stability": {
            "rounds": rounds,
            "share": sum(each.agreeing for each in marks) / sum(len(each.marks) for each in marks),
            "submissions": [_stable(each) for each in marks],
        },
    }


def timed_markdown(found: dict[str, Any]) -> list[str]:
    """Lines of the tables."""
    overhead, queue, stable = found["overhead"], found["queue"], found["stability"]
    lines = [
        f"## Timed runs: {found['task']} on {found['devices']} × {found['device']}, load {found['load']}",
        "",
        *HEAD,
        f"| **overhead of a run** (target {duration(TARGET_OVERHEAD_SECONDS)}) | "
        f"{spread(overhead['overhead_seconds'])} |",
        f"| of it, stored | {spread(overhead['store_seconds'])} |",
        f"| train and predict of the reference | {spread(overhead['run_seconds'])} |",
    ]
    for each in found["clock"]:
        lines += [
            f"| **clock error, {each['seconds']:g} s of work** (target {percent(TARGET_CLOCK_ERROR)}) | "
            f"{spread(each['relative'], percent)} |",
            f"| the same in seconds | {spread(each['absolute'])} |",
        ]
    lines += [f"| overhead of a student's run in the queue | {spread(queue['gaps'])} |", ""]
    whole = queue["device_seconds"]
    students, reference = queue["student_seconds"] / whole, queue["reference_seconds"] / whole
    runs = queue["student_runs"] + queue["reference_runs"]
    lines += [
        f"| {queue['submissions']} queued submissions, {found['devices']} workers | share of {whole:.1f} s | runs |",
        "|---|---|---|",
        f"| **students' train and predict** (target {percent(TARGET_SHARE)}) | {percent(students)} | "
        f"{queue['student_runs']} |",
        f"| turns of the reference | {percent(reference)} | {queue['reference_runs']} |",
        f"| neither | {percent(1 - students - reference)} | |",
        "",
        f"Disturbed runs: {overhead['disturbed']} of {overhead['overhead_seconds']['n']} alone, "
        f"{queue['disturbed']} of {runs} in the queue.",
        "",
        f"| {len(stable['submissions'])} submissions graded {stable['rounds']} times | usual mark | others | "
        "mean accuracy | least to most | mean interval | runs |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_stable_row(each) for each in stable["submissions"]]
    lines += ["", f"**Usual marks** (target {percent(TARGET_STABILITY)}): {percent(stable['share'])}."]
    return lines


def _stable(marks: Marks) -> dict[str, Any]:
    measured = bool(marks.accuracies)
    return {
        "name": marks.name,
        "usual": marks.usual,
        "others": sorted(mark for mark in marks.marks if mark != marks.usual),
        "accuracy": summarise(marks.accuracies).as_dict if measured else None,
        "mean": statistics.mean(marks.accuracies) if measured else None,
        "low": statistics.mean(low for low, _high in marks.intervals) if measured else None,
        "high": statistics.mean(high for _low, high in marks.intervals) if measured else None,
        "runs": statistics.mean(marks.runs),
    }


def _stable_row(found: dict[str, Any]) -> str:
    others = ", ".join(f"{mark:g}" for mark in found["others"]) or "none"
    row = f"| {found['name']} | {found['usual']:g} | {others} | "
    accuracy = found["accuracy"]
    if accuracy is None:
        return f"{row}none | | | {found['runs']:.1f} |"
    row += f"{found['mean']:.4f} | {accuracy['least']:.4f} to {accuracy['most']:.4f} | "
    return f"{row}{found['low']:.4f} to {found['high']:.4f} | {found['runs']:.1f} |"
