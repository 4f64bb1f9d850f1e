"""Timed runs on a student's page, in the terminal and in JSON; learning curves of whatever was logged."""

from __future__ import annotations

import json
import math
import random
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.model import CurvePoint, Outcome, Training
from grader.reports import export, html, terminal
from grader.reports.class_report import ClassReport, build
from grader.reports.curves import learning_curves, lowest_accuracy, sparkline, swatch, track
from tests.fakes import sample_training as sample
from tests.unit.test_reports_html import Page

HOSTILE = "</title></pre><script>alert(1)</script>\"'&\x1b[31m\u202e"
NAN, INF = math.nan, math.inf


def report_of(training: Training | None) -> ClassReport:
    course = sample.course(1)
    return build(course, [sample.report(course.roster[0].id, training)])


def page_of(training: Training | None) -> str:
    return html.render(report_of(training))["students/ada-nowak.html"]


def text_of(training: Training | None, width: int = 80) -> str:
    report = report_of(training)
    return terminal.student_page(report.rows[0], report.assignments, width=width)


def drawing(*curves: tuple[CurvePoint, ...], **changes: Any) -> str:
    return learning_curves(curves, **{"name": "x", "title": "T", "width": 400, "height": 90} | changes)


def test_an_ordinary_task_has_no_section_of_runs() -> None:
    assert "Timed runs" not in page_of(None)
    assert "timed runs" not in text_of(None)
    assert "training" not in json.loads(export.to_json(report_of(None).reports))[0]


def test_each_run_with_seed_accuracy_time_and_outcome() -> None:
    good = sample.run(0, 0.953, 1.21, seed=4_294_967_295)
    bad = sample.run(1, None, 0.4, outcome=Outcome.MEMORY, message="The GPU's memory was full.")
    disturbed = sample.run(2, 0.961, 1.4, disturbed="The GPU was throttled.")
    training = sample.training(good, bad, disturbed)
    page, text = page_of(training), text_of(training)
    Page(page)
    for words in ("4294967295", "95.3%", "1.21 s", "out of memory", "The GPU was throttled.", "4.16 s", "1.04 s"):
        assert words in page, words
        assert words in text, words
    assert "The GPU&#39;s memory was full." in page
    assert "The GPU's memory was full." in text
    assert 'class="badge">disturbed<' in page
    assert "no mean accuracy" in page
    assert "no predictions" in text


def test_the_mean_has_its_interval_where_it_is_known() -> None:
    training = sample.training(sample.run(0, 0.953), sample.run(1, 0.957))
    assert "95% interval 94.3–96.7%" in page_of(training)
    assert "95% interval" not in page_of(replace(training, low=None, high=None))
    assert "95% interval" not in text_of(replace(training, low=None, high=None))


def test_lost_lines_of_timed_runs_are_no_wrong_answers() -> None:
    training = sample.training(sample.run(0, 0.5, 9.0))
    for text in (page_of(training), text_of(training), export.to_gradescope(report_of(training).reports[0])):
        assert "not reached" in text
        assert "too slow" in text
        assert "wrong answer" not in text


def test_the_small_data_set_is_told() -> None:
    training = sample.training(sample.run(), small=True)
    assert "Judged on the small data set." in page_of(training)
    assert "judged on the small data set" in " ".join(text_of(training).split())


def test_no_runs_at_all() -> None:
    training = sample.training()
    assert "Timed runs" in page_of(training)
    assert '<svg class="curves"' not in page_of(training)
    assert "timed runs" in text_of(training)


def test_hostile_text_of_a_run_stays_text() -> None:
    run = sample.run(
        0, None, outcome=Outcome.ERROR, message=HOSTILE, traceback=HOSTILE, output=HOSTILE, disturbed=HOSTILE,
        device=HOSTILE, curve=sample.nan_curve(), conditions={HOSTILE: NAN},
    )  # fmt: skip
    training = sample.training(run, device=HOSTILE)
    page = page_of(training)
    assert Page(page).tags["script"] == 0
    assert page.count("&lt;script&gt;") == 5
    for text in (page, text_of(training), export.to_json(report_of(training).reports, details=True)):
        assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", text)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_runs_fit_a_terminal(width: int) -> None:
    run = sample.run(0, 0.9, 12345.678, seed=2**63 - 1, curve=sample.curve(random.Random(1), 0.9, 500))
    text = text_of(sample.training(run, run, device="NVIDIA H100 80GB HBM3 7"), width)
    assert max(map(len, text.splitlines())) <= width
    assert str(2**63 - 1) in text.replace("\n", "").replace(" ", "")


def test_json_is_valid_and_names_what_is_not_finite() -> None:
    run = sample.run(0, 0.9, curve=sample.nan_curve(), conditions={"loss": NAN, "list": [INF, (1, -INF)]})
    text = export.to_json(report_of(sample.training(run)).reports, details=True)
    (made,) = json.loads(text, parse_constant=pytest.fail)
    (told,) = made["training"]["runs"]
    assert [point["loss"] for point in told["curve"]] == [2.3, 1.8, "NaN", "Infinity", 1.0, 1.0, 1e300, "-Infinity"]
    assert [point["accuracy"] for point in told["curve"]][-2:] == [0.1, None], "what was not logged is null"
    assert told["conditions"] == {"loss": "NaN", "list": ["Infinity", [1, "-Infinity"]]}
    assert told["outcome"] == "passed"
    assert told["seed"] == run.seed
    brief = json.loads(export.to_json(report_of(sample.training(run)).reports))[0]["training"]
    assert brief["runs"] == 1
    assert brief["accuracy"] == 0.9


def test_a_line_per_run_and_a_panel_per_measure() -> None:
    draw = random.Random(3)
    text = drawing(*(sample.curve(draw, 0.9) for _ in range(3)))
    assert text.count('<path class="run') == 6
    assert text.count('class="panel"') == 2
    assert 'class="run run-2"' in text
    assert swatch(2).count("run-2") == swatch(8).count("run-2") == 1, "the table's swatch is the line's"
    assert "run 3 from" in text
    only_loss = tuple(CurvePoint(epoch, loss=1.0 / (epoch + 1)) for epoch in range(3))
    assert drawing(only_loss).count('class="panel"') == 1
    assert drawing((), ()) == ""
    assert drawing((CurvePoint(1),)) == "", "a call of log without figures"


def test_nan_breaks_the_line_and_is_marked() -> None:
    text = drawing(sample.nan_curve())
    assert "<title>loss NaN in epoch 2</title>" in text
    assert "<title>accuracy NaN in epoch 3</title>" in text
    assert "nan " not in text
    assert "inf " not in text
    made = track(sample.nan_curve(), "accuracy")
    assert made is not None
    assert made.values == ((0, 0.1), (1, 0.4), (2, 0.1), (4, 0.1))
    assert made.breaks == (3,)
    assert text.count('class="lone') == 1, "a value between two breaks is a dot"


def test_nothing_but_nan() -> None:
    text = drawing((CurvePoint(0, loss=NAN), CurvePoint(1, loss=INF)))
    assert "<title>loss NaN in epoch 0</title>" in text
    assert '<path class="run' not in text


def test_an_accuracy_in_per_cent_is_a_share() -> None:
    made = track((CurvePoint(0, accuracy=40.0), CurvePoint(1, accuracy=95.0)), "accuracy")
    assert made is not None
    assert [value for _, value in made.values] == [0.4, 0.95]
    one_per_cent = track((CurvePoint(0, accuracy=0.4), CurvePoint(1, accuracy=1.0)), "accuracy")
    assert one_per_cent is not None
    assert one_per_cent.values[1] == (1, 1.0)


def test_a_long_log_is_thinned_and_keeps_both_ends() -> None:
    made = track([CurvePoint(step / 100, loss=1.0) for step in range(10_001)], "loss")
    assert made is not None
    assert len(made.values) <= 250
    assert made.values[0][0] == 0.0
    assert made.values[-1][0] == 100.0
    assert len(drawing(tuple(CurvePoint(step, loss=float(step)) for step in range(10_001)))) < 6000


def test_charts_side_by_side_share_the_lower_end() -> None:
    assert lowest_accuracy([(CurvePoint(0, accuracy=0.37),), (CurvePoint(0, accuracy=0.9),)]) == 0.3
    assert lowest_accuracy([]) == 0.0
    assert lowest_accuracy([(CurvePoint(0, accuracy=1.0),)]) == 0.9
    assert ">30%</text>" in drawing((CurvePoint(0, accuracy=0.5), CurvePoint(1, accuracy=0.6)), least=0.3)


floats = st.none() | st.floats() | st.sampled_from([0.0, 1e308, -1e308, 5e-324, NAN, INF, -INF])
points = st.builds(CurvePoint, epoch=st.floats() | st.integers(0, 20), loss=floats, accuracy=floats)


@given(st.lists(st.lists(points, max_size=8), max_size=3))
def test_whatever_is_logged_is_drawn_within_its_panels(logged: list[list[CurvePoint]]) -> None:
    text = drawing(*map(tuple, logged))
    if text:
        Page(text)
        for data in re.findall(r' d="M([^"]+)"', text):
            numbers = [float(number) for number in re.findall(r"-?[\d.]+(?:e[+-]?\d+)?|nan|inf", data.split("l8")[0])]
            assert all(math.isfinite(number) and -10 <= number <= 420 for number in numbers)
    for curve in logged:
        assert len(sparkline(curve, "loss")) <= 24


@pytest.mark.parametrize(
    ("losses", "blocks"),
    [([], ""), ([1.0], "▄"), ([1.0, 1.0], "▄▄"), ([NAN], "×"), ([3.0, NAN, 1.0], "█×▁"), ([None, 2.0, 1.0], "█▁")],
)
def test_sparklines(losses: list[float | None], blocks: str) -> None:
    assert sparkline([CurvePoint(epoch, loss=loss) for epoch, loss in enumerate(losses)], "loss") == blocks


def test_a_long_log_is_a_short_sparkline() -> None:
    made = sparkline([CurvePoint(step, loss=1000.0 - step) for step in range(1000)], "loss")
    assert len(made) == 24
    assert made[0] == "█"
    assert made[-1] == "▁"
