"""``grader verify`` on a tiny course: it holds, and each thing that it must find is found."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from grader.cli.main import main
from tests.functional.courses.students import notebook
from tests.functional.courses.tools import (
    TINY,
    all_gone,
    await_that,
    descendants,
    environment,
    grader,
    make_course,
    start,
)

Verified = dict[str, Any]
KINDS = ["suite", "reference", "stub", "alternative", "mistake", "adversary"]


def verify(root: Path, *arguments: str) -> tuple[int, dict[str, Verified]]:
    """Run it, in this process; its code and what it found, by assignment."""
    with contextlib.chdir(root):
        result = CliRunner().invoke(main, ["verify", "--json", *arguments])
    return result.exit_code, {each["assignment"]: each for each in json.loads(result.stdout)}


def failed(verified: Verified) -> dict[str, list[str]]:
    """Problems by the proof that has them."""
    return {f"{proof['kind']} {proof['name']}": proof["problems"] for proof in verified["proofs"] if proof["problems"]}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    root = make_course(tmp_path_factory.mktemp("sound"))
    (root / "autotests/tiny/alternatives/cells.ipynb").write_text(
        notebook("%matplotlib inline\n", (root / "solutions/tiny/tiny.py").read_text(), "1 / 0\n")
    )
    return grader(root, "verify", "--verbose", "--seeds", "7", env=environment(COLUMNS="120"))


def test_it_holds(sound: subprocess.CompletedProcess[str]) -> None:
    assert sound.returncode == 0, sound.stdout + sound.stderr
    assert "FAIL" not in sound.stdout
    assert sound.stdout.count("holds") == 2
    assert "7 seeds each" in sound.stdout
    assert sound.stderr == "", "not a terminal: no progress"


@pytest.mark.parametrize(
    "line",
    [
        "ok   tiny: suite tests with marks: expected 7; found 7",
        "ok   tiny: reference tiny.py: expected all marks; found 12 of 12",
        "ok   tiny: stub untouched: expected no mark; found 0 of 12",
        "ok   tiny: alternative built_in.py: expected all marks; found 12 of 12",
        "ok   tiny: alternative cells.ipynb: expected all marks; found 12 of 12",
        "ok   tiny: mistake zeroth_power: expected lost: test_power; found 11 of 12",
        "ok   tiny: adversary every answer is None: expected no mark; found 7 tests met it",
        "ok   tiny: adversary every answer is ValueError: expected no mark; found 7 tests met it",
    ],
)
def test_every_proof_is_listed(sound: subprocess.CompletedProcess[str], line: str) -> None:
    assert line in sound.stdout.splitlines()


# Each variation is an assignment of its own, a copy of `second`; one run proves them all ------------------------------


def put(path: str, text: str) -> Callable[[Path, str], object]:
    def change(root: Path, name: str) -> None:
        file = root / path.format(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    return change


def edit(path: str, old: str, new: str) -> Callable[[Path, str], object]:
    def change(root: Path, name: str) -> None:
        file = root / path.format(name)
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    return change


def together(*changes: Callable[[Path, str], object]) -> Callable[[Path, str], object]:
    def change(root: Path, name: str) -> None:
        for each in changes:
            each(root, name)

    return change


SOLUTION, SUITE = "solutions/{0}/{0}.py", "autotests/{0}/test_hidden.py"
MISTAKES, ALTERNATIVES = "autotests/{0}/mistakes/", "autotests/{0}/alternatives/"


def mistake(name: str, code: str, caught_by: str, hint: str) -> Callable[[Path, str], object]:
    return put(f"{MISTAKES}{name}.py", f"# mistake: something\n# caught by: {caught_by}\n# hint: {hint}\n{code}")


TRIPLE = "def double(x):\n    return 3 * x\n"
BOTH = "test_double_example, test_double"
# name of the assignment -> (what makes it unsound, the proofs that fail with a word of each problem)
UNSOUND: dict[str, tuple[Callable[[Path, str], object], dict[str, list[str]]]] = {
    "reference_fails": (
        edit(SOLUTION, "return 2 * x", "return 3 * x"),
        {"reference reference_fails.py": ["test_double_example: failed", "test_double: failed"]},
    ),
    "reference_is_broken": (
        edit(SOLUTION, "# %%\ndef", "# %%\nimport nunpy\n\n\ndef"),
        {"reference reference_is_broken.py": ["it does not load:"]},
    ),
    "stub_earns": (
        edit(SUITE, "    assert_int(", "    with pytest.raises(Exception):\n        assert_int("),
        {"reference stub_earns.py": ["test_double: failed"], "stub untouched": ["test_double gives 0.5"]},
    ),
    "examples_are_unsound": (
        together(
            put(f"{ALTERNATIVES}float.py", "def double(x):\n    return float(x + x)\n"),
            put(f"{ALTERNATIVES}right.py", "def double(x):\n    return x + x\n"),
            mistake("escapes", "def double(x):\n    return x + x\n", "test_double", "Multiply by 2"),
            mistake("escapes_at_times", "def double(x):\n    return 2 * x + (x % 4 < 2)\n", BOTH, "Multiply by 2"),
            mistake("costs_elsewhere", TRIPLE, "test_double", "Multiply by 2"),
            mistake("costs_what_needs_it", TRIPLE, "test_double_example", "Twice 4 is 8"),
            mistake("without_hint", TRIPLE, BOTH, "add it to itself"),
            mistake("broken", "def double(x)\n    return x\n", "test_double", "Multiply by 2"),
        ),
        {
            "alternative float.py": ["test_double_example: failed", "test_double: failed, double should be an int"],
            "mistake escapes": ["test_double does not catch it"],
            "mistake escapes_at_times": ["with seed ", "test_double does not catch it"],
            "mistake costs_elsewhere": ["it also costs marks in test_double_example: failed"],
            "mistake without_hint": ["no hint of these tests says 'add it to itself'"],
            "mistake broken": ["it does not load:", "SyntaxError"],
        },
    ),
    "verdict_depends_on_the_seed": (
        edit(SUITE, "    assert_int(", "    assert x % 3\n    assert_int("),
        {"reference verdict_depends_on_the_seed.py": ["test_double", "seed"]},
    ),
    "vacuous": (
        edit(
            SUITE,
            'assert_int(submission.double(x), 2 * x, what="double")',
            "np.testing.assert_allclose(submission.double(np.ones(x)), 2.0)",
        ),
        {
            "adversary every answer is an empty array": ["test_double accepts it"],
            "adversary every answer is an empty tuple": ["test_double accepts it"],
            "adversary every answer is the right values with one more axis": ["test_double accepts it"],
        },
    ),
    "only_asks_for_an_error": (
        together(
            edit(SOLUTION, "    return 2 * x", "    if x is None:\n        raise ValueError\n    return 2 * x"),
            edit(
                SUITE,
                'assert_int(submission.double(x), 2 * x, what="double")',
                "with pytest.raises(ValueError):\n        submission.double(None)",
            ),
        ),
        {"adversary every answer is ValueError": ["test_double accepts it"]},
    ),
    "collects_what_has_no_marks": (
        put("autotests/{0}/conftest.py", "def pytest_collection_modifyitems(items):\n    del items[0]\n"),
        {"suite tests with marks": ["test_double_example carries marks but is not collected"]},
    ),
}


@pytest.fixture(scope="module")
def unsound(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, dict[str, Verified]]:
    root = make_course(tmp_path_factory.mktemp("unsound"))
    for order, (name, (change, _)) in enumerate(UNSOUND.items(), start=3):
        for folder in ("solutions", "autotests"):
            (root / folder / name).mkdir()
            for file in sorted((TINY / folder / "second").glob("*.*")):
                target = root / folder / name / file.name.replace("second", name)
                target.write_text(file.read_text().replace("order = 2", f"order = {order}"))
        hidden = root / SUITE.format(name)
        hidden.write_text("import numpy as np\n" + hidden.read_text())
        change(root, name)
    return verify(root, "--seeds", "10", *UNSOUND)


@pytest.mark.parametrize("name", UNSOUND)
def test_what_is_unsound_is_found(name: str, unsound: tuple[int, dict[str, Verified]]) -> None:
    expected = UNSOUND[name][1]
    problems = failed(unsound[1][name])
    if name not in ("reference_fails", "reference_is_broken", "stub_earns", "verdict_depends_on_the_seed",
                    "collects_what_has_no_marks"):  # fmt: skip  # there other proofs fail as well
        assert set(problems) == set(expected), problems
    for proof, words in expected.items():
        told = "\n".join(problems[proof])
        assert [word for word in words if word not in told] == []
    assert unsound[1][name]["holds"] is not bool(expected)


def test_the_exit_code_and_the_json(unsound: tuple[int, dict[str, Verified]]) -> None:
    code, verified = unsound
    assert code == 1
    for each in verified.values():
        assert set(each) == {"assignment", "holds", "seeds", "proofs"}
        assert each["seeds"] == 10
        assert [kind for kind in KINDS if any(proof["kind"] == kind for proof in each["proofs"])] == list(
            dict.fromkeys(proof["kind"] for proof in each["proofs"])
        )
        for proof in each["proofs"]:
            assert set(proof) == {"kind", "name", "expected", "found", "problems"}


# Refused, failed, stopped ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (mistake("wrong", TRIPLE, "test_dubble", "x"), ["mistakes/wrong.py", "test_dubble", "no test", "test_double"]),
        (put(f"{MISTAKES}wrong.py", TRIPLE), ["mistakes/wrong.py", "# mistake:", "begin it with"]),
        (
            put(f"{MISTAKES}wrong.py", "# mistake: x\n# caught by: test_double\n" + TRIPLE),
            ["mistakes/wrong.py", "# hint:"],
        ),
        (put(f"{ALTERNATIVES}other.ipynb", "{"), ["alternatives/other.ipynb", "its JSON is broken"]),
        (edit(SOLUTION, "    ### END SOLUTION\n", ""), ["second.py:", "END SOLUTION"]),
        (edit("solutions/{0}/assignment.toml", "points = 1", "points = 2"), ["assignment.toml", "add up to 1"]),
        (
            edit(SUITE, "import pytest", "import pytest\nimport nunpy"),
            ["autotests/second", "test_hidden.py:2", "nunpy"],
        ),
    ],
)
def test_what_cannot_be_read_is_an_error_with_its_place(
    tmp_path: Path, change: Callable[[Path, str], object], words: list[str]
) -> None:
    root = make_course(tmp_path)
    change(root, "second")
    with contextlib.chdir(root):
        result = CliRunner().invoke(main, ["verify", "second"])
    assert result.exit_code == 1
    assert [word for word in words if word not in result.stderr] == []
    assert "remedy: " in result.stderr


@pytest.mark.parametrize("arguments", [["thrid"], ["--seeds", "0"], ["--jobs", "0"]])
def test_the_command_line_names_what_does_not_exist(arguments: list[str]) -> None:
    with contextlib.chdir(TINY):
        result = CliRunner().invoke(main, ["verify", *arguments])
    assert result.exit_code == 1
    assert result.stdout == ""


def test_a_course_without_assignments(tmp_path: Path) -> None:
    (tmp_path / "course.toml").write_text('name = "Empty"\nseed = 1\n')
    with contextlib.chdir(tmp_path):
        result = CliRunner().invoke(main, ["verify"])
    assert result.exit_code == 1
    assert "no assignment" in result.stderr


def test_without_bubblewrap(tmp_path: Path) -> None:
    result = grader(make_course(tmp_path), "verify", env=environment(PATH=str(tmp_path)))
    assert result.returncode == 2
    assert "apt-get install bubblewrap" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("to_group", [True, False], ids=["Ctrl-C", "SIGTERM"])
def test_an_interruption_ends_it_at_once(tmp_path: Path, to_group: bool) -> None:
    root = make_course(tmp_path)
    waits = "@pytest.mark.points(0.5, title='it waits')\ndef test_it(submission):\n    import threading\n\n"
    suite = root / SUITE.format("second")
    suite.write_text(f"import pytest\n\n\n{waits}    open('waiting', 'w').close()\n    threading.Event().wait(3600)\n")
    process = start(root, "verify", "second")
    await_that((suite.parent / "waiting").exists, process)
    family = descendants(process.pid)
    if to_group:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.terminate()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert all_gone(family)
    assert "Traceback" not in err
