"""The step of nbgrader's autograding that takes the place of ``Execute`` for any notebook: the same outputs, sooner.

One line of configuration, in ``nbgrader_config.py``::

    c.Autograde.autograde_preprocessors = [
        "grader.nbgrader_plugin.execute.SandboxedExecute",
        "nbgrader.preprocessors.IgnorePattern",
        "nbconvert.preprocessors.ClearMetadataPreprocessor",
        "nbgrader.preprocessors.LimitOutput",
        "nbgrader.preprocessors.SaveAutoGrades",
        "nbgrader.preprocessors.AssignLatePenalties",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
"""

# nbgrader and nbconvert have no annotations.
# mypy: disable-error-code="import-untyped, misc, no-untyped-call"
from __future__ import annotations

import atexit
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Callable, Dict, Enum, Float, Integer, List, Unicode

from grader.errors import TaskError
from grader.model import Limits
from grader.nbgrader_plugin.fallback import is_python, why_kernel
from grader.nbgrader_plugin.runner import (
    NOTEBOOK_LIMITS,
    TIMEOUT_ERROR,
    CellRules,
    FolderTooLarge,
    NotebookRunner,
)

# A Jupyter server grades when somebody clicks; a warm framework need not wait for the next click longer.
IDLE_SECONDS = 120.0


class SandboxedExecute(NbGraderPreprocessor):
    """Executes the cells in a warm, forked, sandboxed IPython shell and writes the outputs that a kernel would give.

    A notebook that the shell is not enough for (another language, widgets) goes to a real kernel inside the sandbox.
    After a dead process or a timeout that nothing could end, the remaining cells get an error output, so no test that
    did not run earns marks. A failure of the sandbox itself raises InfrastructureError: nbgrader then writes no mark.
    """

    timeout = Integer(
        30, allow_none=True, help="Wall seconds after which a cell is interrupted; None or negative: never."
    ).tag(config=True)
    timeout_func = Callable(
        None, allow_none=True, help="Function of a cell that gives its timeout, in place of the above."
    ).tag(config=True)
    interrupt_on_timeout = Bool(
        True, help="Interrupt a cell after its timeout and go on with the next one; False: end the notebook there."
    ).tag(config=True)
    error_on_timeout = Dict(TIMEOUT_ERROR, help="The error output of a cell that was interrupted.").tag(config=True)
    skip_cells_with_tag = Unicode(
        "skip-execution", help="Cells with this tag are not executed, unless they are scored."
    ).tag(config=True)
    memory_mb = Integer(NOTEBOOK_LIMITS.memory_mb, help="MiB that a notebook may take.").tag(config=True)
    cpu_seconds = Float(
        NOTEBOOK_LIMITS.total_cpu_seconds, help="CPU seconds of all cells of a notebook together."
    ).tag(config=True)
    disk_mb = Integer(
        NOTEBOOK_LIMITS.disk_mb, help="MiB of the private /tmp; the notebook's folder may take half of it."
    ).tag(config=True)
    file_mb = Integer(NOTEBOOK_LIMITS.file_mb, help="MiB of one file that a notebook writes.").tag(config=True)
    processes = Integer(NOTEBOOK_LIMITS.processes, help="Processes and threads of a notebook.").tag(config=True)
    sandbox = Enum(
        ("bubblewrap", "subprocess"), "bubblewrap", help="The sandbox; subprocess isolates nothing."
    ).tag(config=True)
    fallback = Enum(
        ("kernel", "never"),
        "kernel",
        help="What executes notebooks that the shell is not enough for: a kernel in the sandbox, or nothing else.",
    ).tag(config=True)
    always_kernel = Bool(False, help="Execute every notebook with a kernel in the sandbox.").tag(config=True)
    kernel_modules = List(
        Unicode(), help="Further modules whose notebooks need a kernel, beside those with widgets."
    ).tag(config=True)

    @classmethod
    def section_names(cls) -> list[str]:
        """Sections of the configuration, later ones count more: ``c.Execute.timeout`` of a course that moves here too.

        This is traitlets' own interface, to a class whose bases these would be.
        """
        return [*super().section_names()[:-1], "ExecutePreprocessor", "Execute", cls.__name__]

    def limits(self) -> Limits:
        """What each notebook gets."""
        return replace(
            NOTEBOOK_LIMITS,
            memory_mb=self.memory_mb,
            total_cpu_seconds=self.cpu_seconds,
            disk_mb=self.disk_mb,
            file_mb=self.file_mb,
            processes=self.processes,
        )

    def rules(self) -> CellRules:
        """How cells are executed."""
        return CellRules(
            self._timeout,
            self.interrupt_on_timeout,
            dict(self.error_on_timeout),
            self.skip_cells_with_tag,
        )

    def _timeout(self, cell: Any) -> float | None:
        seconds = self.timeout if self.timeout_func is None else self.timeout_func(cell)
        return float(seconds) if seconds and seconds > 0 else None

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Execute ``nb`` in place.

        :raises InfrastructureError: the sandbox failed.
        :raises TaskError: the notebook needs a kernel, and the configuration allows none.
        """
        folder = Path(resources.get("metadata", {}).get("path") or ".")
        why = "always_kernel is set" if self.always_kernel else why_kernel(nb, folder, self.kernel_modules)
        if why and self.fallback == "never" and is_python(nb):
            why = ""
        if not why:
            try:
                version = self._in_shell(nb, folder)
            except FolderTooLarge:
                why = f"its folder takes more than {self.disk_mb // 2} MiB"
            else:
                nb.metadata["language_info"] = language_info(version)
                return nb, resources
        if self.fallback == "never":
            raise TaskError(
                f"the notebook needs a kernel: {why}", remedy='set c.SandboxedExecute.fallback = "kernel"'
            )
        self.log.info("Executing with a kernel in the sandbox: %s", why)
        from grader.nbgrader_plugin.kernel import SandboxedKernelExecute

        executed: tuple[Any, Any] = SandboxedKernelExecute(parent=self, **self._kernel_options()).preprocess(
            nb, resources
        )
        return executed

    def _in_shell(self, nb: Any, folder: Path) -> str:
        warm = _warm(self.limits(), self.sandbox)
        environ = {name: value for name, value in os.environ.items() if name.startswith("NBGRADER_")}
        return warm.run(nb, folder, self.rules(), environ)

    def _kernel_options(self) -> dict[str, Any]:
        return {
            "timeout": self.timeout,
            "timeout_func": self.timeout_func,
            "interrupt_on_timeout": self.interrupt_on_timeout,
            "error_on_timeout": dict(self.error_on_timeout),
            "skip_cells_with_tag": self.skip_cells_with_tag,
            "limits": self.limits(),
        }


class _Warm:
    """A runner of one thread, and the clock that ends it when nothing has come for a while."""

    def __init__(self, limits: Limits, sandbox: str) -> None:
        self._runner = NotebookRunner(limits, sandbox)
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._process = os.getpid()
        atexit.register(self.close)

    def run(self, nb: Any, folder: Path, rules: CellRules, environ: dict[str, str]) -> str:
        """As NotebookRunner.run; returns the version of the guests' Python."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            try:
                self._runner.run(nb, folder, rules, environ)
                return self._runner.python_version
            finally:
                self._timer = threading.Timer(IDLE_SECONDS, self.close)
                self._timer.daemon = True
                self._timer.start()

    def close(self) -> None:
        if os.getpid() == self._process:  # a forked child leaves at its exit what is its parent's
            with self._lock:
                self._runner.close()


_threads = threading.local()


def _warm(limits: Limits, sandbox: str) -> _Warm:
    """This thread's warm runner. nbgrader makes a preprocessor anew for every notebook; this stays.

    Each thread has its own: bubblewrap ends with the thread that started it. A forked child begins anew.
    """
    key = (os.getpid(), limits, sandbox)
    if getattr(_threads, "key", None) != key:
        before: _Warm | None = getattr(_threads, "warm", None)
        if before is not None and _threads.key[0] == key[0]:
            before.close()
        _threads.warm, _threads.key = _Warm(limits, sandbox), key
    warm: _Warm = _threads.warm
    return warm


def language_info(version: str) -> dict[str, Any]:
    """What the IPython kernel says of its language."""
    return {
        "name": "python",
        "version": version,
        "mimetype": "text/x-python",
        "codemirror_mode": {"name": "ipython", "version": int(version.split(".")[0])},
        "pygments_lexer": "ipython3",
        "nbconvert_exporter": "python",
        "file_extension": ".py",
    }
