"""The opponent: a warm process that has collected the suites and forks a child per submission, without any isolation.

Started as ``python forker.py CONTROL_FD KIND ENVIRONMENT SUITE…`` by :class:`contenders.WarmForker`. Each job frame
names a file; a child loads it as an ordinary module of its own process, runs the collected tests and answers which of
them failed. There are two kinds:

- ``tuned`` is as fast as such a process can be made: warm-up, pytest options, prepared items, frozen and rare
  collections and cheap test reports are the examiner's own. What ours takes beyond it is the price of the wall.
- ``plain`` is what one would write first: pytest as it is, and everything imported and collected before the fork.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
from pathlib import Path

import pytest

from grader.grading.examiner import COLLECT_AT, prepare_items, pytest_arguments, test_name, warm_up
from grader.model import Environment
from grader.wall import frames


class Forker:
    """pytest's plugin of this process."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._lost: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._lost.add(report.location[2].partition("[")[0])

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.warm_up(session)
        frames.send_frame(self._control, {"ready": len(session.items)})
        receive = frames.receiver(self._control)
        while True:
            try:
                job, _ = frames.read_frame(receive)
            except EOFError:
                return True
            reading, writing = os.pipe()
            pid = os.fork()
            if pid == 0:
                self._examine(session, job["file"], writing)
            os.close(writing)
            with os.fdopen(reading, "rb") as answer:
                data = answer.read()
            os.waitpid(pid, 0)
            frames.send_frame(self._control, json.loads(data))

    def warm_up(self, session: pytest.Session) -> None:
        """Before the first fork."""

    def _examine(self, session: pytest.Session, file: str, writing: int) -> None:
        try:
            session.config.option.submission = file
            for item, following in zip(session.items, [*session.items[1:], None], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            os.write(writing, json.dumps({"lost": sorted(self._lost)}).encode())
        finally:
            os._exit(0)


class TunedForker(Forker):
    """As fast as it gets."""

    def __init__(self, control: socket.socket, environment: Environment) -> None:
        super().__init__(control)
        self._environment = environment

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Not needed: the reports' maker has noted what failed."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
        if call.excinfo is not None:
            self._lost.add(test_name(item))
        outcome = "passed" if call.excinfo is None else "failed"
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)  # type: ignore[arg-type]

    def warm_up(self, session: pytest.Session) -> None:
        warm_up(self._environment)
        prepare_items(session)
        gc.collect()
        gc.freeze()
        gc.set_threshold(COLLECT_AT)


def main() -> None:
    control, kind, environment, suites = socket.socket(fileno=int(sys.argv[1])), *sys.argv[2:4], sys.argv[4:]
    if environment == "torch":
        from grader.wall.warm_torch import training_step

        training_step()  # without it every child of either kind would take two more seconds
    if kind == "tuned":
        os.chdir(Path(suites[0]).parent)
        pytest.main(pytest_arguments(suites), plugins=[TunedForker(control, Environment(environment))])
    else:
        arguments = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-c", os.devnull]
        pytest.main([*suites, *arguments, f"--rootdir={Path(suites[0]).parent}"], plugins=[Forker(control)])


if __name__ == "__main__":
    main()
