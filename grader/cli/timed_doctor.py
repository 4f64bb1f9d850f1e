"""What ``grader doctor`` says of timed tasks: the devices of this machine, and the data sets that the course names."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from grader.doctor import Finding, State
from grader.doctor.course import open_course
from grader.doctor.finding import guarded

if TYPE_CHECKING:
    from grader.model import Assignment

REMEDY = " (remedy: "


def timed_findings(start: Path) -> list[Finding]:
    """The devices, and each data set of the course's timed tasks; nothing where the course has none, or is no course.

    None of them is a problem: other assignments, and the machines where these tasks run, do without.

    :param start: the folder whose course is meant.
    """
    course = open_course(start)
    tasks = [each for each in course.assignments if each.timed is not None] if course else []
    names = dict.fromkeys(each.timed.dataset for each in tasks if each.timed is not None)
    findings = [guarded("devices", partial(_devices, tasks))] if tasks else []
    return findings + [guarded(f"data set {name}", partial(_dataset, name)) for name in names]


def _devices(tasks: list[Assignment]) -> Finding:
    """What timed runs can use here. A note where a task is meant for a GPU and there is none."""
    from gpu_runner.devices import describe_devices

    lines = describe_devices().splitlines()
    found = [line for line in lines if REMEDY not in line]
    gaps = [line.removesuffix(")").split(REMEDY) for line in lines if REMEDY in line]
    wanting = [each.name for each in tasks if each.timed is not None and each.timed.device == "cuda"]
    if wanting and not any(line.startswith("cuda") for line in found):
        missed = [f"{', '.join(wanting)}: meant for a GPU; the small variant (--small) may run here"]
        missed += [what for what, _ in gaps]
        return Finding("devices", State.NOTE, "\n".join([*found, *missed]), "; ".join(remedy for _, remedy in gaps))
    return Finding("devices", State.OK, "\n".join([*found, *(what for what, _ in gaps)]))


def _dataset(name: str) -> Finding:
    """Where a data set lies, or how to get it. Sizes are compared; checksums are computed when it is used."""
    from gpu_runner.datasets import Presence, data_folder, find, look

    found = look(find(name), data_folder(None))
    if found.presence is Presence.PRESENT:
        where = "comes with scikit-learn" if found.folder is None else str(found.folder)
        return Finding(f"data set {name}", State.OK, where)
    return Finding(f"data set {name}", State.NOTE, f"{found.presence}: {found.problem}", found.remedy)
