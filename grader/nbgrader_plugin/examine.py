"""The step of nbgrader's autograding that takes the place of ``Execute``: our suites, across the wall."""

# nbgrader and nbconvert have no annotations.
# mypy: disable-error-code="import-untyped, misc"
from __future__ import annotations

from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor

from grader.errors import InfrastructureError
from grader.grading.intake import Submission
from grader.model import Course
from grader.nbgrader_plugin.cells import has_notebook
from grader.nbgrader_plugin.course_link import GraderCourse
from grader.nbgrader_plugin.gradebook_cells import read_cells
from grader.nbgrader_plugin.outcomes import check_released, write_outcomes
from grader.nbgrader_plugin.warm import WARM, classroom_task


class Examine(GraderCourse, NbGraderPreprocessor):
    """Runs a submission in the sandbox, its tests on this side, and writes what came of them into the cells.

    It reads the folder under ``submitted`` as ``grader grade`` does, so both give the same marks. A notebook that is no
    assignment of the grader's course goes to :class:`~grader.nbgrader_plugin.execute.SandboxedExecute`.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Fill in the cells' outputs.

        :raises TaskError: the suite is invalid, or the gradebook holds other tests.
        :raises InfrastructureError: the grader failed; nbgrader then writes no mark.
        """
        names = resources["nbgrader"]
        course = self.open_course()
        if not is_examined(course, names["assignment"], names["notebook"]):
            from grader.nbgrader_plugin.execute import SandboxedExecute  # it imports IPython

            return SandboxedExecute(parent=self).preprocess(nb, resources)
        task = classroom_task(course, names["assignment"])
        with Gradebook(names["db_url"]) as gradebook:
            released = read_cells(gradebook.find_notebook(names["notebook"], names["assignment"]))
        check_released(names["assignment"], task.specs, released)
        submission = Submission(names["student"], task.assignment, self._folder(names), notebook_only=True)
        report = WARM.grade(course, task, submission)
        write_outcomes(nb, report, task.specs)
        nb.metadata["grader"] = {"key": report.key, "status": report.status.value}
        return nb, resources

    def _folder(self, names: dict[str, str]) -> Path:
        """Where the student's files lie as they were handed in."""
        converter = getattr(self.parent, "parent", None)
        coursedir = getattr(converter, "coursedir", None)
        if coursedir is None:
            raise InfrastructureError(
                "only nbgrader's autograding knows where submissions are", remedy="run: nbgrader autograde"
            )
        return Path(coursedir.format_path(coursedir.submitted_directory, names["student"], names["assignment"]))


def is_examined(course: Course, assignment: str, notebook: str) -> bool:
    """Whether a notebook of the classroom is judged by a suite of the course."""
    return notebook == assignment and any(each.name == assignment and has_notebook(each) for each in course.assignments)
