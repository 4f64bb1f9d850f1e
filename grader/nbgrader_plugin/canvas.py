"""nbgrader export --exporter=grader.nbgrader_plugin.canvas.CanvasExport: a file for Import in Canvas' gradebook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from traitlets import Enum

from grader.nbgrader_plugin.exports import GradesExport
from grader.reports.export import points_of, text_cell

# Canvas wants these in this order, Student, ID and Section at least; whatever follows Section is an assignment.
COLUMNS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")


class CanvasExport(GradesExport):
    """Points for Canvas, which finds a student by ID, else SIS User ID, else SIS Login ID, else the name.

    An assignment's column is found by its title, or by the number in brackets that Canvas' own export writes behind it.
    What is not found, student or assignment, Canvas asks about before it changes anything. An empty cell is "no
    grade", also where Canvas has one.
    """

    default_file = "canvas.csv"

    id_column = Enum(
        ("SIS Login ID", "SIS User ID", "ID"),
        "SIS Login ID",
        help="Column for nbgrader's student ids. A student's lms_user_id, where it is a number, always is the ID.",
    ).tag(config=True)

    def head_rows(self, columns: Sequence[str], maxima: Sequence[float]) -> Iterable[list[Any]]:
        yield [*COLUMNS, *columns]
        # Canvas knows the row by these two words, and indents them itself.
        yield ["    Points Possible", *[""] * (len(COLUMNS) - 1), *map(points_of, maxima)]

    def identify(self, student: Any) -> list[str]:
        cells = dict.fromkeys(COLUMNS, "")
        cells["Student"] = text_cell(", ".join(filter(None, (student.last_name, student.first_name))) or student.id)
        if _is_number(student.lms_user_id):
            cells["ID"] = student.lms_user_id
        cells[self.id_column] = self.exact(student.id)
        if not (cells["ID"] == "" or _is_number(cells["ID"])):
            # Canvas reads the digits that an ID begins with: "7anna" would be student 7.
            raise ValueError(f"the ID {student.id} is no number; set CanvasExport.id_column")
        return list(cells.values())


def _is_number(text: str | None) -> bool:
    return text is not None and text.isascii() and text.isdigit()
