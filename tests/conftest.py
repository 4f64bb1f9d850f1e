"""Fixtures that several folders of tests share. Hypothesis runs the same examples every time, without a clock."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

from grader.model import Environment, Limits, SubmissionFiles
from grader.remote import RemoteSession
from grader.sandbox import Zygote, open_sandbox

# Suites and submissions that the tests hand to the grader; they are no tests of ours.
collect_ignore = ["attacks/course", "attacks/submissions", "attacks/innocent"]

settings.register_profile("same every time", derandomize=True, deadline=None, database=None)
settings.load_profile("same every time")

# Warm processes fork after they have computed, which only works on one thread.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# Small, so that abuse ends soon; the wall limit leaves room for a busy machine.
SMALL = Limits(
    cpu_seconds=1.0,
    wall_seconds=6.0,
    load_cpu_seconds=3.0,
    load_wall_seconds=20.0,
    total_cpu_seconds=20.0,
    total_wall_seconds=60.0,
    memory_mb=200,
    processes=16,
    open_files=64,
    file_mb=4,
    disk_mb=8,
    output_kb=16,
)

StartZygote = Callable[..., Zygote]
OpenSession = Callable[..., RemoteSession]


@pytest.fixture(scope="session")
def start_zygote() -> Iterator[StartZygote]:
    """``start_zygote(backend, environment, limits)``: a warm process, shared by all tests that ask for the same."""
    started: dict[tuple[str, Environment, Limits], Zygote] = {}

    def start(backend: str, environment: Environment = Environment.NUMPY, limits: Limits = SMALL) -> Zygote:
        key = (backend, environment, limits)
        if key not in started:
            started[key] = open_sandbox(backend).start(environment, limits)
        return started[key]

    yield start
    for zygote in started.values():
        zygote.close()


@pytest.fixture
def open_session(start_zygote: StartZygote) -> Iterator[OpenSession]:
    """``open_session(source, …)``: a session with a guest of its own, ended after the test."""
    opened: list[RemoteSession] = []

    def open_one(
        source: str,
        *,
        backend: str = "subprocess",
        environment: Environment = Environment.NUMPY,
        limits: Limits = SMALL,
        helpers: dict[str, str] | None = None,
    ) -> RemoteSession:
        files = {"work.py": textwrap.dedent(source).encode("utf-8")}
        files |= {name: textwrap.dedent(text).encode("utf-8") for name, text in (helpers or {}).items()}
        zygote = start_zygote(backend, environment, limits)
        session = RemoteSession(zygote, SubmissionFiles("work", "work.py", files), limits)
        opened.append(session)
        return session

    yield open_one
    for session in opened:
        session.close()
