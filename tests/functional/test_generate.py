"""``grader generate`` through the command line: what it writes, compares, reports and refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from grader.cli.main import main

GOLDENS = Path(__file__).resolve().parents[1] / "goldens" / "generation"
FILES = {"README.md", "scaling.ipynb", "scaling.py", "test_visible.py"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the tiny course under an odd path, as working directory."""
    root = tmp_path / "it's a \"course\""
    shutil.copytree(GOLDENS / "course", root)
    monkeypatch.chdir(root)
    return root


def grader(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_it_writes_four_files_and_then_nothing_more(root: Path) -> None:
    folder = root / "assignments" / "scaling"
    result = grader("generate")
    assert result.exit_code == 0, result.output
    assert {path.name for path in folder.iterdir()} == FILES
    assert folder.joinpath("scaling.py").read_bytes() == (GOLDENS / "expected" / "scaling.py").read_bytes()
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert grader("generate", "scaling").stdout == "4 files, 4 unchanged\n"
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert grader("generate", "--check").exit_code == 0


def test_it_works_from_a_folder_below(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "solutions" / "scaling")
    assert grader("generate").exit_code == 0
    assert (root / "assignments" / "scaling" / "README.md").exists()


def test_check_reports_each_file_that_is_off_and_writes_nothing(root: Path) -> None:
    assert grader("generate").exit_code == 0
    folder = root / "assignments" / "scaling"
    (folder / "README.md").write_text((folder / "README.md").read_text().replace("# Scaling", "# Skaling"))
    (folder / "scaling.py").unlink()
    (folder / "notes.txt").write_text("mine")
    (folder / "__pycache__").mkdir()
    (root / "assignments" / "old").mkdir()
    result = grader("generate", "--check")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert "differs  assignments/scaling/README.md" in lines
    assert "    -# Skaling" in lines
    assert "    +# Scaling" in lines
    assert "missing  assignments/scaling/scaling.py" in lines
    assert "extra    assignments/scaling/notes.txt: not generated; move it elsewhere" in lines
    assert "extra    assignments/old: not generated; move it elsewhere" in lines
    assert "grader generate" in result.stderr
    assert "# Skaling" in (folder / "README.md").read_text()
    assert not (folder / "scaling.py").exists()


def test_extra_files_survive_generating(root: Path) -> None:
    extra = root / "assignments" / "scaling" / "notes.txt"
    extra.parent.mkdir(parents=True)
    extra.write_text("mine")
    result = grader("generate")
    assert result.exit_code == 0
    assert "extra    assignments/scaling/notes.txt" in result.stdout
    assert extra.read_text() == "mine"


def test_json_tells_the_state_of_each_file(root: Path) -> None:
    result = grader("generate", "--check", "--json")
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert (answer["ok"], answer["written"]) == (False, False)
    assert {(f["path"], f["state"]) for f in answer["files"]} == {
        (f"assignments/scaling/{name}", "missing") for name in FILES
    }
    assert json.loads(grader("generate", "--json").stdout)["written"]
    assert {f["state"] for f in json.loads(grader("generate", "--json").stdout)["files"]} == {"same"}


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


SOLUTION = "solutions/scaling/scaling.py"
SETTINGS = "solutions/scaling/assignment.toml"
VISIBLE = "autotests/scaling/test_visible.py"


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("course.toml", "seed = 7", "seed = 'x'", "course.toml:2: "),
        (SETTINGS, "points = 4.5", "points = 5", "assignment.toml: the tests' points add up to 4.5"),
        (SOLUTION, "### END SOLUTION", "### End Solution", "scaling.py:27: this is nearly a marker"),
        (VISIBLE, "points(1, ", "points(0, ", "test_visible.py:10: the points of test_ones are 0"),
        (SETTINGS, "Scale a batch", "Use (x - self.mean)/np.sqrt(self.variance + EPSILON)", "README.md:3: students"),
        (VISIBLE, "    mean, variance", "    # return x.mean(axis=0), (deviations**2).mean(axis=0)\n    mean, variance",
         "test_visible.py:18: students would see a line of a solution"),
        (SETTINGS, "Scale a batch", "assert np.allclose(submission.statistics(batch)[1], np.var(batch, axis=0))",
         "students would see a line of a hidden test"),
        (SOLUTION, "EPSILON = 1e-5", "EPSILON = 1e-5  # see test_random_batch", "the hidden test test_random_batch"),
        ("autotests/scaling/mistakes/unbiased.py", "x.mean(axis=0), x.var(axis=0, ddof=1)", "x.mean(axis=0)[: x.ndim]",
         ""),
    ],
)  # fmt: skip
def test_an_invalid_task_is_refused_and_nothing_is_written(
    root: Path, file: str, old: str, new: str, expected: str
) -> None:
    change(root / file, old, new)
    if not expected:  # a mistake whose line the handout repeats
        change(root / SETTINGS, "Scale a batch", "return x.mean(axis=0)[: x.ndim]")
        expected = "students would see a line of a mistake"
    result = grader("generate")
    assert result.exit_code == 1
    assert expected in result.stderr, result.stderr
    assert "remedy: " in result.stderr
    assert result.stdout == ""
    assert not (root / "assignments").exists()


def test_one_invalid_assignment_stops_the_others(root: Path) -> None:
    for top in ("solutions", "autotests"):
        shutil.copytree(root / top / "scaling", root / top / "another")
    (root / "solutions" / "another" / "scaling.py").rename(root / "solutions" / "another" / "another.py")
    change(root / "solutions" / "another" / "assignment.toml", "order = 1", "order = 2")
    change(root / "solutions" / "another" / "another.py", "### BEGIN SOLUTION", "")
    assert grader("generate").exit_code == 1
    assert not (root / "assignments").exists()
    assert grader("generate", "scaling").exit_code == 0


def test_an_unknown_assignment_and_a_missing_course_are_usage_errors(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = grader("generate", "scalling")
    assert result.exit_code == 1
    assert 'did you mean "scaling"?' in result.stderr
    monkeypatch.chdir(root.parent)
    result = grader("generate")
    assert result.exit_code == 1
    assert "grader init" in result.stderr


def test_a_folder_that_cannot_be_written_is_an_infrastructure_failure(root: Path) -> None:
    (root / "assignments").write_text("a file where the folder should be")
    result = grader("generate")
    assert result.exit_code == 2
    assert "cannot be read: Not a directory" in result.stderr


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert grader("generate").exit_code == 0
    folder = root / "assignments" / "scaling"
    (folder / "README.md").write_text("old")

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    result = grader("generate")
    assert result.exit_code == 2
    assert "No space left on device" in result.stderr
    assert (folder / "README.md").read_text() == "old"
    assert {path.name for path in folder.iterdir()} == FILES
