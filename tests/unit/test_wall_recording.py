"""What cells put out is kept within bounds, changes nothing that they do, and is read with suspicion."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from grader.remote.loaded import PNG, read_outputs
from grader.wall import recording
from grader.wall.notebook import run_cells
from grader.wall.recording import CUT, MAX_CELL_OUTPUTS, MAX_CELL_TEXT, MAX_CELLS, Recorder

PICTURE = base64.b64encode(PNG + b"rest").decode()


def record(*cells: str) -> dict[int, list[dict[str, Any]]]:
    """The outputs of these cells."""
    recorder = Recorder()
    for _error in run_cells(enumerate(cells, start=1), {"__name__": "work"}, recorder):
        pass
    return recorder.outputs


def texts(outputs: list[dict[str, Any]]) -> list[str]:
    return [output["text"] for output in outputs]


# What is kept ---------------------------------------------------------------------------------------------------------


def test_streams_results_and_displays(capsys: pytest.CaptureFixture[str]) -> None:
    cells = ["print('a')\nprint('b')\nimport sys\nprint('c', file=sys.stderr)\nprint('d')\ndisplay([1], 'x')\n1 + 1"]
    assert record(*cells)[1] == [
        {"type": "stream", "name": "stdout", "text": "a\nb\n"},
        {"type": "stream", "name": "stderr", "text": "c\n"},
        {"type": "stream", "name": "stdout", "text": "d\n"},
        {"type": "display", "text": "[1]"},
        {"type": "display", "text": "'x'"},
        {"type": "result", "text": "2"},
    ]
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("a\nb\nd\n", "c\n"), "what is printed goes where it went before, too"


def test_streams_are_as_before_afterwards() -> None:
    before = sys.stdout, sys.stderr
    record("print(1)", "1 / 0", "raise SystemExit")
    assert (sys.stdout, sys.stderr) == before


@pytest.mark.parametrize("last", ["1;", "1 ; ", "None", "x = 1", "x: int = 1", "def f(): ...", "# only a remark", ""])
def test_no_result(last: str) -> None:
    assert record(f"y = 2\n{last}")[1] == []


@pytest.mark.parametrize(("last", "text"), [("y", "2"), ("y; y + 1", "3"), ("(y,\n y)", "(2, 2)"), ("y  # why", "2")])
def test_a_result(last: str, text: str) -> None:
    assert texts(record(f"y = 2\n{last}")[1]) == [text]


def test_a_cell_that_raises_keeps_what_it_had_put_out() -> None:
    recorder = Recorder()
    errors = list(run_cells([(3, "print('so far')\n1 / 0\n2"), (5, "7")], {}, recorder))
    assert [(number, type(error)) for number, error in errors] == [(3, ZeroDivisionError)]
    assert {number: texts(outputs) for number, outputs in recorder.outputs.items()} == {3: ["so far\n"], 5: ["7"]}


@pytest.mark.parametrize("raised", ["ValueError", "SystemExit", "KeyboardInterrupt", "RecursionError"])
def test_a_repr_that_raises_decides_nothing(raised: str) -> None:
    odd = f"class Odd:\n    def __repr__(self):\n        raise {raised}\n"
    recorder = Recorder()
    namespace: dict[str, Any] = {}
    assert list(run_cells([(1, odd), (2, "done = True\nOdd()"), (3, "later = done")], namespace, recorder)) == []
    assert namespace["later"] is True
    assert recorder.outputs[2] == []


def test_nothing_but_text_is_taken_from_an_object() -> None:
    page = "class Page:\n    def _repr_html_(self): return '<b>'\n    def __repr__(self): return 'a page'\n"
    assert record(page + "display(Page())\nPage()")[1] == [
        {"type": "display", "text": "a page"},
        {"type": "result", "text": "a page"},
    ]


def test_what_is_recorded_is_what_runs_otherwise() -> None:
    """Recording or not, the same names have the same values."""
    cells = ["x = [1]\nx.append(2) or x", "def f():\n    return x\nf()", "global y\ny = f()[1]", "y += 1\ny"]
    plain: dict[str, Any] = {}
    recorded: dict[str, Any] = {}
    list(run_cells(enumerate(cells, 1), plain))
    list(run_cells(enumerate(cells, 1), recorded, Recorder()))
    assert (plain["x"], plain["y"]) == (recorded["x"], recorded["y"]) == ([1, 2], 3)


# Bounds ---------------------------------------------------------------------------------------------------------------


def test_the_text_of_a_cell_is_bounded() -> None:
    outputs = record(f"print('x' * {10 * MAX_CELL_TEXT})\nprint('late')\n'y'", "print('next cell')")
    assert len(outputs[1][0]["text"]) == MAX_CELL_TEXT + len(CUT)
    assert outputs[1][0]["text"].endswith(CUT)
    assert "late" not in "".join(texts(outputs[1]))
    assert texts(outputs[2]) == ["next cell\n"]


def test_many_small_writes_are_bounded() -> None:
    [output] = record(f"for _ in range({MAX_CELL_TEXT}):\n    print('abc')")[1]
    assert len(output["text"]) <= MAX_CELL_TEXT + len(CUT)


def test_a_huge_repr_is_bounded() -> None:
    outputs = record(f"display('x' * {3 * MAX_CELL_TEXT})\n'y' * {3 * MAX_CELL_TEXT}")[1]
    assert sum(len(text) for text in texts(outputs)) <= MAX_CELL_TEXT + len(CUT)


def test_the_number_of_outputs_and_of_cells_is_bounded() -> None:
    assert len(record(f"for n in range({3 * MAX_CELL_OUTPUTS}):\n    display(n)")[1]) == MAX_CELL_OUTPUTS
    assert len(record(*["1"] * (MAX_CELLS + 5))) == MAX_CELLS


def test_everything_together_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MAX_TOTAL", 1000)
    outputs = record(*["print('x' * 300)"] * 10)
    assert sum(len(text) for each in outputs.values() for text in texts(each)) <= 1000 + len(CUT)
    assert len(outputs) == 10


# Pictures -------------------------------------------------------------------------------------------------------------

PLOT = "import matplotlib\nmatplotlib.use('Agg')\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\n"


@pytest.fixture(autouse=True)
def _no_figures_of_other_tests() -> Iterator[None]:
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


def test_a_figure_is_a_picture_of_its_cell_once_and_stays_open() -> None:
    """As in a load that is not recorded: what a later cell does to an open figure must give the same."""
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    ask = "plt.get_fignums(), plt.gcf().number"
    outputs = record(f"{PLOT}None", ask, "plt.figure(); plt.figure();", ask)
    [figure] = outputs[1]
    assert figure["type"] == "display"
    assert base64.b64decode(figure["png"]).startswith(PNG)
    assert texts(outputs[2]) == ["([1], 1)"]
    assert ["png" in output for output in outputs[3]] == [True, True]
    assert texts(outputs[4]) == ["([1, 2, 3], 3)"]


def test_pictures_are_bounded_in_time_and_size(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    monkeypatch.setattr(recording, "PICTURE_SECONDS", 0.0)
    assert record(f"{PLOT}None", "plt.get_fignums()")[1] == []
    monkeypatch.setattr(recording, "PICTURE_SECONDS", 2.0)
    monkeypatch.setattr(recording, "MAX_TOTAL", 100)
    assert record(f"{PLOT}None")[1] == []


def test_a_figure_that_cannot_be_drawn_decides_nothing() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    broken = "def fail(*_arguments, **_options):\n    raise SystemExit\nplt.gcf().savefig = fail\n"
    recorder = Recorder()
    assert list(run_cells([(1, f"{PLOT}{broken}None"), (2, "1")], {}, recorder)) == []
    assert recorder.outputs[1] == []
    assert texts(recorder.outputs[2]) == ["1"]


# Reading what a guest tells -------------------------------------------------------------------------------------------


def test_what_was_recorded_is_read_as_it_is() -> None:
    outputs = [
        {"type": "stream", "name": "stderr", "text": "hm"},
        {"type": "result", "text": "7"},
        {"type": "display", "text": "<Figure>", "png": PICTURE},
    ]
    assert read_outputs([[2, outputs], [5, []]]) == {2: outputs, 5: []}


@pytest.mark.parametrize("told", [None, 7, "text", {}, {"1": []}, [7], [[1]], [["1", []]], [[1, {}]], [[True, []]],
                                  [[1.0, []]], [[None, []]], [[1, [], []]]])  # fmt: skip
def test_malformed_lists_are_passed_over(told: Any) -> None:
    assert read_outputs(told) == {}


@pytest.mark.parametrize(
    "output",
    [
        None,
        "text",
        [],
        {},
        {"type": "result"},
        {"type": "result", "text": 7},
        {"type": "stream", "text": "x"},
        {"type": "stream", "text": "x", "name": "stdin"},
        {"type": "stream", "text": "x", "name": ["stdout"]},
        {"type": "error", "text": "x"},
        {"type": ["result"], "text": "x"},
        {"type": {}, "text": "x"},
        {"text": "x"},
    ],
)
def test_malformed_outputs_are_passed_over(output: Any) -> None:
    good = {"type": "result", "text": "7"}
    assert read_outputs([[1, [output, good]]]) == {1: [good]}


@pytest.mark.parametrize(
    "picture",
    [None, 7, "", "no base64!", "é", base64.b64encode(b"<svg onload='x()'>").decode(), PICTURE + "\n", "x" + PICTURE],
)
def test_a_picture_that_is_none_is_left_out(picture: Any) -> None:
    told = {"type": "display", "text": "<Figure>", "png": picture}
    assert read_outputs([[1, [told]]]) == {1: [{"type": "display", "text": "<Figure>"}]}


def test_surplus_parts_are_left_out() -> None:
    told = {"type": "display", "text": "t", "html": "<b>", "data": {"text/html": "<b>"}, "name": "stdout"}
    assert read_outputs([[1, [told]]]) == {1: [{"type": "display", "text": "t"}]}


def test_more_than_a_recorder_keeps_is_cut() -> None:
    output = {"type": "result", "text": "x" * 10 * MAX_CELL_TEXT}
    found = read_outputs([[number, [output] * 100] for number in range(2 * MAX_CELLS)])
    assert len(found) == MAX_CELLS
    assert len(found[0]) == MAX_CELL_OUTPUTS
    assert len(found[0][0]["text"]) == 2 * MAX_CELL_TEXT
