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
from grader.nbgrader_plugin.class_run import ClassRun, SuiteRun
from grader.nbgrader_plugin.classic_run import ClassicRun
from grader.nbgrader_plugin.course_link import GraderCourse
from grader.nbgrader_plugin.examine import is_examined
from grader.nbgrader_plugin.gradebook import ClassGradebook
from grader.nbgrader_plugin.steps import Steps

# Settings of nbgrader's that a class's run has no place for, with the one value that it behaves as.
HEEDED = {"pre_convert_hook": None, "post_convert_hook": None, "create_student": True}


def open_converter(root: Path) -> Any:
    """nbgrader's Autograde converter of a classroom, configured, with its ``coursedir``; nothing has run yet.

    The working directory becomes ``root``, as nbgrader expects it.

    :raises UsageError: there is no classroom, or its configuration cannot be loaded.
    """
    if not (root / "nbgrader_config.py").is_file():
        remedy = "go to the classroom, or make it: grader nbgrader init DIR"
        raise UsageError("there is no nbgrader_config.py", where=root, remedy=remedy)
    os.chdir(root)
    app = AutogradeApp(log_level=logging.WARNING, raise_config_file_errors=True)
    try:
        app.initialize([])
        return Autograde(coursedir=app.coursedir, parent=app)
    except SystemExit as error:  # nbgrader has printed what is wrong
        what = "nbgrader cannot load its configuration"
        raise UsageError(what, where=root, remedy="mend nbgrader_config.py") from error
    except Exception as error:  # it is code, and may raise anything
        what = f"nbgrader cannot load its configuration: {type(error).__name__}: {error}"
        raise UsageError(what, where=root, remedy="mend nbgrader_config.py") from error


def open_run(converter: Any, gradebook: ClassGradebook, name: str) -> ClassRun:
    """The run of an assignment: by its suite where the course has one for it, otherwise by executing its cells.

    :raises UsageError: nothing was released under this name, or the classroom is not set up for it.
    :raises TaskError: the course or the suite is invalid, or does not fit the gradebook.
    """
    for option, heeded in HEEDED.items():
        if getattr(converter, option) is not heeded:
            raise UsageError(
                f"Autograde.{option} is configured, and only nbgrader's own command heeds it",
                where="nbgrader_config.py",
                remedy=f"run: nbgrader autograde {name}; or remove the setting",
            )
    plugged = GraderCourse(parent=converter)
    if Steps(converter).examines:
        course = plugged.open_course()
        if is_examined(course, name, name):
            return SuiteRun(converter, course, gradebook, name, "bubblewrap")
    return ClassicRun(converter, gradebook, name)
