"""What the gradebook knows of a released notebook's cells: the instructor's side of every submission."""

# nbgrader has no annotations.
# mypy: disable-error-code="import-untyped"
from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ReleasedCell:
    """A cell that nbgrader watches over, as it was released."""

    name: str  # its grade_id
    cell_type: str  # "code" or "markdown"
    source: str
    checksum: str | None
    locked: bool  # students may not change its source
    grade: bool = False  # it has points that are not a task's
    solution: bool = False  # a student's answer stands in it
    task: bool = False  # a task that is graded by hand
    points: float | None = None

    @property
    def is_check(self) -> bool:
        """Whether it is an autograded test: locked code with points."""
        return self.grade and not self.solution and self.cell_type == "code"

    def metadata(self) -> dict[str, Any]:
        """Its nbgrader metadata, schema 3."""
        noted: dict[str, Any] = {
            "schema_version": 3,
            "grade": self.grade,
            "grade_id": self.name,
            "locked": self.locked,
            "solution": self.solution,
            "task": self.task,
            "cell_type": self.cell_type,
            "checksum": self.checksum,
        }
        if self.points is not None:
            noted["points"] = self.points
        return noted


def read_cells(notebook: Any) -> dict[str, ReleasedCell]:
    """The cells of a notebook of the gradebook (``nbgrader.api.Notebook``), by name."""
    graded = {cell.name: cell.max_score for cell in notebook.grade_cells}
    tasks = {cell.name: cell.max_score for cell in notebook.task_cells}
    solutions = {cell.name for cell in notebook.solution_cells}
    return {
        cell.name: ReleasedCell(
            cell.name,
            cell.cell_type,
            cell.source or "",
            cell.checksum,
            cell.locked,
            cell.name in graded,
            cell.name in solutions,
            cell.name in tasks,
            graded.get(cell.name, tasks.get(cell.name)),
        )
        for cell in notebook.source_cells
    }
