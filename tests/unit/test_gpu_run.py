"""One timed run through both sandboxes: each way it can end, and what the record says of it."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gpu_runner.draw import Draw, draw
from gpu_runner.run import MAX_POINTS, Curve, failure_of, misfit, run_once, zygote_limits
from grader.errors import InfrastructureError
from grader.model import CurvePoint, Environment, Outcome, SubmissionFiles, TrainingRun
from grader.remote import LoadError, RemoteError, SubmissionFault
from grader.remote.errors import RemoteTraceback
from grader.sandbox import BACKENDS, Guest, GuestKilled, GuestMemory, GuestTimeout, Zygote, open_sandbox
from tests.fakes.device import CENTROIDS, LIMITS, TIMED, FakeDevice, handed_in, stripes

Run = Callable[..., TrainingRun]
PREDICT = "def predict(model, images): return np.zeros(len(images), np.int64)"
TRAIN = "import numpy as np\ndef train(images, labels, *, seed, device): return 1"


@pytest.fixture(scope="module")
def drawn() -> Iterator[Draw]:
    made = draw(stripes(), TIMED, 11)
    yield made
    made.close()


@pytest.fixture(scope="module", params=sorted(BACKENDS))
def zygote(request: pytest.FixtureRequest, drawn: Draw) -> Iterator[Zygote]:
    limits = zygote_limits(LIMITS, drawn.shared_bytes)
    started = open_sandbox(str(request.param)).start(Environment.NUMPY, limits)
    yield started
    started.close()


@pytest.fixture
def device() -> FakeDevice:
    return FakeDevice()


@pytest.fixture
def run(zygote: Zygote, drawn: Draw, device: FakeDevice) -> Run:
    """``run(source, …)``: a submission, or the text of one, run once."""

    def run_one(source: str | SubmissionFiles, hard_stop: float = 20.0, **more: Any) -> TrainingRun:
        files = source if isinstance(source, SubmissionFiles) else handed_in(source)
        limits = zygote_limits(LIMITS, drawn.shared_bytes)
        return run_once(zygote, files, limits, drawn, TIMED, device, hard_stop_seconds=hard_stop, **more)

    return run_one


# a run that passes ----------------------------------------------------------------------------------------------------


def test_a_run_that_passes(run: Run, drawn: Draw, device: FakeDevice) -> None:
    told = run(CENTROIDS)
    assert (told.outcome, told.message, told.traceback, told.accuracy) == (Outcome.PASSED, "", "", 1.0)
    assert (told.seed, told.hidden_images, told.device) == (11, 40, "fake-0")
    assert told.train_seconds is not None
    assert 0 < told.train_seconds < told.seconds < 20
    assert (told.curve, told.disturbed, told.output) == ((), "", "")
    assert told.conditions["temperature"] == 40
    assert told.conditions["versions"]["numpy"] == np.__version__
    assert told.conditions["model"] == device.model
    assert len(told.conditions["code_sha256"]) == 64
    assert [memory for _pid, memory in device.watched] == [TIMED.gpu_memory_mb]


def test_the_codes_hash_is_of_names_and_contents(run: Run) -> None:
    hashes = [
        run(handed_in(CENTROIDS, **helpers)).conditions["code_sha256"]
        for helpers in ({}, {}, {"a": "b = 1"}, {"a": "", "b": ""}, {"ab": ""})
    ]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 4


def test_what_train_and_predict_are_given(run: Run, drawn: Draw) -> None:
    source = """
    import numpy as np
    def train(images, labels, *, seed, device):
        print(type(images).__name__, images.dtype, images.shape, images.flags.writeable, images.flags.c_contiguous)
        print(type(labels).__name__, labels.dtype, labels.shape, sorted(set(labels.tolist())))
        print(type(seed).__name__, seed, device)
        return {"labels": labels}
    def predict(model, images):
        print(type(images).__name__, images.dtype, images.shape, type(model).__name__)
        return np.zeros(len(images), np.int64)
    """
    told = run(source)
    assert told.outcome is Outcome.PASSED
    assert told.output.splitlines() == [
        "ndarray uint8 (80, 4, 4) True True",
        "ndarray int64 (80,) [0, 1, 2, 3]",
        f"int {drawn.given_seed} cpu",
        "ndarray uint8 (40, 4, 4) dict",
    ]
    assert told.accuracy == pytest.approx(float(np.mean(drawn.hidden_labels == 0)))


def test_a_notebook_and_helper_modules(run: Run) -> None:
    cells = ((1, "import numpy as np\nfrom helper import means"), (2, "1 / 0"), (4, CENTROIDS.split("def predict")[0]))
    cells += ((5, "def predict" + CENTROIDS.split("def predict")[1] + "\ntrain = means(train)"),)
    files = {"work.ipynb": b"{}", "helper.py": b"def means(f):\n    print('help'); return f"}
    told = run(SubmissionFiles("work", "work.ipynb", files, cells))
    assert (told.outcome, told.accuracy) == (Outcome.PASSED, 1.0)
    assert told.output == "help\n"


def test_a_model_stays_in_the_guest_whatever_it_is(run: Run) -> None:
    """100 MB of plain arrays, and an object that lies about its class, come back to predict as they were."""
    source = """
    import numpy as np
    def train(images, labels, *, seed, device):
        model = {"big": np.arange(12_500_000.0), "list": [1, (2, {3})], "self": None}
        model["self"] = model
        model["id"] = id(model)
        return model
    def predict(model, images):
        assert id(model) == model["id"] and model["self"] is model and model["big"][-1] == 12_499_999
        return np.zeros(len(images), np.int64)
    """
    told = run(source)
    assert told.outcome is Outcome.PASSED, told
    assert told.seconds < 5


@pytest.mark.parametrize("model", ["None", "3", "'text'", "[]", "np.zeros(3)", "train", "float('nan')"])
def test_models_that_could_cross_the_wall(run: Run, model: str) -> None:
    source = f"""
    import numpy as np
    def train(images, labels, *, seed, device):
        global made
        made = {model}
        return made
    def predict(model, images):
        assert model is made
        return np.zeros(len(images), np.int64)
    """
    assert run(source).outcome is Outcome.PASSED


def test_training_arrays_belong_to_the_submission_alone(run: Run) -> None:
    """Whoever overwrites them spoils his own run, and the next finds them as they were."""
    source = """
    import numpy as np
    def train(images, labels, *, seed, device):
        print(int(images.sum()), int(labels.sum()))
        images[:] = 7; labels[:] = 0
        images += 1
        return int(images.sum())
    def predict(model, images):
        assert model == 8 * 80 * 16
        return np.zeros(len(images), np.int64)
    """
    first, second = run(source), run(source)
    assert first.outcome is second.outcome is Outcome.PASSED, first
    assert first.output == second.output


# each way to fail -----------------------------------------------------------------------------------------------------


def test_an_exception_in_train(run: Run) -> None:
    told = run("def train(images, labels, *, seed, device):\n    return 1 / 0\ndef predict(model, images): pass")
    assert (told.outcome, told.accuracy, told.train_seconds) == (Outcome.ERROR, None, None)
    assert told.message.startswith("train raised ZeroDivisionError: division by zero")
    assert "work.py, line 2, in train" in told.traceback
    assert "grader" not in told.traceback


def test_an_exception_in_predict(run: Run) -> None:
    told = run(TRAIN + "\ndef predict(model, images):\n    return [][0]")
    assert told.outcome is Outcome.ERROR
    assert told.train_seconds is not None
    assert told.message.startswith("predict raised IndexError: list index out of range")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("np.zeros((len(images), 4), np.float32)", r"float32 array of shape \(40, 4\).* Is an argmax over the class"),
        ("np.zeros(len(images) + 1, np.int64)", r"int64 array of shape \(41,\)"),
        ("np.zeros(0, np.int64)", r"int64 array of shape \(0,\)"),
        ("np.zeros((len(images), 1), np.int64)", r"shape \(40, 1\)"),
        ("np.int64(3)", "predict returned int64; it must return the labels"),
        ("np.zeros(len(images), np.int32)", r"an int32 array .* Convert it with \.astype\(np\.int64\)\."),
        ("np.zeros(len(images), '>i8')", r"a >i8 array .* Convert it"),
        ("np.zeros(len(images), bool)", "a bool array .* Convert it"),
        ("np.full(len(images), 'cat')", "a <U3 array .* Convert it"),
        ("np.zeros(len(images), object)", "predict returned ndarray .dtype object.; it must return"),
        ("[0] * len(images)", "predict returned list; it must"),
        ("(i for i in range(len(images)))", "predict returned .*generator; it must"),
        ("None", r"predict returned None; .* Is there a return\?"),
        ("type('Array', (), {'shape': (40,), 'dtype': np.dtype('int64')})()", "predict returned .*Array; it must"),
        ("predict", "predict returned .*function; it must"),
        ("np.ma.masked_all(len(images), np.int64)", "predict returned MaskedArray .dtype int64.; it must"),
    ],
)
def test_predictions_of_the_wrong_form(run: Run, answer: str, said: str) -> None:
    told = run(f"{TRAIN}\ndef predict(model, images): return {answer}")
    assert (told.outcome, told.accuracy) == (Outcome.FAILED, None)
    assert re.search(said, told.message), told.message
    assert told.traceback == ""


def test_labels_that_do_not_exist_are_wrong_answers(run: Run) -> None:
    told = run(f"{TRAIN}\ndef predict(model, images): return np.where(np.arange(len(images)) % 2, -1, 2**62)")
    assert (told.outcome, told.accuracy) == (Outcome.PASSED, 0.0)


def test_a_name_is_missing(run: Run) -> None:
    told = run(TRAIN + "\ndef predicts(model, images): pass")
    assert told.outcome is Outcome.FAILED
    assert told.message == "work.py does not define predict. Did you mean the predicts that it does define?"
    assert told.seconds == 0, "nobody trains for a minute in vain"
    assert "does not define train" in run(PREDICT).message


def test_it_cannot_be_loaded(run: Run) -> None:
    told = run("def train(:\n")
    assert told.outcome is Outcome.ERROR
    assert told.message.startswith("It cannot be loaded: SyntaxError")
    assert "work.py, line 1" in told.traceback
    assert told.seconds == 0


def test_a_device_that_cannot_be_warmed_is_the_graders_failure(run: Run) -> None:
    """Here because the zygote has no PyTorch that finds a GPU; the submission has not been loaded by then."""
    with pytest.raises(InfrastructureError, match="tensorflow cannot compute on the device in a guest") as raised:
        run(f"print('loaded')\n{TRAIN}\n{PREDICT}", warm=("tensorflow",))
    assert raised.value.remedy == "run: grader doctor"


def test_looking_at_train_takes_no_longer_than_loading(zygote: Zygote, drawn: Draw, device: FakeDevice) -> None:
    """No clock runs yet, so a limit must hold for what the submission does when it is asked about its functions."""
    source = f"""
{TRAIN}
{PREDICT}
class Slow:
    def __get__(self, owner, kind):
        import time
        time.sleep(60)
class Lazy:
    __signature__ = Slow()
    def __call__(self, *args, **keywords): return 1
train = Lazy()
"""
    limits = replace(zygote_limits(LIMITS, drawn.shared_bytes), load_wall_seconds=1.0)
    start = time.monotonic()
    told = run_once(zygote, handed_in(source), limits, drawn, TIMED, device, hard_stop_seconds=20.0)
    assert time.monotonic() - start < 10
    assert told.outcome is Outcome.ERROR
    assert told.message.startswith("While it was loaded: No answer after ")
    assert told.seconds == 0


def test_train_with_the_wrong_parameters(run: Run) -> None:
    told = run(f"def train(images, labels): return 1\n{PREDICT}")
    assert told.outcome is Outcome.ERROR
    assert "cannot be called in the way that the assignment describes" in told.message


@pytest.mark.parametrize("where", ["train", "predict"])
def test_sleeping_past_the_hard_stop(run: Run, where: str) -> None:
    source = f"""
    import time
    def train(images, labels, *, seed, device): {"time.sleep(60)" if where == "train" else "return 1"}
    def predict(model, images):
        time.sleep(60)
    """
    start = time.monotonic()
    told = run(source, hard_stop=0.4)
    assert time.monotonic() - start < 5
    assert told.outcome is Outcome.TIMEOUT
    assert told.message.startswith(f"In {where}: No answer after 0.4 seconds")
    assert f"in {where}" in told.traceback
    assert 0.4 <= told.seconds < 3
    assert (told.train_seconds is None) == (where == "train")


def test_log_does_not_stop_the_clock(run: Run) -> None:
    source = f"import numpy as np\ndef train(images, labels, *, seed, device, log):\n    while True: log(1)\n{PREDICT}"
    told = run(source, hard_stop=0.4)
    assert told.outcome is Outcome.TIMEOUT
    assert 0.4 <= told.seconds < 3
    assert len(told.curve) <= MAX_POINTS


def test_the_end_comes_from_outside(run: Run) -> None:
    """What another thread does with the guest that :func:`run_once` tells of."""
    ended: list[Guest] = []

    def end(guest: Guest) -> None:
        ended.append(guest)
        threading.Timer(0.2, lambda: guest.condemn(GuestKilled("The grader was interrupted."))).start()

    source = f"import time\ndef train(images, labels, *, seed, device): time.sleep(60)\n{PREDICT}"
    told = run(source, started=end)
    assert (told.outcome, told.message) == (Outcome.KILLED, "In train: The grader was interrupted.")
    assert 0.1 < told.seconds < 3
    assert len(ended) == 1


def test_too_much_memory(run: Run) -> None:
    source = f"""
import numpy as np
def train(images, labels, *, seed, device):
    kept = []
    while True: kept.append(np.ones(4_000_000))
{PREDICT}"""
    told = run(source)
    assert told.outcome is Outcome.MEMORY
    assert "memory" in told.message.lower()
    assert told.seconds < 20


def test_too_much_device_memory(run: Run, device: FakeDevice) -> None:
    device.greedy = True
    told = run(CENTROIDS)
    assert told.outcome is Outcome.MEMORY
    assert "more GPU memory than it may" in told.message


@pytest.mark.parametrize(
    ("ending", "outcome", "said"),
    [
        ("os._exit(0)", Outcome.KILLED, "process ended in the middle of a call"),
        ("__import__('ctypes').string_at(0)", Outcome.KILLED, "process ended in the middle of a call"),
        ("sys.exit(0)", Outcome.ERROR, "train raised SystemExit"),
        ("raise KeyboardInterrupt", Outcome.ERROR, "train raised KeyboardInterrupt"),
        ("raise MemoryError", Outcome.MEMORY, "MemoryError"),
        ("raise type('OutOfMemoryError', (RuntimeError,), {})('CUDA')", Outcome.MEMORY, "OutOfMemoryError"),
    ],
)
def test_endings(run: Run, ending: str, outcome: Outcome, said: str) -> None:
    told = run(f"import os, sys\ndef train(images, labels, *, seed, device): {ending}\n{PREDICT}")
    assert told.outcome is outcome
    assert said in told.message


def test_a_guest_that_ends_between_train_and_predict_is_not_replaced(run: Run) -> None:
    source = """
    import os, threading, time
    import numpy as np
    def train(images, labels, *, seed, device):
        threading.Thread(target=lambda: (time.sleep(0.001), os._exit(0)), daemon=True).start()
        return 1
    def predict(model, images):
        time.sleep(1)
    """
    for _ in range(3):
        told = run(source)
        assert told.outcome is Outcome.KILLED
        assert told.seconds < 5


def test_printing_without_end(run: Run) -> None:
    source = f"def train(images, labels, *, seed, device):\n    while True: print('x' * 1000)\n{PREDICT}"
    told = run(source, hard_stop=0.5)
    assert told.outcome is Outcome.TIMEOUT
    assert len(told.output) < LIMITS.output_kb * 1024 + 200
    assert "is not kept" in told.output


def test_what_is_left_on_the_device_is_the_graders_failure(run: Run, device: FakeDevice) -> None:
    device.left = ["pid 4711 holds 300 MiB"]
    with pytest.raises(InfrastructureError, match="fake-0 is not free after a run: pid 4711 holds 300 MiB"):
        run(CENTROIDS)


def test_a_disturbed_run_is_kept_although_its_disturber_is_still_there(run: Run, device: FakeDevice) -> None:
    device.left, device.disturbed = ["process 99 computes"], ["process 99 computed"]
    told = run(CENTROIDS)
    assert (told.outcome, told.disturbed) == (Outcome.PASSED, "process 99 computed")


def test_a_disturbance_is_kept_with_the_run(run: Run, device: FakeDevice) -> None:
    device.disturbed = ["somebody computed"]
    told = run(CENTROIDS)
    assert (told.outcome, told.disturbed) == (Outcome.PASSED, "somebody computed")


# the learning curve ---------------------------------------------------------------------------------------------------


def logging(body: str) -> str:
    return f"import numpy as np\ndef train(images, labels, *, seed, device, log):\n    {body}\n{PREDICT}"


def test_points_are_told_as_they_come_and_kept(run: Run) -> None:
    live: list[CurvePoint] = []
    told = run(logging("for n in range(3): log(epoch=n + 1, loss=0.5 / (n + 1), accuracy=0.1 * n)"), tell=live.append)
    assert told.outcome is Outcome.PASSED, told
    assert [(p.epoch, p.loss, p.accuracy) for p in told.curve] == [(1, 0.5, 0), (2, 0.25, 0.1), (3, 0.5 / 3, 0.2)]
    assert tuple(live) == told.curve
    assert 0 <= told.curve[0].seconds <= told.curve[1].seconds <= told.curve[2].seconds <= told.seconds


def test_five_thousand_points(run: Run) -> None:
    told = run(logging("for n in range(5000): log(n, 1.0 / (n + 1))"))
    assert told.outcome is Outcome.PASSED, told.message
    assert MAX_POINTS // 2 <= len(told.curve) <= MAX_POINTS
    epochs = [point.epoch for point in told.curve]
    assert epochs == sorted(epochs)
    assert epochs[0] < 50
    assert epochs[-1] > 4950


def test_whatever_log_is_given(run: Run) -> None:
    """Nothing raises, nothing but numbers crosses, and what is none is left out."""
    body = """
    class Lazy:
        def detach(self): return 4.0
    class Hostile:
        def detach(self): raise ValueError("no")
    log(); log("three", "0.5", [1]); log(np.float32(1.5), np.array(2.5), np.int64(1)); log(np.zeros(3), None, Hostile())
    log(10**400, -10**400, True); log(2, float("nan"), float("inf")); log(Lazy(), loss=Lazy(), learning_rate=0.1)
    log(epoch=np.array([7.0]), loss=b"1", accuracy=1j)
    """
    told = run(logging(body.strip()))
    assert told.outcome is Outcome.PASSED, told.message
    points = [(point.epoch, point.loss, point.accuracy) for point in told.curve]
    assert points[0] == (1, None, None)
    assert points[1] == (2, 0.5, None)
    assert points[2] == (1.5, 2.5, 1)
    assert points[3] == (4, None, None)
    assert points[4] == (5, None, 1)
    assert points[5][0] == 2
    assert math.isnan(points[5][1] or 0)
    assert points[5][2] == math.inf
    assert points[6] == (4, 4, None)
    assert points[7][2] is None


@pytest.mark.parametrize(
    "call",
    [
        "tell()",
        "tell(10**900, 1.0, 1.0)",
        "tell(1, 2, 3, 4, epoch=5)",
        "tell(*'abc')",
        "tell([1], {}, images)",
        "tell._guest.call_back(tell.number, (), {'self': 1})",
    ],
)
def test_the_function_behind_log_takes_anything(run: Run, call: str) -> None:
    body = f"""for cell in log.__closure__:
        if type(cell.cell_contents).__name__ == "Callback":
            tell = cell.cell_contents
            {call}
            return
    raise AssertionError("not found")"""
    told = run(logging(body))
    assert told.outcome is Outcome.PASSED, told.message
    assert len(told.curve) == 1


@pytest.mark.parametrize("signature", ["images, labels, *, seed, device", "images, labels, seed, device, /, log=None"])
def test_who_takes_no_log_is_given_none(run: Run, signature: str) -> None:
    source = f"import numpy as np\ndef train({signature}): return 1\n{PREDICT}"
    told = run(source)
    assert "log" not in told.message
    assert told.outcome is (Outcome.PASSED if "/" not in signature else Outcome.ERROR)


def test_any_keywords_include_log(run: Run) -> None:
    told = run(f"import numpy as np\ndef train(*data, **more): more['log'](1, 0.5); return sorted(more)\n{PREDICT}")
    assert [(point.epoch, point.loss) for point in told.curve] == [(1, 0.5)]


# the parts ------------------------------------------------------------------------------------------------------------


def test_the_curve_keeps_its_shape_while_it_is_thinned() -> None:
    told: list[CurvePoint] = []
    curve = Curve(told.append)
    for number in range(100_000):
        curve.add(number, 1.0, None)
    points = curve.points()
    assert len(told) == 100_000
    assert MAX_POINTS // 2 <= len(points) <= MAX_POINTS
    steps = {int(b.epoch - a.epoch) for a, b in itertools.pairwise(points)}
    assert len(steps) == 1, "evenly spaced"


def test_a_short_curve_is_whole() -> None:
    curve = Curve(lambda _point: None)
    for number in range(MAX_POINTS):
        curve.add(number, math.nan, None)
    assert [point.epoch for point in curve.points()] == list(range(MAX_POINTS))
    assert all(math.isnan(point.loss or 0) for point in curve.points())


LABELS = np.zeros(3, np.int64)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (np.zeros(3, np.int64), ""),
        (np.array([-5, 2**62, 1]), ""),
        (np.zeros(3, np.uint8), "Convert it with .astype(np.int64)."),
        (np.zeros((3, 3)), "Is an argmax over the classes missing?"),
        (np.zeros((2, 3)), "predict returned a float64 array of shape (2, 3)"),
        (np.int64(1), "predict returned int64"),
        (None, "Is there a return?"),
        ({}, "predict returned dict"),
    ],
)
def test_misfits(answer: object, said: str) -> None:
    told = misfit(answer, LABELS)
    assert said in told
    assert (told == "") == (said == "")


def test_a_tensor_is_told_how_to_become_an_array() -> None:
    torch = pytest.importorskip("torch")
    assert misfit(torch.zeros(3), LABELS) == (
        "predict returned a torch tensor; it must return the labels, an int64 array of shape (3,): end with "
        ".cpu().numpy()"
    )


def test_a_tensor_from_a_guest(drawn: Draw) -> None:
    pytest.importorskip("torch")
    limits = replace(zygote_limits(LIMITS, drawn.shared_bytes), memory_mb=1000)
    zygote = open_sandbox("bubblewrap").start(Environment.TORCH, limits)
    try:
        source = "import torch\ndef train(images, labels, **more): return torch.nn.Linear(2, 2)\n"
        source += "def predict(model, images): return torch.zeros(len(images), dtype=torch.int64)"
        told = run_once(zygote, handed_in(source), limits, drawn, TIMED, FakeDevice(), hard_stop_seconds=30)
        assert told.outcome is Outcome.FAILED
        assert "end with .cpu().numpy()" in told.message
        source = source.replace("train(images, labels, **more): return", "train(images, labels, log, **more): return")
        source = source.replace("torch.nn.Linear(2, 2)", "log(torch.tensor(3), torch.tensor(0.5), torch.zeros(4))")
        told = run_once(zygote, handed_in(source), limits, drawn, TIMED, FakeDevice(), hard_stop_seconds=30)
        assert [(p.epoch, p.loss, p.accuracy) for p in told.curve] == [(3, 0.5, None)]
    finally:
        zygote.close()


def remote(kind: str, message: str) -> RemoteTraceback:
    return RemoteTraceback(kind, message, ())


@pytest.mark.parametrize(
    ("error", "trained", "outcome", "said"),
    [
        (GuestTimeout("Too slow."), False, Outcome.TIMEOUT, "In train: Too slow."),
        (GuestMemory("Too much."), True, Outcome.MEMORY, "In predict: Too much."),
        (GuestKilled("Gone."), True, Outcome.KILLED, "In predict: Gone."),
        (LoadError(remote("ImportError", "no")), False, Outcome.ERROR, "It cannot be loaded: ImportError"),
        (
            RemoteError("train raised ValueError: x", remote("ValueError", "x"), ()),
            False,
            Outcome.ERROR,
            "train raised",
        ),
        (RemoteError("out", remote("OutOfMemoryError", "x"), ()), False, Outcome.MEMORY, "out"),
        (RemoteError("out", remote("ResourceExhaustedError", "x"), ()), False, Outcome.MEMORY, "out"),
        (SubmissionFault("nothing there"), False, Outcome.FAILED, "nothing there"),
    ],
)
def test_what_an_exception_stands_for(error: Exception, trained: bool, outcome: Outcome, said: str) -> None:
    told = failure_of(error, trained=trained)
    assert told.outcome is outcome
    assert told.message.startswith(said)


def test_the_limits_of_a_guest_that_trains() -> None:
    limits = zygote_limits(LIMITS, 2**20 + 1)
    assert limits.memory_mb == LIMITS.memory_mb + 2
    assert limits.cpu_seconds == limits.total_wall_seconds == 86_400
    changed = {field.name for field in dataclasses.fields(limits) if "seconds" in field.name} | {"memory_mb"}
    assert {
        field.name for field in dataclasses.fields(limits) if getattr(limits, field.name) != getattr(LIMITS, field.name)
    } == changed - {"load_cpu_seconds", "load_wall_seconds"}
