"""Ordinary nbgrader notebooks get the marks that nbgrader's own ``Execute`` gives them, and more surely."""

from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

nbgrader = pytest.importorskip("nbgrader")

import nbformat  # noqa: E402
from nbformat.v4 import new_code_cell, new_notebook  # noqa: E402
from nbgrader import utils  # noqa: E402
from nbgrader.api import Gradebook  # noqa: E402
from nbgrader.preprocessors import Execute  # noqa: E402
from traitlets.config import Config  # noqa: E402

from grader.errors import InfrastructureError, TaskError  # noqa: E402
from grader.nbgrader_plugin.execute import SandboxedExecute  # noqa: E402
from grader.nbgrader_plugin.fallback import why_kernel  # noqa: E402

CLASSIC = Path(__file__).parent / "courses" / "classic"
INSTALLED = Path(nbgrader.__file__).parent
USER_GUIDE = sorted((INSTALLED / "docs/source/user_guide/submitted").glob("*/ps1/*.ipynb"))
TEST_NOTEBOOKS = [
    path
    for folder in ("apps", "preprocessors")
    for path in sorted((INSTALLED / "tests" / folder / "files").glob("*.ipynb"))
]


def marks(nb: Any) -> dict[str, Any]:
    """What nbgrader makes of each scored cell, or its error."""
    found: dict[str, Any] = {}
    for number, cell in enumerate(nb.cells):
        if utils.is_grade(cell):
            try:
                found[f"{number} {cell.metadata.nbgrader.get('grade_id')}"] = utils.determine_grade(cell)
            except Exception as error:  # a mark above the maximum
                found[f"{number} {cell.metadata.nbgrader.get('grade_id')}"] = repr(error)
    return found


def kinds(nb: Any) -> list[list[str]]:
    """What sorts of outputs each cell has, each once: a kernel's client does not merge streams."""
    return [sorted({f"{out.output_type} {out.get('name', out.get('ename'))}" for out in cell.get("outputs", [])})
            for cell in nb.cells]  # fmt: skip


def compare(path: Path, folder: Path) -> None:
    shutil.copytree(path.parent, folder, ignore=shutil.ignore_patterns("*.db", "*.pyc", "__pycache__"))
    nb = nbformat.read(path, 4)
    resources = {"metadata": {"path": str(folder)}}
    ours, theirs = copy.deepcopy(nb), copy.deepcopy(nb)
    SandboxedExecute(timeout=2).preprocess(ours, resources)
    Execute(timeout=2).preprocess(theirs, dict(resources))
    assert marks(ours) == marks(theirs)
    assert kinds(ours) == kinds(theirs)
    assert ours.metadata.language_info == theirs.metadata.language_info


@pytest.mark.skipif(not USER_GUIDE, reason="nbgrader is installed without its user guide")
@pytest.mark.parametrize("path", USER_GUIDE, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_marks_of_nbgraders_user_guide(path: Path, tmp_path: Path) -> None:
    compare(path, tmp_path / "folder")


@pytest.mark.slow
@pytest.mark.skipif(not TEST_NOTEBOOKS, reason="nbgrader is installed without its tests")
@pytest.mark.parametrize("path", TEST_NOTEBOOKS, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_marks_of_nbgraders_own_test_notebooks(path: Path, tmp_path: Path) -> None:
    compare(path, tmp_path / "folder")


# the classic course ---------------------------------------------------------------------------------------------------

GRADIENT = """import numpy as np

from shapes import check_shapes


def gradient(weights, inputs, targets):
    check_shapes(weights, inputs, targets)
    return inputs.T @ (inputs @ weights - targets) / len(targets)
"""
DESCENT = """def descend(inputs, targets, rate, steps):
    weights = np.zeros(inputs.shape[1])
    for _ in range(steps):
        weights = weights - rate * gradient(weights, inputs, targets)
    return weights
"""
WARNING_DESCENT = "import sys\n" + DESCENT.replace("    return", "    print('', file=sys.stderr)\n    return")
UNFINISHED = "# YOUR CODE HERE\nraise NotImplementedError()"
NO_INTERRUPT = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
# student -> solution cells, and marks of test_gradient (of 3) and test_descend (of 2)
STUDENTS = {
    "good": (GRADIENT, DESCENT, 3.0, 2.0),
    "short_way": (GRADIENT, DESCENT.replace("range(steps)", "range(steps // 100)"), 3.0, 1.0),
    "warns": (GRADIENT, WARNING_DESCENT, 3.0, 0.0),
    "unfinished": (UNFINISHED, UNFINISHED, 0.0, 0.0),
    "syntax": (GRADIENT.replace("):", ")"), DESCENT, 0.0, 0.0),
    "uphill": (GRADIENT.replace("targets) /", "targets) / -"), DESCENT, 0.0, 0.0),
}
# Only nbgrader's own Execute has trouble with these: it writes no mark, or full ones.
TROUBLE = {
    "exits": (GRADIENT, "import os\nos._exit(0)", 3.0, 0.0),
    "endless": (GRADIENT, NO_INTERRUPT, 3.0, 0.0),
}
CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "classic"
c.{execute}.timeout = 2
c.Autograde.autograde_preprocessors = [
    "{module}.{execute}",
    "nbgrader.preprocessors.IgnorePattern",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
"""


def classic_course(folder: Path, students: dict[str, Any]) -> Path:
    """A course with a release and submissions."""
    shutil.copytree(CLASSIC / "source", folder / "source")
    (folder / "nbgrader_config.py").write_text("c = get_config()\n")
    run(folder, "generate_assignment", "descent")
    released = folder / "release" / "descent"
    for student, (gradient, descent, *_marks) in students.items():
        place = folder / "submitted" / student / "descent"
        shutil.copytree(released, place)
        nb = nbformat.read(place / "descent.ipynb", 4)
        nb.cells[1].source, nb.cells[3].source = gradient, descent
        nbformat.write(nb, place / "descent.ipynb")
    return folder


def run(folder: Path, *arguments: str, status: int = 0) -> str:
    command = [sys.executable, "-m", "nbgrader", *arguments]
    environ = {**os.environ, "JUPYTER_CONFIG_DIR": str(folder), "IPYTHONDIR": str(folder / ".ipython")}
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"  # nbgrader runs alembic by its name
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == status, done.stderr
    return done.stderr


def autograde(folder: Path, execute: str, module: str) -> dict[str, tuple[Any, Any]]:
    (folder / "nbgrader_config.py").write_text(CONFIG.format(execute=execute, module=module))
    run(folder, "autograde", "descent", "--force", "--create")
    found = {}
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as gradebook:
        for submission in gradebook.assignment_submissions("descent"):
            grades = {grade.name: grade for notebook in submission.notebooks for grade in notebook.grades}
            assert grades["why"].needs_manual_grade or grades["why"].auto_score == 0
            found[submission.student.id] = (grades["test_gradient"].auto_score, grades["test_descend"].auto_score)
    return found


@pytest.mark.slow
def test_a_classic_course_gets_the_same_marks_by_one_line_of_configuration(tmp_path: Path) -> None:
    folder = classic_course(tmp_path / "a course", STUDENTS)
    theirs = autograde(folder, "Execute", "nbgrader.preprocessors")
    ours = autograde(folder, "SandboxedExecute", "grader.nbgrader_plugin.execute")
    assert ours == theirs == {student: expected[2:] for student, expected in STUDENTS.items()}


@pytest.mark.slow
def test_a_dead_or_endless_notebook_gets_its_mark_and_stops_nobody(tmp_path: Path) -> None:
    students = {"a_exits": TROUBLE["exits"], "b_endless": TROUBLE["endless"], "c_good": STUDENTS["good"]}
    folder = classic_course(tmp_path / "a course", students)
    ours = autograde(folder, "SandboxedExecute", "grader.nbgrader_plugin.execute")
    assert ours == {student: expected[2:] for student, expected in students.items()}
    page = (folder / "autograded/a_exits/descent/descent.ipynb").read_text()
    assert "not run: " in page


def test_settings_of_execute_count_until_there_are_our_own() -> None:
    config = Config()
    config.ExecutePreprocessor.timeout = 7
    assert SandboxedExecute(config=config).timeout == 7
    config.Execute.timeout = 8
    assert SandboxedExecute(config=config).timeout == 8
    config.SandboxedExecute.timeout = 9
    assert SandboxedExecute(config=config).timeout == 9
    assert SandboxedExecute(config=config).rules().timeout(None) == 9.0


def test_a_sandbox_that_does_not_start_is_no_fault_of_the_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(InfrastructureError, match="bubblewrap is not installed"):
        SandboxedExecute(memory_mb=999).preprocess(notebook("1"), {})
    before = set(Path("/tmp").glob("grader-kernel-*"))
    with pytest.raises(InfrastructureError, match="bubblewrap is not installed"):
        SandboxedExecute(always_kernel=True).preprocess(notebook("1"), {})
    assert set(Path("/tmp").glob("grader-kernel-*")) <= before


# kernels --------------------------------------------------------------------------------------------------------------


def notebook(*cells: str, language: str = "python") -> Any:
    made = new_notebook(cells=[new_code_cell(source) for source in cells])
    name = "python3" if language == "python" else "ir"
    made.metadata["kernelspec"] = {"display_name": name, "language": language, "name": name}
    return made


def test_what_needs_a_kernel(tmp_path: Path) -> None:
    assert why_kernel(notebook("import numpy as np\n1"), tmp_path) == ""
    assert why_kernel(new_notebook(cells=[new_code_cell("1")]), tmp_path) == ""
    assert "not in Python" in why_kernel(notebook("1", language="R"), tmp_path)
    assert "ipywidgets" in why_kernel(notebook("1", "from ipywidgets import interact"), tmp_path)
    assert "interactive" in why_kernel(notebook("%matplotlib notebook"), tmp_path)
    assert "slow_thing" in why_kernel(notebook("import slow_thing"), tmp_path, ["slow_thing"])
    (tmp_path / "helper.py").write_text("import ipywidgets\n")
    assert "ipywidgets" in why_kernel(notebook("import helper"), tmp_path)


def test_where_no_kernel_is_allowed_another_language_is_refused() -> None:
    with pytest.raises(TaskError, match="needs a kernel"):
        SandboxedExecute(fallback="never").preprocess(notebook("1", language="R"), {})


def test_widgets_run_in_a_kernel_inside_the_sandbox(tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("data")
    nb = notebook(
        "import ipywidgets\nipywidgets.IntSlider(value=3)",
        "open('data.txt').read()",
        "import os, urllib.request\nurllib.request.urlopen('http://127.0.0.1:9')",
        "open('/usr/there', 'w')",
        "'SECRET_OF_THE_HOST' in os.environ, os.getuid()",
        "while True: pass",
        "os._exit(1)",
        "1",
    )
    config = Config()
    config.SandboxedExecute.timeout = 3
    os.environ["SECRET_OF_THE_HOST"] = "1"
    try:
        SandboxedExecute(config=config).preprocess(nb, {"metadata": {"path": str(tmp_path)}})
    finally:
        del os.environ["SECRET_OF_THE_HOST"]
    names = [[output.get("ename") for output in cell.outputs] for cell in nb.cells]
    assert "application/vnd.jupyter.widget-view+json" in nb.cells[0].outputs[0].data
    assert nb.metadata.widgets
    assert nb.cells[1].outputs[0].data["text/plain"] == "'data'"
    assert names[2] == ["URLError"]
    assert names[3] == ["OSError"]
    assert nb.cells[4].outputs[0].data["text/plain"] == "(False, 65534)"
    assert names[5] == ["KeyboardInterrupt", "CellTimeoutError"]
    assert names[6:] == [["DeadKernelError"], ["NotRun"]]
    assert [path.name for path in tmp_path.iterdir()] == ["data.txt"]


def test_the_line_of_configuration_in_the_module_is_that_of_the_tests() -> None:
    import grader.nbgrader_plugin.execute as module

    named = re.findall(r'^        "([\w.]+)"', module.__doc__ or "", re.MULTILINE)
    wanted = CONFIG.format(execute="SandboxedExecute", module="grader.nbgrader_plugin.execute")
    assert named == re.findall(r'^    "([\w.]+)"', wanted, re.MULTILINE)
