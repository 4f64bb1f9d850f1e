"""``grader grade`` on a class in which every student does something else; one run, then one test per student."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from grader.cli.main import main
from grader.course import load_course, read_suites
from grader.model import GradeReport, Outcome, Status
from tests.functional.courses.students import BROKEN, GRADED, MISSING, RIGHT, UNREADABLE, notebook
from tests.functional.courses.tools import grader, hand_in, listed, make_course, stored

EVERYBODY = {**UNREADABLE, **MISSING, **BROKEN, **{name: files for name, (files, _, _) in GRADED.items()}}
LINKED = "linked-folder"
# Both files are there; what is empty here is as it was handed out: (script, notebook, the one that counts).
RIVALS = {
    "script-touched": (RIGHT, "", "tiny.py"),
    "notebook-touched": ("", notebook(RIGHT), "tiny.ipynb"),
    "neither-touched": ("", "", "tiny.py"),
}
SUITE = {
    "test_mean_example": 1,
    "test_power_example": 1,
    "test_mean": 2,
    "test_scale": 2,
    "test_span": 2,
    "test_root": 2,
    "test_power": 2,
}

# Of the hidden suite. 90125.5 is an argument too, which a student's own print shows.
PLANTED = ("PLANTED", "planted", "test_hidden", "8675309")
ARGUMENT = "90125"
SHOWS_ARGUMENTS_HIMSELF = {"prints-instead", "raises"}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_course(tmp_path_factory.mktemp("class"))
    for student, files in EVERYBODY.items():
        hand_in(root, student, files)
    folder = hand_in(root, LINKED, {})
    folder.rmdir()
    folder.symlink_to("../all-right/tiny")
    with contextlib.chdir(root):
        assert CliRunner().invoke(main, ["generate"]).exit_code == 0
    for student, (script, notebook_, _entry) in RIVALS.items():
        handed_out = root / "assignments" / "tiny"
        folder = hand_in(
            root, student, {"README.md": "as handed out", "test_visible.py": "def test_mine(): assert False"}
        )
        (folder / "tiny.py").write_bytes(script.encode() or (handed_out / "tiny.py").read_bytes())
        (folder / "tiny.ipynb").write_bytes(notebook_.encode() or (handed_out / "tiny.ipynb").read_bytes())
    return root


@pytest.fixture(scope="module")
def run(course: Path) -> subprocess.CompletedProcess[str]:
    return grader(course, "grade", "--json", "--jobs", "2")


@pytest.fixture(scope="module")
def reports(course: Path, run: subprocess.CompletedProcess[str]) -> dict[str, GradeReport]:
    return {student: report for (_, student), report in stored(course).items()}


def test_everybody_is_settled(run: subprocess.CompletedProcess[str], reports: dict[str, GradeReport]) -> None:
    assert run.returncode == 0, run.stderr
    assert set(reports) == {*EVERYBODY, *RIVALS, LINKED}
    assert run.stderr == "", "not a terminal: no progress, and nothing to complain about"


REASONS = {
    "empty-file": "tiny.py is empty",
    "blank-file": "tiny.py is empty",
    "latin-1": "line 3",
    "utf-16": "UTF-16",
    "nul-bytes": "binary data",
    "odd-coding": "cannot be decoded",
    "unknown-coding": "klingon",
    "surrogates": "cannot be decoded",
    "empty-notebook": "tiny.ipynb is empty",
    "broken-json": "its JSON is broken (",
    "deep-json": "nested too deeply",
    "no-notebook": "JSON, but not a notebook",
    "format-5": "unknown notebook format 5",
    "malformed-cells": "malformed cells",
    "r-notebook": "a notebook for R",
    "r-by-language-info": "a notebook for R",
    "no-code-cells": "no code cell",
    "both-touched": "hand in one of them",
    "linked-file": "a symbolic link",
    "dangling-link": "a symbolic link",
    "fifo": "a fifo",
    "too-large": "larger than 1 MiB",
    "a-thousand-files": "more than 200 files",
    LINKED: "The folder is a symbolic link",
    "empty-folder": "neither tiny.py nor tiny.ipynb",
    "other-name": "Rename Tiny (1).py to tiny.py",
    "in-a-subfolder": "Rename work/tiny.py to tiny.py and put it at the top",
    "only-a-report": "neither tiny.py nor tiny.ipynb",
}


@pytest.mark.parametrize("student", [*UNREADABLE, LINKED])
def test_unreadable(student: str, reports: dict[str, GradeReport]) -> None:
    report = reports[student]
    assert (report.status, report.score) == (Status.UNREADABLE, 0)
    assert REASONS[student] in report.reason
    assert {test.outcome for test in report.tests} == {Outcome.NOT_RUN}
    assert len(report.tests) == len(SUITE)


@pytest.mark.parametrize("student", MISSING)
def test_missing(student: str, reports: dict[str, GradeReport]) -> None:
    report = reports[student]
    assert (report.status, report.score) == (Status.MISSING, 0)
    assert REASONS[student] in report.reason


WHERE = {
    "syntax-error": ("SyntaxError: expected ':'", "tiny.py, line 4"),
    "tabs-and-spaces": ("TabError", "tiny.py, line 3"),
    "import-error": ("No module named 'keras_core_of_nobody'", "tiny.py, line 2"),
    "raises-at-import": ("IndexError: list index out of range", "tiny.py, line 28"),
    "error-in-helper": ("ZeroDivisionError: division by zero", "helper.py, line 5"),
    "syntax-in-helper": ("SyntaxError: invalid syntax", "helper.py, line 2"),
    "loop-at-import": ("an endless loop", "tiny.py, line 2"),  # of the two lines of the loop either
    "loop-in-helper": ("an endless loop", "helper.py, line "),
    "asks-at-import": ("Nobody answers input()", "tiny.py, line 26"),
    "exits-at-import": ("sys.exit()", "tiny.py, line 28"),
    "hard-exit-at-import": ("process ended", ""),
    "relative-import": ("by its plain name, without a dot", "tiny.py, line 26"),
    "looping-cell": ("an endless loop", "cell 2, line "),
    "star-import-of-missing": ("must be handed in beside the file", "tiny.py, line 1"),
    "nul-in-source": ("null bytes", ""),
}


@pytest.mark.parametrize("student", BROKEN)
def test_what_cannot_be_loaded_is_told_with_its_line(student: str, reports: dict[str, GradeReport]) -> None:
    report = reports[student]
    assert (report.status, report.score) == (Status.BROKEN, 0)
    error, place = WHERE[student]
    assert error in report.reason
    assert place in report.reason
    assert {test.outcome for test in report.tests} == {Outcome.NOT_RUN}


def test_what_was_printed_before_a_module_broke_is_kept(reports: dict[str, GradeReport]) -> None:
    assert reports["raises-at-import"].output == "started\n"


@pytest.mark.parametrize("student", GRADED)
def test_marks(student: str, reports: dict[str, GradeReport]) -> None:
    _files, lost, words = GRADED[student]
    report = reports[student]
    assert report.status is Status.GRADED, report.reason
    assert {test.name: test.earned for test in report.tests} == {**SUITE, **lost}
    assert report.score == sum({**SUITE, **lost}.values())
    for test in report.tests:
        if test.name in lost:
            assert test.outcome not in (Outcome.PASSED, Outcome.NOT_RUN)
            assert words in test.message
            assert test.message
            assert test.hint
        else:
            assert (test.outcome, test.message, test.hint) == (Outcome.PASSED, "", ""), test.name


OUTCOMES = {
    "wrong-value": Outcome.FAILED,
    "missing-function": Outcome.FAILED,
    "raises": Outcome.ERROR,
    "not-written": Outcome.ERROR,
    "endless-loop": Outcome.TIMEOUT,
    "sleeper": Outcome.TIMEOUT,
    "memory-hog": Outcome.MEMORY,
    "crash": Outcome.KILLED,
    "hard-exit": Outcome.KILLED,
    "kills-itself": Outcome.KILLED,
}


@pytest.mark.parametrize("student", OUTCOMES)
def test_outcomes(student: str, reports: dict[str, GradeReport]) -> None:
    [lost] = [test for test in reports[student].tests if test.earned < test.points]
    assert lost.outcome is OUTCOMES[student]


SAYINGS = {
    "not-a-function": "The test calls a value of type float as a function, which cannot be.",
    "too-few": "power cannot be called in the way that the assignment describes: power() takes 1 positional argument "
    "but 2 were given. Compare the names, the order and the number of its parameters.",
    "renamed-keyword": "scale cannot be called in the way that the assignment describes: scale() got an unexpected "
    "keyword argument 'factor'. Compare the names, the order and the number of its parameters.",
    "missing-function": "tiny.py does not define root.",
    "misspelt": "tiny.py does not define scale. Did you mean the scales that it does define?",
    "forgot-return": "root should be a float; it is None.",
    "wrong-type": "scale should be a NumPy array of shape (2, 3); it is a list of length 2.",
    "wrong-shape": "scale should have shape (2, 3); it has shape (6,).",
    "wrong-dtype": "scale should be an array of float64; it is an array of int64.",
    "three-values": "2 of 2 cases are lost. span should return a tuple of 2 values; it returned 3.",
    "one-case-right": "1 of 2 cases are lost. The answer is not the one that this test expects.",
    "wrong-value": "root is a number, but not the right one.",
    "not-written": "root is not written yet (it raises NotImplementedError).",
    "recursion": "root raised RecursionError: maximum recursion depth exceeded. It calls itself without an end.",
    "memory-hog": "scale raised MemoryError. It needs more memory than a submission may take.",
    "endless-loop": "No answer after 1 CPU seconds: an endless loop, or far too slow.",
}


@pytest.mark.parametrize("student", SAYINGS)
def test_words_for_beginners(student: str, reports: dict[str, GradeReport]) -> None:
    first = next(test for test in reports[student].tests if test.earned < test.points)
    assert first.message == SAYINGS[student]


def test_a_traceback_holds_the_students_own_lines_alone(reports: dict[str, GradeReport]) -> None:
    [lost] = [test for test in reports["raises-in-helper"].tests if test.earned < test.points]
    assert lost.traceback == (
        "  helper.py, line 2, in root\n    return undefined_name\nNameError: name 'undefined_name' is not defined"
    )


def test_an_endless_loop_is_told_with_its_line(reports: dict[str, GradeReport]) -> None:
    [lost] = [test for test in reports["endless-loop"].tests if test.earned < test.points]
    assert "tiny.py, line 2" in lost.traceback
    assert ", in scale" in lost.traceback


def test_output_belongs_to_the_test_that_it_was_printed_in(reports: dict[str, GradeReport]) -> None:
    report = reports["prints"]
    assert report.output == "LOADED\n"
    assert {test.name: test.output for test in report.tests if test.output} == {"test_root": "CALLED\n"}


def test_notes(reports: dict[str, GradeReport]) -> None:
    assert reports["cell-raises"].notes == (
        "Cell 2 raised an exception and was passed over:\n"
        "  cell 2, line 2, in <module>\n    1 / 0\nZeroDivisionError: division by zero",
    )
    assert reports["linked-helper"].notes == (
        "pipe was left out: it is a fifo, socket or device.",
        "secret.txt was left out: it is a symbolic link.",
    )
    [note] = reports["cell-with-syntax-error"].notes
    assert "SyntaxError" in note
    assert reports["magics"].notes == ()


@pytest.mark.parametrize("student", RIVALS)
def test_of_two_files_the_touched_one_counts(student: str, reports: dict[str, GradeReport]) -> None:
    report = reports[student]
    script, notebook_, entry = RIVALS[student]
    assert (report.status, report.score) == (Status.GRADED, 12 if script or notebook_ else 0)
    [note] = report.notes
    assert note.endswith(f"is untouched, so {entry} counts.")


def test_the_untouched_stub_is_told_what_is_not_written(reports: dict[str, GradeReport]) -> None:
    report = reports["neither-touched"]
    assert {test.outcome for test in report.tests} == {Outcome.ERROR}
    assert all(test.message.endswith("is not written yet (it raises NotImplementedError).") for test in report.tests)


def test_the_json_is_as_documented(run: subprocess.CompletedProcess[str], reports: dict[str, GradeReport]) -> None:
    everything: list[dict[str, Any]] = json.loads(run.stdout)
    assert [each["student"] for each in everything] == sorted(reports)
    for each in everything:
        assert set(each) == {"assignment", "student", "status", "score", "max_score", "tests"}
        assert (each["assignment"], each["max_score"]) == ("tiny", 12)
        assert each["status"] == reports[each["student"]].status
        assert each["score"] == reports[each["student"]].score
        assert [test["name"] for test in each["tests"]] == list(SUITE)
        for test in each["tests"]:
            assert set(test) == {"name", "title", "outcome", "earned", "points"}
            assert test["outcome"] in set(Outcome)


def test_a_second_run_grades_nothing_and_lists_the_same(
    run: subprocess.CompletedProcess[str], course: Path, reports: dict[str, GradeReport]
) -> None:
    again = grader(course, "grade", "--json")
    assert again.returncode == 0, again.stderr
    assert listed(again) == listed(run)
    table = grader(course, "grade")
    assert table.returncode == 0
    assert f"0 graded now, {len(reports)} unchanged since the last time." in table.stderr
    assert "missing" in table.stdout


def planted_in(text: str) -> list[str]:
    return [word for word in PLANTED if word in text]


def test_no_report_shows_anything_of_a_hidden_test(reports: dict[str, GradeReport]) -> None:
    for student, report in reports.items():
        text = repr(report)
        assert planted_in(text) == [], student
        assert student in SHOWS_ARGUMENTS_HIMSELF or ARGUMENT not in text, student


def test_no_command_shows_anything_of_a_hidden_test(
    run: subprocess.CompletedProcess[str], course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(course)
    texts = {"grade": run.stdout + run.stderr}
    for student in ("raises", "wrong-value", "one-case-right", "syntax-error", "endless-loop", "an-object", "crash"):
        texts[f"show {student}"] = CliRunner().invoke(main, ["show", student]).output
    for form in ("csv", "json"):
        texts[form] = CliRunner().invoke(main, ["export", "--format", form]).output
    gradescope = CliRunner().invoke(main, ["export", "--format", "gradescope", "-a", "tiny", "--out", "gs"])
    report = CliRunner().invoke(main, ["report"])
    assert (gradescope.exit_code, report.exit_code) == (0, 0)
    pages = [path for folder in ("gs", "report") for path in Path(folder).rglob("*") if path.is_file()]
    assert len(pages) > 2 * len(EVERYBODY)
    texts |= {str(path): path.read_text(encoding="utf-8") for path in pages}
    assert {place: found for place, text in texts.items() if (found := planted_in(text))} == {}
    assert all(len(text) > 40 for text in texts.values())


def test_the_titles_that_students_read_are_those_of_the_suite(course: Path, reports: dict[str, GradeReport]) -> None:
    [tiny, _second] = load_course(course).assignments
    specs = read_suites(tiny)
    for report in reports.values():
        assert [(t.name, t.title, t.points, t.visible) for t in report.tests] == [
            (spec.name, spec.title, spec.points, spec.visible) for spec in specs
        ]
