"""``grader show``, ``report`` and ``export`` on a stored class, through the real command line."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from grader.cli.main import main
from grader.model import Status
from grader.store.database import Store
from tests.fakes import sample_reports


def grader(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with the sample results; the tests work on copies."""
    root = tmp_path_factory.mktemp("course")
    (root / "course.toml").write_text('name = "Deep learning"\nseed = 1\nroster = "roster.csv"\n', encoding="utf-8")
    lines = ["id,name", *(f"{student.id},{student.name}" for student in sample_reports.ROSTER)]
    (root / "roster.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for assignment in sample_reports.course(root).assignments:
        assignment.solution.parent.mkdir(parents=True)
        assignment.solution.touch()
        (assignment.solution.parent / "assignment.toml").write_text(
            f'title = "{assignment.title}"\nsummary = "x"\nenvironment = "numpy"\n'
            f"points = {assignment.points}\norder = {assignment.order}\n",
            encoding="utf-8",
        )
    with Store(f"sqlite:///{root}/grader.sqlite") as store:
        for report in sample_reports.reports():
            store.record(report)
    return root


@pytest.fixture
def root(course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That course under an odd path; the working directory."""
    root = tmp_path / "it's a \"course\" #1"
    shutil.copytree(course, root)
    monkeypatch.chdir(root)
    return root


def add(root: Path, **changes: object) -> None:
    """Record the first sample report once more, with these fields changed."""
    with Store(f"sqlite:///{root}/grader.sqlite") as store:
        store.record(replace(sample_reports.reports()[0], **changes))  # type: ignore[arg-type]


def test_show(root: Path) -> None:
    result = grader("show", "ben-okafor")
    assert result.exit_code == 0, result.output
    assert "ben-okafor  Ben Okafor" in result.stdout
    for name in sample_reports.SUITES:
        assert name in result.stdout
    assert "hint: " in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "\x1b" not in result.stdout


def test_show_one_assignment(root: Path) -> None:
    result = grader("show", "dorde-petrovic", "gradient_descent")
    assert result.exit_code == 0
    assert "broken: gradient_descent.py, line 23" in result.stdout
    assert "dropout" not in result.stdout


def test_show_json(root: Path) -> None:
    result = grader("show", "ben-okafor", "dropout", "--json")
    [submission] = json.loads(result.stdout)
    assert (submission["student"], submission["assignment"]) == ("ben-okafor", "dropout")
    assert {"hint", "message", "traceback", "output"} <= set(submission["tests"][0])


@pytest.mark.parametrize(
    ("arguments", "problem", "near"),
    [
        (["show", "ben-okafort"], 'there is no student "ben-okafort"', 'did you mean "ben-okafor"?'),
        (["show", "ben-okafor", "dropuot"], 'there is no assignment "dropuot"', 'did you mean "dropout"?'),
        (["report", "-a", "dropuot"], 'there is no assignment "dropuot"', 'did you mean "dropout"?'),
        (["export", "--format", "csv", "-a", "x"], 'there is no assignment "x"', "known are: "),
        (["export", "--format", "csv", "--student", "ben"], 'there is no student "ben"', "remedy: "),
        (["show", "ben-okafor", "--db", "results.sqlite"], "is not a database URL", "remedy: "),
    ],
)
def test_what_is_unknown_is_the_callers_error(root: Path, arguments: list[str], problem: str, near: str) -> None:
    result = grader(*arguments)
    assert result.exit_code == 1
    assert problem in result.stderr
    assert near in result.stderr
    assert result.stdout == ""
    assert not (root / "report").exists()


@pytest.mark.parametrize("command", [["show", "ben-okafor"], ["report"], ["export", "--format", "json"]])
def test_without_results(root: Path, command: list[str]) -> None:
    result = grader(*command, "--db", "sqlite:///other.sqlite")
    assert result.exit_code == 2
    assert "There is no results database yet." in result.stderr
    assert "grader grade" in result.stderr
    assert not (root / "other.sqlite").exists()


def test_report(root: Path) -> None:
    result = grader("report")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{Path('report/index.html')}\n"
    assert len(list((root / "report" / "students").iterdir())) == 40
    assert "Đorđe Petrović" in (root / "report" / "index.html").read_text(encoding="utf-8")
    assert list((root / "report").rglob(".*")) == [], "no temporary file stays"


def test_report_elsewhere_from_another_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "solutions")
    result = grader("report", "--out", "../my report", "-a", "dropout", "--db", "sqlite:///../grader.sqlite")
    assert result.exit_code == 0, result.output
    page = (root / "my report" / "index.html").read_text(encoding="utf-8")
    assert "Inverted dropout" in page
    assert "LeNet, forwards" not in page


def test_report_twice_leaves_other_files(root: Path) -> None:
    assert grader("report").exit_code == 0
    (root / "report" / "mine.txt").write_text("mine")
    before = (root / "report" / "index.html").read_bytes()
    assert grader("report").exit_code == 0
    assert (root / "report" / "index.html").read_bytes() == before
    assert (root / "report" / "mine.txt").read_text() == "mine"


def test_report_that_cannot_be_written(root: Path) -> None:
    (root / "report").write_text("a file in its place")
    result = grader("report")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr
    assert "--out" in result.stderr
    assert (root / "report").read_text() == "a file in its place"


def test_results_of_an_assignment_that_is_gone_are_named(root: Path) -> None:
    add(root, assignment="old_one")
    for command in (["report"], ["export", "--format", "csv"]):
        result = grader(*command)
        assert result.exit_code == 0
        assert 'note: the results of "old_one" are left out' in result.stderr


def test_export_csv_and_json(root: Path) -> None:
    result = grader("export", "--format", "csv")
    assert result.exit_code == 0, result.output
    assert len(list(csv.DictReader(io.StringIO(result.stdout)))) == 240
    result = grader("export", "--format", "json", "-a", "dropout", "-a", "lenet_forward", "--student", "noor-khan")
    assert [(s["assignment"], s["status"]) for s in json.loads(result.stdout)] == [
        ("lenet_forward", "graded"),
        ("dropout", "not_graded"),
    ]


def test_export_to_a_file(root: Path) -> None:
    result = grader("export", "--format", "csv", "--out", "marks/all.csv")
    assert (result.exit_code, result.stdout) == (0, "")
    assert (root / "marks" / "all.csv").read_text(encoding="utf-8") == grader("export", "--format", "csv").stdout


def test_export_warns_of_a_mark_that_is_out_of_date(root: Path) -> None:
    add(root, status=Status.NOT_GRADED, score=None, reason="disk full", key="newer", tests=())
    result = grader("export", "--format", "csv")
    assert "ada-nowak,Ada Nowak,graded,20,20" in result.stdout
    assert "the mark of ada-nowak in gradient_descent is an earlier submission's" in result.stderr


def test_export_one_to_gradescope(root: Path) -> None:
    one = ("export", "--format", "gradescope", "-a", "dropout", "--student", "ben-okafor")
    result = grader(*one)
    assert result.exit_code == 0
    assert {"score", "tests", "output", "visibility"} <= set(json.loads(result.stdout))
    assert grader(*one, "--out", "results/results.json").exit_code == 0
    assert (root / "results" / "results.json").read_text(encoding="utf-8") == result.stdout


def test_export_all_to_gradescope(root: Path) -> None:
    result = grader("export", "--format", "gradescope", "--out", "gs")
    assert result.exit_code == 2, "two have no mark"
    assert "no mark: lenet_forward of samuel-adeyemi: The sandbox was stopped" in result.stderr
    files = sorted(path.relative_to(root / "gs").as_posix() for path in (root / "gs").rglob("*.json"))
    assert len(files) == 238
    assert "dropout/ada-nowak.json" in files
    assert "lenet_forward/samuel-adeyemi.json" not in files


def test_export_many_to_gradescope_needs_a_folder(root: Path) -> None:
    result = grader("export", "--format", "gradescope", "-a", "dropout")
    assert result.exit_code == 1
    assert "--out" in result.stderr
