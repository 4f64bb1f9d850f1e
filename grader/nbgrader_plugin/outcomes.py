"""From a report to what stands below each cell: outputs that nbgrader scores and that feedback pages show.

nbgrader reads a test cell's mark off its outputs: an ``error`` is nothing, an ``execute_result`` is its number of
points, anything else is everything. What a submission prints stands in a test cell as quoted text alone.
"""

# nbformat has no annotations.
# mypy: disable-error-code="import-untyped, no-untyped-call"
from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode

from grader.errors import TaskError
from grader.model import GradeReport, Outcome, Status, TestResult, TestSpec
from grader.nbgrader_plugin.cells import grade_id
from grader.nbgrader_plugin.defuse import defuse
from grader.nbgrader_plugin.gradebook_cells import ReleasedCell
from grader.reports.text import clean, number, outcome_of

AGAIN = "run: grader nbgrader init, then nbgrader generate_assignment --force"
POINTS_TOLERANCE = 1e-6
# As kernels colour what they say; JupyterLab shows these, nbgrader's own pages do not, so signs tell it too.
GREEN, YELLOW, RED, PLAIN = "\x1b[0;32m", "\x1b[0;33m", "\x1b[0;31m", "\x1b[0m"
WIDTH = 90  # characters of a line: feedback pages cut longer ones off


def check_released(assignment: str, specs: tuple[TestSpec, ...], released: Mapping[str, ReleasedCell]) -> None:
    """The released test cells must be those of the suite, with its points.

    :raises TaskError: they are not; a mark would be on another scale, or a cell that nobody runs would have full marks.
    """
    wanted = {grade_id(assignment, spec): spec for spec in specs}
    checks = {name: cell for name, cell in released.items() if cell.is_check}
    for name in sorted(set(wanted) - set(checks)):
        raise TaskError(f"the gradebook has no cell for the test {wanted[name].name}", where=assignment, remedy=AGAIN)
    for name in sorted(set(checks) - set(wanted)):
        raise TaskError(
            f"the cell {name} has points, but the suite has no such test, so nobody would run it",
            where=assignment,
            remedy="make it a manually graded answer, write a test for it, or remove it",
        )
    for name, cell in checks.items():
        points = cell.points or 0.0
        if abs(points - wanted[name].points) > POINTS_TOLERANCE:
            raise TaskError(
                f"the gradebook gives {wanted[name].name} {points:g} points, the suite {wanted[name].points:g}",
                where=assignment,
                remedy=AGAIN,
            )


def write_outcomes(notebook: Any, report: GradeReport, specs: tuple[TestSpec, ...]) -> None:
    """Write outputs into the cells of a restored notebook, in place, and take out what is no document.

    :param notebook: NotebookNode whose cells are numbered as in the submission; restored ones stand at the end.
    :param report: of this submission; its status is not NOT_GRADED.
    """
    defuse(notebook)
    results = {result.name: result for result in report.tests}
    checks = {grade_id(report.assignment, spec): results[spec.name] for spec in specs}
    first = True
    count = 0
    for place, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "code":
            continue
        cell.outputs = []
        cell.execution_count = None
        result = checks.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
        if result is not None:
            cell.outputs = check_outputs(result, report, first=first)
            first = False
        elif place in report.cell_outputs:
            count += 1
            cell.execution_count = count
            cell.outputs = [cell_output(output, count) for output in report.cell_outputs[place]]


def check_outputs(result: TestResult, report: GradeReport, *, first: bool) -> list[Any]:
    """The outputs of a test cell.

    :param first: whether it is the notebook's first one, which tells what concerns the whole submission.
    """
    outputs = []
    remarks = [note for note in report.notes if not note.startswith("Cell ")] if first else []  # cells tell their own
    if remarks:
        # They name files, whose names need not be text that a notebook can be written with.
        outputs.append(_output("stream", name="stdout", text="\n".join(map(clean, remarks)) + "\n"))
    of = f"{number(result.earned)} of {number(result.points)} {'point' if result.points == 1 else 'points'}"
    if result.outcome is Outcome.PASSED and result.earned == result.points:
        outputs.append(_output("stream", name="stdout", text=f"{GREEN}✓ passed{PLAIN}: {of}\n"))
    elif result.earned > 0:
        text = f"{YELLOW}◐ partly right{PLAIN}: {of}\n{_words(result, report, first=first)}\n"
        outputs.append(_output("stream", name="stdout", text=text))
        # nbgrader reads the points off this text.
        data = {"text/plain": repr(float(result.earned))}
        outputs.append(_output("execute_result", data=data, metadata={}, execution_count=None))
    else:
        said = _words(result, report, first=first)
        headline, _, rest = said.partition("\n")
        lines = [f"{RED}✗ {_outcome(result, report)}{PLAIN}: {headline}", *rest.splitlines()]
        outputs.append(_output("error", ename=_outcome(result, report), evalue=headline, traceback=lines))
    return outputs


def _outcome(result: TestResult, report: GradeReport) -> str:
    return outcome_of(result) if report.status is Status.GRADED else "not run"


def _words(result: TestResult, report: GradeReport, *, first: bool) -> str:
    """What a student reads of a test that has not earned all its points."""
    if report.status is not Status.GRADED:
        if not first:
            return "The submission could not be run; the first check says why."
        return "\n".join(filter(None, [_wrapped(clean(report.reason)), report.traceback]))
    parts = [_wrapped(result.message or "This check is lost.")]
    if result.hint:
        parts.append(_wrapped(f"Hint: {result.hint}"))
    if result.traceback:
        parts += ["Where it happened in your code:", result.traceback]
    if result.output.strip():
        parts += ["What your code printed meanwhile:", result.output.rstrip()]
    return "\n".join(parts)


def _wrapped(text: str) -> str:
    wrapper = textwrap.TextWrapper(WIDTH, replace_whitespace=False, drop_whitespace=True, break_on_hyphens=False)
    return "\n".join(part for line in text.splitlines() for part in wrapper.wrap(line) or [""])


def _output(kind: str, **fields: Any) -> Any:
    """An output of nbformat's; the whole notebook is validated when it is written, each one alone takes 0.4 ms."""
    return NotebookNode({"output_type": kind, **fields})


def cell_output(output: Mapping[str, str], count: int) -> Any:
    """An output of one of the student's own cells, as nbformat has it."""
    if output["type"] == "stream":
        return _output("stream", name=output["name"], text=output["text"])
    if output["type"] == "error":
        lines = output["text"].splitlines() or [""]
        name, _, said = lines[-1].partition(": ")
        return _output("error", ename=name, evalue=said, traceback=lines)
    data = {"text/plain": output["text"]}
    if "png" in output:
        data["image/png"] = output["png"]
    if output["type"] == "result":
        return _output("execute_result", data=data, metadata={}, execution_count=count)
    return _output("display_data", data=data, metadata={})
