"""``grader data`` through the real command line, against a server on loopback."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from gpu_runner.catalogue import CATALOGUE, Dataset, Format
from gpu_runner.datasets import load_pool
from grader.cli.data import _progress
from grader.cli.main import main
from tests.fakes.datasets import arrays, describe, idx, put
from tests.fakes.file_server import FileServer

IMAGES, LABELS = arrays(300, (40, 30), 1)
FILES = {"images.gz": idx(IMAGES), "labels.gz": idx(LABELS.astype(np.uint8))}


def grader(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer({f"/{name}": content for name, content in FILES.items()}) as server:
        yield server


@pytest.fixture
def tiny(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """A data set of the catalogue whose mirror is the server."""
    dataset = describe("tiny", Format.IDX, FILES, (40, 30), 300, mirrors=(server.url,))
    monkeypatch.setitem(CATALOGUE, "tiny", dataset)
    return dataset


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, under an odd path; nothing of this machine's data is seen."""
    root = tmp_path / 'it\'s a "folder" [x]'
    root.mkdir()
    monkeypatch.chdir(root)
    monkeypatch.setenv("GRADER_CACHE", str(tmp_path / "a cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("GRADER_DATA", raising=False)
    return root


def test_fetch_then_use(root: Path, tiny: Dataset) -> None:
    result = grader("data", "fetch", "tiny", "--data", "my data")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{Path('my data') / 'tiny'}\n"
    assert result.stderr.splitlines()[-1].startswith("labels.gz: ")
    assert "\x1b" not in result.output
    assert np.array_equal(load_pool("tiny", root / "my data").images, IMAGES)


def test_fetch_without_an_option(root: Path, tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert grader("data", "fetch", "tiny").exit_code == 0
    assert (tmp_path / "a cache" / "downloads" / "tiny" / "images.gz").is_file()
    monkeypatch.setenv("GRADER_DATA", "set by the environment")
    assert grader("data", "fetch", "tiny").exit_code == 0
    assert (root / "set by the environment" / "tiny" / "images.gz").is_file()


def test_files_that_lie_in_the_folder_itself_are_checked_there(root: Path, tiny: Dataset, server: FileServer) -> None:
    put(root / "data", FILES)
    result = grader("data", "fetch", "tiny", "--data", "data")
    assert (result.exit_code, result.stdout) == (0, "data\n")
    assert server.requests == []
    assert not (root / "data" / "tiny").exists()


def test_a_log_gets_a_line_per_quarter(tiny: Dataset) -> None:
    lines = grader("data", "fetch", "tiny").stderr.splitlines()
    of_images = [line for line in lines if line.startswith("images.gz: ")]
    assert 2 <= len(of_images) <= 5
    assert of_images[-1] == "images.gz: 0.4 of 0.4 MB"


def test_a_mirror_of_ones_own(root: Path, tiny: Dataset, server: FileServer) -> None:
    result = grader("data", "fetch", "tiny", "--mirror", f"{server.url}/not/here")
    assert result.exit_code == 0
    assert f"note: {server.url}/not/here/images.gz: the server answers 404 Not Found" in result.stderr


def test_a_failure_lists_every_mirror_and_says_2(tiny: Dataset, server: FileServer) -> None:
    server.files = {}
    result = grader("data", "fetch", "tiny", "--mirror", f"{server.url}/other")
    assert result.exit_code == 2
    assert f"{server.url}/other/images.gz: the server answers 404" in result.stderr
    assert f"    {server.url}/images.gz: the server answers 404" in result.stderr
    assert "remedy: " in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["mnits"], "did you mean mnist?"),
        (["tiny", "--mirror", "file:///etc"], "file:///etc is no http or https address"),
        (["cifar10-subset"], "is not on the internet"),
        ([], "Missing argument 'NAME'"),
    ],
)
def test_what_cannot_be_fetched_says_1(tiny: Dataset, arguments: list[str], words: str) -> None:
    result = grader("data", "fetch", *arguments)
    assert result.exit_code == 1
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_digits_are_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    result = grader("data", "fetch", "digits")
    assert result.exit_code == 0
    assert "nothing to fetch" in result.stderr
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = grader("data", "fetch", "digits")
    assert result.exit_code == 1
    assert "remedy: pip install scikit-learn" in result.stderr


def listed(*arguments: str) -> dict[str, dict[str, object]]:
    result = grader("data", "list", "--json", *arguments)
    assert result.exit_code == 0, result.output
    return {each["name"]: each for each in json.loads(result.stdout)}


def test_list_as_json(root: Path, tiny: Dataset) -> None:
    before = listed("--data", "data")
    assert list(before) == list(CATALOGUE)
    assert before["tiny"] == {
        "name": "tiny",
        "title": "Tiny tiny",
        "images": 300,
        "shape": [40, 30],
        "classes": ["cat", "dog", "newt"],
        "state": "absent",
        "folder": None,
        "problem": before["tiny"]["problem"],
        "remedy": "grader data fetch tiny, or name its folder with --data DIR or GRADER_DATA",
    }
    assert str(root / "data" / "tiny") in str(before["tiny"]["problem"])
    put(root / "data" / "tiny", FILES)
    after = listed("--data", "data")["tiny"]
    assert (after["state"], after["folder"], after["problem"]) == ("present", str(root / "data" / "tiny"), "")
    (root / "data" / "tiny" / "labels.gz").unlink()
    after = listed("--data", "data")["tiny"]
    assert (after["state"], after["problem"]) == ("damaged", f"{root / 'data' / 'tiny' / 'labels.gz'} is missing")


def test_list_as_a_table(root: Path, tiny: Dataset) -> None:
    put(root / "data" / "tiny", FILES)
    result = grader("data", "list", "--data", "data")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["data", "set", "images", "shape", "classes", "where"]
    assert any(line.split() == ["tiny", "300", "40×30", "3", "data/tiny"] for line in lines)
    assert "grader data fetch cifar10," in " ".join(result.stdout.split())
    assert max(map(len, lines)) <= 80
    assert all(line == line.rstrip() for line in lines)
    assert "\x1b" not in result.stdout


def test_the_group_lists_its_commands_without_importing_them() -> None:
    program = "import sys; from grader.cli.main import main; sys.argv = ['grader', 'data', '--help']\n"
    program += "try: main()\nfinally: print(sorted({'numpy', 'rich', 'gpu_runner'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert "fetch  Download a data set and check it." in result.stdout
    assert result.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("arguments", [["data", "steal"], ["data"]])
def test_a_group_alone_or_with_an_unknown_command(arguments: list[str]) -> None:
    result = grader(*arguments)
    assert result.exit_code == 1
    assert "Usage: " in result.stderr
    assert "Traceback" not in result.output


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_bars(tiny: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", terminal)
        with _progress() as progress:
            for file in tiny.files:
                progress.advanced(file, 0)
                progress.advanced(file, file.size)
            progress.note("[red]as it is[/red]")
    shown = terminal.getvalue()
    assert "images.gz" in shown
    assert "labels.gz" in shown
    assert "━" in shown
    assert "note: [red]as it is[/red]" in shown
