"""The leaderboard: who stands where, under which name, and what its renderers make of it."""

from __future__ import annotations

import itertools
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from grader.cli import gpu_leaderboard
from grader.errors import UsageError
from grader.model import GradeReport, Outcome, ShownAs, Status, Student, Training
from grader.reports import scatter
from grader.reports.axes import Axis, fit
from grader.reports.export import leaderboard_json
from grader.reports.html import CURVES_UP_TO, render_leaderboard
from grader.reports.leaderboard import SMALL_ONLY, Leaderboard, best_logged, build
from grader.reports.pseudonyms import ADJECTIVES, ANIMALS, pseudonyms
from grader.reports.terminal_training import leaderboard_table
from tests.fakes import sample_training as sample
from tests.unit.test_reports_html import Page

HOSTILE = "<script>alert(1)</script>\"'&\x1b[31m\u202e"


def board(students: int = 12, shown: ShownAs = ShownAs.PSEUDONYMS) -> Leaderboard:
    course = sample.course(students, shown)
    return build(course, course.assignments[0], sample.reports(students))


def board_of(*reports: GradeReport, timed: bool = True) -> Leaderboard:
    """A leaderboard of students who are called by their ids."""
    course = replace(sample.course(0, ShownAs.IDS), roster=tuple(Student(each.student) for each in reports))
    return build(course, sample.assignment(), reports)


def trained(student: str, accuracy: float, seconds: float, **changes: object) -> GradeReport:
    return sample.report(student, replace(sample.training(sample.run(0, accuracy, seconds)), **changes))  # type: ignore[arg-type]


def test_full_accuracy_ranks_by_time_and_the_others_by_accuracy() -> None:
    made = board_of(
        trained("accurate-and-slow", 0.99, 3.0),
        trained("fast-and-wrong", 0.90, 0.2),
        trained("full-and-fast", 0.95, 1.0),
        trained("nearly", 0.949, 5.0),
        trained("over-the-limit", 0.97, 9.0),
    )
    assert [(place.rank, place.shown) for place in made.places] == [
        (1, "full-and-fast"), (2, "accurate-and-slow"), (3, "over-the-limit"), (4, "nearly"), (5, "fast-and-wrong"),
    ]  # fmt: skip
    assert [place.in_time for place in made.places] == [True, True, False, False, True]
    assert not made.unranked


def test_figures_that_read_the_same_share_a_rank() -> None:
    made = board_of(
        trained("b", 0.99, 1.201), trained("a", 0.96, 1.204), trained("c", 0.96, 1.21),
        trained("d", 0.90001, 1.0), trained("e", 0.90002, 2.0),
    )  # fmt: skip
    assert [(place.rank, place.shown) for place in made.places] == [(1, "a"), (1, "b"), (3, "c"), (4, "d"), (4, "e")]


def test_on_several_kinds_of_device_multiples_of_the_reference_are_compared() -> None:
    slow_card = trained("slow-card", 0.96, 4.0, device="NVIDIA T4 0", reference_seconds=4.0)
    fast_card = trained("fast-card", 0.96, 1.5, device="NVIDIA H200 0", reference_seconds=1.0)
    other_h200 = trained("other", 0.96, 1.4, device="NVIDIA H200 1", reference_seconds=0.9)
    mixed = board_of(slow_card, fast_card)
    assert mixed.by_multiple
    assert [place.shown for place in mixed.places] == ["slow-card", "fast-card"]
    assert not board_of(fast_card, other_h200).by_multiple
    assert [place.shown for place in board_of(fast_card, other_h200).places] == ["other", "fast-card"]
    assert "1.50×" in render_leaderboard(mixed)


def test_without_a_rank_and_why() -> None:
    secret = "KeyError: 'my own words'"
    roster = tuple(map(Student, ("absent", "broken", "crashed", "missing", "new")))
    course = replace(sample.course(0, ShownAs.IDS), roster=roster)
    reports = [
        replace(sample.failed("crashed", Outcome.MEMORY, secret), notes=(secret,)),
        sample.report("broken", None, status=Status.BROKEN, score=0.0, reason=secret),
        sample.report("missing", None, status=Status.MISSING, score=0.0),
        sample.report("new", None, status=Status.NOT_GRADED, score=None, tests=()),
        sample.report("untrained", None),
        replace(trained("else", 0.99, 1.0), assignment="another_task"),
    ]
    made = build(course, sample.assignment(), reports)
    assert not made.places
    assert {entry.shown: entry.reason for entry in made.unranked} == {
        "absent": "its turn has not come", "broken": "broken", "crashed": "a run failed: out of memory",
        "missing": "missing", "new": "not graded", "untrained": "not trained",
    }  # fmt: skip
    for text in (render_leaderboard(made), leaderboard_table(made), leaderboard_json(made)):
        assert "my own words" not in text, "what a student's code says is not for the class"
        assert "untrained" in text


def test_the_small_data_set_is_ranked_only_by_itself() -> None:
    timed = replace(sample.TIMED, small=replace(sample.TIMED, full=0.5))
    course = replace(sample.course(0, ShownAs.IDS), assignments=(sample.assignment(timed),))
    small, whole = trained("small", 0.99, 0.1, small=True), trained("whole", 0.96, 1.0)
    mixed = build(course, course.assignments[0], [small, whole])
    assert [place.shown for place in mixed.places] == ["whole"]
    assert [(entry.shown, entry.reason) for entry in mixed.unranked] == [("small", SMALL_ONLY)]
    assert mixed.thresholds.full == 0.95
    alone = build(course, course.assignments[0], [small])
    assert alone.small
    assert alone.thresholds.full == 0.5
    assert "Judged on the small data set" in render_leaderboard(alone)
    assert "Judged on the small data set" in leaderboard_table(alone, width=200)


def test_only_timed_tasks_have_one() -> None:
    with pytest.raises(ValueError, match="not timed"):
        build(sample.course(), replace(sample.assignment(), timed=None), [])


@pytest.mark.parametrize("shown", ShownAs)
def test_students_are_called_as_the_course_says(shown: ShownAs) -> None:
    made = board(12, shown)
    texts = [render_leaderboard(made), leaderboard_table(made, width=120), leaderboard_json(made)]
    for student, text in itertools.product(sample.course(12).roster, texts):
        assert (student.id in text) == (shown is ShownAs.IDS)
        if student.name.isascii() and "'" not in student.name:
            assert (student.name in text) == (shown is ShownAs.NAMES)


def test_a_student_without_a_name_is_called_by_his_id() -> None:
    course = replace(sample.course(0, ShownAs.NAMES), roster=(Student("nameless"),))
    made = build(course, sample.assignment(), [trained("nameless", 0.96, 1.0), trained("unlisted", 0.96, 2.0)])
    assert [place.shown for place in made.places] == ["nameless", "unlisted"]


def test_the_order_of_the_unranked_does_not_follow_the_roster() -> None:
    course = sample.course(40)
    made = build(course, course.assignments[0], [])
    names = [entry.shown for entry in made.unranked]
    assert names == sorted(names)


def test_pseudonyms_are_readable_unique_and_stay() -> None:
    ids = [f"s{number}" for number in range(400)]
    names = pseudonyms(20260901, ids)
    assert list(names) == ids
    assert len(set(names.values())) == 400
    assert all(re.fullmatch("[a-z]+ [a-z]+", name) for name in names.values())
    assert pseudonyms(20260901, ids) == names
    grown = pseudonyms(20260901, [*ids, "late", "later"])
    assert {student: grown[student] for student in ids} == names, "who comes later changes nobody's name"
    other = pseudonyms(20260902, ids)
    assert sum(other[student] == names[student] for student in ids) < 5, "another seed gives other names"


def test_a_class_larger_than_the_list_of_words_still_gets_unique_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.reports.pseudonyms.ADJECTIVES", ["quiet"])
    monkeypatch.setattr("grader.reports.pseudonyms.ANIMALS", ["heron", "otter"])
    names = list(pseudonyms(1, ["a", "b", "c", "\udc80"]).values())
    assert {"quiet heron", "quiet otter"} < set(names)
    assert len(set(names)) == 4


def test_the_words_of_pseudonyms_are_not_repeated() -> None:
    assert len(set(ADJECTIVES)) == len(ADJECTIVES)
    assert len(set(ANIMALS)) == len(ANIMALS)
    assert not set(ADJECTIVES) & set(ANIMALS), '"swift swift"'


@pytest.mark.parametrize("students", [0, 1, 12, 400])
def test_the_page_of_every_size_of_class(students: int) -> None:
    made = board(students)
    text = render_leaderboard(made)
    page = Page(text)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    for reference in page.values("aria-labelledby"):
        assert set(reference.split()) <= set(ids)
    assert page.tags["h1"] == page.tags["main"] == 1
    assert page.tags["table"] == page.tags["caption"] == (1 if students else 0)
    assert page.tags["tr"] == (len(made.places) + 1 if students else 0)
    curves = sum(bool(place.curve) for place in made.places)
    assert page.tags["svg"] == (2 if students else 0) + min(curves, CURVES_UP_TO)
    assert page.tags["circle"] == 2 * len(made.places), "a dot in the wide and in the narrow chart"
    assert not {"script", "img", "iframe", "form"} & set(page.tags)
    assert "default-src 'none'" in text
    assert "url(" not in text
    assert "nan" not in text.lower()
    assert len(text) < 400_000
    assert render_leaderboard(made) == text


@pytest.mark.parametrize("students", [0, 1, 12, 400])
@pytest.mark.parametrize("width", [58, 80, 140])
def test_the_table_fits_a_terminal(students: int, width: int) -> None:
    made = board(students)
    lines = leaderboard_table(made, width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert len([line for line in lines if re.search(r" \d+\.\d\d s[ !]", line)]) == len(made.places)
    assert any("(" in line and "–" in line for line in lines) == (width >= 80 and students > 0), "intervals"
    assert any("cpu-0" in line for line in lines) == (students > 0 and width >= 80), "devices"


def test_hostile_names_stay_text() -> None:
    course = replace(sample.course(0, ShownAs.NAMES), roster=(Student("a", HOSTILE), Student("b", HOSTILE)))
    hostile = sample.run(0, 0.96, 1.0, device=HOSTILE, disturbed=HOSTILE, curve=sample.nan_curve())
    made = build(course, sample.assignment(), [sample.report("a", sample.training(hostile, device=HOSTILE))])
    text = render_leaderboard(made)
    assert Page(text).tags["script"] == 0
    assert text.count("&lt;script&gt;") >= 4
    for rendered in (text, leaderboard_table(made, width=200)):
        assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", rendered)


def test_a_dot_tells_whose_it_is_and_a_disturbed_run_is_marked() -> None:
    runs = sample.run(0, 0.96, 1.3), sample.run(1, 0.96, 1.5, disturbed="The GPU throttled.")
    made = board_of(sample.report("ada", sample.training(*runs)))
    text = render_leaderboard(made)
    assert "<title>1. ada: 96% (94.8–97.2%), 1.50 s, 1.44× the reference, cpu-0, 1 disturbed</title>" in text
    assert 'class="dot full disturbed"' in text
    assert "1 disturbed</span>" in text
    assert re.search(r"2~ +cpu-0", leaderboard_table(made))


def test_lines_of_thresholds_limit_and_reference() -> None:
    drawing = scatter.scatter(board(1), scatter.WIDE, name="x")
    for words in ("full marks from 95%", "part marks from 85%", "time limit 4.16 s", "reference 1.04 s"):
        assert f">{words}</text>" in drawing
    assert "-band" not in drawing
    two_sessions = board_of(trained("a", 0.96, 1.0), trained("b", 0.96, 1.0, limit_seconds=5.0, reference_seconds=1.25))
    assert 'class="limit-band"' in scatter.scatter(two_sessions, scatter.WIDE, name="x")


def test_all_dots_stand_within_the_chart() -> None:
    made = board_of(trained("chance", 0.1, 0.001), trained("slow", 0.99, 500.0), trained("perfect", 1.0, 1.0))
    for size in (scatter.WIDE, scatter.NARROW):
        drawing = scatter.scatter(made, size, name="x")
        dots = re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', drawing)
        assert len(dots) == 2
        assert all(48 <= float(x) <= size.width - 12 and 40 <= float(y) <= size.height - 44 for x, y in dots)
        assert drawing.count('<path class="dot part"') == 1, "far below: a triangle at the edge"
        assert "logarithmic" in drawing


def test_ranks_in_the_chart_do_not_overlap() -> None:
    for size in (scatter.WIDE, scatter.NARROW):
        drawing = scatter.scatter(board(400), size, name="x")
        found = re.findall(r'class="rank" x="([\d.]+)" y="([\d.]+)" text-anchor="middle">(\d+)<', drawing)
        boxes = [(float(x), float(y), len(word) * 7.0) for x, y, word in found]
        assert len(boxes) > 10
        for (x1, y1, w1), (x2, y2, w2) in itertools.combinations(boxes, 2):
            assert abs(y1 - y2) >= 12 or abs(x1 - x2) >= (w1 + w2) / 2


@pytest.mark.parametrize("values", [[1.0], [0.0], [0.95, 0.951], [0.2, 40.0], [1e-9, 1e9], [-5.0, 5.0], [5e-324, 1.0]])
def test_axes_hold_their_values_and_have_round_ticks(values: list[float]) -> None:
    axis = fit(values, 0, 100)
    places = [axis.at(value) for value in values]
    assert all(0 <= place <= 100 for place in places)
    assert places == sorted(places)
    ticks = axis.ticks(6)
    assert 1 <= len(ticks) <= 7
    assert ticks == sorted(set(ticks))
    assert axis.at(math.inf) == 100
    assert Axis(0, 1, 100, 0).at(0.25) == 75, "an axis may point upwards"


def test_the_curve_is_that_of_the_best_run_that_logged() -> None:
    best = sample.run(0, 0.99)
    logged = sample.run(1, 0.90, curve=sample.nan_curve())
    failed = sample.run(2, None, curve=sample.nan_curve()[:1])
    assert best_logged([best, failed, logged]) == logged.curve
    assert best_logged([best]) == ()


def test_json_is_valid_and_says_what_the_table_says() -> None:
    made = board(12)
    content = json.loads(leaderboard_json(made), parse_constant=pytest.fail)
    assert [(each["rank"], each["student"]) for each in content["ranked"]] == [(p.rank, p.shown) for p in made.places]
    assert content["ranked"][0]["seconds"] == made.places[0].training.seconds
    assert len(content["ranked"]) + len(content["unranked"]) == 12
    assert "seed" not in leaderboard_json(made)


class FakeStore:
    """Holds the sample class, as the results database would."""

    def __init__(self, url: str, *, read_only: bool) -> None:
        assert read_only
        assert url.startswith("sqlite:///")

    def __enter__(self) -> FakeStore:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def latest(self, assignment: str) -> list[GradeReport]:
        return [replace(each, assignment=assignment) for each in sample.reports(12)]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course with one timed and one ordinary task under an odd path, and the sample class in its database."""
    root = tmp_path / 'it\'s a "course" #1'
    timed = (
        '[timed]\ndataset = "digits"\ntrain_images = 1400\nhidden_images = 397\nfull = 0.95\naccuracy_points = 10\n'
        "time_points = 4\nmultiple = 4\nfloor_seconds = 3\n"
    )
    for order, (name, table) in enumerate((("digits_mlp", timed), ("dropout", "")), start=1):
        folder = root / "solutions" / name
        folder.mkdir(parents=True)
        (folder / f"{name}.py").touch()
        (folder / "assignment.toml").write_text(
            f'title = "{name}"\nsummary = "x"\nenvironment = "numpy"\npoints = 16\norder = {order}\n{table}'
        )
    (root / "course.toml").write_text('name = "Course"\nseed = 5\n[leaderboard]\nstudents = "ids"\n')
    monkeypatch.chdir(root)
    monkeypatch.setattr("grader.store.database.Store", FakeStore)
    return root


def leaderboard(*arguments: str) -> Result:
    return CliRunner().invoke(gpu_leaderboard.leaderboard, arguments, standalone_mode=False)


def test_the_command_prints_the_table(command: Path) -> None:
    result = leaderboard("digits_mlp")
    assert result.exit_code == 0, result.exception
    assert re.search(r"^ +1 +chiara-rossi +", result.output, re.MULTILINE)


def test_the_command_writes_the_page_and_prints_its_path(command: Path) -> None:
    result = leaderboard("digits_mlp", "--html", "out/board 'a'.html")
    assert result.exit_code == 0, result.exception
    assert result.output == "out/board 'a'.html\n"
    assert "chiara-rossi" in (command / "out" / "board 'a'.html").read_text(encoding="utf-8")


def test_the_command_prints_json(command: Path) -> None:
    assert json.loads(leaderboard("digits_mlp", "--json").output)["assignment"] == "digits_mlp"


@pytest.mark.parametrize(
    ("arguments", "what", "remedy"),
    [
        (["dropout"], "no timed task", "timed are: digits_mlp"),
        (["digits_mpl"], "no assignment", 'did you mean "digits_mlp"'),
        (["digits_mlp", "--json", "--html", "x.html"], "exclude", "one of them"),
    ],
)
def test_the_command_refuses_with_a_remedy(command: Path, arguments: list[str], what: str, remedy: str) -> None:
    error = leaderboard(*arguments).exception
    assert isinstance(error, UsageError)
    assert what in error.what
    assert remedy in error.remedy


def test_the_command_says_where_no_task_is_timed(command: Path) -> None:
    path = command / "solutions" / "digits_mlp" / "assignment.toml"
    path.write_text(path.read_text().partition("[timed]")[0])
    error = leaderboard("dropout").exception
    assert isinstance(error, UsageError)
    assert "[timed]" in error.remedy


def test_no_reference_time_breaks_nothing() -> None:
    """A reference of 0 seconds cannot be, but a record may hold it."""
    judged: Training = replace(sample.training(sample.run()), reference_seconds=0.0, limit_seconds=0.0)
    made = board_of(sample.report("a", judged))
    assert made.places[0].multiple == 0.0
    assert "0.00×" in render_leaderboard(made)
