"""nbgrader's configuration of a classroom, read the way its own commands read it."""

# nbgrader has no annotations.
# mypy: disable-error-code="import-untyped, misc"
from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from nbgrader.apps import AutogradeApp
from nbgrader.converters import Autograde

from grader.errors import UsageError
from grader.model import Course
from grader.nbgrader_plugin.course_link import GraderCourse


def open_converter(root: Path) -> Any:
    """nbgrader's Autograde converter of a classroom, configured, with its ``coursedir``; nothing has run yet.

    The working directory becomes ``root``, as nbgrader expects it.

    :raises UsageError: there is no classroom, or its configuration cannot be loaded.
    """
    if not (root / "nbgrader_config.py").is_file():
        remedy = "go to the classroom, or make it: grader nbgrader init DIR"
        raise UsageError("there is no nbgrader_config.py", where=root, remedy=remedy)
    os.chdir(root)
    app = AutogradeApp(log_level=logging.WARNING)
    try:
        app.initialize([])
        return Autograde(coursedir=app.coursedir, parent=app)
    except SystemExit as error:  # nbgrader has printed what is wrong
        what = "nbgrader cannot load its configuration"
        raise UsageError(what, where=root, remedy="mend nbgrader_config.py") from error


def course_of(converter: Any) -> Course:
    """The grader's course that a classroom belongs to; see :meth:`GraderCourse.open_course`."""
    return GraderCourse(parent=converter).open_course()
