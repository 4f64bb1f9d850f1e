"""Downloads against a server on loopback: resumed, cut, refused, altered; a file has its name once it is whole."""

from __future__ import annotations

import json
import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gpu_runner import fetch as fetching
from gpu_runner.catalogue import Dataset, File, Format
from gpu_runner.fetch import fetch
from grader.errors import InfrastructureError, UsageError
from tests.fakes.datasets import describe
from tests.fakes.file_server import FileServer

CONTENT = random.Random(1).randbytes(1_000_000)  # several blocks
NAME = "an 'odd' name #1.gz"
FILES = {NAME: CONTENT, "labels.gz": b"labels"}


class Told:
    """Progress that is kept."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int]] = []
        self.notes: list[str] = []

    def advanced(self, file: File, done: int) -> None:
        self.steps.append((file.name, done))

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / 'it\'s a "folder" [x]' / "tiny"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer({f"/sets/{name}": content for name, content in FILES.items()}) as server:
        yield server


@pytest.fixture
def second() -> Iterator[FileServer]:
    with FileServer({f"/{name}": content for name, content in FILES.items()}) as server:
        yield server


def tiny(*mirrors: str, files: dict[str, bytes] | None = None) -> Dataset:
    return describe("tiny", Format.IDX, files or FILES, (4, 3), 7, mirrors=mirrors)


def one(*mirrors: str) -> Dataset:
    return tiny(*mirrors, files={NAME: CONTENT})


def here(server: FileServer) -> str:
    return f"{server.url}/sets"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".fetch.lock"}


def begin(folder: Path, part: bytes, **origin: str) -> None:
    """Leave what an interrupted download leaves."""
    folder.mkdir(parents=True)
    (folder / f"{NAME}.part").write_bytes(part)
    if origin:
        (folder / f"{NAME}.part.json").write_text(json.dumps(origin))


def test_every_file_comes_and_nothing_else_stays(folder: Path, server: FileServer) -> None:
    told = Told()
    fetch(tiny(here(server)), folder, told)
    assert contents(folder) == FILES
    assert server.requests == [(f"/sets/{NAME}", None), ("/sets/labels.gz", None)]
    assert told.steps[0] == (NAME, 0)
    assert (NAME, len(CONTENT)) in told.steps
    assert told.steps[-1] == ("labels.gz", 6)
    assert len(told.steps) > 5
    assert told.notes == []


def test_whole_files_are_left_alone_also_in_a_read_only_folder(folder: Path, server: FileServer) -> None:
    fetch(tiny(here(server)), folder, Told())
    (folder / ".fetch.lock").unlink()
    before = {path: path.stat().st_mtime_ns for path in (folder, *folder.iterdir())}
    asked = list(server.requests)
    told = Told()
    fetch(tiny(here(server)), folder, told)
    assert server.requests == asked
    assert told.steps == [(NAME, len(CONTENT)), ("labels.gz", 6)]
    assert {path: path.stat().st_mtime_ns for path in (folder, *folder.iterdir())} == before


def test_a_damaged_file_is_replaced(folder: Path, server: FileServer) -> None:
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(CONTENT[:-1] + b"?")
    told = Told()
    fetch(one(here(server)), folder, told)
    assert contents(folder) == {NAME: CONTENT}
    assert "is damaged (its sha256 is " in told.notes[0]


def test_a_damaged_file_stays_where_no_better_one_comes(folder: Path, server: FileServer) -> None:
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(b"damaged")
    server.files = {}
    with pytest.raises(InfrastructureError):
        fetch(one(here(server)), folder, Told())
    assert contents(folder) == {NAME: b"damaged"}


def test_an_interrupted_download_is_resumed(folder: Path, server: FileServer) -> None:
    begin(folder, CONTENT[:700_000], url=f"{here(server)}/an%20%27odd%27%20name%20%231.gz", validator='"1"')
    told = Told()
    fetch(one(here(server)), folder, told)
    assert contents(folder) == {NAME: CONTENT}
    assert server.requests == [(f"/sets/{NAME}", "bytes=700000-")]
    assert told.steps[0] == (NAME, 700_000)


def test_an_interrupt_keeps_what_has_arrived(folder: Path, server: FileServer) -> None:
    class Interrupted(Told):
        def advanced(self, file: File, done: int) -> None:
            if done > 400_000:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(one(here(server)), folder, Interrupted())
    assert set(contents(folder)) == {f"{NAME}.part", f"{NAME}.part.json"}
    kept = (folder / f"{NAME}.part").read_bytes()
    assert len(kept) > 400_000
    assert CONTENT.startswith(kept)
    fetch(one(here(server)), folder, Told())
    assert contents(folder) == {NAME: CONTENT}
    assert server.requests[-1] == (f"/sets/{NAME}", f"bytes={len(kept)}-")


def test_a_server_without_ranges_starts_over(folder: Path, server: FileServer) -> None:
    server.ranges = False
    begin(folder, b"x" * 700_000)
    fetch(one(here(server)), folder, Told())
    assert contents(folder) == {NAME: CONTENT}
    assert len(server.requests) == 1


def test_a_part_of_another_version_is_noticed_by_its_etag(folder: Path, server: FileServer) -> None:
    begin(folder, b"x" * 700_000, url=f"{here(server)}/an%20%27odd%27%20name%20%231.gz", validator='"of before"')
    told = Told()
    fetch(one(here(server)), folder, told)
    assert contents(folder) == {NAME: CONTENT}
    assert len(server.requests) == 1  # If-Range made the server send the whole file
    assert told.steps[0] == (NAME, 0)


@pytest.mark.parametrize("size", [700_000, len(CONTENT)])
def test_a_wrong_part_is_noticed_by_the_checksum_and_started_over_once(
    folder: Path, server: FileServer, size: int
) -> None:
    begin(folder, b"x" * size)
    told = Told()
    fetch(one(here(server)), folder, told)
    assert contents(folder) == {NAME: CONTENT}
    assert server.requests[-1] == (f"/sets/{NAME}", None)
    assert "starting over" in told.notes[0]
    assert "sha256" in told.notes[0]
    assert len(server.requests) == (2 if size < len(CONTENT) else 1)


def test_a_whole_part_only_needs_its_name(folder: Path, server: FileServer) -> None:
    begin(folder, CONTENT)
    fetch(one(here(server)), folder, Told())
    assert contents(folder) == {NAME: CONTENT}
    assert server.requests == []


def test_a_part_that_is_too_long_is_discarded(folder: Path, server: FileServer) -> None:
    begin(folder, CONTENT + b"x")
    fetch(one(here(server)), folder, Told())
    assert contents(folder) == {NAME: CONTENT}
    assert server.requests == [(f"/sets/{NAME}", None)]


def test_a_server_with_less_than_has_arrived(folder: Path, server: FileServer, second: FileServer) -> None:
    begin(folder, CONTENT[:700_000])
    server.files[f"/sets/{NAME}"] = CONTENT[:600_000]
    told = Told()
    fetch(one(here(server), second.url), folder, told)
    assert contents(folder) == {NAME: CONTENT}
    assert [asked for _, asked in server.requests] == ["bytes=700000-", None]
    assert "less of it than has arrived" in told.notes[0]
    assert "offers 600000 bytes, the file has 1000000" in told.notes[1]


def test_a_server_that_continues_elsewhere_is_started_over(folder: Path, server: FileServer) -> None:
    begin(folder, CONTENT[:700_000])
    server.shift = 1
    fetch(one(here(server)), folder, Told())
    assert contents(folder) == {NAME: CONTENT}
    assert [asked for _, asked in server.requests] == ["bytes=700000-", None]


def test_a_connection_that_ends_early_is_taken_up_again(folder: Path, server: FileServer) -> None:
    server.cut = 300_000
    fetch(one(here(server)), folder, Told())
    assert contents(folder) == {NAME: CONTENT}
    assert [asked for _, asked in server.requests] == [None, "bytes=300000-", "bytes=600000-", "bytes=900000-"]


def test_tries_are_bounded(folder: Path, server: FileServer) -> None:
    server.cut = 10
    with pytest.raises(InfrastructureError, match=f"ended {fetching.TRIES} times, at last after 100 of 1000000 bytes"):
        fetch(one(here(server)), folder, Told())
    assert len(server.requests) == fetching.TRIES
    assert (folder / f"{NAME}.part").read_bytes() == CONTENT[: 10 * fetching.TRIES]


def test_a_server_that_cuts_and_knows_no_ranges_is_given_up(
    folder: Path, server: FileServer, second: FileServer
) -> None:
    server.ranges, server.cut = False, 300_000
    told = Told()
    fetch(one(here(server), second.url), folder, told)
    assert contents(folder) == {NAME: CONTENT}
    assert len(server.requests) == 2
    assert second.requests == [(f"/{NAME}", "bytes=300000-")]  # the next mirror continues
    assert "after 300000 of 1000000 bytes" in told.notes[0]


def test_a_silent_server_is_given_up(folder: Path, server: FileServer) -> None:
    server.cut, server.stall = 0, True
    with pytest.raises(InfrastructureError, match=r"nothing came for 0\.2 seconds after 0 of 1000000 bytes"):
        fetch(one(here(server)), folder, Told(), timeout=0.2)
    assert set(contents(folder)) <= {f"{NAME}.part", f"{NAME}.part.json"}


def test_mirrors_are_tried_in_order_and_all_failures_are_told(
    folder: Path, server: FileServer, second: FileServer
) -> None:
    server.files[f"/sets/{NAME}"] = CONTENT[:-1] + b"?"
    second.files[f"/{NAME}"] = b"<html>moved</html>"
    told = Told()
    with pytest.raises(InfrastructureError) as caught:
        fetch(one(here(server), f"{second.url}/absent", second.url, "http://127.0.0.1:1"), folder, told)
    lines = caught.value.what.splitlines()
    assert "its sha256 is " in lines[1]
    assert "/absent/an%20%27odd%27%20name%20%231.gz: the server answers 404 Not Found" in lines[2]
    assert "the server offers 18 bytes, the file has 1000000" in lines[3]
    assert "http://127.0.0.1:1/" in lines[4]
    assert "refused" in lines[4]
    assert caught.value.where == NAME
    assert "--mirror" in caught.value.remedy
    assert [f"    {note}" for note in told.notes] == lines[1:]
    assert contents(folder) == {}
    assert len(server.requests) == 1


def test_wrong_content_of_the_right_size_gives_way_to_the_next_mirror(
    folder: Path, server: FileServer, second: FileServer
) -> None:
    server.files[f"/sets/{NAME}"] = bytes(len(CONTENT))
    fetch(one(here(server), second.url), folder, Told())
    assert contents(folder) == {NAME: CONTENT}
    assert second.requests == [(f"/{NAME}", None)]


@pytest.mark.parametrize("surplus", [b"", b"and more"])
def test_a_server_that_tells_no_length(folder: Path, server: FileServer, surplus: bytes) -> None:
    server.length = False
    server.files[f"/sets/{NAME}"] = CONTENT + surplus
    fetch(one(here(server)), folder, Told())
    assert contents(folder) == {NAME: CONTENT}


def test_a_mirror_of_ones_own_comes_first(folder: Path, server: FileServer, second: FileServer) -> None:
    fetch(one(here(server)), folder, Told(), mirrors=[f"{second.url}/"])
    assert contents(folder) == {NAME: CONTENT}
    assert server.requests == []


@pytest.mark.parametrize("address", ["file:///etc", "/srv/data", "ftp://example.org", ""])
def test_other_addresses_are_refused(folder: Path, address: str) -> None:
    with pytest.raises(UsageError, match="no http or https address"):
        fetch(one(), folder, Told(), mirrors=[address])
    assert not folder.exists()


def test_without_any_mirror(folder: Path) -> None:
    with pytest.raises(UsageError, match="not on the internet") as caught:
        fetch(one(), folder, Told())
    assert NAME in caught.value.remedy
    assert str(folder) in caught.value.remedy
    assert not folder.exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path, server: FileServer) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InfrastructureError) as caught:
        fetch(one(here(server)), tmp_path / "file" / "tiny", Told())
    assert str(tmp_path / "file") in caught.value.where
    assert "--data DIR" in caught.value.remedy


def test_a_full_disk_is_not_the_mirrors_fault(
    folder: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InfrastructureError, match="No space left on device") as caught:
        fetch(one(here(server), "http://127.0.0.1:1"), folder, Told())
    assert str(folder) == caught.value.where
    assert NAME not in contents(folder)


def test_two_downloads_take_turns(folder: Path, server: FileServer) -> None:
    """The second begins while the server holds back the first's answer, and then finds everything there."""
    held, waiting = threading.Event(), threading.Event()

    def hold(_: str) -> None:
        held.set()
        waiting.wait(60)

    class Second(Told):
        def note(self, text: str) -> None:
            super().note(text)
            waiting.set()

    failures: list[BaseException] = []

    def run(progress: Told) -> None:
        try:
            fetch(one(here(server)), folder, progress)
        except BaseException as error:
            failures.append(error)

    server.before = hold
    told = Second()
    first = threading.Thread(target=run, args=(Told(),))
    first.start()
    assert held.wait(60)
    second = threading.Thread(target=run, args=(told,))
    second.start()
    for thread in (first, second):
        thread.join(60)
    assert failures == []
    assert told.notes == [f"another download into {folder} is under way; waiting for it"]
    assert told.steps == [(NAME, len(CONTENT))]
    assert len(server.requests) == 1
    assert contents(folder) == {NAME: CONTENT}
