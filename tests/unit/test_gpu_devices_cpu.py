"""CPU cores as devices: what counts as disturbed, with counted times made up and once with real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gpu_runner.devices import describe_devices, find_devices, runqueue
from gpu_runner.devices.cpu import CpuDevice, processor_model
from gpu_runner.devices.locks import DeviceBusy
from gpu_runner.devices.runqueue import RunQueue, Ticket, Waiting, counts_waiting, verdict
from gpu_runner.devices.sampling import Sampler
from grader.errors import UsageError

Spin = Callable[[int], int]
MAIN, SECOND, THIRD = (10, 10), (10, 11), (12, 12)
# Keeps one core busy with some processes and says when they have begun. Threads would wait for Python's lock instead.
SPIN = """
import ctypes, os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
parent = os.getpid()
for _ in range(int(sys.argv[2]) - 1):
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(1, 9)  # ends with its parent (PR_SET_PDEATHSIG, SIGKILL)
        while os.getppid() == parent:
            pass
        os._exit(0)
print("spinning", flush=True)
while True:
    pass
"""


def waited(*looks: dict[tuple[int, int], tuple[float, float]]) -> Waiting:
    """Looks at one second's distance; each thread's seconds run and waited so far."""
    waiting = Waiting()
    for at, threads in enumerate(looks):
        waiting.add(100.0 + at, {thread: Ticket(*seconds) for thread, seconds in threads.items()})
    return waiting


def test_waiting_for_others_counts() -> None:
    waiting = waited({MAIN: (5.0, 1.0)}, {MAIN: (5.5, 1.5)}, {MAIN: (6.0, 2.0)})
    assert waiting.seconds == pytest.approx(2.0)
    assert waiting.worst == pytest.approx(1.0)  # not the 1 s before the watch


def test_waiting_for_own_threads_does_not_count() -> None:
    waiting = waited({MAIN: (0.0, 0.0), SECOND: (0.0, 0.0)}, {MAIN: (0.5, 0.5), SECOND: (0.5, 0.5)})
    assert waiting.worst == 0.0
    shares = dict.fromkeys((MAIN, SECOND, THIRD), (1 / 3, 2 / 3))
    assert waited(dict.fromkeys(shares, (0.0, 0.0)), shares).worst == pytest.approx(0.0)


def test_what_exceeds_own_threads_counts() -> None:
    # Three share the core; one of them is a stranger.
    waiting = waited({MAIN: (0.0, 0.0), SECOND: (0.0, 0.0)}, {MAIN: (1 / 3, 2 / 3), SECOND: (1 / 3, 2 / 3)})
    assert waiting.worst == pytest.approx(1 / 3)


def test_own_work_while_another_thread_sleeps_excuses_no_stranger() -> None:
    # In the first second the second thread works and the main thread sleeps; in the next a stranger holds both up.
    waiting = waited(
        {MAIN: (0.0, 0.0), SECOND: (0.0, 0.0)},
        {MAIN: (0.0, 0.0), SECOND: (1.0, 0.0)},
        {MAIN: (0.4, 0.6), SECOND: (1.0, 0.0)},
    )
    assert waiting.worst == pytest.approx(0.6)


def test_own_work_of_a_short_last_stretch_excuses_no_stranger() -> None:
    waiting = Waiting()
    for at, own, others in ((0.0, 0.0, 0.0), (1.0, 0.4, 0.6), (1.1, 0.4, 0.6)):
        second = Ticket(10 * max(0.0, at - 1.0), 0.0)  # runs at the end only, while the main thread sleeps
        waiting.add(at, {MAIN: Ticket(own, others), SECOND: second})
    assert waiting.worst == pytest.approx(0.6)


def test_intervals_in_which_threads_come_and_go_are_not_judged() -> None:
    waiting = waited(
        {MAIN: (0.0, 0.0)},
        {MAIN: (0.1, 0.9), THIRD: (0.1, 0.1)},  # came
        {MAIN: (0.2, 1.8)},  # went
        {MAIN: (0.1, 2.0)},  # another with the same number
        {MAIN: (0.8, 2.3)},
    )
    assert waiting.unjudged == pytest.approx(3.0)
    assert waiting.seconds == pytest.approx(4.0)
    assert waiting.worst == pytest.approx(0.3)


def test_no_short_lived_processes_bring_a_verdict_about() -> None:
    """A guest that alone has its core, and starts processes that live for a part of the time, wherever looks fall."""
    for tenths in range(1, 10):
        part, period = tenths / 10, 0.037  # of a second; no multiple of the distance between looks
        waiting = Waiting()
        for look in range(3000):
            at = look * 0.1
            begun, phase = divmod(at, period)
            busy = begun * part * period + min(phase, part * period)  # seconds in which children ran so far
            threads = {MAIN: Ticket(at - busy, busy)}
            if phase < part * period:
                threads[100 + int(begun), 100 + int(begun)] = Ticket(phase, 0.0)
            waiting.add(at, threads)
        assert verdict(waiting.worst, 0.0, waiting.seconds) == "", part


@pytest.mark.parametrize(
    ("waited_seconds", "stolen", "seconds", "words"),
    [
        (0.0, 0.0, 10.0, None),
        (1.9, 0.0, 10.0, None),
        (2.1, 0.0, 10.0, "other processes ran on the core for 2.10 s"),
        (0.0, 2.1, 10.0, "the hypervisor took the core away for 2.10 s"),
        (1.5, 1.0, 10.0, "1.50 s while the submission waited for it and the hypervisor"),
        (0.015, 0.0, 0.05, None),  # within what the clock of stolen time can tell
        (0.0, 0.0, 0.0, None),
    ],
)
def test_verdict(waited_seconds: float, stolen: float, seconds: float, words: str | None) -> None:
    sentence = verdict(waited_seconds, stolen, seconds)
    assert (sentence == "") if words is None else (words in sentence and f"of {seconds:.2f} s" in sentence)


def test_a_kernel_that_does_not_count_is_no_witness(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runqueue, "counts_waiting", lambda: False)
    monkeypatch.setattr(runqueue, "threads_of", lambda pid: {MAIN: Ticket(0.0, 1e9 * time.monotonic())})
    monkeypatch.setattr(runqueue, "stolen_seconds", lambda cores: 0.0)
    queue = RunQueue(os.getpid(), (0,))
    queue.look()
    queue.look()
    assert queue.disturbed() == ""
    conditions = queue.conditions()
    assert conditions["waiting_counted_by"] == "nobody"
    assert "waiting_seconds" not in conditions


# --- real processes ---------------------------------------------------------------------------------------------------


@pytest.fixture
def core() -> int:
    if not counts_waiting():
        pytest.skip("this kernel counts no run-queue waiting (/proc/self/schedstat)")
    return max(os.sched_getaffinity(0))


@pytest.fixture
def spin(core: int) -> Iterator[Spin]:
    """``spin(count)``: so many processes, one of them the others' parent, keep the core busy."""
    with ExitStack() as running:

        def start(count: int) -> int:
            process = subprocess.Popen(
                [sys.executable, "-c", SPIN, str(core), str(count)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            running.enter_context(process)
            running.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "spinning\n"
            return process.pid

        yield start


def until(queue: RunQueue, seconds: float) -> None:
    """Look until the guest has used some CPU seconds, at least."""
    deadline = time.monotonic() + 20
    queue.look()
    while queue.conditions()["cpu_seconds"] < seconds:
        assert time.monotonic() < deadline, "the guest hardly runs"
        threading.Event().wait(0.05)
        queue.look()


def test_a_competitor_on_the_core_is_seen(core: int, spin: Spin) -> None:
    guest = spin(1)
    spin(1)
    queue = RunQueue(guest, (core,))
    until(queue, 0.4)
    # Of a core that two share, each waits at least about as long as it runs; others on this machine only add to that.
    assert "other processes ran on the core" in queue.disturbed()
    assert queue.conditions()["waiting_seconds"] > 0.2


def test_own_processes_do_not_disturb(core: int, spin: Spin) -> None:
    """Others on this machine may disturb it, so what is compared is the guest's own count with what it was charged."""
    guest = spin(4)
    queue = RunQueue(guest, (core,))
    queue.look()
    before = runqueue.threads_of(guest)
    assert len(before) == 4
    until(queue, 0.4)
    after = runqueue.threads_of(guest)
    own = max(after[thread].waited - before[thread].waited for thread in before)
    ran = [after[thread].ran - before[thread].ran for thread in before]
    assert own > 0.2  # they did wait, for one another
    # What they waited for one another, three quarters of what they ran, is not charged; a third of that for the clocks.
    assert queue.conditions()["waiting_seconds"] < own - 0.5 * sum(ran)


def test_the_witness_tells_what_the_run_was_like(core: int) -> None:
    witness = CpuDevice(core, (core,)).watch(os.getpid(), 0, lambda why: pytest.fail(why))
    held = bytearray(os.urandom(1) * 2**20)
    seen = witness.stop()
    assert held
    assert {"kernel", "python", "load_average", "cpu_seconds", "waiting_seconds", "stolen_seconds"} <= set(
        seen.conditions
    )
    assert seen.conditions["peak_memory_mb"] > 1
    assert seen.conditions["waiting_counted_by"] == "schedstat"


def test_a_guest_that_has_ended_can_still_be_told_of() -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    seen = CpuDevice(0, (0,)).watch(process.pid, 0, lambda why: pytest.fail(why)).stop()
    assert seen.conditions["peak_memory_mb"] == 0


def test_a_failed_look_is_passed_on() -> None:
    looks = []
    failed = threading.Event()

    def look() -> None:
        looks.append(True)
        if len(looks) == 2:
            failed.set()
            raise ValueError("of the second look")

    sampler = Sampler(look)
    assert failed.wait(20)
    with pytest.raises(ValueError, match="of the second look"):
        sampler.stop()


# --- devices ----------------------------------------------------------------------------------------------------------


def test_a_core_is_locked_by_its_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_LOCKS", str(tmp_path))
    both = CpuDevice(0, (4, 3))
    with (
        both.lock(wait=lambda: False),
        pytest.raises(DeviceBusy, match="cpu-3"),
        CpuDevice(1, (3,)).lock(wait=lambda: False),
    ):
        pytest.fail("a core was locked twice")
    with CpuDevice(1, (3,)).lock(wait=lambda: False):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cpu-3.lock", "cpu-4.lock"]


def test_a_core_device() -> None:
    device = CpuDevice(2, (2,))
    assert (device.name, device.kind, device.access.cores) == ("cpu-2", "cpu", (2,))
    assert device.model == f"{processor_model()}, 1 thread"
    assert device.leftovers() == ""


def test_cpu_devices_are_one_for_each_core_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpu_runner.devices.find.physical_cores", lambda: [1, 3, 5])
    assert [device.name for device in find_devices("cpu")] == ["cpu-1"]
    assert [device.name for device in find_devices("cpu", 2)] == ["cpu-1", "cpu-3"]
    assert [device.name for device in find_devices("cpu", 9)] == ["cpu-1", "cpu-3", "cpu-5"]


@pytest.mark.parametrize(("kind", "workers"), [("tpu", None), ("cpu", 0), (None, -1)])
def test_devices_that_cannot_be(kind: str | None, workers: int | None) -> None:
    with pytest.raises(UsageError):
        find_devices(kind, workers)


def test_the_machine_is_described() -> None:
    assert describe_devices().startswith("cpu: ")
