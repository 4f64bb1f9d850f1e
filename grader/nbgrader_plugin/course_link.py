"""How a class that nbgrader calls finds the grader's course."""

from __future__ import annotations

from pathlib import Path

from traitlets import Unicode
from traitlets.config import LoggingConfigurable

from grader.course import find_course, load_course
from grader.model import Course


class GraderCourse(LoggingConfigurable):
    """Base of every class of ours that nbgrader configures; ``c.GraderCourse.course_root`` serves them all."""

    course_root = Unicode(
        "", help="Folder of the course.toml; empty: the nearest one above the working directory."
    ).tag(config=True)

    def open_course(self) -> Course:
        """Load the course.

        :raises UsageError: there is none.
        :raises ConfigError: it is invalid.
        """
        return load_course(find_course(Path(self.course_root or ".")))
