"""All probes in the order in which their findings are read: what others build on comes first."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from grader.doctor import course as courses
from grader.doctor import machine, packages
from grader.doctor.finding import Finding, State, guarded
from grader.model import Environment


def diagnose(start: Path, database: str | None = None) -> tuple[Finding, ...]:
    """Run every probe; none of them raises.

    :param start: the folder whose course is meant.
    :param database: URL of a results database in place of the course's.
    """
    course = courses.open_course(start)
    needed = frozenset(assignment.environment for assignment in course.assignments) if course else frozenset()
    system = guarded("system", machine.system)
    findings = [guarded("Python", machine.python), guarded("grader", machine.our_version), system]
    findings.append(guarded("temporary files", machine.temporary_files))
    findings += _packages(needed)
    findings.append(guarded("GPU", machine.gpu))
    if system.state is State.OK:
        findings += _sandbox(needed)
    findings.append(guarded("course", partial(courses.course, start)))
    url = database or (course.database if course else None)
    if url is not None:
        findings.append(guarded("database", partial(courses.database, url)))
    return tuple(findings)


def _packages(needed: frozenset[Environment]) -> list[Finding]:
    known = {requirement.name: requirement for requirement in packages.requirements()}
    findings = [
        guarded(name, partial(packages.package, known[name], needed)) for name in packages.SHOWN if name in known
    ]
    rest = tuple(each for each in known.values() if not each.extra and each.name not in packages.SHOWN)
    if rest:
        findings.append(guarded("other packages", partial(packages.other_packages, rest)))
    return findings


def _sandbox(needed: frozenset[Environment]) -> list[Finding]:
    """The sandbox's parts; a whole one for NumPy; one for each other environment of the course that is installed."""
    from grader.doctor import sandbox  # it cannot even be imported on another system than Linux

    findings = [
        guarded("user", sandbox.user),
        guarded("bubblewrap", sandbox.bubblewrap),
        guarded("user namespaces", sandbox.user_namespaces),
        guarded("seccomp", sandbox.seccomp),
    ]
    others = needed - {Environment.NUMPY}
    tried = [Environment.NUMPY, *(each for each in Environment if each in others and packages.installed_version(each))]
    for environment in tried:
        findings.append(guarded(f"sandbox, {environment}", partial(sandbox.whole, environment)))
        if findings[-1].state is State.PROBLEM:
            break  # the others would fail likewise, each after the seconds that its framework takes
    return findings
