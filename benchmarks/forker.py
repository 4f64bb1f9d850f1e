"""The opponent: a warm process that has collected the suites and forks a child per submission, without any isolation.

Started as ``python forker.py CONTROL_FD ENVIRONMENT SUITE…`` by :class:`contenders.WarmForker`. Each job frame names a
file; a child loads it as an ordinary module of its own process, runs the collected tests and answers which of them
failed. It is made as fast as such a process can be: the same warm-up, pytest options, frozen collector and cheap test
reports as the examiner has.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
from pathlib import Path

import pytest

from grader.grading.examiner import pytest_arguments, warm_up
from grader.model import Environment
from grader.wall import frames


class Forker:
    """pytest's plugin of this process."""

    def __init__(self, control: socket.socket, environment: Environment) -> None:
        self._control = control
        self._environment = environment
        self._lost: set[str] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
        if call.excinfo is not None:
            self._lost.add(getattr(item, "originalname", None) or item.name)
        outcome = "passed" if call.excinfo is None else "failed"
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)  # type: ignore[arg-type]

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        warm_up(self._environment)
        gc.collect()
        gc.freeze()
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

    def _examine(self, session: pytest.Session, file: str, writing: int) -> None:
        try:
            session.config.option.submission = file
            for item, following in zip(session.items, [*session.items[1:], None], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            os.write(writing, json.dumps({"lost": sorted(self._lost)}).encode())
        finally:
            os._exit(0)


def main() -> None:
    control, environment, suites = socket.socket(fileno=int(sys.argv[1])), sys.argv[2], sys.argv[3:]
    os.chdir(Path(suites[0]).parent)
    pytest.main(pytest_arguments(suites), plugins=[Forker(control, Environment(environment))])


if __name__ == "__main__":
    main()
