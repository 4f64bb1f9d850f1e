"""Before a notebook is released: its checks are those of the suites, and it holds nothing that is secret."""

# nbgrader and nbconvert do not say that they have annotations.
# mypy: disable-error-code="import-untyped, misc, no-untyped-call"
from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import nbformat
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution

from grader.course import read_suites
from grader.errors import GraderError, TaskError
from grader.generation.lint import refuse_leaks
from grader.model import Assignment
from grader.nbgrader_plugin.cells import grade_id
from grader.nbgrader_plugin.course_link import GraderCourse

Resources = dict[str, Any]


class _OfTheCourse(GraderCourse, NbGraderPreprocessor):
    """Looks at notebooks of the course's assignments; others are nbgrader's own and left alone."""

    def preprocess(self, nb: Any, resources: Resources) -> tuple[Any, Resources]:
        """Called by nbgrader for each notebook.

        :raises TaskError: it must not be released so.
        """
        name = resources["nbgrader"]["assignment"]
        assignment = next((each for each in self.open_course().assignments if each.name == name), None)
        if assignment is None:
            self.log.info("%s is not in course.toml's course; its notebooks are not compared with suites", name)
            return nb, resources
        path = Path("source", name, f"{resources['nbgrader']['notebook']}.ipynb")
        try:
            self.look(nb, assignment, path)
        except GraderError as error:
            self.log.error("%s", error)  # nbgrader's own message begins with a traceback
            raise
        return nb, resources

    def look(self, nb: Any, assignment: Assignment, path: Path) -> None:
        """Refuse the notebook with a TaskError, or do nothing."""
        raise NotImplementedError


class CheckSuite(_OfTheCourse):
    """Refuses a notebook with a check that no suite has, without one that a suite has, or with other points.

    Such a cell would never be run, and a cell without an output has full marks. Manually graded answers and tasks may
    stand anywhere.
    """

    def look(self, nb: Any, assignment: Assignment, path: Path) -> None:
        """See the class."""
        ours = path.stem == assignment.name
        tests = {grade_id(assignment.name, spec): spec for spec in read_suites(assignment)} if ours else {}
        again = f"grader nbgrader init . --assignment {assignment.name}"
        found = set()
        for cell in nb.cells:
            if cell.cell_type != "code" or not is_grade(cell) or is_solution(cell):
                continue
            noted = cell.metadata.nbgrader
            named = str(noted.grade_id)
            spec = tests.get(named)
            if spec is None:
                _refuse(
                    path,
                    f"the cell {named} is graded by its code, but it is no test of {assignment.name}'s suites",
                    "write it as a test of autotests/, make it a manually graded answer, or delete it",
                )
            found.add(named)
            if float(noted.points) != spec.points:
                _refuse(
                    path,
                    f"the cell {named} is worth {float(noted.points):g}, but its test {spec.points:g} points",
                    f"change the points in the suite, and run {again}; or change those of the cell back",
                )
        missing = [f"{named} ({spec.title})" for named, spec in tests.items() if named not in found]
        if missing:
            _refuse(path, f"there is no locked grade cell for {', '.join(missing)}", f"run {again}")


class CheckLeaks(_OfTheCourse):
    """Refuses a notebook in which a line of the solution, of a hidden test or its hint, or of a mistake stands."""

    def look(self, nb: Any, assignment: Assignment, path: Path) -> None:
        """See the class."""
        refuse_leaks(assignment, {path: nbformat.writes(nb, version=nbformat.NO_CONVERT)})


def _refuse(path: Path, what: str, remedy: str) -> NoReturn:
    raise TaskError(what, where=path, remedy=remedy)
