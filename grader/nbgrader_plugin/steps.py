"""The configured steps of nbgrader's autograding, in one process and without its database sessions.

``nbgrader autograde`` makes every step anew for each notebook, and five of them open the gradebook. For a class these
five are done here with what was read once; all others, also an instructor's own, run as they are.
"""

# nbgrader and nbconvert have no annotations.
# mypy: disable-error-code="import-untyped, misc, no-untyped-call"
from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterable
from typing import Any

from nbgrader import preprocessors, utils
from nbgrader.nbgraderformat import MetadataValidator

from grader.errors import TaskError, UsageError
from grader.nbgrader_plugin.examine import Examine
from grader.nbgrader_plugin.execute import SandboxedExecute
from grader.nbgrader_plugin.gradebook import NotebookMarks, Penalty, ReleasedNotebook
from grader.nbgrader_plugin.restore import RestoreCells, restore_cells

Step = Callable[[Any, dict[str, Any], ReleasedNotebook], Any]  # (notebook, resources, released) -> notebook


class Steps:
    """Both lists of steps, ready for any number of notebooks."""

    def __init__(self, converter: Any) -> None:
        """Make the steps.

        :param converter: nbgrader's Autograde, configured.
        :raises UsageError: neither Examine nor SandboxedExecute is among its steps.
        """
        self._converter = converter
        self._validator = MetadataValidator()
        self._checked: set[tuple[str, str]] = set()
        sanitize = [_class_of(entry) for entry in converter.sanitize_preprocessors]
        autograde = [_class_of(entry) for entry in converter.autograde_preprocessors]
        places = [place for place, each in enumerate(autograde) if issubclass(each, (Examine, SandboxedExecute))]
        if len(places) != 1:
            raise UsageError(
                "neither our suites nor our sandbox are among Autograde.autograde_preprocessors",
                where="nbgrader_config.py",
                remedy="run: grader nbgrader init; or see docs/nbgrader.md for notebooks with tests in their cells",
            )
        self.examines = issubclass(autograde[places[0]], Examine)  # whether suites may judge here
        self._sanitize = list(self._steps(sanitize))
        self._before = list(self._steps(autograde[: places[0]]))
        self._after = list(self._steps(autograde[places[0] + 1 :]))

    def sanitize(self, notebook: Any, resources: dict[str, Any], released: ReleasedNotebook) -> Any:
        """What nbgrader does before it grades; the notebook may be changed in place."""
        return self._run(self._sanitize, notebook, resources, released)

    def before(self, notebook: Any, resources: dict[str, Any], released: ReleasedNotebook) -> Any:
        """Steps in front of ours."""
        return self._run(self._before, notebook, resources, released)

    def after(self, notebook: Any, resources: dict[str, Any], released: ReleasedNotebook) -> Any:
        """Steps behind ours; marks are read by :func:`read_marks` and not written."""
        return self._run(self._after, notebook, resources, released)

    def penalty(self) -> Penalty:
        """The configured plugin for late work."""
        step = preprocessors.AssignLatePenalties(parent=self._converter)
        step.init_plugin()
        penalty: Penalty = step.plugin_inst.late_submission_penalty
        return penalty

    def _steps(self, classes: Iterable[type[Any]]) -> Iterable[Step]:
        for each in classes:
            if issubclass(each, RestoreCells):
                yield _restoring(missing=True)
            elif issubclass(each, preprocessors.OverwriteCells):
                yield _restoring(missing=each(parent=self._converter).add_missing_cells)
            elif issubclass(each, preprocessors.DeduplicateIds):
                continue  # restoring does it too
            elif issubclass(each, preprocessors.OverwriteKernelspec):
                yield _overwrite_kernelspec
            elif issubclass(each, preprocessors.CheckCellMetadata):
                yield self._check_metadata
            elif not issubclass(each, (preprocessors.SaveAutoGrades, preprocessors.AssignLatePenalties)):
                yield _plain(each(parent=self._converter))

    def _check_metadata(self, notebook: Any, _resources: dict[str, Any], _released: ReleasedNotebook) -> Any:
        """nbgrader's check of each cell's metadata, once for all cells that look alike: 1 ms each, 40 to a notebook."""
        for cell in notebook.cells:
            noted = cell.metadata.get("nbgrader")
            look = (cell.cell_type, json.dumps(noted, sort_keys=True))
            if noted is not None and look not in self._checked:
                self._validator.validate_cell(cell)
                self._checked.add(look)
        return notebook

    @staticmethod
    def _run(steps: list[Step], notebook: Any, resources: dict[str, Any], released: ReleasedNotebook) -> Any:
        for step in steps:
            notebook = step(notebook, resources, released)
        return notebook


def _class_of(entry: Any) -> type[Any]:
    if isinstance(entry, type):
        return entry
    module, _, name = str(entry).rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        what = f"there is no step {entry}: {error}"
        raise UsageError(what, where="nbgrader_config.py", remedy="correct it") from error
    if not isinstance(found, type):
        raise UsageError(f"{entry} is no class", where="nbgrader_config.py", remedy="correct it")
    return found


def _plain(preprocessor: Any) -> Step:
    def step(notebook: Any, resources: dict[str, Any], _released: ReleasedNotebook) -> Any:
        return preprocessor(notebook, resources)[0]

    return step


def _restoring(*, missing: bool) -> Step:
    def step(notebook: Any, _resources: dict[str, Any], released: ReleasedNotebook) -> Any:
        restore_cells(notebook, released.cells, missing=missing)
        return notebook

    return step


def _overwrite_kernelspec(notebook: Any, _resources: dict[str, Any], released: ReleasedNotebook) -> Any:
    kernelspec = json.loads(released.kernelspec) if released.kernelspec else None
    if kernelspec:
        notebook.metadata["kernelspec"] = kernelspec
    return notebook


def read_marks(notebook: Any) -> NotebookMarks:
    """The marks that stand in the cells of a graded notebook, by nbgrader's own rules.

    :raises TaskError: an output that says more points than its cell has.
    """
    scores: dict[str, float | None] = {}
    comments: dict[str, str | None] = {}
    for cell in notebook.cells:
        if utils.is_grade(cell):
            try:
                score, _points = utils.determine_grade(cell)
            except ValueError as error:
                name = cell.metadata.nbgrader["grade_id"]
                raise TaskError(f"the cell {name} cannot be scored: {error}", remedy="see to the points") from error
            scores[cell.metadata.nbgrader["grade_id"]] = score
        if utils.is_solution(cell) or utils.is_task(cell):
            untouched = cell.metadata.nbgrader.get("checksum") == utils.compute_checksum(cell)
            no_response = untouched and not utils.is_task(cell)
            comments[cell.metadata.nbgrader["grade_id"]] = "No response." if no_response else None
    return NotebookMarks(scores, comments)
