"""Timed runs on a real GPU: in the box, with its memory capped, with nothing left behind. Run: make gpu-check"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gpu_runner.datasets import Presence, data_folder, find, load_pool, look
from gpu_runner.devices import find_devices
from gpu_runner.devices.base import Device
from gpu_runner.judgement import training_of, verdict_lines
from gpu_runner.session import Session, TimedTask
from grader.cli.timed import timed_task
from grader.course import load_course
from grader.errors import InfrastructureError
from grader.model import Limits, Outcome, SubmissionFiles, Timed
from grader.sandbox import open_sandbox

pytestmark = pytest.mark.gpu

ROOT = Path(__file__).resolve().parents[2]
SEEDS = (11, 12, 13, 14, 15, 16)
RULES = Timed("digits", 1347, 450, 0.9, 5.0, 3.0, 20.0, 30.0, noise=1, gpu_memory_mb=4096)
LIMITS = Limits(memory_mb=8192, processes=256, open_files=1024, disk_mb=512, file_mb=512)
# A small network that lives on the device which it is given.
TRAINS = """
import torch
from torch import nn

def train(images, labels, *, seed, device):
    assert device == "cuda" and torch.cuda.device_count() == 1
    torch.manual_seed(seed)
    x = torch.as_tensor(images, device=device).float().flatten(1) / 16
    y = torch.as_tensor(labels, device=device)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(300):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimiser.step()
    return model

@torch.no_grad()
def predict(model, images):
    return model(torch.as_tensor(images, device="cuda").float().flatten(1) / 16).argmax(1).cpu().numpy()
"""
GREEDY = TRAINS.replace("torch.manual_seed(seed)", "hoard = torch.zeros(8 << 30, dtype=torch.uint8, device=device)")
DAEMON = TRAINS.replace(
    "    torch.manual_seed(seed)\n",
    """    torch.manual_seed(seed)
    import subprocess, sys
    busy = "import torch; a = torch.ones(4096, 4096, device='cuda')\\nwhile True: a @ a"
    subprocess.Popen([sys.executable, "-c", busy], start_new_session=True)
""",
)


@pytest.fixture(scope="module")
def device() -> Iterator[Device]:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    if torch.version.cuda is None:
        pytest.skip("this PyTorch is built without CUDA")
    try:
        found = find_devices("cuda", 1)[0]
    except InfrastructureError as error:
        pytest.skip(f"no CUDA device: {error.what}")
    with found.lock(wait=lambda: False):
        yield found


def script(source: str) -> SubmissionFiles:
    return SubmissionFiles("work", "work.py", {"work.py": source.encode()})


def open_session(device: Device, rules: Timed = RULES) -> Session:
    task = TimedTask("work", rules, LIMITS, script(TRAINS))
    return Session(task, load_pool("digits", None), device, open_sandbox("bubblewrap"), SEEDS)


def test_the_reference_trains_in_the_box(device: Device) -> None:
    with open_session(device) as session:
        first, second = session.run_reference(), session.run_reference()
    assert first.accuracy is not None
    assert first.accuracy > 0.9
    assert second.seconds < 2.0, "context and library handles were not made before the clock started"
    assert first.conditions["versions"]["torch"]


def test_a_submission_that_hoards_device_memory_is_ended(device: Device) -> None:
    with open_session(device) as session:
        session.run_reference()
        (run,) = session.run_submission(script(GREEDY), (), lambda _run: None)
        assert run.outcome is Outcome.MEMORY
        assert device.leftovers() == ""
        session.run_reference()  # the device is as good as before


def test_a_process_left_computing_ends_with_its_run(device: Device) -> None:
    with open_session(device) as session:
        session.run_reference()
        session.run_submission(script(DAEMON), (), lambda _run: None)
        assert device.leftovers() == ""
        assert session.run_reference().disturbed == ""


@pytest.mark.parametrize(("name", "seconds"), [("fashion_mnist_lenet", 5.0), ("cifar10_cnn", 30.0)])
def test_the_references_reach_full_marks(device: Device, name: str, seconds: float) -> None:
    """On a data centre's card: 90 % on Fashion-MNIST within 5 s, and 90 % on CIFAR-10 with room to spare."""
    (assignment,) = (each for each in load_course(ROOT).assignments if each.name == name)
    assert assignment.timed is not None
    folder = data_folder(Path(os.environ["GRADER_DATA"]) if "GRADER_DATA" in os.environ else None)
    if look(find(assignment.timed.dataset), folder).presence is not Presence.PRESENT:
        pytest.skip(f"{assignment.timed.dataset} is not at hand: grader data fetch {assignment.timed.dataset}")
    task = timed_task(assignment, small=False)
    pool = load_pool(assignment.timed.dataset, folder)
    with Session(task, pool, device, open_sandbox("bubblewrap"), SEEDS) as session:
        session.run_reference()
        runs = session.run_submission(task.reference, (), lambda _run: None)
        training = training_of(task.timed, runs, session.references, device.name)
    lines = verdict_lines(task.timed, training)
    assert all(line.earned == line.points for line in lines), [line.message for line in lines]
    assert training.seconds < seconds
