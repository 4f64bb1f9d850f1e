"""docs/timed-tasks.md: its tables are the code's, with every default and range; its numbers and examples are right."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gpu_runner.calibration import DISTRIBUTION, LEAST_RUNS
from gpu_runner.chances import MOST_CHANCE
from gpu_runner.confidence import MOST_DOUBT, thresholds
from gpu_runner.devices.base import COST, GIVEN
from gpu_runner.devices.cpu import machine
from gpu_runner.devices.gpu_watch import GpuWatch
from gpu_runner.devices.locks import SHARED
from gpu_runner.devices.runqueue import SHARE, RunQueue
from gpu_runner.session import MAX_VOID_RUNS
from grader.course.table import Table
from grader.course.timed import DEVICES, METRICS, WHOLE_TASK, read_timed
from grader.errors import ConfigError
from grader.model import Timed
from tests.fakes.nvml import FakeNvml, card

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "timed-tasks.md"
TEXT = PAGE.read_text(encoding="utf-8")
FLAT = " ".join(TEXT.split())
ROW = re.compile(r"^\| `(\w+)` \|([^|]*)\|[^|]*\|([^|]*)\|[^|]*\|$", re.MULTILINE)
BOUND = re.compile(r"([>≥<≤]) (\S+)")
TABLE = TEXT.partition("### The table timed\n")[2].partition("\n#")[0]
ROWS = {key: (default.strip(), values.strip()) for key, default, values in ROW.findall(TABLE)}
RANGES = {key: values for key, (_default, values) in ROWS.items() if BOUND.search(values)}
# A table in which each key alone can take any value of its range.
WIDE: dict[str, Any] = {
    "dataset": "digits", "train_images": 1000, "hidden_images": 100, "full": 1.0, "accuracy_points": 1.0,
    "time_points": 1.0, "multiple": 2.0, "floor_seconds": 1.0, "seeds": 3, "max_seeds": 50,
}  # fmt: skip


def read(values: dict[str, Any]) -> Timed:
    text = "[timed]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
    return read_timed(Table(Path("assignment.toml"), text, values, ("timed",)))


def test_every_key_is_told_with_its_default() -> None:
    told = {"required": dataclasses.MISSING, "none": None}
    fields = {field.name: field.default for field in dataclasses.fields(Timed)}
    assert ROWS.keys() == fields.keys()
    for key, (default, _values) in ROWS.items():
        assert told.get(default, default) == (fields[key] if default in told else str(fields[key])), key


def test_every_number_has_its_range() -> None:
    numbers = {field.name for field in dataclasses.fields(Timed) if {"int", "float"} & set(field.type.split())}
    assert RANGES.keys() == numbers


@pytest.mark.parametrize("key", RANGES)
def test_a_range_ends_where_it_is_told(key: str) -> None:
    kind = next(float if "float" in each.type else int for each in dataclasses.fields(Timed) if each.name == key)
    step = 1e-6 if kind is float else 1
    for sign, told in BOUND.findall(RANGES[key].replace(",", "")):
        name = told.strip("`")
        bound = kind(WIDE.get(name, told))
        inside = bound if sign in "≥≤" else bound + step if sign == ">" else bound - step
        outside = bound if sign in "><" else bound - step if sign == "≥" else bound + step
        assert getattr(read(WIDE | {key: inside}), key) == inside
        with pytest.raises(ConfigError):
            read(WIDE | {key: outside})
    if "≤" not in RANGES[key] and "<" not in RANGES[key]:
        assert getattr(read(WIDE | {key: 1e300}), key) == 1e300


@pytest.mark.parametrize(("key", "choices"), [("metric", METRICS), ("device", DEVICES)])
def test_choices_are_told(key: str, choices: tuple[str, ...]) -> None:
    assert tuple(re.findall(r"`([^`]+)`", ROWS[key][1])) == choices


def test_what_the_small_variant_may_not_name() -> None:
    assert {*WHOLE_TASK} - {"small"} == {"accuracy_points", "time_points"}
    assert "may not name `accuracy_points` and `time_points`" in FLAT


def test_the_example_is_a_table() -> None:
    (block,) = re.findall(r"^```toml\n(\[timed\]\n.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert read(tomllib.loads(block)["timed"]).dataset == "digits"


def test_what_makes_a_calibration_stale_or_too_little() -> None:
    told = re.search(r"stale: the reference's code \(comments aside\) or one of (.*?) has changed", FLAT)
    assert told
    assert tuple(re.findall(r"`(\w+)`", told[1])) == DISTRIBUTION
    assert f"with fewer than {LEAST_RUNS} runs" in FLAT
    assert f"loses marks in {100 * MOST_CHANCE:g} % of cases or more" in FLAT


def test_the_steps_of_the_example_are_those_that_are_given() -> None:
    timed = read(WIDE | {"full": 0.9, "part_from": 0.8, "part_steps": 4})
    assert "a fifth from 0.8 on, two fifths from 0.825, three from 0.85, four from 0.875, and all from 0.9" in FLAT
    assert [(round(mean, 6), round(5 * fraction)) for mean, fraction in thresholds(timed)] == [
        (0.8, 1), (0.825, 2), (0.85, 3), (0.875, 4), (0.9, 5),
    ]  # fmt: skip


def test_the_bounds_of_the_judgement_are_told() -> None:
    assert MOST_DOUBT == 3
    assert "than three times the sampling's own half-width" in FLAT
    assert f"for more than {100 * SHARE:g} % of the time" in FLAT
    assert f"After more than {MAX_VOID_RUNS} void runs" in FLAT
    assert "below `{}`, `{}` or `{}`".format(*SHARED) in FLAT


def test_the_conditions_are_those_that_are_kept() -> None:
    table = TEXT.partition("| condition |")[2].partition("\n\n")[0]
    cells = re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE)
    told = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    watch = GpuWatch(FakeNvml(), card(), 0, os.getpid(), 1000, lambda _words: None)
    watch.look()
    kept = {*machine(), *RunQueue(os.getpid(), ()).conditions(), *watch.conditions()}
    always = {"model", "versions", "code_sha256", COST, GIVEN}  # of gpu_runner/run.py and of a CPU's witness
    depends = {"waiting_seconds", "unjudged_seconds", "machine_pressure_seconds", "core_mhz"}  # on the kernel
    assert told == kept | always | depends
