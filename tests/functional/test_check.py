"""``grader check`` in a student's folder: what grading would say, without a course and without a sandbox."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from grader.cli.main import main
from grader.errors import UsageError
from grader.grading import check as checking
from grader.model import Environment, SubmissionFiles
from grader.sandbox import imports as sandbox_imports

HANDED_OUT = Path(__file__).parents[1] / "goldens" / "generation" / "expected"
RIGHT = """
def statistics(x):
    print("columns:", x.shape[1])
    return x.mean(axis=0), x.var(axis=0)
"""
WRONG = """
def statistics(x):
    print("columns:", x.shape[1])
    return x.sum(axis=0), x.var(axis=0)
"""


def grader(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder as it was handed out, under a path that pytest takes for a parameter; the working directory."""
    folder = tmp_path / "it's \"mine\" [final]::2" / "assignments" / "scaling"
    shutil.copytree(HANDED_OUT, folder)
    suite = folder / "test_visible.py"
    suite.write_text(suite.read_text(encoding="utf-8").replace("    score(0.5)\n", ""), encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    return scratch


def write(folder: Path, definitions: str) -> None:
    """Add to the script; the last definition of a name counts."""
    with (folder / "scaling.py").open("a", encoding="utf-8") as file:
        file.write(definitions)


def write_cells(folder: Path, *cells: str) -> None:
    """Add code cells to the notebook."""
    path = folder / "scaling.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for number, source in enumerate(cells):
        cell = {"cell_type": "code", "id": f"mine{number}", "metadata": {}, "outputs": [], "execution_count": None}
        notebook["cells"].append({**cell, "source": source})
    path.write_text(json.dumps(notebook), encoding="utf-8")


def test_right_work(folder: Path, scratch: Path) -> None:
    write(folder, RIGHT)
    result = grader("check")
    assert result.exit_code == 0, result.output
    assert "scaling.ipynb is untouched, so scaling.py counts" in result.stdout
    assert "✓ ones" in result.stdout
    assert "✓ random rows" in result.stdout
    assert "hint" not in result.stdout
    last = result.stdout.splitlines()[-1]
    assert last == "1.5 of 1.5 points of the visible tests. Hidden tests or timed runs are added once you hand in."
    assert list(scratch.iterdir()) == []
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in HANDED_OUT.iterdir())
    assert os.environ["TMPDIR"] == str(scratch)
    assert Path.cwd() == folder


def test_wrong_work_shows_hint_reason_and_output(folder: Path, scratch: Path) -> None:
    write(folder, WRONG)
    result = grader("check")
    assert result.exit_code == 1
    assert "✗ ones" in result.stdout
    assert "wrong answer" in result.stdout
    assert "hint: é: no spread" in result.stdout
    assert "[3.0, 3.0] == [1.0, 1.0]" in result.stdout  # a visible test hides nothing
    assert "│ columns: 2" in result.stdout
    assert "✓ random rows" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("0.5 of 1.5 points")
    assert list(scratch.iterdir()) == []


def test_the_untouched_stub_has_the_student_s_own_traceback(folder: Path) -> None:
    result = grader("check")
    assert result.exit_code == 1
    source = (folder / "scaling.py").read_text(encoding="utf-8").splitlines()
    number = next(n for n, line in enumerate(source, start=1) if line.startswith("    raise NotImplementedError"))
    assert f"│   scaling.py, line {number}, in statistics" in result.stdout
    assert "statistics is not written yet" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("0 of 1.5 points")


def test_a_notebook_counts_where_it_is_the_one_that_was_changed(folder: Path) -> None:
    write_cells(folder, "%matplotlib inline\n1 / 0", RIGHT)
    result = grader("check", str(folder / "scaling.ipynb"))
    assert result.exit_code == 0, result.output
    assert "scaling.py is untouched, so scaling.ipynb counts" in result.stdout
    assert "raised an exception and was passed over" in result.stdout
    assert "ZeroDivisionError" in result.stdout
    assert result.stdout.splitlines()[0].startswith("visible tests  scaling.ipynb")


def test_white_space_does_not_make_a_file_yours(folder: Path) -> None:
    script = folder / "scaling.py"
    script.write_text(script.read_text(encoding="utf-8").replace("\n", "  \n") + "\n\n", encoding="utf-8")
    write_cells(folder, RIGHT)
    result = grader("check")
    assert result.exit_code == 0, result.output


def both_changed(folder: Path) -> None:
    write(folder, RIGHT)
    write_cells(folder, RIGHT)


def emptied(folder: Path) -> None:
    (folder / "scaling.ipynb").unlink()
    (folder / "scaling.py").write_text("")


def saved_as_utf_16(folder: Path) -> None:
    (folder / "scaling.ipynb").unlink()
    (folder / "scaling.py").write_text(RIGHT, encoding="utf-16")


def broken_notebook(folder: Path) -> None:
    (folder / "scaling.py").unlink()
    (folder / "scaling.ipynb").write_text('{"cells": [')


def both_gone(folder: Path) -> None:
    (folder / "scaling.py").rename(folder / "Scaling (1).py")
    (folder / "scaling.ipynb").unlink()


def a_link(folder: Path) -> None:
    (folder / "scaling.py").rename(folder / "mine.py")
    (folder / "scaling.py").symlink_to("mine.py")


def syntax_error(folder: Path) -> None:
    write(folder, "\ndef statistics(x)\n")


def error_at_import(folder: Path) -> None:
    write(folder, "\nimport no_such_module\n")


def exit_at_import(folder: Path) -> None:
    write(folder, "\nimport os\nos._exit(0)\n")


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        (both_changed, "unreadable", "hand in one of them"),
        (emptied, "unreadable", "scaling.py is empty"),
        (saved_as_utf_16, "unreadable", "save it as UTF-8"),
        (broken_notebook, "unreadable", "its JSON is broken"),
        (both_gone, "missing", "Rename Scaling (1).py to scaling.py"),
        (a_link, "unreadable", "is a symbolic link; hand in the file itself"),
        (syntax_error, "broken", "SyntaxError: expected ':'"),
        (error_at_import, "broken", "No module named 'no_such_module'"),
        (exit_at_import, "broken", "The submission's process ended"),
    ],
)
def test_what_cannot_be_graded_is_told_in_words(
    folder: Path, scratch: Path, change: object, status: str, words: str
) -> None:
    assert callable(change)
    change(folder)
    result = grader("check")
    assert result.exit_code == 1, result.output
    assert f"{status}: " in result.stdout
    assert words in " ".join(result.stdout.split())
    assert "Traceback" not in result.output
    assert result.stdout.splitlines()[-1].startswith("0 of 1.5 points")
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("path", ["assignments/scaling", "assignments/scaling/", "assignments/scaling/scaling.py"])
def test_from_the_course_s_folder(folder: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    write(folder, RIGHT)
    monkeypatch.chdir(folder.parents[1])
    assert grader("check", path).exit_code == 0


def test_a_folder_reached_by_a_link(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, WRONG)
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    result = grader("check", "link")
    assert result.exit_code == 1
    assert "[3.0, 3.0] == [1.0, 1.0]" in result.stdout


def test_nothing_else_in_the_folder_is_run(folder: Path) -> None:
    write(folder, RIGHT)
    for name in ("random.py", "json.py", "numpy.py", "conftest.py", "sitecustomize.py", "test_mine.py"):
        (folder / name).write_text("raise RuntimeError('this file is not to be imported')\n")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (folder / "numpy.py").unlink()  # the submission itself would import it, now and when it is graded
    result = grader("check")
    assert result.exit_code == 0, result.output


def test_helper_modules_are_the_student_s_own(folder: Path) -> None:
    (folder / "helpers.py").write_text(RIGHT)
    write(folder, "\nfrom helpers import statistics\n")
    assert grader("check").exit_code == 0


def test_json(folder: Path) -> None:
    write(folder, WRONG)
    result = grader("check", "--json")
    assert result.exit_code == 1
    [submission] = json.loads(result.stdout)
    assert (submission["assignment"], submission["status"]) == ("scaling", "graded")
    assert (submission["score"], submission["max_score"]) == (0.5, 1.5)
    assert submission["seconds"] > 0
    assert [(test["name"], test["outcome"], test["visible"]) for test in submission["tests"]] == [
        ("test_ones", "failed", True),
        ("test_rows", "passed", True),
    ]
    assert submission["tests"][0]["hint"] == "é: no spread"


def test_a_folder_that_was_not_handed_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parents[1])
    result = grader("check")
    assert result.exit_code == 1
    assert "there is no test_visible.py here" in result.stderr
    assert "grader check assignments/scaling" in result.stderr
    assert result.stdout == ""
    assert grader("check", "no-such-folder").exit_code == 1


def test_a_file_that_nobody_hands_in(folder: Path) -> None:
    (folder / "my work.py").write_text(RIGHT)
    result = grader("check", "my work.py")
    assert result.exit_code == 1
    assert "my work.py is no file that you hand in" in result.stderr
    assert "scaling.py or scaling.ipynb" in result.stderr


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("def test_ones(submission):", "def test_ones(submission)", "test_visible.py:17: not valid Python"),
        ("def test_rows", "def test_mine(submission):\n    pass\n\n\ndef test_rows", "gives its points"),
        ('_NAME = "scaling"', "", "do not say which assignment"),
        ('_NAME = "scaling"', "_NAME = 7", "do not say which assignment"),
        ('_NAME = "scaling"', '_NAME = "../scaling"', "do not say which assignment"),
        ("import numpy as np", "import no_such_module", "No module named 'no_such_module'"),
    ],
)
def test_changed_tests_are_not_run(folder: Path, scratch: Path, old: str, new: str, words: str) -> None:
    write(folder, RIGHT)
    suite = folder / "test_visible.py"
    text = suite.read_text(encoding="utf-8")
    assert old in text
    suite.write_text(text.replace(old, new, 1), encoding="utf-8")
    result = grader("check")
    assert result.exit_code == 1
    assert words in result.stderr
    assert "put test_visible.py back as it was handed out" in result.stderr
    assert str(scratch) not in result.stderr
    assert result.stdout == ""
    assert list(scratch.iterdir()) == []


def test_a_framework_that_the_tests_need_is_missing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suite = folder / "test_visible.py"
    text = suite.read_text(encoding="utf-8")
    suite.write_text(text.replace("import numpy as np", "import numpy as np, torch as t", 1), encoding="utf-8")
    monkeypatch.setattr(checking, "installed", lambda module: module != "torch")
    result = grader("check")
    assert result.exit_code == 2
    assert "use torch, which this Python lacks" in result.stderr
    assert "pip install torch" in result.stderr


def test_an_assignment_of_torch(folder: Path) -> None:
    pytest.importorskip("torch")
    suite = folder / "test_visible.py"
    text = suite.read_text(encoding="utf-8").replace("import numpy as np", "import numpy as np\nimport torch", 1)
    suite.write_text(text.replace("submission.statistics(np.ones((3, 2)))", "submission.statistics(torch.ones(3, 2))"))
    write(folder, "\ndef statistics(x):\n    return x.mean(0), x.mean(0) * 0\n")
    result = grader("check")
    assert "✓ ones" in result.stdout, result.output


def test_where_it_cannot_run(folder: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, RIGHT)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", shutil.which("false"))
        result = grader("check")
    assert result.exit_code == 2
    assert "the examiner of scaling has ended" in result.stderr
    assert list(scratch.iterdir()) == []
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "darwin")
        result = grader("check")
    assert result.exit_code == 2
    assert "runs on Linux, not on darwin" in result.stderr
    assert "pytest test_visible.py" in result.stderr


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", Environment.NUMPY),
        ("import numpy as np", Environment.NUMPY),
        ("# import torch", Environment.NUMPY),
        ("def f():\n    import torch.nn as nn", Environment.TORCH),
        ("import math, torch as t", Environment.TORCH),
        ("from torch.nn import functional\nthis is no python", Environment.TORCH),
        ("from keras import layers", Environment.TENSORFLOW),
        ("import tensorflow_datasets", Environment.NUMPY),
        ("from .torch import x", Environment.NUMPY),
    ],
)
def test_the_environment_is_guessed_from_the_imports(
    monkeypatch: pytest.MonkeyPatch, source: str, expected: Environment
) -> None:
    monkeypatch.setattr(sandbox_imports, "installed", lambda _module: True)
    monkeypatch.setattr(checking, "installed", lambda _module: True)
    files = SubmissionFiles("a", "a.py", {"a.py": source.encode()})
    assert sandbox_imports.submission_environment(files) is expected
    helper = SubmissionFiles("a", "a.py", {"a.py": b"import helper", "helper.py": source.encode()})
    assert sandbox_imports.submission_environment(helper) is expected
    assert (checking.suite_environment(source) or Environment.NUMPY) is expected
    monkeypatch.setattr(sandbox_imports, "installed", lambda _module: False)
    assert sandbox_imports.submission_environment(files) is Environment.NUMPY  # its own import will tell


def test_a_folder_is_read_without_running_it(folder: Path) -> None:
    handed_out = checking.read_handed_out(folder)
    assert handed_out.name == "scaling"
    assert sorted(handed_out.untouched) == [".ipynb", ".py"]
    assert [spec.points for spec in handed_out.specs] == [1, 0.5]
    with pytest.raises(UsageError):
        checking.read_handed_out(folder.parent)
