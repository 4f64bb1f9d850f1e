"""Autograding a class of notebooks, ours against nbgrader's own way of executing them; see run.py.

Both grade the same submissions of the same released notebook, each in a classroom and a gradebook of its own, with the
commands that an instructor types. nbgrader executes the visible checks in a kernel; ours runs all tests, hidden ones
too. They take turns, so that a drift of the machine's load favours nobody.

Ours is charged for the whole command. nbgrader is not charged for its start: the time of the same command with nothing
left to do is taken off.
"""

from __future__ import annotations

import copy
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import psutil
from measure import HEAD, duration, ratio, spread, summarise

from grader.model import Assignment

BIN = Path(sys.executable).parent
TARGETS = {"gradient_descent": 20.0, "lenet_forward": 30.0}
# A look at all processes takes some milliseconds; it is taken in runs whose time is not measured.
LOOK_SECONDS = 0.1
MIB = 2**20


def bench_classroom(root: Path, assignment: Assignment, folder: Path, *, count: int, own: int, rounds: int) -> Any:
    """Autograde ``count`` notebooks our way and ``own`` nbgrader's, ``rounds`` times in turn, and look at memory."""
    name = assignment.name
    ours, theirs = folder / "ours", folder / "theirs"
    run([BIN / "grader", "nbgrader", "init", ours, "-a", name], cwd=root)
    theirs.mkdir()
    shutil.copytree(ours / "source", theirs / "source")
    (theirs / "nbgrader_config.py").write_text("c = get_config()\n")
    run([BIN / "nbgrader", "generate_assignment", name, "--quiet"], cwd=ours)
    run([BIN / "nbgrader", "generate_assignment", name, "--quiet"], cwd=theirs)
    hand_in(ours, name, count)
    hand_in(theirs, name, own)
    our_command = [BIN / "grader", "nbgrader", "autograde", name, "--jobs", "2"]
    their_command = [BIN / "nbgrader", "autograde", name, "--quiet"]
    sides: dict[str, list[float]] = {"ours": [], "theirs": [], "their_start": []}
    for number in range(rounds):
        for side in ("ours", "theirs") if number % 2 == 0 else ("theirs", "ours"):
            place, command, size = (ours, our_command, count) if side == "ours" else (theirs, their_command, own)
            shutil.rmtree(place / "autograded", ignore_errors=True)
            seconds = run(command, cwd=place)
            if side == "theirs":
                start = run(command, cwd=place)
                sides["their_start"].append(start)
                seconds = max(0.0, seconds - start)
            sides[side].append(seconds / size)
    memory = {}
    for side, place, command in (("ours", ours, our_command), ("theirs", theirs, their_command)):
        shutil.rmtree(place / "autograded", ignore_errors=True)
        memory[side] = peak_memory(command, place)
    return {
        "assignment": name,
        "count": count,
        "own": own,
        "ratio": summarise([b / a for a, b in zip(sides["ours"], sides["theirs"], strict=True)]).as_dict,
        "ours": summarise(sides["ours"]).as_dict,
        "theirs": summarise(sides["theirs"]).as_dict,
        "their_start": statistics.median(sides["their_start"]),
        "memory": memory,
    }


def hand_in(classroom: Path, name: str, count: int) -> None:
    """Notebooks as students would hand them in: a third is right, the others lack one answer each."""
    source, released = (
        nbformat.read(classroom / step / name / f"{name}.ipynb", as_version=4) for step in ("source", "release")
    )
    answers = {cell.metadata.nbgrader.grade_id: cell.source for cell in source.cells if is_answer(cell)}
    for number in range(count):
        notebook = copy.deepcopy(released)
        left_out = list(answers)[number % len(answers)] if number % 3 else ""
        for cell in notebook.cells:
            if is_answer(cell) and cell.metadata.nbgrader.grade_id != left_out:
                cell.source = answers[cell.metadata.nbgrader.grade_id]
        notebook.cells[0].source += f"\n\nStudent {number}"
        folder = classroom / "submitted" / f"student{number:03}" / name
        shutil.copytree(classroom / "release" / name, folder)
        nbformat.write(notebook, folder / f"{name}.ipynb")


def is_answer(cell: Any) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def run(command: Sequence[Any], cwd: Path) -> float:
    """Seconds that a command takes; what it prints is shown where it fails."""
    start = time.perf_counter()
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=variables(), capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return seconds


def variables() -> dict[str, str]:
    """nbgrader starts a program of its environment by name."""
    return {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}


def peak_memory(command: Sequence[Any], cwd: Path) -> dict[str, float]:
    """Peak of all processes together, MiB: what several share counts once (PSS); and the largest single one (RSS)."""
    process = subprocess.Popen(
        list(map(str, command)), cwd=cwd, env=variables(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    peak = {"together": 0.0, "largest": 0.0}
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(LOOK_SECONDS):
            together = 0
            for each in family(process.pid):
                try:
                    found = each.memory_full_info()
                except psutil.Error:
                    continue
                together += found.pss
                peak["largest"] = max(peak["largest"], found.rss / MIB)
            peak["together"] = max(peak["together"], together / MIB)

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    ended.set()
    watcher.join()
    if code:
        raise RuntimeError(f"{command} ended with {code}")
    return peak


def family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def classroom_markdown(found: dict[str, Any]) -> list[str]:
    """Lines of one assignment's table."""
    name, memory = found["assignment"], found["memory"]
    target = f" (target {TARGETS[name]:g})" if name in TARGETS else ""
    lines = [f"## A class in nbgrader, {name}: {found['count']} notebooks, two jobs; {found['own']} of nbgrader's", ""]
    lines += [*HEAD]
    lines += [f"| **nbgrader's Execute / ours, per notebook**{target} | {spread(found['ratio'], ratio)} |"]
    lines += [f"| ours, per notebook, start included | {spread(found['ours'])} |"]
    lines += [f"| nbgrader's, per notebook, start taken off | {spread(found['theirs'])} |"]
    lines += ["", f"nbgrader's start, not counted: {duration(found['their_start'])}.", ""]
    lines += ["| peak memory | all processes together | the largest one |", "|---|---|---|"]
    for side, label in (("ours", "ours, two jobs"), ("theirs", "nbgrader's, one")):
        lines += [f"| {label} | {memory[side]['together']:.0f} MiB | {memory[side]['largest']:.0f} MiB |"]
    return [*lines, ""]
