"""The visible checks of a notebook, run as a kernel runs its cells: in one namespace, beside test_visible.py."""

from __future__ import annotations

import importlib
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.course import load_course
from grader.generation.notebook import code_cells, make_notebook
from grader.generation.visible import make_visible_suite
from grader.model import Assignment
from grader.nbgrader_plugin.cells import has_notebook
from grader.nbgrader_plugin.source_notebook import make_source

ROOT = Path(__file__).parents[2]
ORDINARY = [each for each in load_course(ROOT).assignments if has_notebook(each)]

HIDDEN = "hidden: it is run when your work is graded"
SUITE = '''\
"""Visible."""

import sys
import warnings

import pytest


def helper(value):
    return value


@pytest.fixture
def numbers(tmp_path):
    return [1, 2]


@pytest.mark.parametrize("x", [1, 2, 3])
@pytest.mark.points(1, title="doubles")
def test_doubles(submission, x):
    assert submission.double(x) == helper(2 * x), f"double({x}) should be {2 * x}"


@pytest.mark.points(1, title="fixtures")
def test_fixtures(submission, numbers, rng, score, capsys):
    score(0.5)
    assert numbers == [1, 2]
    assert rng.integers(10) >= 0
    print("captured")
    assert capsys.readouterr().out == "captured\\n"


@pytest.mark.points(1, title="source")
def test_source(submission_source):
    assert "def double" in submission_source
    assert "check_notebook" not in submission_source


@pytest.mark.points(1, title="skipped")
def test_skipped(submission):
    pytest.skip("not today")


@pytest.mark.points(1, title="noisy")
def test_noisy(submission):
    warnings.warn("careful", stacklevel=1)
    print("to stderr", file=sys.stderr)
    submission.double(1)
'''

Check = Callable[..., None]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A student's folder under an odd path, as a kernel that was started there sees it."""
    folder = tmp_path / "it's [a] \"course\"::x"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    importlib.invalidate_caches()
    yield folder
    sys.modules.pop("test_visible", None)


@pytest.fixture
def check(folder: Path) -> Check:
    """Run the cell of one test of SUITE in a namespace."""
    (folder / "test_visible.py").write_text(make_visible_suite(SUITE, folder / "t.py", "double", "x", "x"))

    def run(name: str, namespace: dict[str, Any], arguments: str = "submission", body: str = "pass") -> None:
        cell = f"import test_visible\n@test_visible.check_notebook(globals())\ndef {name}({arguments}):\n    {body}\n"
        exec(compile(cell, "cell", "exec"), namespace)

    return run


def run_cells(cells: list[str], namespace: dict[str, Any]) -> None:
    for source in cells:
        exec(compile(source, "cell", "exec"), namespace)


@pytest.mark.parametrize("assignment", ORDINARY, ids=lambda each: each.name)
def test_the_reference_passes_and_the_stub_fails_each_visible_check(
    assignment: Assignment, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if assignment.environment == "torch":
        pytest.importorskip("torch")
    made = make_source(assignment)
    (folder / "test_visible.py").write_text(made.visible, encoding="utf-8")
    cells = [cell for cell in json.loads(made.notebook)["cells"] if cell["cell_type"] == "code"]
    work = ["".join(cell["source"]) for cell in cells if not cell["metadata"].get("nbgrader", {}).get("grade")]
    checks = ["".join(cell["source"]) for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade")]
    visible = [source for source in checks if "check_notebook" in source]
    assert visible
    solved: dict[str, Any] = {"__name__": "reference"}
    run_cells([*work, *checks], solved)
    printed = capsys.readouterr()
    assert printed.out.splitlines() == ["passed" if "check_notebook" in check else HIDDEN for check in checks]
    assert printed.err == ""
    untouched: dict[str, Any] = {"__name__": "untouched"}
    handed_out = json.loads((ROOT / "assignments" / assignment.name / f"{assignment.name}.ipynb").read_text())["cells"]
    run_cells(["".join(cell["source"]) for cell in handed_out if cell["cell_type"] == "code"], untouched)
    failed = 0
    for source in visible:
        try:
            run_cells([source], untouched)
        except (NotImplementedError, AssertionError, TypeError, AttributeError):  # some have STUB lines
            failed += 1
    assert failed == len(visible)


def test_all_cases_are_run_with_the_suites_names_and_the_students_are_safe(check: Check) -> None:
    asked: list[int] = []

    def double(x: int) -> int:
        asked.append(x)
        return 2 * x

    names = {"double": double, "helper": "the student's own", "pytest": None}
    check("test_doubles", names, "submission, x", "assert submission.double(x) == helper(2 * x)")
    assert asked == [1, 2, 3]
    assert names["helper"] == "the student's own"


def test_a_failure_is_raised_with_its_message_and_without_pytests_frames(check: Check) -> None:
    names = {"double": lambda x: 2 if x == 1 else 0}
    with pytest.raises(AssertionError, match="should be 4") as caught:
        check("test_doubles", names, "submission, x", "assert submission.double(x) == 2 * x, f'should be {2 * x}'")
    assert not [entry for entry in caught.traceback if "_pytest" in str(entry.path) or "pluggy" in str(entry.path)]


def test_what_is_not_defined_yet_is_said(check: Check) -> None:
    with pytest.raises(AttributeError, match="no double yet"):
        check("test_doubles", {}, "submission, x", "submission.double(x)")


def test_fixtures_are_those_of_pytest(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    body = "print('captured'); assert capsys.readouterr().out == 'captured\\n'; assert numbers == [1, 2]; score(0.5)"
    check("test_fixtures", {}, "submission, numbers, rng, score, capsys", body)
    assert capsys.readouterr().out == "passed\n"


def test_what_was_not_run_has_not_passed(check: Check) -> None:
    with pytest.raises(BaseException, match="not today"):
        check("test_skipped", {}, body="pytest.skip('not today')")
    with pytest.raises(LookupError, match="nobody"):
        check("test_noisy", {}, "nobody")


def test_a_warning_does_not_reach_stderr_which_validate_takes_for_a_failure(
    check: Check, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As outside pytest, which keeps warnings to itself.
    monkeypatch.setattr(warnings, "showwarning", lambda message, *_rest: print(message, file=sys.stderr))
    check("test_noisy", {}, body="print('to stderr', file=sys.stderr); warnings.warn('careful'); print('to stdout')")
    printed = capfd.readouterr()
    assert printed.err == ""
    assert printed.out == "to stderr\ncareful\nto stdout\npassed\n"


def test_the_source_is_the_saved_notebook_without_its_checks(check: Check, folder: Path) -> None:
    notebook = json.loads(make_notebook("# %%\ndef double(x):\n    return 2 * x\n", "double"))
    extra = {"cell_type": "code", "source": "check_notebook", "metadata": {"nbgrader": {"grade": True}}}
    notebook["cells"].append({**extra, "id": "a", "outputs": [], "execution_count": None})
    (folder / "double.ipynb").write_text(json.dumps(notebook))
    assert "check_notebook" in code_cells(json.dumps(notebook))
    body = "assert 'def double' in submission_source and 'check_notebook' not in submission_source"
    check("test_source", {}, "submission_source", body)


def test_a_hidden_check_earns_nothing_where_nbgrader_runs_it_for_marks(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """nbgrader gives full marks to a cell without an output; our step may be missing from its configuration."""
    made = make_source(next(each for each in ORDINARY if each.name == "gradient_descent"))
    (folder / "test_visible.py").write_text(made.visible, encoding="utf-8")
    cells = [cell for cell in json.loads(made.notebook)["cells"] if cell["cell_type"] == "code"]
    checks = ["".join(cell["source"]) for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade")]
    hidden = [source for source in checks if "check_notebook" not in source]
    assert hidden
    for source in hidden:
        monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
        with pytest.raises(RuntimeError, match=r"Examine is missing .* grader nbgrader init"):
            run_cells([source], {})
        monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
        run_cells([source], {})
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [HIDDEN] * len(hidden)
    assert printed.err == ""
