"""Proof of a timed task: the reference and every alternative earn all marks, every known mistake loses its lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gpu_runner.judgement import training_of, verdict_lines
from gpu_runner.session import Session
from grader.model import SubmissionFiles, TestResult

# A mistake that is far from every threshold shows with one draw; near one, more are drawn as they are for students.
SEEDS_OF_A_MISTAKE = 1


@dataclass(frozen=True, slots=True)
class TimedExample:
    """A submission of which it is known what timed runs must find."""

    kind: str  # reference, alternative or mistake
    name: str
    files: SubmissionFiles
    loses: frozenset[str]  # names of the timed lines that must lose marks; all others must have theirs
    hint: str = ""  # must stand in the hint or message of one of them


@dataclass(frozen=True, slots=True)
class TimedProof:
    """What timed runs have found about an example."""

    example: TimedExample
    found: str
    problems: tuple[str, ...]  # empty: as it should be


def prove(
    session: Session, examples: Sequence[TimedExample], report: Callable[[TimedProof], object]
) -> list[TimedProof]:
    """Run the examples in a session on a device that the caller has locked.

    :param report: called with every proof as it is found.
    Raises SuiteError where the reference does not train, InfrastructureError where sandbox or device fails.
    """
    task = session.task
    session.run_reference()
    proofs = []
    for example in examples:
        timed = replace(task.timed, seeds=SEEDS_OF_A_MISTAKE) if example.loses else task.timed
        runs = session.run_submission(example.files, (), lambda _run: None, timed=timed)
        training = training_of(timed, runs, session.references, session.device.name, small=task.small)
        lines = verdict_lines(timed, training, classes=session.classes)
        found = f"{sum(line.earned for line in lines):g} of {sum(line.points for line in lines):g}"
        if training.accuracy is not None:
            found += f", accuracy {training.accuracy:.3f} in {training.seconds:.2g} s"
        proofs.append(TimedProof(example, found, problems(example, lines)))
        report(proofs[-1])
    return proofs


def problems(example: TimedExample, lines: Sequence[TestResult]) -> tuple[str, ...]:
    """What contradicts the example; empty: nothing."""
    said = []
    lost = {line.name: line for line in lines if line.earned < line.points}
    for name in sorted(example.loses - lost.keys()):
        said.append(f"{name} does not catch it")
    for name in sorted(lost.keys() - example.loses):
        # Where it gives no predictions, nothing is known of the time, and a mistake names the accuracy alone.
        if not (example.loses and lost[name].outcome == "not run"):
            said.append(f"it costs marks in {name}: {lost[name].outcome}, {lost[name].message}")
    told = [lost[name] for name in example.loses if name in lost]
    if told and not any(example.hint.lower() in f"{line.hint}\n{line.message}".lower() for line in told):
        read = " | ".join(f"{line.hint} {line.message}".strip() for line in told)
        said.append(f"no hint of these lines says {example.hint!r}; they say: {read}")
    return tuple(said)
