"""Cells in the forked shell give the outputs that they give in a kernel."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbgrader")

from nbformat.v4 import new_code_cell, new_notebook  # noqa: E402
from nbgrader.preprocessors import Execute  # noqa: E402

from grader.model import Environment, Limits  # noqa: E402
from grader.nbgrader_plugin.runner import (  # noqa: E402
    NOTEBOOK_LIMITS,
    CellRules,
    FolderTooLarge,
    NotebookRunner,
    read_folder,
)

PYTHON = {"display_name": "Python 3", "language": "python", "name": "python3"}

# One notebook, separated by lines of dashes: later cells see what earlier ones have defined.
CELLS = r"""
print("a")
print("b", end="")
3 * 7
---
import sys
print("out"); print("err", file=sys.stderr); print("out again")
---
print("one", flush=True); print("err", file=sys.stderr, flush=True); print("two")
---
"quiet";
---
"value"
---
if True:
    7
---
_, Out[5]
---
from IPython.display import HTML, JSON, SVG, Image, clear_output, display
display(HTML("<b>bold</b>")); print("after"); HTML("<i>i</i>")
---
handle = display("first", display_id="box")
---
handle.update("second")
---
other = display("a", display_id=True); print("between"); other.update("b"); display("again", display_id="box")
---
print("gone"); clear_output(); print("kept")
---
print("stays"); clear_output(wait=True)
---
for i in range(3):
    clear_output(wait=True); print(i); display(i)
---
JSON({"a": [1, 2, {"b": None}]})
---
display({"text/plain": "raw", "application/x-custom+json": {"k": 1}, "image/png": b"bytes"}, raw=True)
---
class Html:
    def _repr_html_(self): return "<r>"
    def __repr__(self): return "R!"
Html()
---
class Broken:
    def __repr__(self): raise ValueError("no repr")
Broken()
---
1/0
---
def f(x):
    raise ValueError("bad " + x)
try:
    1/0
except ZeroDivisionError as error:
    raise RuntimeError("chained") from error
---
f("value")
---
def (
---
sys.exit(3)
---
raise KeyboardInterrupt
---
assert 1 == 2, "message"
---
import warnings; warnings.warn("careful"); warnings.warn("old", DeprecationWarning)
---
import logging; logging.warning("logged")
---
%pwd?
---
%nothing_like_this
---
%%capture captured
print("caught"); 5
---
captured.stdout
---
!echo shell; echo shell-error >&2
---
files = !echo one two
files
---
%%bash
echo bash; echo bash-error >&2
---
%%writefile written.txt
hello
---
%cat written.txt
---
import asyncio
await asyncio.sleep(0.001)
"awaited"
---
async def g():
    raise RuntimeError("async")
await g()
---
task = asyncio.ensure_future(asyncio.sleep(0, "done")); asyncio.get_event_loop().is_running()
---
await task
---
import threading
thread = threading.Thread(target=lambda: print("from thread")); thread.start(); thread.join()
---
import multiprocessing
child = multiprocessing.Process(target=lambda: print("from process")); child.start(); child.join(); child.exitcode
---
get_ipython().__class__.__name__, "IPKernelApp" in get_ipython().config, __name__, sys.stdout.isatty()
---
sys.stdout.buffer
---
print("progress 1\rprogress 2", "Grüße ∑ \U0001F600")
---
%run -i script.py
---
import helper; helper.value, open("data.txt").read()
---
%xmode Plain
---
f("plain")
---
get_ipython().showtraceback = lambda *a, **k: None
1/0
""".strip("\n").split("\n---\n")

# In a kernel these outputs tell of the kernel's own files.
SAME_BUT_FOR_THE_TRACEBACK = r"""
class Mute(Exception):
    def __str__(self): raise ValueError
raise Mute()
---
input("name? ")
---
import getpass; getpass.getpass()
---
asyncio.run(asyncio.sleep(0))
""".strip("\n").split("\n---\n")

PLOTS = r"""
import matplotlib.pyplot as plt
plt.plot([1, 2, 3]); plt.title("t")
---
figure, axes = plt.subplots(); axes.plot([3, 1]); plt.show(); print("after show")
---
figure
---
%matplotlib inline
plt.figure(); plt.plot([2]); print("before the figure");
""".strip("\n").split("\n---\n")


@pytest.fixture(scope="module")
def runner() -> Iterator[NotebookRunner]:
    with NotebookRunner() as started:
        yield started


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "odd ünd spaces"
    place.mkdir()
    (place / "helper.py").write_text("value = 42\n")
    (place / "script.py").write_text('print("script", "task" in globals())\n')
    (place / "data.txt").write_text("data")
    return place


def notebook(*cells: str) -> Any:
    made = new_notebook(cells=[new_code_cell(source) for source in cells])
    made.metadata["kernelspec"] = dict(PYTHON)
    return made


def plain(outputs: list[Any]) -> list[Any]:
    """Outputs without what no two runs have in common; a client of a kernel does not merge streams, so it is done."""
    merged: list[Any] = []
    for output in copy.deepcopy(outputs):
        last = merged[-1] if merged else {}
        if output["output_type"] == "stream" and output["name"] == last.get("name"):
            last["text"] += output["text"]
        else:
            merged.append(output)
    # Where this Python lies below /tmp, the box shows it elsewhere: a guest's own /tmp would cover it.
    text = json.dumps(merged, sort_keys=True).replace("/box/python/", "/tmp/")
    text = re.sub(r"ipykernel_\d+/\d+|\(\d+\.py, ", "cell", re.sub(r"0x[0-9a-f]+", "0x", text))
    return json.loads(text)  # type: ignore[no-any-return]


@pytest.mark.parametrize("cells", [CELLS + SAME_BUT_FOR_THE_TRACEBACK, PLOTS], ids=["cells", "plots"])
def test_outputs_are_those_of_a_kernel(runner: NotebookRunner, folder: Path, cells: list[str]) -> None:
    expected, found = notebook(*cells), notebook(*cells)
    runner.run(found, folder)  # first: the kernel writes into the folder
    Execute(timeout=60).preprocess(expected, {"metadata": {"path": str(folder)}})
    for wanted, got in zip(expected.cells, found.cells, strict=True):
        outputs = [plain(wanted.outputs), plain(got.outputs)]
        if wanted.source in SAME_BUT_FOR_THE_TRACEBACK:
            for output in (output for one in outputs for output in one):
                assert output.pop("traceback")
        assert outputs[1] == outputs[0], wanted.source
        assert got.execution_count == wanted.execution_count
    nbformat.validate(found)


def run(runner: NotebookRunner, folder: Path, *cells: str, timeout: float = 30.0) -> list[list[Any]]:
    made = notebook(*cells)
    runner.run(made, folder, CellRules(timeout=lambda _cell: timeout))
    nbformat.validate(made)
    return [cell.outputs for cell in made.cells]


def test_a_cell_that_takes_too_long_is_interrupted_and_the_next_one_runs(runner: NotebookRunner, folder: Path) -> None:
    endless, following = run(runner, folder, "while True: print('x' * 1000)", "1", timeout=0.5)
    assert [output.get("ename") for output in endless] == [None, "KeyboardInterrupt", "CellTimeoutError"]
    assert endless[0].name == "stdout"
    assert following[0].data["text/plain"] == "1"


def test_what_commands_and_c_code_write_comes_in_its_place(runner: NotebookRunner, folder: Path) -> None:
    """A kernel collects it in a thread, and so now and then too late; here it is where it was written."""
    source = "import os, subprocess\nprint('a'); _ = os.system('echo b; echo c >&2'); print('d')\n"
    (outputs,) = run(runner, folder, source + "_ = os.write(1, b'e\\n'); _ = subprocess.run(['echo', 'f'])")
    assert [(output.name, output.text) for output in outputs] == [("stdout", "a\nb\nd\ne\nf\n"), ("stderr", "c\n")]


def test_commands_of_a_cell_are_interrupted_too(runner: NotebookRunner, folder: Path) -> None:
    stopped, following = run(runner, folder, "import os; os.system('sleep 1000')", "1", timeout=0.2)
    assert stopped[-1].ename == "CellTimeoutError"
    assert following[0].data["text/plain"] == "1"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import os; os._exit(0)", "DeadKernelError"),
        ("import ctypes; ctypes.string_at(0)", "DeadKernelError"),
        ("import os; os.closerange(0, 100)", "DeadKernelError"),
        ("import os; os.write(3, b'garbage' * 1000)", "DeadKernelError"),
    ],
)
def test_after_a_dead_process_no_cell_looks_as_if_it_had_passed(
    runner: NotebookRunner, folder: Path, source: str, name: str
) -> None:
    dead, *rest = run(runner, folder, source, "1", "pass")
    assert dead[-1].ename == name
    for outputs in rest:
        assert [output.ename for output in outputs] == ["NotRun"]
        assert outputs[0].evalue.startswith("not run: ")
    assert run(runner, folder, "1")[0][0].data["text/plain"] == "1"  # the next notebook is none the worse


def test_after_exit_no_cell_runs(runner: NotebookRunner, folder: Path) -> None:
    first, second = run(runner, folder, "exit()", "1")
    assert first == []
    assert second[0].ename == "NotRun"


def test_a_cell_that_swallows_its_interrupt_has_failed(runner: NotebookRunner, folder: Path) -> None:
    source = "import time\ntry:\n    time.sleep(1000)\nexcept KeyboardInterrupt: pass"
    swallowed, following = run(runner, folder, source, "1", timeout=0.2)
    assert [output.ename for output in swallowed] == ["CellTimeoutError"]
    assert following[0].data["text/plain"] == "1"


def test_too_much_memory_is_an_error_of_the_cell(runner: NotebookRunner, folder: Path) -> None:
    taken, following = run(runner, folder, "x = bytearray(3 * 2**30)", "1")
    assert taken[0].ename == "MemoryError"
    assert following[0].data["text/plain"] == "1"


def test_a_forked_child_does_not_answer_for_its_cell(runner: NotebookRunner, folder: Path) -> None:
    source = "import os\nchild = os.fork()\nif child: os.waitpid(child, 0);\nprint(bool(child))"
    first, second = run(runner, folder, source, "child > 0")
    assert sorted(first[0].text.split()) in (["True"], ["False", "True"])
    assert second[-1].data["text/plain"] == "True"


def test_what_decides_a_mark_is_kept_however_much_a_cell_gives_out(runner: NotebookRunner, folder: Path) -> None:
    failed, warned, scored, shown = run(
        runner,
        folder,
        "print('x' * (17 << 20))\nraise ValueError('y' * (2 << 20))",
        "import sys; print('x' * (17 << 20)); print('warning', file=sys.stderr)",
        "print('x' * (17 << 20)); 0.5",
        "for i in range(600): display(i)",
    )
    assert [output.output_type for output in failed] == ["stream", "error"]
    assert failed[0].text.endswith("characters is not kept]\n")
    assert [output.name for output in warned] == ["stdout", "stderr"]
    assert scored[-1].data["text/plain"] == "0.5"
    assert len(shown) == 501
    assert "not kept" in shown[-1].data["text/plain"]


def test_a_scored_cell_runs_whatever_its_tags_say(runner: NotebookRunner, folder: Path) -> None:
    made = notebook("1/0", "1/0")
    for cell in made.cells:
        cell.metadata["tags"] = ["skip-execution"]
    made.cells[1].metadata["nbgrader"] = {"grade": True, "points": 1}
    runner.run(made, folder)
    assert made.cells[0].outputs == []
    assert made.cells[1].outputs[0].ename == "ZeroDivisionError"


def test_text_that_is_no_unicode_does_not_spoil_a_notebook(runner: NotebookRunner, folder: Path) -> None:
    cells = ("print('\\ud800')", "raise ValueError('\\ud800')", "display({'application/json': ['\\ud800']}, raw=True)")
    made = notebook(*cells, "display({'text/plain': 5, 'x': float('nan'), 'y': {1: {2}}}, raw=True)")
    runner.run(made, folder)
    nbformat.writes(made).encode("utf-8")
    assert made.cells[1].outputs[0].ename == "ValueError"


def test_the_environment_is_not_the_hosts(
    runner: NotebookRunner, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "1")
    made = notebook("import os\nos.environ.get('SECRET_OF_THE_HOST'), os.environ['NBGRADER_EXECUTION']")
    runner.run(made, folder, environ={"NBGRADER_EXECUTION": "autograde"})
    assert made.cells[0].outputs[0].data["text/plain"] == "(None, 'autograde')"


def test_notebooks_beside_the_submission_are_not_shown_and_links_not_followed(tmp_path: Path) -> None:
    (tmp_path / "hidden.ipynb").write_text('{"metadata": {"nbgrader": {}}}')
    (tmp_path / "tools.ipynb").write_text("{}")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "data.bin").write_bytes(b"\0" * 1000)
    (tmp_path / "link.txt").symlink_to("/etc/passwd")
    assert read_folder(tmp_path, 2000) == {"tools.ipynb": b"{}", "deep/data.bin": b"\0" * 1000}
    with pytest.raises(FolderTooLarge):
        read_folder(tmp_path, 500)


def test_a_notebook_finds_a_module_warm_that_an_earlier_one_did_not_need(folder: Path) -> None:
    with NotebookRunner(Limits(memory_mb=NOTEBOOK_LIMITS.memory_mb, total_cpu_seconds=60)) as runner:
        run(runner, folder, "1")
        first = runner._zygotes[Environment.NUMPY][0]
        run(runner, folder, "import matplotlib")
        second, warm = runner._zygotes[Environment.NUMPY]
        assert second is not first
        assert warm == {"matplotlib.pyplot"}
        run(runner, folder, "1")
        assert runner._zygotes[Environment.NUMPY][0] is second
        second.close()  # as if it had been killed
        assert run(runner, folder, "1")[0][0].data["text/plain"] == "1"
