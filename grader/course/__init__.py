"""course.toml, assignment.toml, the roster and the suites' marks, read into the frozen models of :mod:`grader.model`.

Everything wrong in them is a :class:`~grader.errors.TaskError` that names the file, the line or key, and the remedy.
"""

from grader.course.late import penalty
from grader.course.load import absolute_database, find_course, load_course, select_assignments
from grader.course.roster import unsafe_folder_name
from grader.course.suite import read_suite, read_suites

__all__ = [
    "absolute_database",
    "find_course",
    "load_course",
    "penalty",
    "read_suite",
    "read_suites",
    "select_assignments",
    "unsafe_folder_name",
]
