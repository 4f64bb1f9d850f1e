"""The examiner: a warm pytest process that has collected the suites once and forks a child for each submission.

Started by :mod:`grader.grading.examiner_client` as
``python -m grader.grading.examiner CONTROL_FD CLONING_FD CLIENT_PID``. It reads one frame with its settings, starts a
zygote, lets pytest collect, answers ``{"ready": …}``, ``{"task_error": …}`` or ``{"infrastructure": …, "detail": …}``;
then every job frame gets one result frame. Both ends are trusted. Students may see ``infrastructure``, but not
``detail``, which can hold lines of a hidden test.

Each byte on the second socket brings a further one. The examiner forks a clone of itself, with a clone of its zygote,
that serves the new socket from then on and begins by telling its process number: a second worker that costs neither a
start nor the memory of one.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

import pytest

from grader.errors import GraderError, InfrastructureError
from grader.grading.adversaries import AnswerFilter
from grader.grading.verdicts import BrokenHere, Verdict, verdict_of
from grader.model import Environment, Limits, Outcome, SubmissionFiles
from grader.remote import LoadError, RemoteSession
from grader.sandbox import GuestFault, Zygote, open_sandbox
from grader.sandbox.imports import LATE_PARTS, uses_late_parts
from grader.testing.plugin import EXAMINATION, SCORE
from grader.wall import frames
from grader.wall.isolation import PR_SET_PDEATHSIG, prctl
from grader.wall.notebook import to_python
from grader.wall.values import Decoder

# Beyond the guest's own wall limits: host-side work of a suite. A suite takes well under a second.
HOST_SECONDS = 120.0
# New objects between two collections. A suite makes some thousands, and its process ends with it.
COLLECT_AT = 50_000
# Imported by their first use alone: 12 ms in every child that draws a random number.
LOADED_LATE = ("numpy.random", "numpy.linalg", "difflib")


class ExaminerChild:
    """Runs the collected tests against one submission; lives in a forked child."""

    def __init__(self, zygote: Zygote, limits: Limits, job: dict[str, Any]) -> None:
        payload = Decoder(job["buffers"], _plain_data_only).decode(job["payload"])
        cells = payload["cells"]
        self.files = SubmissionFiles(
            payload["name"], payload["entry"], payload["files"], None if cells is None else tuple(map(tuple, cells))
        )
        self._zygote = zygote
        self.session = RemoteSession(zygote, self.files, limits, record=job["record"])
        self.submission = self.session.submission
        self.seed: tuple[object, ...] = ()
        self.job = job
        self._filter: AnswerFilter | None = None
        self._verdict = Verdict(Outcome.NOT_RUN)
        self._phases: list[str] = []

    @functools.cached_property
    def source(self) -> str:
        """The student's code as text that Python can parse; see :func:`parsable_source`."""
        return parsable_source(self.files)

    def examine(self, session: pytest.Session) -> dict[str, Any]:
        """The result message; see the client for its reading. The guest is left to be closed by :meth:`close`."""
        start = time.monotonic()
        result: dict[str, Any] = {"load": None, "cells": [], "outputs": [], "cases": []}
        try:
            loaded = self.session.load()
        except LoadError as error:
            result["load"] = {"outcome": Outcome.ERROR, "message": "", "traceback": str(error.remote)}
        except GuestFault as fault:
            verdict = verdict_of(fault, fault, visible=False)
            result["load"] = {"outcome": verdict.outcome, "message": verdict.message, "traceback": verdict.traceback}
        else:
            result["cells"] = [[error.cell, str(error.error)] for error in loaded.cell_errors]
            result["outputs"] = list(loaded.outputs.items())
        result["output"] = self.session.take_output()
        if result["load"] is None:
            if self.job["adversary"] is not None:
                self._filter = AnswerFilter(self.session, self.job["adversary"])
                self.session.answer_filter = self._filter
            session.config.stash[EXAMINATION] = self  # type: ignore[misc]  # a cached property does for the attribute
            for round_number, seed in enumerate(self.job["seeds"]):
                self.seed = (*self.job["seed"], seed)
                items = session.items
                if round_number:
                    items = [item for item in items if self._repeats(item, round_number)]
                for index, item in enumerate(items):
                    following = items[index + 1] if index + 1 < len(items) else None
                    result["cases"].append(self._run(item, following, seed))
        outcomes = [case["outcome"] for case in result["cases"]]
        if Outcome.KILLED in outcomes or (result["load"] or {}).get("outcome") is Outcome.KILLED:
            # A guest also ends with its zygote. Only where that still forks was the end the submission's own doing.
            self._zygote.spawn().close()
        result["seconds"] = time.monotonic() - start
        return result

    def close(self) -> None:
        """End the guest; InfrastructureError where it does not die."""
        self.session.close()

    def _repeats(self, item: pytest.Item, round_number: int) -> bool:
        rounds = self.job["rounds"].get(test_name(item))
        return draws(item) and (rounds is None or round_number < rounds)

    def _run(self, item: pytest.Item, following: pytest.Item | None, seed: int) -> dict[str, Any]:
        start = time.monotonic()
        self.session.begin_test()
        self._verdict, self._phases = Verdict(Outcome.NOT_RUN), []
        if self._filter is not None:
            self._filter.replaced = 0
        item.stash[SCORE] = -1.0
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if self.session.infrastructure is not None:
            raise self.session.infrastructure
        verdict = self._verdict
        if self._phases == ["setup", "call", "teardown"] and verdict.outcome is Outcome.NOT_RUN:
            verdict = Verdict(Outcome.PASSED)
        if self.session.fault is not None and verdict.outcome is Outcome.PASSED:
            # The test caught the fault; losing the guest is never a pass.
            verdict = verdict_of(self.session.fault, self.session.fault, visible=False)
        part = item.stash[SCORE]
        fraction = 1.0 if verdict.outcome is Outcome.PASSED else 0.0
        if part >= 0.0:
            fraction = part
            if part < 1.0 and verdict.outcome is Outcome.PASSED:
                verdict = Verdict(Outcome.FAILED, "Part of this test is right.")
        return {
            "test": test_name(item),
            "seed": seed,
            "outcome": verdict.outcome,
            "fraction": fraction,
            "message": verdict.message,
            "traceback": verdict.traceback,
            "output": self.session.take_output(),
            "seconds": time.monotonic() - start,
            "replaced": self._filter.replaced if self._filter is not None else 0,
        }

    def record(self, item: pytest.Item, call: pytest.CallInfo[None], *, visible: bool) -> None:
        """Note how one phase of a test ended; the first failure decides."""
        self._phases.append(call.when)
        if call.excinfo is not None and self._verdict.outcome is Outcome.NOT_RUN:
            self._verdict = verdict_of(call.excinfo.value, self.session.fault, visible=visible)
            if self._verdict.outcome is Outcome.NOT_RUN:
                self._phases.append("skipped")


def parsable_source(files: SubmissionFiles) -> str:
    """A module's text as it is; of a notebook the cells that are Python, magics made harmless, for tests that parse it.

    A cell that is no Python did not run in the guest either. Raises nothing, whatever the cells hold.
    """
    if files.cells is None:
        return files.source
    readable = []
    for _number, cell in files.cells:
        for transform in (str, to_python):  # the second imports IPython, 0.3 s: only where it is needed
            try:
                source = transform(cell)
                ast.parse(source)
            except Exception:  # SyntaxError, ValueError; RecursionError and MemoryError for too deep an expression
                continue
            readable.append(source)
            break
    return "\n\n".join(readable)


def _plain_data_only(node: dict[str, Any]) -> NoReturn:
    raise frames.WireError(f"a submission's files hold a {node['k']}")


def test_name(item: pytest.Item) -> str:
    """The test function's name, without a parametrised case's."""
    return getattr(item, "originalname", None) or item.name


def draws(item: pytest.Item) -> bool:
    """Whether a test draws random inputs; one that does not need not be repeated with another seed."""
    return "rng" in getattr(item, "fixturenames", ())


class ExaminerPlugin:
    """pytest's plugin of the examiner."""

    def __init__(self, control: socket.socket, cloning: socket.socket, settings: dict[str, Any]) -> None:
        self._control = control
        self._cloning: socket.socket | None = cloning  # None: this one is a clone
        self._settings = settings
        self._limits = Limits(**settings["limits"])
        self._visible = Path(settings["visible_suite"]).name
        self.answered = False  # whether the client has heard how the start went
        self._zygote_has_clones = False
        self._retired: list[Zygote] = []  # only their clones are used any more
        self._child: ExaminerChild | None = None
        self._zygote: Zygote | None = None
        self._collect_errors: list[str] = []
        self._broken: list[dict[str, str]] = []

    @functools.cached_property
    def _late_parts(self) -> bool:
        """Whether a suite uses what torch loads late. OSError where one cannot be read."""
        suites = (Path(suite).read_text(encoding="utf-8", errors="replace") for suite in self._settings["suites"])
        return any(map(uses_late_parts, suites))

    def start_zygote(self) -> Zygote:
        """Start the zygote where there is none; GraderError where it does not start."""
        if self._zygote is None:
            sandbox = open_sandbox(self._settings["sandbox"])
            environment = Environment(self._settings["environment"])
            # A suite that uses them asks for them in the guest too.
            preload = {*self._settings["preload"], *([LATE_PARTS] if self._late_parts else [])}
            self._zygote = sandbox.start(environment, self._limits, tuple(sorted(preload)), wait=False)
        return self._zygote

    def warm_zygote(self) -> Zygote:
        """The zygote, warm; GraderError where it does not become so."""
        zygote = self.start_zygote()
        zygote.await_ready()
        return zygote

    def _replace_zygote(self) -> None:
        """Have the next submission meet a fresh one. With the old one its clones would end, and what they work on."""
        if self._zygote is not None and self._zygote_has_clones:
            self._zygote.disown()
            self._retired.append(self._zygote)
            self._zygote, self._zygote_has_clones = None, False
        else:
            self.stop_zygote()

    def stop_zygote(self) -> None:
        if self._zygote is not None:
            self._zygote.close()
            self._zygote, self._zygote_has_clones = None, False

    def stop_retired(self) -> None:
        for zygote in self._retired:
            zygote.close()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._collect_errors.append(report.longreprtext)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
        """Record the phase; a report without a representation, which would take longer than the test."""
        if self._child is not None:
            try:
                self._child.record(item, call, visible=item.path.name == self._visible)
            except BrokenHere as error:
                what = f"a test broke down on the grader's side ({error}); the submission is not to blame"
                detail = call.excinfo.exconly() + f"\nin {item.nodeid}" if call.excinfo is not None else ""
                self._broken.append({"infrastructure": what, "detail": detail})
        outcome = "passed" if call.excinfo is None else "failed"
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)  # type: ignore[arg-type]

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In place of pytest's own loop: serve jobs until the client hangs up."""
        if self._collect_errors or not session.items:
            what = "\n".join(self._collect_errors) or "the suites hold no test"
            self.answered = True
            frames.send_frame(self._control, {"task_error": what[:8000]})
            return True
        warm_up(Environment(self._settings["environment"]), late_parts=self._late_parts)
        prepare_items(session)
        gc.collect()
        gc.freeze()
        tests = [test_name(item) for item in session.items]
        self.answered = True
        try:
            self.warm_zygote()
        except GraderError as error:
            frames.send_frame(self._control, {"infrastructure": error.what, "remedy": error.remedy})
            return True
        frames.send_frame(self._control, {"ready": tests})
        while True:
            self._prepare()
            self._make_clones()
            try:
                job, buffers = frames.read_frame(frames.receiver(self._control))
            except EOFError:
                break
            self._examine(session, {**job, "buffers": buffers})
        if self._cloning is None:  # the rest of pytest's life, and its temporary folders, are the first one's
            self.stop_zygote()
            os._exit(0)
        return True

    def _make_clones(self) -> None:
        """Wait for a job, and make clones meanwhile. It returns in each of them too, which serves its own socket."""
        while self._cloning is not None:
            poll = select.poll()
            poll.register(self._control, select.POLLIN)
            poll.register(self._cloning, select.POLLIN)
            ready = {descriptor for descriptor, _event in poll.poll()}
            if self._cloning.fileno() in ready:
                _byte, descriptors, _flags, _address = socket.recv_fds(self._cloning, 1, 1)
                if not descriptors:  # the client has hung up
                    return
                self._clone(self._cloning, socket.socket(fileno=descriptors[0]))
            elif self._control.fileno() in ready:
                return

    def _clone(self, cloning: socket.socket, control: socket.socket) -> None:
        """Fork a clone that serves ``control``."""
        parent = os.getpid()
        try:
            zygote = self.warm_zygote().clone()
            pid = os.fork()
        except (GraderError, OSError) as error:
            self._replace_zygote()  # where it did not fork, it has been ended
            with control, contextlib.suppress(OSError):
                frames.send_frame(control, {"infrastructure": f"an examiner cannot be cloned: {error}"})
            return
        if pid:
            self._zygote_has_clones = True
            zygote.disown()
            zygote.close()  # the clone's, which goes on
            control.close()
            return
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        self.start_zygote().disown()
        self._control.close()
        cloning.close()
        self._cloning = None
        self._control, self._zygote, self._zygote_has_clones = control, zygote, False
        frames.send_frame(control, {"pid": os.getpid()})

    def _prepare(self) -> None:
        """Have a guest forked and isolated while the client stores one result and reads the next submission."""
        try:
            self.warm_zygote().prepare()
        except GraderError:
            self.stop_zygote()  # the next job starts another, and tells why where that fails too

    def _answer(self, result: dict[str, Any]) -> None:
        if "infrastructure" in result:
            frames.send_frame(self._control, result)
        else:  # as a buffer: a frame's text has a tighter bound than the words of a hundred failed cases need
            frames.send_frame(self._control, {}, [json.dumps(result).encode()])

    def _examine(self, session: pytest.Session, job: dict[str, Any]) -> None:
        """Serve one job: fork a child, hand its result on, and then wait until it has ended its guest."""
        try:
            zygote = self.warm_zygote()
        except GraderError as error:
            self._answer({"infrastructure": error.what, "remedy": error.remedy})
            return
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            self._in_child(session, job, writing)
        os.close(writing)
        zygote.disown()  # the prepared guest is the child's
        limits = self._limits
        allowed = HOST_SECONDS + limits.total_wall_seconds + limits.wall_seconds
        try:
            data = read_all(reading, time.monotonic() + allowed)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            data = b""
        finally:
            os.close(reading)
        try:
            result: dict[str, Any] = json.loads(data)
        except ValueError:
            _pid, status = os.waitpid(pid, 0)
            result = {"infrastructure": f"the examiner's child ended without a result (wait status {status})"}
            self._answer(result)
        else:
            self._answer(result)
            self._prepare()  # while the child ends its guest
            _pid, status = os.waitpid(pid, 0)
        if status or "infrastructure" in result:
            self._replace_zygote()  # its state is unknown; the next submission gets a fresh one

    def _in_child(self, session: pytest.Session, job: dict[str, Any], writing: int) -> None:
        """Examine one submission and end the process, whatever happens."""
        code = 1
        try:
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            gc.set_threshold(COLLECT_AT)
            zygote = self.start_zygote()
            self._child = ExaminerChild(zygote, self._limits, job)
            try:
                result = self._child.examine(session)
                if self._broken:
                    result = dict(self._broken[0])
            except InfrastructureError as error:
                result = {"infrastructure": error.what}
            except Exception as error:
                what = f"the examiner failed ({type(error).__name__}); the submission is not to blame"
                result = {"infrastructure": what, "detail": traceback.format_exc(limit=-8)}
            write_all(writing, json.dumps(result).encode())
            os.close(writing)
            self._child.close()  # meanwhile the client goes on
            code = 0
        finally:
            os._exit(code)


def warm_up(environment: Environment, *, late_parts: bool) -> None:
    """Load and run once what the suites' first use would otherwise load lazily in every child.

    :param late_parts: torch's too; see :func:`grader.sandbox.imports.uses_late_parts`.
    """
    for name in LOADED_LATE:
        importlib.import_module(name)
    if environment is Environment.TORCH:
        from grader.wall import warm_torch

        if late_parts:
            warm_torch.late_parts()
        warm_torch.first_steps()


def prepare_items(session: pytest.Session) -> None:
    """Compute once what pytest would compute in every child at each test's first phase, and print nothing there."""
    for item in session.items:
        item.location  # noqa: B018  # kept by the item: 0.2 ms each
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        session.config.pluginmanager.unregister(reporter)


def read_all(descriptor: int, deadline: float) -> bytes:
    """Everything until the other side closes; TimeoutError past the deadline."""
    poll = select.poll()
    parts: list[bytes] = []
    poll.register(descriptor, select.POLLIN)
    while True:
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise TimeoutError
        part = os.read(descriptor, 1 << 20)
        if not part:
            return b"".join(parts)
        parts.append(part)


def write_all(descriptor: int, data: Any) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def pytest_arguments(suites: list[str]) -> list[str]:
    """pytest's command line for these suites, from their own folder: it refuses a path with a bracket.

    Its logging plugin is off: it looks at every logger of the process six times per test, 2 ms with torch's, and what a
    submission logs is in another process anyway. So are those that turn what a thread or a destructor raises into
    warnings, which nobody would read: at the end they collect garbage five times.
    """
    names = [Path(suite).name for suite in suites]
    without = ("cacheprovider", "logging", "unraisableexception", "threadexception")
    arguments = [*names, "-q", "--import-mode=importlib", "--capture=no"]
    for plugin in without:
        arguments += ["-p", f"no:{plugin}"]
    return [*arguments, "-c", os.devnull, f"--rootdir={Path(suites[0]).parent}", "-W", "ignore"]


def main() -> None:
    control, cloning = (socket.socket(fileno=int(number)) for number in sys.argv[1:3])
    for each in (control, cloning):
        os.set_inheritable(each.fileno(), False)
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(sys.argv[3]):
        return  # the client ended before the kernel knew that this process is to end with it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the client decides
    settings, _ = frames.read_frame(frames.receiver(control))
    plugin = ExaminerPlugin(control, cloning, settings)
    try:
        plugin.start_zygote()
        os.chdir(Path(settings["suites"][0]).parent)
        code = pytest.main(pytest_arguments(settings["suites"]), plugins=[plugin])
        if not plugin.answered:  # a conftest.py that cannot be imported, for example; the client reads stderr
            frames.send_frame(control, {"task_error": f"pytest ended with exit code {int(code)}", "see_stderr": True})
    except (GraderError, OSError) as error:
        told = {"infrastructure": f"the examiner failed: {error}", "remedy": "run: grader doctor"}
        if isinstance(error, GraderError):
            told = {"infrastructure": error.what, "remedy": error.remedy}
        with contextlib.suppress(OSError):  # it may be that the client has gone; then there is nobody to tell
            frames.send_frame(control, told)
    finally:
        plugin.stop_zygote()
        plugin.stop_retired()


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # to take torch down piece by piece takes 0.1 s
