"""A real GPU: found, locked, and watched while a child process holds memory on it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gpu_runner.devices import DeviceBusy, find_devices
from gpu_runner.devices.base import Device
from grader.errors import InfrastructureError

pytestmark = pytest.mark.gpu

# Holds so many MiB on the only GPU that it sees, says so, and computes until it is ended.
HOLDER = """
import sys, torch
assert torch.cuda.device_count() == 1
held = torch.zeros(int(sys.argv[1]) * 2**20, dtype=torch.uint8, device="cuda")
torch.cuda.synchronize()
print("held", flush=True)
while True:
    held.add_(1)
    torch.cuda.synchronize()
"""

Hold = Callable[[int], int]


@pytest.fixture(scope="module")
def device() -> Device:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    if torch.version.cuda is None:
        pytest.skip("this PyTorch is built without CUDA")
    try:
        return find_devices("cuda", 1)[0]
    except InfrastructureError as error:
        pytest.skip(f"no CUDA device: {error.what}")


@pytest.fixture
def hold(device: Device) -> Iterator[Hold]:
    """``hold(mib)``: a process, as a guest would be started, that holds device memory and computes."""
    with ExitStack() as running:

        def start(mib: int) -> int:
            process = subprocess.Popen(
                [sys.executable, "-c", HOLDER, str(mib)],
                env={**os.environ, **dict(device.access.variables)},
                stdout=subprocess.PIPE,
                text=True,
            )
            running.enter_context(process)
            running.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            return process.pid

        yield start


def patience() -> Callable[[], bool]:
    """Waits up to ten seconds: NVML shows a process that a test has just ended for a moment longer."""
    tries = iter(range(100))

    def wait() -> bool:
        threading.Event().wait(0.1)
        return next(tries, None) is not None

    return wait


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_LOCKS", str(tmp_path))


def test_memory_and_clocks_are_seen_from_outside(device: Device, hold: Hold) -> None:
    with device.lock(wait=patience()):
        witness = device.watch(hold(100), 4096, lambda why: pytest.fail(why))
        threading.Event().wait(1.0)  # some looks
        seen = witness.stop()
    conditions = seen.conditions
    assert conditions["peak_gpu_memory_mb"] >= 100
    assert conditions["looks"] >= 5
    assert conditions["sm_mhz"]["max"] > 0
    assert conditions["driver"]
    # Whether the card was cool enough is not this test's question; that its own child is no stranger, is.
    assert "computed on the GPU as well" not in seen.disturbed


def test_too_much_memory_is_condemned(device: Device, hold: Hold) -> None:
    condemned = threading.Event()
    words: list[str] = []

    def condemn(why: str) -> None:
        words.append(why)
        condemned.set()

    with device.lock(wait=patience()):
        witness = device.watch(hold(300), 200, condemn)
        assert condemned.wait(10)
        witness.stop()
    assert words[0].startswith("The submission took ")
    assert words[0].endswith(" MiB of GPU memory; 200 MiB are allowed.")
    assert len(words) == 1


def test_what_is_left_is_found_and_then_gone(device: Device) -> None:
    with device.lock(wait=patience()):
        assert device.leftovers() == ""
        with subprocess.Popen(
            [sys.executable, "-c", HOLDER, "100"],
            env={**os.environ, **dict(device.access.variables)},
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "held\n"
                assert device.leftovers() != ""
            finally:
                process.kill()
        assert device.leftovers() == ""


def test_the_device_is_held_against_others(device: Device) -> None:
    with device.lock(wait=patience()), pytest.raises(DeviceBusy), device.lock(wait=lambda: False):
        pytest.fail("two hold one device")


def test_only_existing_files_are_let_through(device: Device) -> None:
    access = device.access
    assert access.driver
    assert access.nodes
    assert all(Path(path).exists() for path in (*access.nodes, *access.folders))
