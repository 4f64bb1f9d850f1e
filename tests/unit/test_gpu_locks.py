"""Locks of devices, between real processes."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gpu_runner.devices.locks import DeviceBusy, device_lock, lock_folder
from grader.errors import InfrastructureError

HOLDER = """
import sys
from gpu_runner.devices.locks import device_lock
with device_lock(sys.argv[1], lambda: False):
    print("held", flush=True)
    sys.stdin.read()
"""

Hold = Callable[[str], "subprocess.Popen[str]"]


def never() -> bool:
    return False


@pytest.fixture(params=["plain", 'it\'s a "folder" with $pace'])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / request.param
    monkeypatch.setenv("GRADER_LOCKS", str(place))
    return place


@pytest.fixture
def hold(folder: Path) -> Iterator[Hold]:
    """``hold(key)``: another process that holds a lock until its input closes or it is killed."""
    with ExitStack() as running:

        def start(key: str) -> subprocess.Popen[str]:
            holder = subprocess.Popen(
                [sys.executable, "-c", HOLDER, key], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            running.enter_context(holder)
            running.callback(holder.kill)
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            return holder

        yield start


def test_another_process_is_kept_out_and_told_who_holds_it(hold: Hold) -> None:
    holder = hold("cpu-0")
    with (
        pytest.raises(DeviceBusy, match=rf"device cpu-0 is in use by pid {holder.pid} \(") as refused,
        device_lock("cpu-0", never),
    ):
        pytest.fail("two hold one lock")
    assert "remedy: " in str(refused.value)
    assert not isinstance(refused.value, InfrastructureError)


def test_other_devices_are_free(hold: Hold) -> None:
    hold("cpu-0")
    with device_lock("cpu-1", never), device_lock("GPU-1/../2 ü", never):
        pass


def test_a_killed_holder_holds_nothing(hold: Hold) -> None:
    holder = hold("cpu-0")
    asked = []

    def kill_it() -> bool:
        asked.append(True)
        holder.kill()
        holder.wait()
        return len(asked) < 3

    with device_lock("cpu-0", kill_it):
        assert asked == [True]


def test_waiting_lasts_until_the_holder_lets_go(hold: Hold) -> None:
    holder = hold("cpu-0")
    asked = []

    def third_time() -> bool:
        asked.append(True)
        if len(asked) == 3:
            holder.communicate()
        return True

    with device_lock("cpu-0", third_time):
        assert len(asked) == 3


def test_one_process_has_it_once(folder: Path) -> None:
    with device_lock("cpu-0", never), pytest.raises(DeviceBusy), device_lock("cpu-0", never):
        pytest.fail("two hold one lock")
    with device_lock("cpu-0", never):
        pass


def test_an_error_inside_releases_it_and_is_passed_on(folder: Path) -> None:
    with pytest.raises(OSError, match="of the run"), device_lock("cpu-0", never):
        raise OSError("of the run")
    with device_lock("cpu-0", never):
        pass


def test_folder_and_file_are_open_to_all_users(folder: Path) -> None:
    before = os.umask(0o077)
    try:
        with device_lock("cpu-0", never):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o1777
    assert stat.S_IMODE((folder / "cpu-0.lock").stat().st_mode) == 0o666


def test_a_planted_link_is_not_followed(folder: Path) -> None:
    folder.mkdir()
    victim = folder / "victim"
    victim.write_text("precious")
    (folder / "cpu-0.lock").symlink_to(victim)
    with pytest.raises(InfrastructureError, match="cannot be used"), device_lock("cpu-0", never):
        pytest.fail("a link was followed")
    (folder / "cpu-1.lock").hardlink_to(victim)
    with pytest.raises(InfrastructureError, match=r"no regular file of its own"), device_lock("cpu-1", never):
        pytest.fail("another file was overwritten")
    assert victim.read_text() == "precious"


def test_what_is_no_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    folder.symlink_to(tmp_path)
    with pytest.raises(InfrastructureError, match="no folder"), device_lock("cpu-0", never):
        pytest.fail("a linked folder was used")
    folder.unlink()
    folder.write_text("")
    with pytest.raises(InfrastructureError, match="no folder"), device_lock("cpu-0", never):
        pytest.fail("a file was used as a folder")


@pytest.mark.parametrize(
    "note", ["", "{", "[]", '{"pid": 1}', json.dumps({"pid": "x", "user": "y", "since": "z"}), "\xff" * 5000]
)
def test_a_note_that_cannot_be_read_is_not_believed(folder: Path, note: str) -> None:
    with device_lock("cpu-0", never):
        (folder / "cpu-0.lock").write_text(note, encoding="latin-1")
        with pytest.raises(DeviceBusy, match="somebody who has not said"), device_lock("cpu-0", never):
            pytest.fail("two hold one lock")


def test_a_note_cannot_steer_a_terminal(folder: Path) -> None:
    with device_lock("cpu-0", never):
        note = {"pid": 7, "user": "eve\x1b[2J\n" + "x" * 100, "since": "2026-01-02T03:04:05+00:00"}
        (folder / "cpu-0.lock").write_text(json.dumps(note))
        with pytest.raises(DeviceBusy) as refused, device_lock("cpu-0", never):
            pytest.fail("two hold one lock")
    assert "\x1b" not in refused.value.what
    assert "\n" not in refused.value.what
    assert refused.value.what.endswith("since 2026-01-02 03:04:05 UTC")
    assert len(refused.value.what) < 120


def test_the_folder_is_the_same_whatever_TMPDIR_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GRADER_LOCKS", raising=False)
    before = lock_folder()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert lock_folder() == before
    assert before.name == "dl-course-grader"
