"""Probes of the packages, by their metadata alone: importing TensorFlow takes four seconds."""

from __future__ import annotations

import importlib.metadata
import re
from dataclasses import dataclass

from grader.doctor.finding import Finding, State
from grader.model import Environment

OURS = "dl-course-grader"
# The packages that have a line of their own, and which environment of assignments needs the optional ones.
SHOWN = ("numpy", "torch", "tensorflow", "nbgrader", "matplotlib", "ipython")
ENVIRONMENTS = {"torch": Environment.TORCH, "tensorflow": Environment.TENSORFLOW}
USES = {"nbgrader": "only for courses kept in nbgrader"}
# The same module under another distribution's name.
OTHER_NAMES = {"tensorflow": ("tensorflow-cpu",)}


@dataclass(frozen=True, slots=True)
class Requirement:
    """A package that our own metadata asks for."""

    name: str
    least: tuple[int, ...]  # oldest version that will do; empty: any
    extra: str  # the optional part of ours that needs it; empty: always needed


def requirements() -> tuple[Requirement, ...]:
    """What our installed metadata asks for, in its order; empty where we are not installed."""
    try:
        lines = importlib.metadata.requires(OURS) or []
    except importlib.metadata.PackageNotFoundError:
        return ()
    found = []
    for line in lines:
        name = re.match(r"[\w.-]+", line)
        least = re.search(r">=\s*([\d.]+)", line)
        extra = re.search(r"""extra == ['"]([^'"]+)""", line)
        if name:
            version = version_tuple(least[1]) if least else ()
            found.append(Requirement(name[0].lower(), version, extra[1] if extra else ""))
    return tuple(found)


def package(requirement: Requirement, needed: frozenset[Environment]) -> Finding:
    """Whether one package is there.

    :param needed: environments that the course's assignments have.
    """
    name = requirement.name
    version = installed_version(name)
    least = ".".join(map(str, requirement.least))
    wanted = not requirement.extra or ENVIRONMENTS.get(name) in needed
    state = State.PROBLEM if wanted else State.NOTE
    install = f"pip install '{name}>={least}'" if least else f"pip install {name}"
    if version is None:
        if not requirement.extra:
            return Finding(name, state, "not installed", install)
        if wanted:
            return Finding(name, state, "not installed, but assignments of this course use it", install)
        use = USES.get(name, f'only for assignments with environment = "{name}"')
        return Finding(name, state, f"not installed; {use}", f"if you need it: {install}")
    if version_tuple(version) < requirement.least:
        return Finding(name, state, f"{version} is older than {least}", install)
    return Finding(name, State.OK, version)


def other_packages(needed: tuple[Requirement, ...]) -> Finding:
    """The always needed packages that have no line of their own, in one."""
    findings = [package(requirement, frozenset()) for requirement in needed]
    bad = [finding for finding in findings if finding.state is not State.OK]
    if bad:
        detail = "; ".join(f"{finding.name}: {finding.detail}" for finding in bad)
        return Finding("other packages", State.PROBLEM, detail, "; ".join(finding.remedy for finding in bad))
    return Finding("other packages", State.OK, ", ".join(f"{finding.name} {finding.detail}" for finding in findings))


def installed_version(name: str) -> str | None:
    """A distribution's version from its metadata; ``None`` where there is none."""
    for candidate in (name, *OTHER_NAMES.get(name, ())):
        try:
            return importlib.metadata.version(candidate)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def version_tuple(version: str) -> tuple[int, ...]:
    """The numbers of a release, to be compared.

    >>> version_tuple("2.13.0+cpu"), version_tuple("3.0rc1")
    ((2, 13, 0), (3, 0))
    """
    release = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, release[0].split("."))) if release else ()
