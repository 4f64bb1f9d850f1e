"""A generated folder as a student uses it: plain ``pytest`` beside the work, with and without the grader's plugin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.course import load_course
from grader.generation import generate

SOURCE = '''\
# %%
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    return x + x  # not x * 3
    ### END SOLUTION


# %%
if __name__ == "__main__":
    print(double(2))
'''
VISIBLE = '''\
"""Visible."""

import pytest


@pytest.mark.points(1, title="two", needs=("test_many",))
def test_two(submission, submission_source, score):
    score(0.5)
    assert "def double" in submission_source
    assert submission.double(2) == 4


@pytest.mark.points(1, title="random")
def test_random(submission, rng):
    x = int(rng.integers(10, 1000))
    assert submission.double(x) == 2 * x
'''
HIDDEN = '''\
import pytest


@pytest.mark.points(1, title="many")
def test_many(submission):
    assert [submission.double(x) for x in (0, -1)] == [0, -2]
'''
SOLVED = "def double(x):\n    return 2 * x\n"

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """assignments/double of a generated course, under an odd path."""
    root = tmp_path / "it's a \"course\""
    for path, text in {
        "course.toml": 'name = "c"\nseed = 1\n',
        "solutions/double/assignment.toml": (
            'title = "t"\nsummary = "s"\nenvironment = "numpy"\npoints = 3\norder = 1\n'
        ),
        "solutions/double/double.py": SOURCE,
        "autotests/double/test_visible.py": VISIBLE,
        "autotests/double/test_hidden.py": HIDDEN,
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    generate(load_course(root))
    return root / "assignments" / "double"


@pytest.fixture(params=["alone", "beside the grader's plugin"])
def run(request: pytest.FixtureRequest, folder: Path) -> Run:
    """Run pytest in the folder; every warning is an error. Returns its exit status and output."""

    def run(*arguments: str, **environment: str) -> tuple[int, str]:
        plain = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "GRADER_"))}
        if request.param == "alone":
            plain["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", *arguments],
            cwd=folder,
            env=plain | environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return done.returncode, done.stdout + done.stderr

    return run


def edit_notebook(folder: Path, *sources: str) -> None:
    """Save the notebook as an editor would, with these code cells in front."""
    path = folder / "double.ipynb"
    notebook = json.loads(path.read_text())
    new = [
        {"cell_type": "code", "id": f"new-{n}", "metadata": {}, "execution_count": n, "outputs": [],
         "source": source.splitlines(keepends=True)}
        for n, source in enumerate(sources)
    ]  # fmt: skip
    notebook["cells"] = notebook["cells"][:1] + new + notebook["cells"][1:]
    notebook["metadata"]["widgets"] = {}
    path.write_text(json.dumps(notebook, indent=4))


def test_the_stub_fails_in_words_and_without_warnings(run: Run) -> None:
    code, output = run()
    assert code == 1
    assert "2 failed" in output
    assert "double is not written yet: replace this line by your code" in output
    assert "warning" not in output.lower()


def test_a_solved_script_passes_under_any_import_mode(run: Run, folder: Path) -> None:
    (folder / "helper.py").write_text("two = 2\n")
    (folder / "double.py").write_text("import helper\ndef double(x):\n    return helper.two * x\n")
    code, output = run("--import-mode=importlib")
    assert code == 0, output
    assert "2 passed" in output


def test_a_changed_notebook_is_used_where_the_script_is_untouched(run: Run, folder: Path) -> None:
    edit_notebook(folder, "%matplotlib inline\nimport math", "%%time\n" + SOLVED, "!ls\nundefined_name", "display(1)")
    path = folder / "double.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"] = [cell for cell in notebook["cells"] if "NotImplementedError" not in "".join(cell["source"])]
    path.write_text(json.dumps(notebook))
    code, output = run()
    assert code == 0, output


def test_a_notebook_that_was_only_run_counts_as_untouched(run: Run, folder: Path) -> None:
    edit_notebook(folder, "", "\n")
    (folder / "double.py").write_text(SOLVED)
    code, output = run()
    assert code == 0, output


def test_two_changed_files_and_none_are_told_apart_in_words(run: Run, folder: Path) -> None:
    edit_notebook(folder, SOLVED)
    (folder / "double.py").write_text(SOLVED)
    code, output = run()
    assert code == 1
    assert "changed both double.py and double.ipynb" in output
    (folder / "double.py").unlink()
    (folder / "double.ipynb").unlink()
    code, output = run()
    assert code == 1
    assert "neither double.py nor double.ipynb" in output


def test_under_the_grader_its_own_fixtures_serve(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.py").write_text(SOLVED)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--submission={tmp_path / 'elsewhere.py'}"],
        cwd=folder,
        env=os.environ | {"GRADER_SUITE_RUN": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
