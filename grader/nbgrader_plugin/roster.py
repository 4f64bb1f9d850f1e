"""The course's roster → the gradebook, so that the formgrader names people and exports list who handed in nothing."""

# nbgrader has no annotations.
# mypy: disable-error-code="import-untyped, misc"
from __future__ import annotations

from typing import Any

from nbgrader.api import Gradebook, Student
from nbgrader.preprocessors import NbGraderPreprocessor

from grader.nbgrader_plugin.course_link import GraderCourse


def first_and_last(name: str) -> tuple[str | None, str | None]:
    """A name as nbgrader keeps it; the last word is the last name.

    >>> first_and_last("Ada King Lovelace"), first_and_last("Plato"), first_and_last("")
    (('Ada King', 'Lovelace'), (None, 'Plato'), (None, None))
    """
    first, _, last = name.strip().rpartition(" ")
    return first.strip() or None, last or None


class SaveRoster(GraderCourse, NbGraderPreprocessor):
    """Adds the students of the roster, and names to those who have none; nobody is renamed or removed."""

    def preprocess(self, nb: Any, resources: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Called by nbgrader for each notebook that is released; the notebook is not changed."""
        roster = self.open_course().roster
        if roster:
            with Gradebook(resources["nbgrader"]["db_url"]) as gradebook:
                known = {student.id: student for student in gradebook.students}
                for entry in roster:
                    student = known.get(entry.id)
                    if student is None:
                        student = Student(id=entry.id)
                        gradebook.db.add(student)
                    if student.first_name is None and student.last_name is None:
                        student.first_name, student.last_name = first_and_last(entry.name)
                gradebook.db.commit()
        return nb, resources
