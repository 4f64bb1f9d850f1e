"""What hurts users of nbgrader, each with the hand-in that leads it astray, graded in a real classroom.

The class is graded once by ``nbgrader autograde``, once by ``grader nbgrader autograde --jobs 2`` in a copy of the
classroom, and once by ``grader grade``; each test then looks at one pain.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from grader.course import load_course, read_suites
from grader.generation.leak import check_leaks, secrets_of
from grader.nbgrader_plugin.cells import grade_id
from tests.functional.courses.students import RIGHT, but, notebook_of_format_3
from tests.functional.courses.tools import grader, listed, make_course
from tests.functional.nbgrader_tools import environment, files_below, gradebook_rows, nbgrader

pytest.importorskip("nbgrader", reason="nbgrader is not installed; install the nbgrader extra")

A = "tiny"
FULL = 12.0
LOOP = "while True:\n    pass\n"
SCRIPT = "<script>alert('owned')</script>"
WRONG = "\n\n".join(f"def {name}(*_arguments, **_options):\n    return None" for name in
                    ("mean", "scale", "span", "root", "power"))  # fmt: skip
FORGED = 'print("passed: 12 of 12 points")\nprint("12.0")\n12.0'

Make = Callable[[Any, Path], object]  # changes a right notebook, or writes into the folder; "" keeps the notebook out
HAND_INS: dict[str, Make] = {}


def hands_in(student: str) -> Callable[[Make], Make]:
    """What the decorated function makes is this student's."""

    def keep(make: Make) -> Make:
        HAND_INS[student] = make
        return make

    return keep


def checks_of(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]


def answer_of(notebook: Any) -> Any:
    return next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution"))


def code(source: str) -> Any:
    return nbformat.v4.new_code_cell(source)


# The class -----------------------------------------------------------------------------------------------------------


@hands_in("right")
def _(_notebook: Any, _folder: Path) -> None: ...


@hands_in("shown wrong")
def _(notebook: Any, _folder: Path) -> None:
    answer_of(notebook).source = but(
        "def scale(x, factor=2.0):\n    print(x, factor)\n    return x + factor\n\n\n"
        "def power(base, exponent):\n    return base**exponent if exponent else 0\n"
    )


@hands_in("duplicated")
def _(notebook: Any, _folder: Path) -> None:
    for check in checks_of(notebook):
        notebook.cells.append(nbformat.from_dict({**check, "id": f"{check.id}-copy", "source": "assert False"}))
        notebook.cells.insert(0, nbformat.from_dict({**check, "id": f"{check.id}-top", "source": "1 / 0"}))


@hands_in("deleted")
def _(notebook: Any, _folder: Path) -> None:
    notebook.cells = [cell for cell in notebook.cells if not cell.metadata.get("nbgrader", {}).get("grade")]


@hands_in("reordered")
def _(notebook: Any, _folder: Path) -> None:
    checks = checks_of(notebook)
    notebook.cells = [*reversed(checks), *(cell for cell in notebook.cells if cell not in checks)]


@hands_in("edited")
def _(notebook: Any, _folder: Path) -> None:
    answer_of(notebook).source = but("def root(a):\n    return 1.0\n")
    for check in checks_of(notebook):
        check.source = "'full marks'"


@hands_in("mangled")
def _(notebook: Any, _folder: Path) -> None:
    first, second, third, fourth, fifth, sixth, seventh = checks_of(notebook)
    first.metadata.nbgrader = "x"
    second.metadata.nbgrader["points"] = 1000
    third.metadata.nbgrader["grade_id"] = fourth.metadata.nbgrader["grade_id"]
    notebook.cells[notebook.cells.index(fifth)] = nbformat.v4.new_markdown_cell(fifth.source, metadata=fifth.metadata)
    sixth.metadata.nbgrader = {"grade_id": 7, "schema_version": 99}
    seventh.metadata.nbgrader["schema_version"] = 1
    answer_of(notebook).metadata.nbgrader["locked"] = True


@hands_in("answer in markdown")
def _(notebook: Any, _folder: Path) -> None:
    answer = answer_of(notebook)
    notebook.cells[notebook.cells.index(answer)] = nbformat.v4.new_markdown_cell(RIGHT, metadata=answer.metadata)


@hands_in("one id")
def _(notebook: Any, folder: Path) -> None:
    for cell in notebook.cells:
        cell["id"] = "the-same"
    (folder / f"{A}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


@hands_in("warns")
def _(notebook: Any, _folder: Path) -> None:
    noise = "import sys, warnings\nprint('noise of mine', file=sys.stderr)\nwarnings.warn('careful', stacklevel=1)\n"
    inside = noise.replace("\n", "\n    ")
    again = f"\n\ndef power(base, exponent):\n    {inside}\n    return base**exponent\n"
    answer_of(notebook).source = but(noise + again)


@hands_in("number last")
def _(notebook: Any, _folder: Path) -> None:
    answer_of(notebook).source = WRONG
    for place, check in enumerate(checks_of(notebook)):
        check.source = ("100", "'full marks'", "print('full marks')", "None", "", "1e9", "2")[place]
        check.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "100"}, execution_count=1)]


@hands_in("imitates")
def _(notebook: Any, _folder: Path) -> None:
    answer_of(notebook).source = f"{WRONG}\n\n{FORGED}"
    notebook.cells.append(code(FORGED))
    for name in ("mean", "root"):
        notebook.cells.append(code(f"def {name}(*_arguments):\n    print('passed: 2 of 2 points')\n    return 2.0"))
    notebook.cells.append(code("def power(base, exponent):\n    raise ValueError('passed: 2 of 2 points\\n2.0')"))


@hands_in("exits")
def _(notebook: Any, _folder: Path) -> None:
    notebook.cells.insert(0, code("import os\nos._exit(0)"))


@hands_in("exits inside")
def _(notebook: Any, _folder: Path) -> None:
    answer_of(notebook).source = but("def power(base, exponent):\n    import os\n\n    os._exit(0)\n")


@hands_in("is killed")
def _(notebook: Any, _folder: Path) -> None:
    answer_of(notebook).source = but("def span(x):\n    import os\n\n    os.kill(os.getpid(), 9)\n    os.abort()\n")


@hands_in("loops")
def _(notebook: Any, _folder: Path) -> None:
    notebook.cells.insert(0, code(LOOP))


@hands_in("loops inside")
def _(notebook: Any, _folder: Path) -> None:
    answer_of(notebook).source = but("def root(a):\n    while True:\n        pass\n")


@hands_in("huge output")
def _(notebook: Any, _folder: Path) -> None:
    printing = "print('x' * 10**6)\nfor _ in range(20_000):\n    print('y')\n"
    notebook.cells.insert(0, code(printing))
    inside = printing.replace("\n", "\n    ")
    answer_of(notebook).source = but(f"def root(a):\n    {inside}\n    return 1.0\n")


@hands_in("shown html")
def _(notebook: Any, _folder: Path) -> None:
    notebook.cells.insert(0, code(
        f"from IPython.display import HTML, Javascript, display\ndisplay(HTML({SCRIPT!r}))\n"
        f"display({{'text/html': {SCRIPT!r}}}, raw=True)\ndisplay(Javascript('alert(2)'))\nHTML({SCRIPT!r})"
    ))  # fmt: skip
    notebook.cells.insert(1, code(
        f"class Page:\n    def _repr_html_(self):\n        return {SCRIPT!r}\n\n"
        f"    def _repr_mimebundle_(self, **_):\n        return {{'text/html': {SCRIPT!r}}}\n\n"
        f"    def __repr__(self):\n        return {SCRIPT!r}\n\nprint({SCRIPT!r})\nPage()"
    ))  # fmt: skip
    answer_of(notebook).source = but(f"def root(a):\n    raise KeyError({SCRIPT!r})\n")


@hands_in("plots")
def _(notebook: Any, _folder: Path) -> None:
    plot = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n1 + 1"
    notebook.cells.insert(0, code(plot))


@hands_in("helper")
def _(notebook: Any, folder: Path) -> None:
    answer_of(notebook).source = "from work.helper import *\n"
    (folder / "work").mkdir()
    (folder / "work" / "helper.py").write_text(RIGHT, encoding="utf-8")


@hands_in("script beside it")
def _(_notebook: Any, folder: Path) -> None:
    (folder / f"{A}.py").write_text(WRONG, encoding="utf-8")


@hands_in("tests of his own")
def _(notebook: Any, folder: Path) -> None:
    answer_of(notebook).source = WRONG
    text = "def check_notebook(_names):\n    return lambda function: function\n\n\ndef hidden_check(): ...\n"
    (folder / "test_visible.py").write_text(text, encoding="utf-8")


def hand_in_text(student: str, text: str | bytes) -> None:
    def write(_notebook: Any, folder: Path) -> None:
        (folder / f"{A}.ipynb").write_bytes(text.encode() if isinstance(text, str) else text)

    hands_in(student)(write)


BROKEN = {
    "broken json": '{"cells": [{"cell_type": "code", "so',
    "broken empty": "",
    "broken bytes": b"\xff\xfe\x00broken",
    "broken other": '{"name": "something else"}',
    "broken cells": '{"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "code", "source": 3}]}',
    "broken format": '{"nbformat": 7, "nbformat_minor": 0, "metadata": {}, "cells": []}',
    "broken blank": '{"nbformat": 4, "nbformat_minor": 2, "metadata": {}, "cells": []}',
}
for _student, _text in BROKEN.items():
    hand_in_text(_student, _text)
hand_in_text("format 3", notebook_of_format_3(RIGHT))


@hands_in("broken link")
def _(_notebook: Any, folder: Path) -> None:
    (folder / f"{A}.ipynb").symlink_to("/etc/passwd")


@hands_in("broken fifo")
def _(_notebook: Any, folder: Path) -> None:
    os.mkfifo(folder / f"{A}.ipynb")


@hands_in("malformed parts")
def _(notebook: Any, folder: Path) -> None:
    cells = json.loads(json.dumps(notebook.cells))
    cells[0]["metadata"] = "x"
    cells[1]["outputs"] = [{"output_type": "stream"}, 7]
    cells[1]["execution_count"] = "three"
    cells.append({"cell_type": "code", "source": ["x = ", "1"], "metadata": {"nbgrader": [1]}, "outputs": "none"})
    cells.append({"cell_type": "odd", "source": "?", "id": 7})
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"name": 7}}, "cells": cells}
    (folder / f"{A}.ipynb").write_text(json.dumps(document), encoding="utf-8")


@hands_in("no notebook")
def _(_notebook: Any, folder: Path) -> None:
    (folder / f"{A}.py").write_text(RIGHT, encoding="utf-8")


ODD_NAMES = ("O'Neill, \"Zoë\" $(id)", "学生 %41", "-rf")
for _student in ODD_NAMES:
    hands_in(_student)(lambda _notebook, _folder: None)


# The classroom --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Classroom:
    """The class, graded in three ways."""

    root: Path  # by nbgrader autograde
    copy: Path  # by grader nbgrader autograde
    env: Mapping[str, str]
    reports: Mapping[str, dict[str, Any]]  # of grader grade, by student
    marks: Mapping[str, dict[str, float]]  # by student and test
    said: str  # by nbgrader autograde

    def points(self, student: str) -> float:
        return sum(self.marks[student].values())

    def lost(self, student: str) -> set[str]:
        """Tests without all of their points."""
        full = self.marks["right"]
        return {test for test, points in self.marks[student].items() if points < full[test]}

    def notebook(self, student: str) -> Any:
        return nbformat.read(self.root / "autograded" / student / A / f"{A}.ipynb", as_version=nbformat.NO_CONVERT)

    def outputs(self, student: str) -> Iterator[dict[str, Any]]:
        for cell in self.notebook(student).cells:
            yield from cell.get("outputs", [])

    def text(self, student: str) -> str:
        """What a reader sees of the autograded notebook's outputs and headings."""
        shown = [cell.source for cell in self.notebook(student).cells if cell.cell_type == "markdown"]
        for output in self.outputs(student):
            shown += [output.get("text", ""), *output.get("traceback", ())]
            shown.append(output.get("data", {}).get("text/plain", ""))
        return "\n".join(shown)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    folder = tmp_path_factory.mktemp("room")
    root = make_course(folder, "it's a \"course\" #1")
    course = root / "course.toml"  # endless loops end sooner
    course.write_text(course.read_text("utf-8").replace("\ncpu_seconds = 1.0", "\ncpu_seconds = 0.4"), "utf-8")
    env = environment(folder / "instructor")
    done = grader(root, "nbgrader", "init", ".", "--assignment", A)
    assert done.returncode == 0, done.stderr
    nbgrader(root, "generate_assignment", A, env=env)
    released = nbformat.read(root / "release" / A / f"{A}.ipynb", as_version=4)
    answer_of(released).source = RIGHT
    for student, make in HAND_INS.items():
        there = root / "submitted" / student / A
        there.mkdir(parents=True)
        path = there / f"{A}.ipynb"
        notebook = nbformat.from_dict(released)
        make(notebook, there)
        if not os.path.lexists(path) and student != "no notebook":
            nbformat.write(notebook, path)
    copy = folder / "the copy"
    shutil.copytree(root, copy, symlinks=True, copy_function=copy_or_fifo)
    done = nbgrader(root, "autograde", A, env=env)
    parallel = grader(copy, "nbgrader", "autograde", A, "--jobs", "2")
    assert parallel.returncode == 0, parallel.stderr
    graded = grader(root, "grade", "-a", A, "--json")
    assert graded.returncode == 0, graded.stderr
    reports = {student: report for (_, student), report in listed(graded).items()}
    return Classroom(root, copy, env, reports, marks_of(root), done.stderr)


@pytest.fixture(scope="module")
def pages(room: Classroom) -> dict[Path, str]:
    """nbgrader's feedback for two students."""
    nbgrader(room.root, "generate_feedback", A, "--student=shown*", env=room.env)
    found = {path: path.read_text(encoding="utf-8") for path in (room.root / "feedback").rglob("*.html")}
    assert len(found) == 2
    return found


def copy_or_fifo(source: str, target: str) -> str:
    if Path(source).is_fifo():
        os.mkfifo(target)
        return target
    return str(shutil.copy2(source, target))


def marks_of(root: Path) -> dict[str, dict[str, float]]:
    """Automatic marks by student and test."""
    (assignment,) = [each for each in load_course(root).assignments if each.name == A]
    names = {grade_id(A, spec): spec.name for spec in read_suites(assignment)}
    marks: dict[str, dict[str, float]] = {}
    for row in gradebook_rows(root):
        if len(row) == 6 and row[1] in names:
            marks.setdefault(row[0], {})[names[row[1]]] = row[2]
    return marks


# The same marks, whoever grades ---------------------------------------------------------------------------------------


def test_autograding_cannot_run_in_parallel(room: Classroom) -> None:
    """nbgrader grades one submission after the other; two at a time give the same rows, files and bytes."""
    assert gradebook_rows(room.copy) == gradebook_rows(room.root)
    here, there = files_below(room.root / "autograded"), files_below(room.copy / "autograded")
    assert list(there) == list(here)
    assert [name for name in here if here[name] != there[name]] == []


def test_marks_are_those_of_grader_grade(room: Classroom) -> None:
    """Whoever hands in through nbgrader has the marks of whoever hands in a folder."""
    both = set(room.marks) & set(room.reports) - {"script beside it"}  # there `grader grade` asks which one counts
    assert both == set(HAND_INS) - {"script beside it", "no notebook"}
    for student in both:
        earned = {test["name"]: float(test["earned"]) for test in room.reports[student]["tests"]}
        assert room.marks[student] == (earned or dict.fromkeys(room.marks["right"], 0.0)), student
    assert room.points("right") == FULL


# Pains ----------------------------------------------------------------------------------------------------------------


def test_hidden_tests_can_be_read_in_feedback(room: Classroom, pages: dict[Path, str]) -> None:
    """nbgrader puts hidden tests back into the cells that it grades, and its feedback shows them.

    Here they never enter a notebook; hints, and words about the student's own answer, are all that stands there.
    """
    texts = {path: html.unescape(re.sub(r"<[^>]+>", "", page)) for path, page in pages.items()}
    [wrong] = [text for path, text in texts.items() if "shown wrong" in str(path)]
    assert "Multiply the whole array at once." in wrong
    assert "The power of 0 is 1." in wrong
    assert "1 of 2 points" in wrong
    assert "wrong answer" in wrong
    assert "passed: 2 of 2 points" in wrong
    assert "All entries weigh the same." not in wrong, "a hint is for those who lose the test"
    notebooks = {path: path.read_text(encoding="utf-8") for path in (room.root / "autograded").rglob("*.ipynb")}
    assert len(notebooks) == len(HAND_INS) - 1
    (assignment,) = [each for each in load_course(room.root).assignments if each.name == A]
    specs = read_suites(assignment)
    check_leaks(
        {**texts, **notebooks},
        secrets_of(assignment.hidden_suite, "hidden test"),
        [RIGHT, assignment.visible_suite.read_text(encoding="utf-8"), *(spec.hint for spec in specs)],
        [spec.name for spec in specs if not spec.visible],
    )
    for text in [*texts.values(), *notebooks.values()]:
        assert not re.search(r"PLANTED|planted|8675309|90125", text)


@pytest.mark.parametrize("student", ["duplicated", "deleted", "reordered", "mangled", "one id"])
def test_a_cell_that_was_copied_deleted_moved_or_mangled_costs_its_marks(room: Classroom, student: str) -> None:
    """nbgrader refuses the notebook, or leaves the cell without a mark; what is right has its marks all the same."""
    assert room.points(student) == FULL
    checks = checks_of(room.notebook(student))
    assert sorted(cell.metadata.nbgrader["grade_id"] for cell in checks) == sorted(
        cell.metadata.nbgrader["grade_id"] for cell in checks_of(room.notebook("right"))
    )
    assert sum(cell.metadata.nbgrader["points"] for cell in checks) == FULL
    assert all("test_visible." in cell.source for cell in checks)


def test_an_edited_check_counts(room: Classroom) -> None:
    """nbgrader restores an edited check too, but runs it where the student's code rules; here it decides nothing."""
    assert room.lost("edited") == {"test_root"}
    assert all("full marks" not in cell.source for cell in checks_of(room.notebook("edited")))


def test_an_answer_that_became_markdown_is_lost(room: Classroom) -> None:
    """One wrong key in Jupyter turns an answer into text. nbgrader turns it back, and so it counts here."""
    assert room.points("answer in markdown") == FULL
    assert answer_of(room.notebook("answer in markdown")).cell_type == "code"


def test_a_warning_on_stderr_costs_the_cells_marks(room: Classroom) -> None:
    """nbgrader gives no marks to a cell with a line on stderr; here such a line is shown, and that is all."""
    assert room.points("warns") == FULL
    streams = [output for output in room.outputs("warns") if output.get("name") == "stderr"]
    assert any("noise of mine" in output["text"] for output in streams)
    below_checks = [output for cell in checks_of(room.notebook("warns")) for output in cell.outputs]
    assert not any(output.get("name") == "stderr" for output in below_checks)


@pytest.mark.parametrize("student", ["number last", "tests of his own"])
def test_a_last_line_earns_marks(room: Classroom, student: str) -> None:
    """nbgrader takes a number on the last line for the mark, and text for full marks; only our tests earn any."""
    assert room.points(student) == 0


def test_output_that_imitates_ours(room: Classroom) -> None:
    """nbgrader reads marks off outputs; what a student prints or raises does not become a cell's mark."""
    assert room.points("imitates") == 0
    for cell in checks_of(room.notebook("imitates")):
        assert [output.output_type for output in cell.outputs][-1] == "error"


@pytest.mark.parametrize("student", ["exits", "loops"])
def test_a_dead_kernel_or_an_endless_cell_passes_or_stops_the_batch(room: Classroom, student: str) -> None:
    """With nbgrader what follows a dead kernel has no output, thus full marks, or the batch ends. Here it has none."""
    assert room.points(student) == 0
    for cell in checks_of(room.notebook(student)):
        assert [output.output_type for output in cell.outputs] == ["error"]
    assert "The submission could not be run" in room.text(student)
    assert {"exits": "ended", "loops": "endless loop"}[student] in room.text(student)


@pytest.mark.parametrize(
    ("student", "lost", "words"),
    [
        ("exits inside", {"test_power_example", "test_power"}, "ended"),
        ("is killed", {"test_span"}, "ended"),
        ("loops inside", {"test_root"}, "endless loop"),
    ],
)
def test_a_function_that_ends_the_process_or_never_ends(
    room: Classroom, student: str, lost: set[str], words: str
) -> None:
    """With nbgrader it takes all later cells along; here it costs the tests that call it, and others keep theirs."""
    assert room.lost(student) == lost
    assert words in room.text(student)


@pytest.mark.parametrize("student", [*BROKEN, "broken link", "broken fifo"])
def test_a_broken_notebook_stops_the_class(room: Classroom, student: str) -> None:
    """nbgrader's command fails on it and the student has no mark; here it has 0, and its page says why."""
    assert room.points(student) == 0
    assert set(room.marks[student]) == set(room.marks["right"])
    assert "This notebook could not be read" in room.text(student)
    assert f"{A}.ipynb" in room.text(student)
    assert "root:" not in room.text(student)


@pytest.mark.parametrize("student", ["format 3", "malformed parts"])
def test_a_notebook_of_another_tool(room: Classroom, student: str) -> None:
    """nbgrader refuses what its validator dislikes; here code that can be read counts."""
    assert room.points(student) == FULL


def test_helper_files(room: Classroom) -> None:
    """nbgrader needs them listed or placed by the instructor; here what was handed in can be imported."""
    assert room.points("helper") == FULL
    assert (room.root / "autograded" / "helper" / A / "work" / "helper.py").is_file()


def test_a_script_beside_the_notebook(room: Classroom) -> None:
    """In a classroom the notebook is what counts, and the student is told so."""
    assert room.points("script beside it") == FULL
    assert f"{A}.py does not count" in room.text("script beside it")
    assert room.reports["script beside it"]["status"] == "unreadable"


def test_nobody_hands_in_a_notebook(room: Classroom) -> None:
    """A folder without a notebook is passed over by both, and stops nobody."""
    assert "no notebook" not in room.marks
    assert not (room.root / "autograded" / "no notebook").exists()
    assert not (room.copy / "autograded" / "no notebook").exists()


@pytest.mark.parametrize("student", ODD_NAMES)
def test_odd_names(room: Classroom, student: str) -> None:
    """Spaces, quotes and letters of any alphabet are names like others."""
    assert room.points(student) == FULL


def test_a_huge_output(room: Classroom) -> None:
    """nbgrader keeps megabytes of output in a notebook that the formgrader must then show; here it is bounded."""
    assert room.lost("huge output") == {"test_root"}
    assert (room.root / "autograded" / "huge output" / A / f"{A}.ipynb").stat().st_size < 200_000


def test_a_script_of_the_students_runs_in_the_instructors_browser(room: Classroom, pages: dict[Path, str]) -> None:
    """nbgrader's pages show a notebook's HTML outputs, scripts and all; here outputs are text and pictures."""
    assert room.lost("shown html") == {"test_root"}
    for student in room.marks:
        for output in room.outputs(student):
            assert set(output.get("data", {})) <= {"text/plain", "image/png"}, student
    [page] = [page for path, page in pages.items() if "shown html" in str(path)]
    assert "owned" in page
    assert SCRIPT not in page


def test_pictures_are_kept(room: Classroom) -> None:
    """A grader looks at plots: they stand in the autograded notebook as a kernel leaves them."""
    assert room.points("plots") == FULL
    first = room.notebook("plots").cells[0].outputs
    assert [output.output_type for output in first] == ["display_data", "execute_result"] or [
        output.output_type for output in first
    ] == ["execute_result", "display_data"]
    assert any("image/png" in output.get("data", {}) for output in first)
