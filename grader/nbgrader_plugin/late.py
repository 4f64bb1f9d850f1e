"""nbgrader's plugin for late work.

It is plugged in by ``c.AssignLatePenalties.plugin_class = "grader.nbgrader_plugin.late.LatePenalty"``.
"""

from __future__ import annotations

from nbgrader.plugins import LateSubmissionPlugin  # type: ignore[import-untyped]  # it has no types

from grader.course import penalty
from grader.nbgrader_plugin.course_link import GraderCourse


class LatePenalty(GraderCourse, LateSubmissionPlugin):  # type: ignore[misc]
    """Deducts what the table [late] of course.toml says; ``penalty_method`` is not used."""

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """Points that this notebook loses; None where it loses none.

        nbgrader asks once per late notebook. Loading a course of nine assignments takes 2 ms, so nothing is kept from
        one call to the next, and an edited course.toml counts from the next notebook on.

        :param score: points of the notebook.
        :param total_seconds_late: after the due time in the gradebook, extensions included.
        :raises UsageError: there is no course.
        :raises ConfigError: it is invalid.
        """
        policy = self.open_course().late
        lost = penalty(policy, score, total_seconds_late)
        if lost is not None:
            hours = total_seconds_late / 3600
            self.log.info("%s: %.1f hours late, loses %.2f of %.2f points", student_id, hours, lost, score)
        return lost
