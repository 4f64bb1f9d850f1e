"""The entry point ``grader``."""

from __future__ import annotations

import click

from grader.cli.common import GraderGroup

# Command → (where it is, its line in `grader --help`). Modules are imported only when their command runs.
COMMANDS = {
    "init": ("grader.cli.init:init", "Start a course with one small example assignment."),
    "generate": ("grader.cli.generate:generate", "Write the students' versions of the assignments."),
    "check": ("grader.cli.check:check", "Run the visible tests on your own work."),
    "verify": ("grader.cli.verify:verify", "Prove that the test suites judge rightly."),
    "grade": ("grader.cli.grade:grade", "Grade submissions in the sandbox and store the results."),
    "show": ("grader.cli.show:show", "Show a student's results."),
    "report": ("grader.cli.report:report", "Write the HTML report of the class."),
    "export": ("grader.cli.export:export", "Export results as CSV, JSON or for Gradescope."),
    "data": ("grader.cli.data:data", "Fetch and list the data sets of timed tasks."),
    "gpu": ("grader.cli.gpu:gpu", "Run timed training tasks on a GPU or CPU."),
    "nbgrader": ("grader.cli.nbgrader:nbgrader", "Run the course as an nbgrader classroom."),
    "doctor": ("grader.cli.doctor:doctor", "Say what works on this machine, and what to do about the rest."),
    "demo": ("grader.cli.demo:demo", "Make a demo class, grade it and report on it."),
}


@click.group(cls=GraderGroup, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dl-course-grader", prog_name="grader")
def main() -> None:
    """Author deep-learning assignments, grade submissions with hidden tests in a sandbox, report.

    Run it anywhere inside a course's folder, the one with course.toml.
    """


if __name__ == "__main__":
    main()
