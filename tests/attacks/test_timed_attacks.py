"""Every submission of ``timed/submissions`` attacks a timed run, every one of ``timed/innocent`` only looks like it.

All are run as one class by a real session on scikit-learn's digits, each twice. The head of an attack says what it
tries, what it must not achieve, which lines of the report it may earn (``# earns: accuracy, time``: those and no
others), and where it matters the outcome of its runs, their accuracy and their wall seconds. What an attack has found
although it must not, it prints after the word FOUND.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpu_runner.datasets import Pool, load_pool
from gpu_runner.devices.cpu import CpuDevice
from gpu_runner.devices.find import physical_cores
from gpu_runner.devices.runqueue import counts_waiting
from gpu_runner.judgement import training_of, verdict_lines
from gpu_runner.run import MAX_POINTS, zygote_limits
from gpu_runner.session import MAX_VOID_RUNS, Session, TimedTask
from grader.errors import InfrastructureError
from grader.model import Environment, Limits, Outcome, SubmissionFiles, Timed, TrainingRun
from grader.sandbox import DeviceAccess, Zygote, open_sandbox
from tests.fakes.device import FakeDevice

pytest.importorskip("sklearn", reason="the digits come with scikit-learn, which is not installed")

HERE = Path(__file__).parent / "timed"
SEEDS = (20260901, 20260902, 20260903)  # fixed here, so that the tests do the same each time
# The reference, which attacks import as well. Nearest mean image: it learns within milliseconds and reads 85 % right.
HONEST = """
import numpy as np

def centroids(images, labels):
    return np.stack([images[labels == label].mean(axis=0) for label in range(10)])

def nearest(model, images):
    return ((images[:, None].astype(float) - model[None]) ** 2).sum(axis=(2, 3)).argmin(axis=1)

def train(images, labels, *, seed, device):
    return centroids(images, labels)

predict = nearest
"""
TIMED = Timed(
    dataset="digits",
    train_images=300,
    hidden_images=200,
    full=0.7,
    accuracy_points=5.0,
    time_points=3.0,
    multiple=2.0,
    floor_seconds=1.5,  # honest work takes a twentieth of it, and what shall be late sleeps for longer
    seeds=2,
    max_seeds=3,
    hard_stop=2.0,
    noise=1,
)
LIMITS = Limits(memory_mb=400, disk_mb=16, file_mb=8, output_kb=16)


@dataclass(frozen=True)
class Attack:
    """An attack and the expectations in its head."""

    name: str
    files: SubmissionFiles
    earns: frozenset[str]
    outcomes: tuple[str, ...]
    accuracy: tuple[float, float]
    seconds: float  # at least


def handed_in(name: str, source: str) -> SubmissionFiles:
    """Each has the reference beside it as ``honest.py``."""
    return SubmissionFiles(name, f"{name}.py", {f"{name}.py": source.encode(), "honest.py": HONEST.encode()})


def read_attack(name: str, source: str) -> Attack:
    fields = dict(re.findall(r"^# ([\w ]+): (.*)$", source, re.MULTILINE))
    assert fields["tries"], name
    assert fields["must not"], name
    low, _dots, high = fields.get("accuracy", "0 .. 1").partition(" .. ")
    return Attack(
        name,
        handed_in(name, source),
        frozenset(fields["earns"].split(", ")) - {"nothing"},
        tuple(fields.get("outcome", "passed").split("|")),
        (float(low), float(high)),
        float(fields.get("seconds", "0 ..").partition(" ..")[0]),
    )


# Attacks that are made here, because they hold what was learnt from all digits and their true labels.
WEIGHTS = """
import base64

import numpy as np

WEIGHTS = np.frombuffer(base64.b85decode("{weights}"), np.float16).astype(float).reshape(65, 10)


def recognise(images):
    pixels = images.reshape(len(images), -1) / 16
    return (np.c_[pixels, np.ones(len(images))] @ WEIGHTS).argmax(axis=1)
"""
TRUE_CLASSES = """
# tries: weights that were trained beforehand on all images, hidden ones included, and their true classes
# must not: be worth anything, since classes are renumbered in each run
# earns: time
# accuracy: 0 .. 0.35
def train(images, labels, *, seed, device):
    return None


def predict(model, images):
    return recognise(images)
"""
RENUMBERED = """
# tries: the same weights, and to work out from the training labels how the classes are renumbered
# must not: earn more than the lines that honest training earns
# earns: accuracy, time
def train(images, labels, *, seed, device):
    truth = recognise(images)
    return np.array([np.bincount(labels[truth == digit], minlength=10).argmax() for digit in range(10)])


def predict(model, images):
    return model[recognise(images)]
"""
NEAREST_OF_ALL = """
# tries: to look up the nearest of all images of the data set, which scikit-learn brings along, and its true class
# must not: earn more than the lines that honest training earns
# earns: accuracy, time
import numpy as np
from sklearn.datasets import load_digits

DIGITS = load_digits()
FLAT = DIGITS.images.reshape(-1, 64)


def recognise(images):
    flat = images.reshape(len(images), -1).astype(float)
    return DIGITS.target[((FLAT**2).sum(axis=1) - 2 * flat @ FLAT.T).argmin(axis=1)]
"""


def linear_weights(pool: Pool) -> str:
    """Least squares on all images and true labels, as text for a source file."""
    pixels = np.c_[pool.images.reshape(len(pool.images), -1) / 16, np.ones(len(pool.images))]
    targets = np.eye(10)[pool.labels]
    weights = np.linalg.solve(pixels.T @ pixels + np.eye(65), pixels.T @ targets)
    return base64.b85encode(weights.astype(np.float16).tobytes()).decode()


POOL = load_pool("digits", None)
KNOWING = WEIGHTS.replace("{weights}", linear_weights(POOL))
MADE = {
    "embedded_weights": TRUE_CLASSES + KNOWING,
    "embedded_weights_renumbered": RENUMBERED + KNOWING,
    "nearest_of_all_images": NEAREST_OF_ALL + RENUMBERED.partition("time\n")[2],
}
ATTACKS = [read_attack(path.stem, path.read_text()) for path in sorted((HERE / "submissions").glob("*.py"))]
ATTACKS += [read_attack(name, source) for name, source in MADE.items()]
INNOCENT = {path.stem: handed_in(path.stem, path.read_text()) for path in sorted((HERE / "innocent").glob("*.py"))}
NAMES = [*(attack.name for attack in ATTACKS), *INNOCENT]


class OneZygote:
    """Bubblewrap with one warm process for all; which modules it has imported beforehand is no matter here."""

    name = "bubblewrap"
    guarantees: frozenset[str] = frozenset()

    def __init__(self, access: DeviceAccess) -> None:
        limits = zygote_limits(LIMITS, TIMED.train_images * (64 + 8))
        modules = ("sklearn.datasets", "sklearn.neighbors", "multiprocessing.pool", "concurrent.futures.thread")
        self.zygote = open_sandbox("bubblewrap").start(Environment.NUMPY, limits, modules, access)

    def start(self, *_arguments: Any) -> Zygote:
        return Kept(self.zygote)


class Kept:
    """A zygote that its user does not close."""

    def __init__(self, zygote: Zygote) -> None:
        self._zygote = zygote

    def __getattr__(self, name: str) -> Any:
        return getattr(self._zygote, name)

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Class:
    """What became of all of them."""

    runs: dict[str, list[TrainingRun]]
    references: list[TrainingRun]
    points: dict[str, int]  # of learning curves, as they were told live
    daemons: list[str]  # that were alive after a run


@pytest.fixture(scope="module")
def sandbox() -> Iterator[OneZygote]:
    one = OneZygote(DeviceAccess(cores=(physical_cores()[0],)))
    yield one
    one.zygote.close()


def a_session(sandbox: OneZygote, device: Any = None, timed: Timed = TIMED) -> Session:
    device = device or FakeDevice(access=DeviceAccess(cores=(physical_cores()[0],)))
    task = TimedTask("digits", timed, LIMITS, handed_in("reference", HONEST))
    return Session(task, POOL, device, sandbox, SEEDS)


def daemons() -> list[str]:
    """Processes of this machine that an attack has named so."""
    names = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            names.append(path.read_text().strip())
        except OSError:
            continue
    return [name for name in names if name == "timeddaemon"]


@pytest.fixture(scope="module")
def ran(sandbox: OneZygote) -> Class:
    """All of them, in one session, with the reference first and last."""
    runs: dict[str, list[TrainingRun]] = {}
    told, alive = {}, []
    with a_session(sandbox) as session:
        session.run_reference()
        for name in NAMES:
            files = next((attack.files for attack in ATTACKS if attack.name == name), None) or INNOCENT[name]
            points: list[object] = []
            runs[name] = session.run_submission(files, (), lambda _run: None, points.append)
            told[name] = len(points)
            alive += daemons()
        session.run_reference()
        return Class(runs, session.references, told, alive)


def earned(ran: Class, name: str) -> set[str]:
    lines = verdict_lines(TIMED, training_of(TIMED, ran.runs[name], ran.references, "fake-0"))
    assert all(line.earned in (0, line.points) for line in lines)
    return {line.name for line in lines if line.earned}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack(ran: Class, attack: Attack) -> None:
    runs = ran.runs[attack.name]
    for run in runs:
        assert run.outcome.value in attack.outcomes, run
        assert "FOUND" not in run.output
        assert run.seconds >= attack.seconds
        if run.accuracy is not None:
            assert attack.accuracy[0] <= run.accuracy <= attack.accuracy[1]
    assert earned(ran, attack.name) == attack.earns
    assert len(runs) == (TIMED.seeds if attack.outcomes == ("passed",) else 1)


@pytest.mark.parametrize("name", INNOCENT)
def test_innocent(ran: Class, name: str) -> None:
    assert [(run.outcome, run.message) for run in ran.runs[name]] == [(Outcome.PASSED, "")] * TIMED.seeds
    assert earned(ran, name) == {"accuracy", "time"}


def test_there_are_enough_of_both() -> None:
    assert len(ATTACKS) >= 20
    assert len(INNOCENT) >= 6


def test_everybody_had_the_same_draws(ran: Class) -> None:
    for name, runs in ran.runs.items():
        assert [run.seed for run in runs] == list(SEEDS[: len(runs)]), name


def test_nothing_survives_a_run(ran: Class) -> None:
    """Processes of every attack are gone before the next run begins, and the last reference runs as the first did."""
    assert ran.daemons == []
    first, last = ran.references
    assert (first.outcome, last.outcome) == (Outcome.PASSED, Outcome.PASSED)
    assert (first.accuracy or 0) > TIMED.full
    assert last.seconds < TIMED.floor_seconds
    assert not Path("/tmp/left").exists()
    assert not Path("/dev/shm/left").exists()


def test_the_table_was_a_real_one(ran: Class) -> None:
    """It holds the whole data set, and would find every image but for the jitter."""
    for run in ran.runs["table_by_hash"]:
        assert run.output.splitlines() == [
            "images in the table: 1797",
            "training images found: 0",
            "hidden images found: 0",
        ]


def test_the_hosts_clock_is_right_whatever_the_guests_say(ran: Class) -> None:
    """Against the kernel's own clock, read in the guest from the call of train to the end of predict."""
    errors = []
    for run in ran.runs["patched_clock"]:
        really = float(run.output.split("really ")[1])
        assert run.seconds >= really
        errors.append(run.seconds - really - 0.01 * really)
    assert min(errors) < 0.02


def test_claims_are_shown_and_not_believed(ran: Class) -> None:
    for run in ran.runs["says_it_is_right"]:
        assert [point.accuracy for point in run.curve] == [1.0] * 5
        assert (run.accuracy or 0) < 0.25


def test_a_flood_is_bounded(ran: Class) -> None:
    (run,) = ran.runs["log_flood"]
    assert len(run.curve) <= MAX_POINTS
    assert TIMED.floor_seconds < run.seconds < 2 * TIMED.hard_stop * TIMED.floor_seconds
    assert ran.points["log_flood"] <= 200_000


def test_what_knowing_the_data_gains(ran: Class) -> None:
    """What this design does not prevent.

    Whoever brings knowledge of the whole data set along, as weights or, where its images can be had in the guest, by
    looking up the nearest one, needs ten labelled images to work out how the classes are renumbered, and passes
    without learning anything. The jitter defeats exact tables, the renumbering defeats weights by themselves; nothing
    automatic defeats the three together. What it gains is the marks of a threshold that honest training reaches too,
    and a short time on the leaderboard: no run is worth more than the full marks, and time within the limit earns the
    same whatever it is. What bounds it is ``source_kb`` (a linear model of the digits takes 2 KB, a network for larger
    images a multiple) and that a constant of kilobytes in a source is seen by whoever reads it. Where that is not
    enough, grade on images that students do not have: a data set of the course's own (.npz).
    """
    for name in ("embedded_weights_renumbered", "nearest_of_all_images"):
        assert min(run.accuracy or 0 for run in ran.runs[name]) > TIMED.full
        assert earned(ran, name) == earned(ran, "features_cached_in_tmp")
    assert len(MADE["embedded_weights_renumbered"]) < 4096


# disturbing oneself ---------------------------------------------------------------------------------------------------

CROWD = """
import threading
import time

from honest import centroids, nearest

def spin(end):
    while time.monotonic() < end:
        sum(range(1000))

def train(images, labels, *, seed, device):
    end = time.monotonic() + 0.6
    threads = [threading.Thread(target=spin, args=(end,)) for _ in range(12)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return centroids(images, labels)

predict = nearest
"""
ALONE = CROWD.replace("range(12)", "range(0)").replace("    return centroids", "    spin(end)\n    return centroids")


def test_a_crowd_of_own_threads_is_no_disturbance(sandbox: OneZygote) -> None:
    """Else a submission could make its runs void until one suits it.

    This machine may be busy with other things, now and then, which is a disturbance indeed; so several attempts are
    made. One in which the crowd was judged undisturbed shows that it is not the crowd that counts; a crowd that is
    disturbed in all of them, each time with a quiet run beside it, shows the contrary.
    """
    if not counts_waiting():
        pytest.skip("this kernel does not count how long threads wait for a core")
    core = physical_cores()[0]
    with a_session(sandbox, CpuDevice(0, (core,))) as session:
        quiet: list[str] = []
        for _ in range(4):
            crowd = session._run(handed_in("crowd", CROWD), SEEDS[0], 10.0, lambda _point: None)
            assert crowd.outcome is Outcome.PASSED, crowd.message
            if not crowd.disturbed:
                return
            alone = session._run(handed_in("alone", ALONE), SEEDS[0], 10.0, lambda _point: None)
            if not alone.disturbed:
                quiet.append(crowd.disturbed)
    assert len(quiet) < 4, f"with nobody else on the core, it was held to be disturbed: {quiet}"
    pytest.skip("other processes kept this machine's core busy in every attempt")


def test_void_runs_are_bounded(sandbox: OneZygote) -> None:
    """A submission that is late, on a device that says each time that somebody disturbed it, comes to an end."""
    device = FakeDevice(access=DeviceAccess(cores=(physical_cores()[0],)))
    late = ALONE.replace("+ 0.6", "+ 0.15")
    timed = replace(TIMED, floor_seconds=0.1, multiple=1.01, hard_stop=20.0)
    recorded: list[TrainingRun] = []
    with a_session(sandbox, device, timed) as session:
        session.run_reference()
        device.disturbed = ["somebody else computed"] * 50
        start = time.monotonic()
        with pytest.raises(InfrastructureError, match="disturbed again and again: somebody else computed"):
            session.run_submission(handed_in("late", late), (), recorded.append)
    assert len(recorded) == MAX_VOID_RUNS + 1
    assert {run.seed for run in recorded} == {SEEDS[0]}
    assert time.monotonic() - start < 20
