"""What `grader nbgrader init` writes: an nbgrader course beside ours, as texts."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path, PurePosixPath

from grader.model import Assignment, Course
from grader.nbgrader_plugin.cells import has_notebook
from grader.nbgrader_plugin.source_notebook import make_source

CONFIG = "nbgrader_config.py"
MARK = "# ---- Your own settings stand below this line. ----"


def course_slug(name: str) -> str:
    """A course's name as an id that every file system and every exchange takes.

    >>> course_slug("Deep learning, première étape")
    'deep-learning-premiere-etape'
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-") or "course"


def make_config(course: Course, folder: Path, course_id: str) -> str:
    """The text of nbgrader_config.py up to and with the line :data:`MARK`.

    :param folder: the classroom's folder, absolute.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    jinja = Environment(loader=PackageLoader("grader.nbgrader_plugin"), undefined=StrictUndefined, autoescape=False)
    jinja.filters["repr"] = repr
    jinja.filters["comment"] = lambda text: " ".join(text.split())
    text = jinja.get_template(f"{CONFIG}.j2").render(
        course=course.name, course_id=course_id, course_root=_root_expression(course.root, folder), mark=MARK
    )
    return text.rstrip("\n") + "\n"


def _root_expression(root: Path, folder: Path) -> str:
    """Python code for the course's folder: relative to the configuration where the two will be moved together."""
    root, folder = root.resolve(), folder.resolve()
    if root == folder:
        return "str(HERE)"
    together = root in folder.parents or folder in root.parents or root.parent == folder.parent
    return f"str((HERE / {os.path.relpath(root, folder)!r}).resolve())" if together else repr(str(root))


def source_files(assignment: Assignment) -> dict[PurePosixPath, str]:
    """An assignment's files, relative to the classroom's folder → text.

    :raises TaskError: see :func:`~grader.nbgrader_plugin.source_notebook.make_source`.
    """
    made = make_source(assignment)
    folder = PurePosixPath("source", assignment.name)
    return {folder / f"{assignment.name}.ipynb": made.notebook, folder / "test_visible.py": made.visible}


def left_out(assignment: Assignment) -> str:
    """Why an assignment has no notebook in the classroom; empty where it has one."""
    if has_notebook(assignment):
        return ""
    return "it is a timed task; grade it with grader grade and grader gpu run"
