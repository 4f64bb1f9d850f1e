"""Autograding a class whose tests stand in the notebooks: every cell is executed, in several warm shells at once."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import queue
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from nbgrader import utils  # type: ignore[import-untyped]

from grader.errors import InfrastructureError, UnreadableSubmission
from grader.grading.content_key import own_version
from grader.nbgrader_plugin.class_run import Due, NotAutograded, Receive, Records, only, settled
from grader.nbgrader_plugin.execute import SandboxedExecute
from grader.nbgrader_plugin.folders import GRADED, AssignmentFolders, HandIn
from grader.nbgrader_plugin.gradebook import ClassGradebook
from grader.nbgrader_plugin.steps import Steps
from grader.nbgrader_plugin.unreadable import problem_of, read_notebook, unreadable_page

EXECUTION = "NBGRADER_EXECUTION"


class ClassicRun:
    """An assignment whose notebooks are executed, in the sandbox."""

    def __init__(self, converter: Any, gradebook: ClassGradebook, name: str) -> None:
        """Read what was released.

        :param converter: nbgrader's Autograde, configured.
        :raises UsageError: nothing was released under this name, or the configuration is not ours.
        """
        self._converter = converter
        self._name = name
        released = gradebook.assignment(name)
        self._notebooks = released.notebooks
        self._folders = AssignmentFolders(converter, name)
        self._records = Records(self._folders, gradebook, released, Steps(converter))
        self._due: list[HandIn] = []
        self._keys: dict[str, str] = {}

    def plan(self, student: str | None, *, force: bool) -> Due:
        """See the protocol of class_run.py."""
        hand_ins, warnings = self._folders.hand_ins(self._notebooks)
        chosen = only(student, hand_ins, self._name)
        self._keys = {each.student: self._key(each) for each in chosen}
        self._due = [each for each in chosen if force or not self._records.is_done(each, self._keys[each.student])]
        return Due(tuple(each.student for each in self._due), len(chosen) - len(self._due), tuple(warnings))

    def run(self, jobs: int | None, receive: Receive) -> None:
        """See the protocol of class_run.py."""
        count = max(1, min(jobs or os.cpu_count() or 1, len(self._due)))
        finished: queue.Queue[tuple[HandIn, Path, dict[str, Any], BaseException | None]] = queue.Queue()

        def work(hand_in: HandIn, building: Path, notebooks: dict[str, Any]) -> None:
            error: BaseException | None = None
            try:
                for name, notebook in notebooks.items():
                    resources = self._folders.resources(hand_in.student, name, building)
                    notebooks[name] = SandboxedExecute(parent=self._converter).preprocess(notebook, resources)[0]
            except BaseException as raised:
                error = raised
            finished.put((hand_in, building, notebooks, error))

        # One warm shell per thread, which ends with it. Cells may ask what they are executed for.
        with graded_for_marks(), ThreadPoolExecutor(count, "executing") as pool:
            try:
                waiting = iter(self._due)
                under_way = 0
                while True:
                    # Notebooks are prepared as they are needed: a class of 400 does not lie in memory.
                    while under_way < 2 * count and (hand_in := next(waiting, None)) is not None:
                        under_way += self._begin(hand_in, receive, lambda *job: pool.submit(work, *job))
                    if not under_way:
                        return
                    self._finish(*finished.get(), receive)
                    under_way -= 1
            finally:
                pool.shutdown(cancel_futures=True)

    def _begin(self, hand_in: HandIn, receive: Receive, submit: Callable[..., object]) -> int:
        """Build the folder and give it to a worker; 0 where that failed."""
        try:
            building = self._folders.build(hand_in)
            submit(hand_in, building, {name: self._sanitized(hand_in, name, building) for name in hand_in.notebooks})
        except OSError as error:
            what = f"it cannot be copied: {error.strerror or error}"
            failure = InfrastructureError(what, remedy="see to the disk, and run it again")
            receive(NotAutograded(hand_in.student, failure))
            return 0
        except Exception as error:  # one notebook must not take the class along, whatever it leads to
            settled(hand_in, functools.partial(_raise, error), receive)
            return 0
        return 1

    def _finish(
        self, hand_in: HandIn, building: Path, notebooks: dict[str, Any], error: BaseException | None, receive: Receive
    ) -> None:
        def write() -> None:
            if error is not None:
                raise error
            for name, notebook in notebooks.items():
                resources = self._folders.resources(hand_in.student, name, self._folders.autograded(hand_in.student))
                notebook.metadata[GRADED] = {"key": self._keys[hand_in.student], "status": "graded"}
                notebooks[name] = self._records.steps.after(notebook, resources, self._notebooks[name])
            self._records.write(hand_in, building, notebooks)

        settled(hand_in, write, receive)
        shutil.rmtree(building, ignore_errors=True)  # where it was not put in place

    def _sanitized(self, hand_in: HandIn, name: str, building: Path) -> Any:
        file = hand_in.folder / f"{name}.ipynb"
        try:
            if problem := problem_of(file):
                raise UnreadableSubmission(problem)
            notebook = read_notebook(file.name, file.read_bytes())
        except UnreadableSubmission as error:
            notebook = unreadable_page(error.what)
        resources = self._folders.resources(hand_in.student, name, building)
        released = self._notebooks[name]
        notebook = self._records.steps.sanitize(notebook, resources, released)
        return self._records.steps.before(notebook, resources, released)

    def _key(self, hand_in: HandIn) -> str:
        """Digest of what was handed in and of what it is held against."""
        parts = [self._held_against, _digests(hand_in.folder)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @functools.cached_property
    def _held_against(self) -> list[Any]:
        """What is the same for everybody: released cells, the instructor's files, how cells are executed."""
        cells = [
            [name, [[each.name, each.source, each.points] for _, each in sorted(notebook.cells.items())]]
            for name, notebook in sorted(self._notebooks.items())
        ]
        step = SandboxedExecute(parent=self._converter)
        traits = step.trait_values(config=True).items()
        settings = {name: getattr(value, "__qualname__", None) or repr(value) for name, value in traits}
        return [own_version(), cells, _digests(self._folders.masters), settings]


@contextlib.contextmanager
def graded_for_marks() -> Iterator[None]:
    """Say in the environment, as ``nbgrader autograde`` does, that cells are executed for marks."""
    before = os.environ.get(EXECUTION)
    os.environ[EXECUTION] = "autograde"
    try:
        yield
    finally:
        if before is None:
            del os.environ[EXECUTION]
        else:
            os.environ[EXECUTION] = before


def _digests(folder: Path) -> list[list[str]]:
    """Names and digests of the regular files in a folder; of one that cannot be read, why."""
    found = []
    for name in sorted(utils.find_all_files(str(folder))):
        path = Path(name)
        if path.is_file() and not path.is_symlink():
            try:
                with path.open("rb") as file:
                    content = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                content = str(error)
            found.append([str(path.relative_to(folder)), content])
    return found


def _raise(error: BaseException) -> None:
    raise error
