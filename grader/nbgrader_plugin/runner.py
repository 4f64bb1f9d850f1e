"""Executes ordinary nbgrader notebooks in warm guests: one fork per notebook instead of one kernel start.

As in every classic notebook, tests run in the student's own process. Whoever patches that process can forge marks, here
as with nbgrader's ``Execute``; suites behind the wall (``grader nbgrader init``) are safe from it.
"""

# nbformat has no annotations.
# mypy: disable-error-code="import-untyped, no-untyped-call"
from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbformat import NotebookNode, from_dict

from grader.errors import InfrastructureError
from grader.model import Environment, Limits, SubmissionFiles
from grader.nbgrader_plugin.unreadable import plain
from grader.remote.notebook import CellAnswer, NotebookSession
from grader.sandbox import GuestFault, GuestMemory, GuestTimeout, Zygote, open_sandbox
from grader.sandbox.imports import (
    LATE_PARTS,
    WORTH_PRELOADING,
    all_source,
    imports,
    installed,
    submission_environment,
    uses_late_parts,
)

# Done in this order by the zygote of notebooks: the shell first, which the inline backend of plots attaches to.
SHELL = "wall.warm_shell:warm_up"
PLOTS = ("matplotlib.pyplot", "wall.warm_shell:draw_once")
_PLOT_MAGIC = re.compile(r"^[ \t]*%(?:matplotlib|pylab)\b", re.MULTILINE)

# Classic notebooks bring no assignment.toml, and ran without any bound so far: generous, and still an end.
NOTEBOOK_LIMITS = Limits(
    total_cpu_seconds=900.0,
    memory_mb=2048,
    processes=64,
    open_files=256,
    file_mb=256,
    disk_mb=512,
)

TIMEOUT_ERROR = {
    "ename": "CellTimeoutError",
    "evalue": "",
    "traceback": ["\x1b[0;31mCellTimeoutError\x1b[0m: No reply from kernel before timeout"],
}
NO_TRACEBACK = "ERROR: An error occurred while showtraceback was disabled"


@dataclass(frozen=True, slots=True)
class CellRules:
    """How cells are executed; the names and defaults are those of nbgrader's ``Execute``."""

    timeout: Callable[[Any], float | None] = lambda _cell: 30.0  # wall seconds of a cell; None: no limit
    interrupt_on_timeout: bool = True
    error_on_timeout: Mapping[str, Any] = field(default_factory=lambda: TIMEOUT_ERROR)
    skip_cells_with_tag: str = "skip-execution"


class FolderTooLarge(Exception):
    """The notebook's folder does not fit into a guest."""


class NotebookRunner:
    """Warm zygotes, one per framework, that live until :meth:`close`. Belongs to one thread; a context manager.

    :param limits: of each guest, that is of each notebook.
    :param sandbox: name of a backend.
    """

    def __init__(self, limits: Limits = NOTEBOOK_LIMITS, sandbox: str = "bubblewrap") -> None:
        self._limits = limits
        self._sandbox = open_sandbox(sandbox)
        self._zygotes: dict[Environment, tuple[Zygote, frozenset[str]]] = {}
        self.python_version = ""  # of the guest that ran the last notebook

    def __enter__(self) -> NotebookRunner:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the zygotes. Safe to call twice."""
        while self._zygotes:
            self._zygotes.popitem()[1][0].close()

    def run(
        self,
        nb: NotebookNode,
        folder: Path,
        rules: CellRules | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Execute the code cells of ``nb`` in place.

        :param folder: its files are there for the cells, in their working directory. What cells write there is not
            written back.
        :raises FolderTooLarge: half of the guest's disk does not hold the folder.
        :raises InfrastructureError: the sandbox failed; ``nb`` is then of no use.
        """
        files = read_folder(folder, self._limits.disk_mb * 2**20 // 2)
        with self._session(nb, files, environ or {}) as session:
            _Execution(nb, session, rules or CellRules()).run()

    def _session(
        self, nb: NotebookNode, files: dict[str, bytes], environ: Mapping[str, str]
    ) -> NotebookSession:
        submission = as_submission(nb, files)
        environment = submission_environment(submission)
        source = all_source(submission)
        names = set(imports(source)) | ({"matplotlib"} if _PLOT_MAGIC.search(source) else set())
        modules = frozenset(WORTH_PRELOADING[name] for name in names & set(WORTH_PRELOADING) if installed(name))
        if uses_late_parts(source):
            modules |= {LATE_PARTS}
        for last in (False, True):
            zygote = self._zygote(environment, modules)
            try:
                session = NotebookSession(zygote, files, self._limits, environ)
                break
            except InfrastructureError:  # the zygote has ended, say for want of memory: once more with a new one
                self._drop(environment)
                if last:
                    raise
        self.python_version = zygote.versions["python"]
        with contextlib.suppress(InfrastructureError):
            zygote.prepare()  # the next notebook's guest isolates itself while this one computes
        return session

    def _zygote(self, environment: Environment, modules: frozenset[str]) -> Zygote:
        """The warm zygote; begun anew where a notebook imports a large module that none before has imported."""
        if environment in self._zygotes:
            zygote, warm = self._zygotes[environment]
            if modules <= warm:
                return zygote
            modules |= warm
            self._drop(environment)
        plots = [module for module in PLOTS if PLOTS[0] in modules]
        preload = (SHELL, *sorted(modules - set(PLOTS)), *plots)
        zygote = self._sandbox.start(environment, self._limits, preload)
        self._zygotes[environment] = (zygote, modules)
        return zygote

    def _drop(self, environment: Environment) -> None:
        zygote, _modules = self._zygotes.pop(environment)
        zygote.close()


class _Execution:
    """One notebook's cells, one after the other."""

    def __init__(self, nb: NotebookNode, session: NotebookSession, rules: CellRules) -> None:
        self._nb = nb
        self._session = session
        self._rules = rules
        self._displays: dict[str, list[NotebookNode]] = {}  # display id -> outputs that show it
        self._lost = ""  # why no further cell can run

    def run(self) -> None:
        count = 0
        for cell in self._nb.cells:
            if cell.cell_type != "code":
                continue
            scored = bool(cell.metadata.get("nbgrader", {}).get("grade"))
            empty = not cell.source.strip()
            # A student must not get marks by a tag that keeps a test from running.
            skipped = self._rules.skip_cells_with_tag in cell.metadata.get("tags", []) and not scored
            if self._lost and not skipped and (scored or not empty):
                cell.execution_count = None
                cell.outputs = [error_output("NotRun", f"not run: {self._lost}")]
            elif not empty and not skipped:
                count += 1
                self._execute(cell, count)

    def _execute(self, cell: NotebookNode, count: int) -> None:
        timeout = self._rules.timeout(cell)
        cell.execution_count = count
        try:
            answer = self._session.execute(cell.source, timeout, interrupt=self._rules.interrupt_on_timeout)
        except GuestFault as fault:
            self._lost = str(fault)
            if isinstance(fault, GuestTimeout):
                lost = from_dict({"output_type": "error", **(self._rules.error_on_timeout or TIMEOUT_ERROR)})
                cell.outputs = [lost, error_output("DeadKernelError", str(fault))]
            elif isinstance(fault, GuestMemory):
                cell.outputs = [error_output("MemoryError", str(fault))]
            else:
                cell.outputs = [error_output("DeadKernelError", str(fault))]
            return
        if answer.ended:
            self._lost = "an earlier cell has ended the kernel by exit or quit."
        cell.outputs = self._outputs(answer, count)

    def _outputs(self, answer: CellAnswer, count: int) -> list[NotebookNode]:
        for display_id, bundle in answer.updates.items():
            for shown in self._displays.get(display_id, ()):
                shown.update(from_dict(plain(bundle)))
        # Charts come as JSON of any depth; notebooks are copied and written by recursion.
        outputs = [from_dict(plain(output)) for output in answer.outputs]
        for output in outputs:
            if output.output_type == "execute_result":
                output["execution_count"] = count
        for index, display_id in answer.display_ids.items():
            self._displays.setdefault(display_id, []).append(outputs[index])
        error = answer.error
        if answer.timed_out and self._rules.error_on_timeout:
            error = dict(self._rules.error_on_timeout)
        names = [output.ename for output in outputs if output.output_type == "error"]
        if error is not None and error["ename"] not in names:
            error = {**error, "traceback": error["traceback"] or [NO_TRACEBACK]}
            outputs.append(from_dict({"output_type": "error", **error}))
        return outputs


def error_output(name: str, text: str) -> NotebookNode:
    """An output that costs its cell all marks and says why."""
    output: NotebookNode = from_dict(
        {
            "output_type": "error",
            "ename": name,
            "evalue": text,
            "traceback": [f"\x1b[0;31m{name}\x1b[0m: {text}"],
        }
    )
    return output


def as_submission(nb: NotebookNode, files: Mapping[str, bytes]) -> SubmissionFiles:
    """The notebook with the modules beside it, to look through what they import."""
    cells = tuple(
        (number, str(cell.source)) for number, cell in enumerate(nb.cells, 1) if cell.cell_type == "code"
    )
    helpers = {path: data for path, data in files.items() if path.endswith(".py")}
    return SubmissionFiles("notebook", "notebook.ipynb", helpers, cells)


def read_folder(folder: Path, max_bytes: int) -> dict[str, bytes]:
    """The files that cells may read, by their relative paths; links and other special files are left out.

    Notebooks of nbgrader are left out too: those beside a submission hold the hidden tests.

    :raises FolderTooLarge: they take more than ``max_bytes`` together.
    :raises InfrastructureError: one cannot be read.
    """
    files: dict[str, bytes] = {}
    size = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in (".ipynb_checkpoints", "__pycache__", ".git"))
        for name in sorted(names):
            path = Path(place, name)
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENXIO):  # a link, or a socket
                    continue
                raise InfrastructureError(f"{path} cannot be read: {error.strerror}", where=path) from error
            with os.fdopen(descriptor, "rb") as file:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    continue
                size += status.st_size
                if size > max_bytes:
                    raise FolderTooLarge
                data = file.read(status.st_size)
            if not (name.endswith(".ipynb") and b'"nbgrader"' in data):
                files[str(path.relative_to(folder))] = data
    return files
