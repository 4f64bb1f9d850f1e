"""A kernel in the box: what its processes take together ends with the notebook, and not with the machine.

rlimits hold for each process by itself, and a limit of processes not at all where root runs the grader.
"""

# nbgrader and nbformat have no annotations.
# mypy: disable-error-code="import-untyped, no-untyped-call"
from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed; install the nbgrader extra")

from nbformat.v4 import new_code_cell, new_notebook

from grader.nbgrader_plugin.execute import SandboxedExecute

CHECK = {"nbgrader": {"grade": True, "grade_id": "check", "points": 1, "locked": True, "solution": False}}
FORKS = """\
import os, time
for _ in range({count}):
    if os.fork() == 0:
        {work}
        time.sleep(60)
        os._exit(0)
time.sleep(20)
"""
TRICKS = {
    "processes": FORKS.format(count=100, work="pass"),
    "memory": FORKS.format(count=4, work="held = bytearray(400 * 2**20)"),
    "disk": "import time\nfor i in range(4):\n    open(f'f{i}', 'wb').write(b'x' * 2**24)\ntime.sleep(20)",
}


@pytest.mark.parametrize("trick", TRICKS)
def test_what_a_notebook_takes_in_all_ends_it(trick: str, tmp_path: Path) -> None:
    check = new_code_cell("pass", metadata=CHECK)
    notebook = new_notebook(cells=[new_code_cell(TRICKS[trick]), check])
    step = SandboxedExecute(always_kernel=True, memory_mb=256, disk_mb=32, timeout=15)
    step.preprocess(notebook, {"metadata": {"path": str(tmp_path)}, "nbgrader": {}})
    (error,) = [output.ename for output in notebook.cells[0].outputs if output.output_type == "error"]
    assert error in ("DeadKernelError", "BlockingIOError")  # the second: where the limit of processes holds
    if error == "DeadKernelError":
        assert check.outputs[0].ename == "NotRun"
