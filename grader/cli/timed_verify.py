"""Proofs of timed tasks for ``grader verify``: calibrated, and each example earns what it should."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from grader.course.timed import ACCURACY, TIME
from grader.errors import TaskError

if TYPE_CHECKING:
    from gpu_runner.proving import TimedExample, TimedProof
    from gpu_runner.session import Session
    from grader.cli.timed import TimedOptions
    from grader.grading.verify import Proof
    from grader.model import Assignment, TestSpec

KIND = "timed"
# In an alternative: right by the thresholds of [timed.small], and not meant for the whole data set.
SMALL_ONLY = re.compile(r"^# variant: small$", re.MULTILINE)
LINES = frozenset((ACCURACY, TIME))


def verify_timed(
    assignment: Assignment,
    specs: tuple[TestSpec, ...],
    options: TimedOptions,
    report: Callable[[Proof], object],
    started: Callable[[Session], object],
) -> list[Proof]:
    """Prove the timed part of an assignment; nothing for one that has none.

    What cannot be tried here (no data, no GPU) is said in a proof that holds, but proves nothing; the calibration is
    asked for wherever the proof runs.

    :param report: called with every proof as it is found.
    :param started: called with the session before it trains, so that another thread can end it.
    """
    from gpu_runner.calibration import problems_of
    from grader.cli.timed import small_variant
    from grader.grading.verify import Proof

    if assignment.timed is None:
        return []
    proofs: list[Proof] = []

    def add(proof: Proof) -> None:
        proofs.append(proof)
        report(proof)

    problems = tuple(problems_of(assignment))
    found = "what follows" if problems else "as expected"
    add(Proof(KIND, "calibration", "measured, current, sound", found, problems))
    try:
        chosen = small_variant(assignment) if options.small else assignment
        _prove(chosen, specs, options, lambda found: add(_proof(found)), started)
    except NotHere as reason:
        add(Proof(KIND, "runs", "tried on a device", f"not tried here: {reason}", ()))
    return proofs


class NotHere(Exception):
    """This machine lacks what the proof takes."""


def _prove(
    assignment: Assignment,
    specs: tuple[TestSpec, ...],
    options: TimedOptions,
    report: Callable[[TimedProof], object],
    started: Callable[[Session], object],
) -> None:
    from gpu_runner.datasets import Presence, data_folder, find, look
    from gpu_runner.proving import prove
    from gpu_runner.session import Session, secret_seeds
    from grader.cli.timed import NoSuitableDevice, load_data, open_devices, timed_of, timed_task, wait_for_device
    from grader.sandbox import open_sandbox

    timed = timed_of(assignment)
    dataset = find(timed.dataset)
    folder = data_folder(options.data)
    if look(dataset, folder).presence is not Presence.PRESENT:
        raise NotHere(f"the data set {timed.dataset} is not at hand (grader data fetch {timed.dataset})")
    try:
        device = open_devices(timed, options)[0]
    except NoSuitableDevice as error:  # one that is there and broken is no reason to prove nothing
        raise NotHere(error.what) from error
    examples = _examples(assignment, specs, device.kind, small=options.small)
    task = timed_task(assignment, small=options.small)
    with (
        device.lock(wait=wait_for_device(device.name)),
        Session(
            task, load_data(timed, options), device, open_sandbox(options.sandbox), secret_seeds(timed.max_seeds)
        ) as session,
    ):
        started(session)
        prove(session, examples, report)


def _examples(
    assignment: Assignment, specs: tuple[TestSpec, ...], device: str, *, small: bool
) -> list[TimedExample]:
    from gpu_runner.proving import TimedExample
    from grader.course.examples import alternatives, read_mistakes
    from grader.course.table import read_text
    from grader.grading.verify import read_alternative, script
    from grader.sandbox.imports import missing_framework

    source = read_text(assignment.solution, remedy="mend the solution source")
    examples = [TimedExample("reference", assignment.solution.name, script(assignment, source), frozenset())]
    for path in alternatives(assignment):
        files = read_alternative(assignment, path)
        if not missing_framework(files) and (small or not SMALL_ONLY.search(files.source)):
            examples.append(TimedExample("alternative", path.name, files, frozenset()))
    for mistake in read_mistakes(assignment, frozenset(spec.name for spec in specs)):
        loses = LINES.intersection(mistake.caught_by)
        if loses and mistake.device in ("", device):
            # Where tests of the suite catch it too, their proof looks for the hint.
            hint = mistake.hint if loses.issuperset(mistake.caught_by) else ""
            files = script(assignment, mistake.applied_to(source))
            examples.append(TimedExample("mistake", mistake.name, files, loses, hint))
    if not any(example.kind == "mistake" for example in examples):
        raise TaskError(
            "no known mistake costs a timed line, so nothing shows that timed runs judge",
            where=assignment.autotests / "mistakes",
            remedy=f"write one with `# caught by: {ACCURACY}`",
        )
    return examples


def _proof(found: TimedProof) -> Proof:
    from grader.grading.verify import Proof

    example = found.example
    expected = f"lost: {', '.join(sorted(example.loses))}" if example.loses else "all marks"
    return Proof(KIND, f"{example.kind} {example.name}", expected, found.found, found.problems)


def count_timed_proofs(assignment: Assignment) -> int:
    """About how many proofs :func:`verify_timed` will report: all there can be."""
    if assignment.timed is None:
        return 0
    from grader.course.examples import alternatives

    mistakes = len(list((assignment.autotests / "mistakes").glob("*.py")))
    return len(("calibration", "reference")) + len(alternatives(assignment)) + mistakes
