"""assignment.toml's ``due`` → the gradebook, from which nbgrader takes what is late."""

# nbgrader does not say that it has annotations.
# mypy: disable-error-code="import-untyped, misc"
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.preprocessors import NbGraderPreprocessor

from grader.nbgrader_plugin.course_link import GraderCourse

Resources = dict[str, Any]


class SaveDueDate(GraderCourse, NbGraderPreprocessor):
    """Writes the due time into the gradebook where it has none; one that was set in the formgrader stays."""

    def preprocess(self, nb: Any, resources: Resources) -> tuple[Any, Resources]:
        """Called by nbgrader for each notebook; the notebook is not changed."""
        name = resources["nbgrader"]["assignment"]
        due = next((each.due for each in self.open_course().assignments if each.name == name), None)
        if due is not None:
            self._save(name, due, resources["nbgrader"]["db_url"])
        return nb, resources

    def _save(self, name: str, due: datetime, url: str) -> None:
        wanted = due.astimezone(UTC).replace(tzinfo=None)  # the gradebook holds UTC without an offset
        with Gradebook(url) as gradebook:
            try:
                assignment = gradebook.find_assignment(name)
            except MissingEntry:  # nbgrader generate_assignment --no-db
                return
            if assignment.duedate is None:
                assignment.duedate = wanted
                gradebook.db.commit()
            elif assignment.duedate != wanted:
                self.log.warning(
                    "%s is due %s UTC by the gradebook, but %s UTC by assignment.toml; the gradebook's counts. "
                    "Change it in the formgrader, or change assignment.toml",
                    name,
                    assignment.duedate,
                    wanted,
                )
