"""nbgrader export --exporter=grader.nbgrader_plugin.moodle.MoodleExport: a file for Grades, Import, CSV in Moodle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from traitlets import Enum, Unicode

from grader.nbgrader_plugin.exports import GradesExport
from grader.reports.export import text_cell


class MoodleExport(GradesExport):
    """Points for Moodle, where the instructor picks which column names the user and which grade item each one is for.

    Moodle gives up a whole file for one user whom it does not find, and takes a row without a user for one of the user
    above it. So there is one column to find users by, and a student who has nothing to put there is left out.
    """

    default_file = "moodle.csv"

    identify_by = Enum(
        ("Username", "ID number", "Email address"),
        "Username",
        help="The user field to choose in Moodle: nbgrader's student id; the lms_user_id, or the student id where "
        "there is none; the email address, in upper and lower case as in Moodle.",
    ).tag(config=True)
    # A new grade item would take an empty cell for a grade; the dash Moodle writes itself is "no grade" everywhere.
    no_grade = Unicode("-", help="The text that Moodle reads as: there is no grade.").tag(config=True)

    def head_rows(self, columns: Sequence[str], maxima: Sequence[float]) -> Iterable[list[Any]]:
        yield ["First name", "Last name", self.identify_by, *columns]

    def identify(self, student: Any) -> list[str]:
        identifier = {
            "Username": student.id,
            "ID number": student.lms_user_id or student.id,
            "Email address": student.email,
        }[self.identify_by]
        if not identifier:
            raise ValueError("the gradebook has no email address")
        return [text_cell(student.first_name or ""), text_cell(student.last_name or ""), self.exact(identifier)]
