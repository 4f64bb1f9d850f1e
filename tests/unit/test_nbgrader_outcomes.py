"""What stands below the cells: read by people, and scored by nbgrader's own rule."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed; install the nbgrader extra")

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.utils import determine_grade

from grader.errors import TaskError
from grader.model import GradeReport, Outcome, Status, TestResult, TestSpec
from grader.nbgrader_plugin.cells import grade_id
from grader.nbgrader_plugin.gradebook_cells import ReleasedCell
from grader.nbgrader_plugin.outcomes import check_released, write_outcomes
from grader.nbgrader_plugin.steps import read_marks

A = "softmax"
VISIBLE = TestSpec("test_shape", "shape", 1.0, "Look at the axes.", True)
HIDDEN = TestSpec("test_secret", "large inputs", 2.5, "Subtract the largest first.", False)
SPECS = (VISIBLE, HIDDEN)
FORGED = "12.0\npassed: 2.5 of 2.5 points"


def released(spec: TestSpec, **changes: Any) -> ReleasedCell:
    values = {"cell_type": "code", "source": "check", "checksum": "c", "locked": True, "grade": True, **changes}
    return ReleasedCell(grade_id(A, spec), **{"points": spec.points, **values})


CELLS = {cell.name: cell for cell in map(released, SPECS)}


def notebook() -> Any:
    """A text, an answer, and both checks."""
    checks = [new_code_cell(cell.source, metadata={"nbgrader": cell.metadata()}) for cell in CELLS.values()]
    return new_notebook(cells=[new_markdown_cell("# T"), new_code_cell("x = 1"), *checks])


def result(spec: TestSpec, earned: float, outcome: Outcome = Outcome.FAILED, **more: Any) -> TestResult:
    return TestResult(spec.name, spec.title, spec.points, earned, outcome, spec.visible, **more)


def report(*tests: TestResult, status: Status = Status.GRADED, **more: Any) -> GradeReport:
    return GradeReport(A, "ada", status, sum(test.earned for test in tests), 3.5, tests, **more)


def written(told: GradeReport) -> Any:
    found = notebook()
    found.cells[1].outputs = [nbformat.v4.new_output("stream", text="of the student's own kernel")]
    write_outcomes(found, told, SPECS)
    nbformat.validate(found)
    return found


def text_of(cell: Any) -> str:
    parts = [output.get("text", "") + "\n".join(output.get("traceback", ())) for output in cell.outputs]
    return "\n".join(parts)


# Marks ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("earned", [0.0, 0.3, 1.25, 2.5])
@pytest.mark.parametrize("said", ["", FORGED])
def test_nbgrader_scores_what_the_report_says(earned: float, said: str) -> None:
    outcome = Outcome.PASSED if earned == HIDDEN.points else Outcome.FAILED
    more = {"message": said, "traceback": said, "output": said, "hint": said}
    found = written(report(result(VISIBLE, 1.0, Outcome.PASSED), result(HIDDEN, earned, outcome, **more)))
    assert determine_grade(found.cells[2]) == (1.0, 1.0)
    assert determine_grade(found.cells[3]) == (earned, 2.5)
    assert read_marks(found).scores == {"test_shape": 1.0, grade_id(A, HIDDEN): earned}


@pytest.mark.parametrize("outcome", [each for each in Outcome if each is not Outcome.PASSED])
def test_no_outcome_but_passed_earns_by_itself(outcome: Outcome) -> None:
    found = written(report(result(VISIBLE, 0.0, outcome), result(HIDDEN, 0.0, outcome)))
    assert [determine_grade(cell)[0] for cell in found.cells[2:]] == [0, 0]


def test_passed_with_a_part_of_the_points_is_a_part() -> None:
    found = written(report(result(VISIBLE, 0.5, Outcome.PASSED), result(HIDDEN, 0.0, Outcome.PASSED)))
    assert [determine_grade(cell)[0] for cell in found.cells[2:]] == [0.5, 0]


@pytest.mark.parametrize("status", [Status.UNREADABLE, Status.MISSING, Status.BROKEN])
def test_a_submission_that_did_not_run_has_nothing_and_its_first_check_says_why(status: Status) -> None:
    tests = (result(VISIBLE, 0.0, Outcome.NOT_RUN), result(HIDDEN, 0.0, Outcome.NOT_RUN))
    more: dict[str, Any] = {"reason": "It is empty.", "traceback": "cell 1, line 2", "notes": ("A note.",)}
    found = written(report(*tests, status=status, **more))
    assert [determine_grade(cell)[0] for cell in found.cells[2:]] == [0, 0]
    first, second = map(text_of, found.cells[2:])
    assert "A note." in first
    assert "It is empty." in first
    assert "cell 1, line 2" in first
    assert "not run" in second
    assert "the first check says why" in second
    assert "A note." not in second
    assert "It is empty." not in second


# Words ----------------------------------------------------------------------------------------------------------------


def test_a_lost_check_says_what_helps() -> None:
    lost = result(
        HIDDEN, 0.0, hint="Subtract first.", message="softmax is nan.", traceback="  a.py, line 3", output="mine\n"
    )
    found = written(report(result(VISIBLE, 1.0, Outcome.PASSED), lost))
    text = text_of(found.cells[3])
    for part in ("softmax is nan.", "Hint: Subtract first.", "  a.py, line 3", "mine"):
        assert part in text
    assert "passed" in text_of(found.cells[2])
    assert "1 of 1 point\n" in text_of(found.cells[2])


def test_the_names_of_hidden_tests_stand_nowhere() -> None:
    found = written(report(result(VISIBLE, 0.0), result(HIDDEN, 1.0)))
    assert HIDDEN.name not in nbformat.writes(found, version=nbformat.NO_CONVERT)


def test_notes_on_cells_are_left_to_the_cells() -> None:
    tests = (result(VISIBLE, 0.0), result(HIDDEN, 0.0))
    found = written(report(*tests, notes=("Cell 2 raised ValueError.", "b.py was left out.")))
    assert "b.py was left out." in text_of(found.cells[2])
    assert "Cell 2" not in text_of(found.cells[2])


def test_a_students_own_cells_show_what_was_recorded_and_nothing_that_was_handed_in() -> None:
    outputs = (
        {"type": "stream", "name": "stderr", "text": "hm\n"},
        {"type": "display", "text": "<Figure>", "png": "iVBORw0KGgo="},
        {"type": "result", "text": "7"},
        {"type": "error", "text": "cell 2, line 1\nValueError: no: never"},
    )
    tests = (result(VISIBLE, 0.0), result(HIDDEN, 0.0))
    cell = written(report(*tests, cell_outputs={2: outputs, 3: outputs, 99: outputs})).cells[1]
    assert [output.output_type for output in cell.outputs] == ["stream", "display_data", "execute_result", "error"]
    assert cell.outputs[0].name == "stderr"
    assert cell.outputs[1].data == {"text/plain": "<Figure>", "image/png": "iVBORw0KGgo="}
    assert cell.outputs[2].execution_count == cell.execution_count == 1
    assert (cell.outputs[3].ename, cell.outputs[3].evalue) == ("ValueError", "no: never")
    assert written(report(*tests)).cells[1].outputs == []


def test_recorded_outputs_never_reach_a_check() -> None:
    """A check's number in what the guest tells is a claim of the guest's."""
    forged = ({"type": "result", "text": "2.5"},)
    tests = (result(VISIBLE, 0.0), result(HIDDEN, 0.0))
    found = written(report(*tests, cell_outputs={3: forged, 4: forged}))
    assert [determine_grade(cell)[0] for cell in found.cells[2:]] == [0, 0]


# What was released ----------------------------------------------------------------------------------------------------


def test_cells_that_fit_the_suite() -> None:
    essay = ReleasedCell("essay", "markdown", "", "c", locked=False, grade=True, solution=True, points=3.0)
    answer = ReleasedCell("code", "code", "", "c", locked=False, grade=True, solution=True, points=3.0)
    check_released(A, SPECS, {**CELLS, "essay": essay, "code": answer})


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([released(VISIBLE)], "no cell for the test test_secret"),
        ([*CELLS.values(), ReleasedCell("mine", "code", "", "c", True, True, points=1.0)], "cell mine has points"),
        ([released(VISIBLE, points=2.0), released(HIDDEN)], "test_shape 2 points, the suite 1"),
        ([released(VISIBLE, points=None), released(HIDDEN)], "test_shape"),
        ([released(VISIBLE), released(HIDDEN, cell_type="markdown")], "no cell for the test test_secret"),
    ],
    ids=["missing", "nobody's", "points", "no points", "markdown"],
)
def test_cells_that_do_not_fit_the_suite_are_refused(cells: list[ReleasedCell], words: str) -> None:
    with pytest.raises(TaskError, match=words) as caught:
        check_released(A, SPECS, {cell.name: cell for cell in cells})
    assert caught.value.remedy
