"""Cells of a notebook that attack the grader. A classic notebook's tests run in the student's process, so what that
process says of its own cells is its own affair; these tests are about all else: other cells, other students, the host.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader")

from nbformat.v4 import new_code_cell, new_notebook

from grader.nbgrader_plugin.runner import NOTEBOOK_LIMITS, CellRules, NotebookRunner

# Frames that look like answers, with all the numbers that a session might count with.
ANSWERS_AHEAD = """
import json, os, struct
for number in range(1000):
    text = json.dumps({"id": number, "outputs": [], "updates": [], "ended": False}).encode()
    os.write(3, struct.pack("!4sII", b"GW1\\n", len(text), 0) + text)
"""
# A later cell's display takes the number of an earlier one's result.
CHANGED_RESULT = """
recorder = get_ipython().recorder
recorder._updates["box"] = {"data": {"text/plain": "1.0"}, "metadata": {}}
"""
CHILDREN = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        held = bytearray(100 << 20)
        time.sleep(1000)
time.sleep(1000)
"""


@pytest.fixture(scope="module")
def runner() -> Iterator[NotebookRunner]:
    with NotebookRunner(replace(NOTEBOOK_LIMITS, memory_mb=512)) as started:
        yield started


def run(runner: NotebookRunner, folder: Path, *cells: str, timeout: float = 20.0) -> list[list[Any]]:
    made = new_notebook(cells=[new_code_cell(source) for source in cells])
    runner.run(made, folder, CellRules(timeout=lambda _cell: timeout))
    return [cell.outputs for cell in made.cells]


def names(outputs: list[Any]) -> list[str]:
    return [output.get("ename", output.output_type) for output in outputs]


def test_answers_that_were_sent_ahead_pass_no_later_cell(runner: NotebookRunner, tmp_path: Path) -> None:
    first, test = run(runner, tmp_path, ANSWERS_AHEAD, "assert False")
    assert names(first) == ["DeadKernelError"]
    assert names(test) == ["NotRun"]


def test_a_later_cell_changes_no_result_of_an_earlier_one(runner: NotebookRunner, tmp_path: Path) -> None:
    cells = ("display('shown', display_id='box'); 0.0", CHANGED_RESULT, "1")
    shown, _, _ = run(runner, tmp_path, *cells)
    assert [output.data["text/plain"] for output in shown if output.output_type == "execute_result"] == ["0.0"]


def test_children_that_hold_memory_end_the_notebook(runner: NotebookRunner, tmp_path: Path) -> None:
    first, test = run(runner, tmp_path, CHILDREN, "1")
    assert names(first) == ["MemoryError"]
    assert names(test) == ["NotRun"]


@pytest.mark.parametrize(
    "source",
    [
        "import threading\ndef f():\n    while True: print('x' * 100)\nfor _ in range(4):\n"
        "    threading.Thread(target=f, daemon=True).start()",
        "import subprocess; subprocess.Popen(['yes'])",
    ],
    ids=["threads", "process"],
)
def test_what_prints_for_ever_in_the_background_is_bounded(
    runner: NotebookRunner, tmp_path: Path, source: str
) -> None:
    outputs = run(runner, tmp_path, source, *(["import time; time.sleep(0.05)"] * 3), "'end'", timeout=10.0)
    assert sum(len(output.get("text", "")) for cell in outputs for output in cell) < 70 << 20
    assert {"execute_result", "NotRun", "DeadKernelError", "CellTimeoutError"} & set(names(outputs[-1]))


def test_the_next_notebook_sees_nothing_of_the_one_before(runner: NotebookRunner, tmp_path: Path) -> None:
    left = "import os, sys, builtins\nbuiltins.left = 1\nopen('/tmp/left', 'w').close(); open('left', 'w').close()"
    run(runner, tmp_path, left)
    look = "import os, builtins\nhasattr(builtins, 'left'), os.listdir('.'), os.listdir('/tmp')"
    (seen,) = run(runner, tmp_path, look)
    assert seen[0].data["text/plain"].startswith("(False, [], [")
    assert "left" not in seen[0].data["text/plain"]
    assert not list(tmp_path.iterdir())
