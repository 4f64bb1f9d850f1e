"""One timed run: a fresh guest, ``train``, ``predict``, and the host's clock around them."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gpu_runner.devices.base import Device, Observed, Witness
from gpu_runner.draw import Draw
from gpu_runner.metrics import METRICS
from grader.errors import InfrastructureError
from grader.model import CurvePoint, Limits, Outcome, SubmissionFiles, Timed, TrainingRun
from grader.remote import (
    LoadError,
    RemoteError,
    SubmissionFault,
    TrainingSession,
    explained,
    fault_outcome,
    read_frames,
)
from grader.sandbox import Guest, GuestFault, GuestMemory, Zygote

# Points of a learning curve that are kept; a screen is not much wider.
MAX_POINTS = 400
# What the kernel counts of a guest's CPU seconds in all; the clock of each run is far stricter.
CPU_SECONDS_IN_ALL = 86_400.0
MIB = 2**20

Tell = Callable[[CurvePoint], object]


def zygote_limits(limits: Limits, shared_bytes: int) -> Limits:
    """The limits of a guest that trains: the task's own memory besides the training data, and no CPU limit to speak of.

    What bounds a run is its wall clock; a GPU's driver and several threads use CPU seconds as they like.
    """
    return dataclasses.replace(
        limits,
        cpu_seconds=CPU_SECONDS_IN_ALL,
        wall_seconds=CPU_SECONDS_IN_ALL,
        total_cpu_seconds=CPU_SECONDS_IN_ALL,
        total_wall_seconds=CPU_SECONDS_IN_ALL,
        memory_mb=limits.memory_mb + -(-shared_bytes // MIB),
    )


def run_once(
    zygote: Zygote,
    files: SubmissionFiles,
    limits: Limits,
    draw: Draw,
    timed: Timed,
    device: Device,
    *,
    warm: tuple[str, ...] = (),
    hard_stop_seconds: float,
    tell: Tell = lambda _point: None,
    started: Callable[[Guest], object] = lambda _guest: None,
) -> TrainingRun:
    """Train and predict once.

    :param limits: from :func:`zygote_limits`; those that the zygote was started with.
    :param warm: frameworks whose GPU context is made before the submission is loaded.
    :param hard_stop_seconds: wall seconds from the call of train after which the run is ended.
    :param tell: called with each point of the learning curve as it comes.
    :param started: called with the guest before it trains, so that another thread can end it.
    Raises InfrastructureError where the sandbox or the device fails; whatever the submission does is in the result.
    """
    curve = Curve(tell)
    session = TrainingSession(zygote, files, limits, shared=(draw.images,), warm=warm)
    witness: Witness | None = None
    start = end = train_seconds = None
    failure: Failure | None = None
    answer: Any = None
    try:
        session.load()
        session.deadline = time.monotonic() + limits.load_wall_seconds  # for what it does when it is asked about itself
        keywords: dict[str, Any] = {"seed": draw.given_seed, "device": device.kind}
        if session.accepts("train", "log"):
            keywords["log"] = curve.add
        _ = session.submission.predict  # a missing name is told before a minute of training
        guest = session.guest
        if guest is None:
            raise InfrastructureError("a run without a guest")
        started(guest)
        witness = device.watch(guest.pid, timed.gpu_memory_mb, lambda words: guest.condemn(GuestMemory(words)))
        start = curve.start = time.monotonic()
        session.deadline = start + hard_stop_seconds
        model = session.run("train", (draw.images, draw.labels), keywords, keep=True)
        train_seconds = time.monotonic() - start
        answer = session.run("predict", (model, draw.hidden_images), {}, keep=False)
        end = time.monotonic()
    except (GuestFault, LoadError, SubmissionFault) as error:
        end = time.monotonic()
        failure = failure_of(error, started=start is not None, trained=train_seconds is not None)
    finally:
        try:
            session.close()
        finally:
            observed = Observed() if witness is None else witness.stop()
    left = device.leftovers()
    if left and not observed.disturbed:  # where it was, the run is kept, and void if it lost anything
        raise InfrastructureError(f"{device.name} is not free after a run: {left}", remedy="look at it with nvidia-smi")
    accuracy = None
    if failure is None:
        said = misfit(answer, draw.hidden_labels)
        if said:
            failure = Failure(Outcome.FAILED, said)
        else:
            accuracy = METRICS[timed.metric](draw.hidden_labels, answer, draw.classes)
    return TrainingRun(
        seed=draw.seed,
        outcome=Outcome.PASSED if failure is None else failure.outcome,
        seconds=0.0 if start is None or end is None else end - start,
        accuracy=accuracy,
        hidden_images=len(draw.hidden_labels),
        device=device.name,
        train_seconds=train_seconds,
        message="" if failure is None else failure.message,
        traceback="" if failure is None else failure.traceback,
        output=session.take_output(),
        curve=curve.points(),
        disturbed=observed.disturbed,
        conditions={**observed.conditions, **_provenance(zygote.versions, files, device)},
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Failure:
    """Why a run gave no predictions that can be judged."""

    outcome: Outcome
    message: str
    traceback: str = ""


def failure_of(error: Exception, *, started: bool = True, trained: bool) -> Failure:
    """What an exception of the guest's stands for.

    :param started: whether ``train`` had been called; before, no clock ran that could have stopped the run.
    :param trained: whether ``train`` had returned.
    """
    if isinstance(error, GuestFault):
        where = "predict" if trained else "train"
        frames = "\n".join(map(str, read_frames(error.where)))
        if not started:
            outcome = fault_outcome(error)
            outcome = Outcome.ERROR if outcome is Outcome.TIMEOUT else outcome
            return Failure(outcome, f"While it was loaded: {error}", frames)
        return Failure(fault_outcome(error), f"In {where}: {error}", frames)
    if isinstance(error, LoadError):
        said = f"It cannot be loaded: {error.remote.type_name}"
        return Failure(Outcome.ERROR, explained(said, error.remote.type_name), str(error.remote))
    if isinstance(error, RemoteError):
        outcome = Outcome.MEMORY if _out_of_memory(error) else Outcome.ERROR
        return Failure(outcome, explained(error.public, error.remote.type_name), str(error.remote))
    assert isinstance(error, SubmissionFault)
    return Failure(Outcome.FAILED, error.public)


def _out_of_memory(error: RemoteError) -> bool:
    return isinstance(error, MemoryError) or error.remote.type_name in ("OutOfMemoryError", "ResourceExhaustedError")


def misfit(answer: Any, labels: np.ndarray) -> str:
    """What is wrong with the form of predictions, in words for the student; empty: nothing.

    >>> misfit(np.zeros((3, 10), np.float32), np.zeros(3, np.int64))
    'predict returned a float32 array of shape (3, 10); it must return the labels, an int64 array of shape (3,). \
Is an argmax over the classes missing?'
    """
    wanted = f"it must return the labels, an int64 array of shape ({len(labels)},)"
    if not isinstance(answer, np.ndarray):
        kind = type(answer)
        if kind.__module__.startswith("torch"):
            return f"predict returned a torch tensor; {wanted}: end with .cpu().numpy()"
        name = getattr(answer, "remote_type", None) or ("None" if answer is None else kind.__name__)
        return f"predict returned {name}; {wanted}." + (" Is there a return?" if answer is None else "")
    article = "an" if str(answer.dtype).startswith("int") else "a"
    said = f"predict returned {article} {answer.dtype} array of shape {answer.shape}; {wanted}."
    if answer.ndim == 2 and len(answer) == len(labels):
        return f"{said} Is an argmax over the classes missing?"
    if answer.shape != labels.shape:
        return said
    return "" if answer.dtype == np.int64 else f"{said} Convert it with .astype(np.int64)."


class Curve:
    """The points of a learning curve; where there are too many, every other one is let go."""

    def __init__(self, tell: Tell) -> None:
        self.start = 0.0
        self._tell = tell
        self._points: list[CurvePoint] = []
        self._every = 1
        self._count = 0

    def add(self, /, *told: Any, **_more: Any) -> None:
        """What the guest's ``log`` calls with epoch, loss and accuracy.

        A submission can reach the function behind ``log`` and call it in any way; whatever is no number is taken for
        none, for an exception here would be ours.
        """
        self._count += 1
        epoch, loss, accuracy = [_number(value) for value in (*told, None, None, None)[:3]]
        point = CurvePoint(
            float(self._count) if epoch is None else epoch, loss, accuracy, time.monotonic() - self.start
        )
        self._tell(point)
        if self._count % self._every:
            return
        self._points.append(point)
        if len(self._points) > MAX_POINTS:
            del self._points[::2]
            self._every *= 2

    def points(self) -> tuple[CurvePoint, ...]:
        return tuple(self._points)


def _number(value: Any) -> float | None:
    try:
        return float(value) if isinstance(value, (int, float)) else None
    except OverflowError:  # an int of thousands of digits
        return None


def _provenance(versions: Mapping[str, str], files: SubmissionFiles, device: Device) -> dict[str, Any]:
    digest = hashlib.sha256()
    for path, data in sorted(files.files.items()):
        digest.update(b"%d:%b%d:" % (len(path.encode()), path.encode(), len(data)))
        digest.update(data)
    return {"versions": dict(versions), "code_sha256": digest.hexdigest(), "model": device.model}
