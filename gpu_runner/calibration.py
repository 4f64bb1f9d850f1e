"""autotests/<a>/calibration.json: what the reference was measured to do on some device, and what follows for the task.

The file is a list with one entry per device model and variant ([timed] or [timed.small]).
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import math
import os
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from gpu_runner.chances import MOST_CHANCE, Chances, chances, suggest_full, suggest_multiple
from gpu_runner.draw import LAW
from gpu_runner.judgement import failures
from grader.errors import InfrastructureError, TaskError, UsageError
from grader.model import Assignment, Outcome, Timed, TrainingRun

FILE = "calibration.json"
# Below, the chance that an honest copy fails is hardly known: with 9 degrees of freedom the tails are 15 % wider.
LEAST_RUNS = 10
# All that decides how the reference's times and accuracies are distributed on a device; limits and thresholds do not.
DISTRIBUTION = ("dataset", "train_images", "hidden_images", "metric", "shift_pixels", "noise")
QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True, slots=True)
class Calibration:
    """One entry: the reference's runs on one device."""

    device_model: str  # what times may be compared across
    dataset: str
    small: bool  # of [timed.small]
    reference_digest: str  # of the reference's code, see reference_digest()
    task_digest: str  # of the code and of the settings that count, see task_digest()
    measured_at: datetime  # UTC
    seconds: tuple[float, ...]  # wall seconds of each run
    accuracies: tuple[float, ...]  # of the same runs, 0 … 1
    versions: Mapping[str, str]  # of Python, frameworks, driver

    @property
    def runs(self) -> int:
        return len(self.seconds)


@dataclass(frozen=True, slots=True)
class Spread:
    """A measured quantity."""

    mean: float
    deviation: float  # standard deviation of one run, with n - 1
    quantiles: tuple[float, ...]  # at QUANTILES


@dataclass(frozen=True, slots=True)
class Summary:
    """What a calibration says about the task's settings."""

    runs: int
    seconds: Spread
    accuracy: Spread
    chances: Chances  # with the settings as they are
    suggested_full: float
    suggested_multiple: float  # the least; students need room beyond it


def timed_variant(assignment: Assignment, small: bool) -> Timed:
    """The table [timed] or its [timed.small].

    :raises UsageError: the assignment has no such table.
    """
    timed = assignment.timed
    variant = timed.small if small and timed is not None else timed
    if variant is None:
        table = "[timed.small]" if small else "[timed]"
        raise UsageError(f"{assignment.name} has no table {table}", remedy="add it to its assignment.toml")
    return variant


def reference_digest(source: bytes) -> str:
    """SHA-256 of the reference's code without comments and blank lines.

    So the figures of a calibration can be written into the file's head, and the lesson's text be mended, without a new
    one. Where it is not Python that can be read, of the bytes.
    """
    try:
        code = _code(source)
    except (tokenize.TokenError, SyntaxError, UnicodeDecodeError):
        code = source
    return hashlib.sha256(code).hexdigest()


def task_digest(timed: Timed, source: bytes) -> str:
    """SHA-256 of all that decides the distribution of the reference's times and accuracies on a device.

    :param timed: the variant.
    :param source: the reference solution's file.
    """
    settings = {name: getattr(timed, name) for name in DISTRIBUTION}
    told = json.dumps([LAW, settings, reference_digest(source)], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def calibration_of(
    assignment: Assignment,
    runs: Sequence[TrainingRun],
    device_model: str,
    versions: Mapping[str, str],
    measured_at: datetime,
    *,
    small: bool,
) -> Calibration:
    """The entry for runs of the reference; disturbed ones are left out.

    :raises TaskError: a run failed that counts: such a reference judges nobody.
    :raises InfrastructureError: fewer than LEAST_RUNS were not disturbed.
    """
    failed = failures([run for run in runs if not run.disturbed or run.outcome in (Outcome.ERROR, Outcome.FAILED)])
    if failed:
        raise TaskError(
            f"{len(failed)} of {len(runs)} runs of the reference failed: {failed[0].outcome}, {failed[0].message}",
            where=assignment.solution,
            remedy="mend the reference until every seed passes",
        )
    counted = [run for run in runs if not run.disturbed]
    if len(counted) < LEAST_RUNS:
        disturbed = f": {len(runs) - len(counted)} more were disturbed" if len(runs) > len(counted) else ""
        raise InfrastructureError(
            f"{len(counted)} runs say too little{disturbed}", where=device_model, remedy="free the device, run more"
        )
    timed, source = timed_variant(assignment, small), assignment.solution.read_bytes()
    return Calibration(
        device_model=device_model,
        dataset=timed.dataset,
        small=small,
        reference_digest=reference_digest(source),
        task_digest=task_digest(timed, source),
        measured_at=measured_at,
        seconds=tuple(run.seconds for run in counted),
        accuracies=tuple(run.accuracy for run in counted if run.accuracy is not None),
        versions=dict(versions),
    )


def summary(entry: Calibration, timed: Timed) -> Summary:
    """What the entry says about these settings; the same for the same figures, as its generator is seeded."""
    return Summary(
        runs=entry.runs,
        seconds=_spread(entry.seconds),
        accuracy=_spread(entry.accuracies),
        chances=chances(timed, entry.seconds, entry.accuracies),
        suggested_full=suggest_full(timed, entry.seconds, entry.accuracies),
        suggested_multiple=suggest_multiple(timed, entry.seconds, entry.accuracies),
    )


def is_current(entry: Calibration, timed: Timed, source: bytes) -> bool:
    """Whether the reference and the settings that count are still those that were measured."""
    return entry.task_digest == task_digest(timed, source)


def find_current(assignment: Assignment) -> tuple[Calibration, ...]:
    """The entries that still hold, of all devices and both variants.

    :raises TaskError: the file is malformed.
    """
    source = assignment.solution.read_bytes()
    variants = _variants(assignment)
    return tuple(
        entry
        for entry in read_calibrations(assignment.autotests)
        if entry.small in variants and is_current(entry, variants[entry.small], source)
    )


def problems_of(assignment: Assignment) -> list[str]:
    """Why a timed task must be refused; empty for one that is sound, and for an ordinary assignment.

    One device is enough. Beside an entry that holds, older ones of other devices are no problem: whoever changed the
    task may not have those devices.

    :raises TaskError: the file is malformed.
    """
    if assignment.timed is None:
        return []
    remedy = f"run: grader gpu calibrate {assignment.name} --runs 20"
    entries = read_calibrations(assignment.autotests)
    if not entries:
        return [f"{assignment.name} was never calibrated on any device; {remedy}"]
    current = find_current(assignment)
    if not current:
        return [f"{_stale(entry, assignment)}; {remedy}{' --small' * entry.small}" for entry in entries]
    problems = []
    for entry in current:
        again = remedy + " --small" * entry.small
        if entry.runs < LEAST_RUNS:
            problems.append(f"{_named(entry)} has {entry.runs} runs, which say too little; {again}")
            continue
        timed = timed_variant(assignment, entry.small)
        chance = chances(timed, entry.seconds, entry.accuracies)
        if chance.either >= MOST_CHANCE:
            problems.append(
                f"{_named(entry)}: an honest copy of the reference loses marks in {100 * chance.either:.1f} % of cases "
                f"(accuracy {100 * chance.accuracy:.1f} %, time {100 * chance.time:.1f} %), and it must stay below "
                f"{100 * MOST_CHANCE:g} %; change full or multiple as that command suggests: {again}"
            )
    return problems


def read_calibrations(autotests: Path) -> tuple[Calibration, ...]:
    """All entries of the task; none where there is no file.

    :param autotests: the folder autotests/<a>/.
    :raises TaskError: the file cannot be read or is malformed.
    """
    path = autotests / FILE
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(entries, list):
            raise ValueError("it is not a list")
        read = tuple(_entry(each) for each in entries)
        if len({(entry.device_model, entry.small) for entry in read}) < len(read):
            raise ValueError("two entries are of the same device and variant")
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise TaskError(f"cannot be read: {error.strerror}", where=path, remedy="make it a readable file") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        said = f"there is no {error}" if isinstance(error, KeyError) else str(error)
        remedy = f"delete it and run: grader gpu calibrate {autotests.name} --runs 20"
        raise TaskError(f"not a calibration: {said}", where=path, remedy=remedy) from error
    return read


def write_calibration(autotests: Path, entry: Calibration) -> Path:
    """Put an entry into the file, in the place of an older one of the same device and variant; the file's path.

    :raises TaskError: the file that is there is malformed.
    :raises InfrastructureError: it cannot be written; what was there is still there.
    """
    path = autotests / FILE
    key = (entry.device_model, entry.small)
    others = [each for each in read_calibrations(autotests) if (each.device_model, each.small) != key]
    entries = sorted([*others, entry], key=lambda each: (each.device_model, each.small))
    text = json.dumps([_json(each) for each in entries], indent=1, ensure_ascii=False) + "\n"
    temporary = path.with_name(f".{FILE}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):  # it may be the folder itself that is missing
            temporary.unlink()
        if isinstance(error, OSError):
            said = f"cannot be written: {error.strerror}"
            raise InfrastructureError(said, where=path, remedy="make room or the folder writable") from error
        raise
    return path


def _variants(assignment: Assignment) -> dict[bool, Timed]:
    timed = assignment.timed
    both = {False: timed, True: timed.small if timed is not None else None}
    return {small: variant for small, variant in both.items() if variant is not None}


def _stale(entry: Calibration, assignment: Assignment) -> str:
    if entry.small not in _variants(assignment):
        return f"{_named(entry)} is stale: there is no [timed.small] any more"
    changed = entry.reference_digest != reference_digest(assignment.solution.read_bytes())
    what = "the reference" if changed else f"one of the settings {', '.join(DISTRIBUTION)}"
    return f"{_named(entry)} is stale: {what} has changed"


def _named(entry: Calibration) -> str:
    return f"the calibration{' of [timed.small]' * entry.small} on {entry.device_model} of {entry.measured_at:%Y-%m-%d}"


def _spread(values: Sequence[float]) -> Spread:
    array = np.asarray(values, float)
    return Spread(
        float(array.mean()), float(array.std(ddof=1)), tuple(float(each) for each in np.quantile(array, QUANTILES))
    )


def _code(source: bytes) -> bytes:
    """The lines that hold code, each up to its comment."""
    encoding, _lines = tokenize.detect_encoding(io.BytesIO(source).readline)
    lines = io.StringIO(source.decode(encoding), newline=None).read().split("\n")
    blank = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    kept: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO("\n".join(lines)).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
        elif token.type not in blank:
            kept.update(range(token.start[0], token.end[0] + 1))
    return "\n".join(line for number, line in enumerate(lines, 1) if number in kept).encode()


def _json(entry: Calibration) -> dict[str, Any]:
    values = {field.name: getattr(entry, field.name) for field in dataclasses.fields(entry)}
    return values | {"measured_at": entry.measured_at.isoformat(), "versions": dict(entry.versions)}


def _entry(values: Any) -> Calibration:
    """Check and convert one entry; ValueError, KeyError or TypeError with words where it is malformed."""
    if not isinstance(values, dict):
        raise ValueError("an entry is not a table")
    unknown = sorted(set(values) - {field.name for field in dataclasses.fields(Calibration)})
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}")
    texts = {name: values[name] for name in ("device_model", "dataset", "reference_digest", "task_digest")}
    for name, text in texts.items():
        if not isinstance(text, str) or not text:
            raise ValueError(f"{name} is not a text")
    small, versions = values["small"], values["versions"]
    if not isinstance(small, bool):
        raise ValueError("small is neither true nor false")
    if not isinstance(versions, dict) or not all(isinstance(version, str) for version in versions.values()):
        raise ValueError("versions is not a table of texts")
    seconds, accuracies = (_numbers(values[name], name) for name in ("seconds", "accuracies"))
    if len(seconds) != len(accuracies) or len(seconds) < 2:
        raise ValueError(f"{len(seconds)} seconds and {len(accuracies)} accuracies: two or more of each, as many")
    if min(seconds) <= 0 or min(accuracies) < 0 or max(accuracies) > 1:
        raise ValueError("seconds are above 0, and accuracies lie between 0 and 1")
    return Calibration(
        **texts,
        small=small,
        measured_at=datetime.fromisoformat(values["measured_at"]),
        seconds=seconds,
        accuracies=accuracies,
        versions=versions,
    )


def _numbers(values: Any, name: str) -> tuple[float, ...]:
    if not isinstance(values, list) or not all(
        isinstance(each, int | float) and not isinstance(each, bool) and math.isfinite(each) for each in values
    ):
        raise ValueError(f"{name} is not a list of numbers")
    return tuple(float(each) for each in values)
