"""Timed runs as rows: of a submission, of the reference, and what they came to in a report."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, insert, select

from grader.model import CurvePoint, Outcome, Training, TrainingRun
from grader.store.schema import training_runs
from grader.store.values import from_json, storable, to_json

_RUN_COLUMNS = [training_runs.c[field.name] for field in dataclasses.fields(TrainingRun)]


def insert_run(connection: Connection, job: int | None, session: int, run: TrainingRun) -> None:
    """Append a run to those of a job; ``None``: to those of the reference in this session."""
    column, owner = (training_runs.c.session_id, session) if job is None else (training_runs.c.job_id, job)
    ours = (column == owner) & (training_runs.c.job_id.is_(None) if job is None else True)
    position = connection.execute(select(func.count()).where(ours)).scalar_one()
    head = {"job_id": job, "session_id": session, "position": position, "recorded_at": datetime.now(UTC)}
    connection.execute(insert(training_runs).values(head | _run_values(run)))


def load_runs(connection: Connection, which: ColumnElement[bool]) -> dict[int | None, tuple[TrainingRun, ...]]:
    """Runs by their job, in the order in which they came in; those of the reference under ``None``."""
    query = (
        select(training_runs.c.job_id, *_RUN_COLUMNS)
        .where(which)
        .order_by(training_runs.c.job_id, training_runs.c.position)
    )
    runs: dict[int | None, list[TrainingRun]] = defaultdict(list)
    for row in connection.execute(query).mappings():
        runs[row["job_id"]].append(_training_run(row))
    return {job: tuple(each) for job, each in runs.items()}


def training_values(training: Training) -> dict[str, Any]:
    """All but the runs, as JSON; those are rows of their own."""
    fields = [field.name for field in dataclasses.fields(Training) if field.name != "runs"]
    values: dict[str, Any] = to_json({name: getattr(training, name) for name in fields})
    return values


def read_training(values: Mapping[str, Any], runs: Sequence[TrainingRun]) -> Training:
    """What :func:`training_values` was given, with its runs."""
    return Training(**from_json(values), runs=tuple(runs))


def _run_values(run: TrainingRun) -> dict[str, Any]:
    return {
        "seed": run.seed,
        "outcome": run.outcome.value,
        "seconds": run.seconds,
        "train_seconds": run.train_seconds,
        "accuracy": run.accuracy,
        "hidden_images": run.hidden_images,
        "device": storable(run.device),
        "message": storable(run.message),
        "traceback": storable(run.traceback),
        "output": storable(run.output),
        "curve": to_json([[point.epoch, point.loss, point.accuracy, point.seconds] for point in run.curve]),
        "disturbed": storable(run.disturbed),
        "conditions": to_json(run.conditions),
    }


def _training_run(row: RowMapping) -> TrainingRun:
    fields = {column.name: row[column] for column in _RUN_COLUMNS}
    fields["outcome"] = Outcome(row["outcome"])
    fields["curve"] = tuple(CurvePoint(*point) for point in from_json(row["curve"]))
    fields["conditions"] = from_json(row["conditions"])
    return TrainingRun(**fields)
