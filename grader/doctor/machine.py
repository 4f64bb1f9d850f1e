"""Probes of Python, the system, temporary files and the GPU."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile

from grader.doctor.finding import Finding, State
from grader.doctor.packages import OURS, installed_version

OLDEST_PYTHON = (3, 11)
MIB = 2**20
# Temporary files hold what the warm processes say, and what submissions write under `grader check`: a few MiB.
NEEDED_MIB = 64
COMFORTABLE_MIB = 1024

ON_CPU = "timed training tasks then run on the CPU"
NVIDIA_SMI_SECONDS = 30.0  # a driver that is just being loaded takes ten
# Importing torch with CUDA takes 5 s, from a cold disk far longer.
TORCH_SECONDS = 120.0
ASK_NVIDIA_SMI = ("--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
ASK_TORCH = "import torch; print(torch.cuda.is_available(), torch.__version__)"


def python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> Finding:
    """Whether this Python is new enough."""
    shown = ".".join(map(str, version))
    if version[:2] < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        return Finding("Python", State.PROBLEM, f"{shown} is too old", f"use Python {oldest} or newer")
    return Finding("Python", State.OK, f"{shown}, {sys.executable}")


def our_version() -> Finding:
    """The installed version; without an installation pytest does not find our plugin."""
    try:
        version = importlib.metadata.version(OURS)
    except importlib.metadata.PackageNotFoundError:
        return Finding("grader", State.PROBLEM, f"{OURS} is not installed in this Python", f"pip install {OURS}")
    return Finding("grader", State.OK, version)


def system(name: str = sys.platform) -> Finding:
    """The sandbox is made of the Linux kernel's namespaces."""
    if not name.startswith("linux"):
        return Finding("system", State.PROBLEM, f"{name}: grading needs Linux", "use Linux, a virtual machine or WSL 2")
    return Finding("system", State.OK, f"Linux {platform.release()}, {platform.machine()}, {os.cpu_count()} cores")


def temporary_files() -> Finding:
    """Whether temporary files can be written, and how much room there is."""
    name = "temporary files"
    try:
        folder = tempfile.gettempdir()
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
            file.flush()
    except OSError as error:
        return Finding(name, State.PROBLEM, f"cannot be written: {error}", "make room, or set TMPDIR to another folder")
    free = shutil.disk_usage(folder).free // MIB
    detail = f"{folder}: {free:,} MiB free"
    if free < NEEDED_MIB:
        return Finding(name, State.PROBLEM, detail, f"make room: at least {NEEDED_MIB} MiB")
    if free < COMFORTABLE_MIB:
        return Finding(name, State.NOTE, detail, "make room before you grade a large class")
    return Finding(name, State.OK, detail)


def gpu() -> Finding:
    """GPUs by nvidia-smi; torch is asked, in a process of its own, only where there is one. Never a problem."""
    executable = shutil.which("nvidia-smi")
    if executable is None:
        return Finding("GPU", State.NOTE, f"none; {ON_CPU}")
    try:
        found = "; ".join(_output([executable, *ASK_NVIDIA_SMI], NVIDIA_SMI_SECONDS).splitlines())
    except OSError as error:
        detail = f"none in working order, since nvidia-smi fails ({error}); {ON_CPU}"
        return Finding("GPU", State.NOTE, detail, "if there is a GPU: install its driver again")
    if not found:
        return Finding("GPU", State.NOTE, f"none; {ON_CPU}")
    if installed_version("torch") is None:
        return Finding("GPU", State.NOTE, f"{found}; torch is not installed to use it", "install torch for CUDA")
    try:
        usable, _, version = _output([sys.executable, "-c", ASK_TORCH], TORCH_SECONDS).partition(" ")
    except OSError as error:
        return Finding("GPU", State.NOTE, f"{found}; torch cannot be imported ({error})", "install torch again")
    if usable != "True":
        detail = f"{found}; torch {version} cannot use it: {ON_CPU}"
        return Finding("GPU", State.NOTE, detail, "install torch for the CUDA version of this driver")
    return Finding("GPU", State.OK, f"{found}; torch {version} uses it")


def _output(command: list[str], seconds: float) -> str:
    """What a command prints; OSError with its last line where it fails or takes too long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=True)
    except subprocess.TimeoutExpired:
        raise OSError(f"no answer within {seconds:.0f} s") from None
    except subprocess.CalledProcessError as error:
        lines = f"{error.stdout}\n{error.stderr}".split("\n")
        said = [line.strip() for line in lines if line.strip()]
        raise OSError(said[-1] if said else f"exit code {error.returncode}") from None
    return done.stdout.strip()
