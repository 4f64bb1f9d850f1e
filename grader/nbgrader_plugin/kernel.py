"""A real kernel in the sandbox, for notebooks that the forked shell is not enough for: slower, and like any kernel.

It has no network, a read-only system, a private /tmp, its own copy of the notebook's folder, and limits; it speaks with
nbclient through local sockets in a private folder.
"""

# nbgrader, nbconvert and nbclient have no annotations.
# mypy: disable-error-code="import-untyped, misc, no-untyped-call"
from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import weakref
from pathlib import Path
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbgrader.preprocessors import Execute
from traitlets import Any as AnyTrait
from traitlets import List, Unicode, default

from grader.errors import InfrastructureError, SandboxUnavailable
from grader.nbgrader_plugin.runner import NOTEBOOK_LIMITS, error_output, read_folder
from grader.nbgrader_plugin.unreadable import plain
from grader.sandbox.bubblewrap import kernel_command, python_folders
from grader.sandbox.process import descendants, tree_usage
from grader.sandbox.seccomp import guest_filter
from grader.sandbox.zygote import GUEST_ENVIRONMENT
from grader.wall.outputs import MAX_CELL_CHARACTERS

MIB = 2**20
# Writable memory that a kernel and its frameworks take before a notebook does anything.
KERNEL_MIB = 1024
# Outputs of a cell: nbclient does not merge streams, and a kernel sends what is printed five times a second.
MAX_OUTPUTS = 2000
# Of the folder, which is copied; there is no private disk whose size would bound it.
MAX_FOLDER_BYTES = 4 * 2**30
# Seconds between two looks at what a box takes: rlimits hold for each process by itself, and for root's only in part.
LOOK_SECONDS = 0.25
# Processes of bubblewrap and the kernel, beside those of the notebook.
KERNEL_PROCESSES = 3


class SandboxedKernelManager(AsyncKernelManager):
    """Starts its kernel in bubblewrap. ``start_kernel(cwd=…)`` names the folder that the kernel gets a copy of."""

    limits: Any = AnyTrait(NOTEBOOK_LIMITS)  # grader.model.Limits
    folders = List(Unicode(), help="Read-only folders that the kernel needs beside the system and this Python.").tag(
        config=True
    )

    def __init__(self, **kwargs: Any) -> None:
        # A local socket's path has 108 bytes; TMPDIR may be long.
        self._private = Path(tempfile.mkdtemp(prefix="grader-kernel-", dir="/tmp"))
        super().__init__(**kwargs)
        self._remove = weakref.finalize(self, shutil.rmtree, self._private, ignore_errors=True)
        self.transport = "ipc"
        self.ip = str(self._private / "socket")
        self.connection_file = str(self._private / "kernel.json")

    @default("transport_encryption")
    def _no_encryption(self) -> str:
        return "disabled"  # the sockets are in a folder that nobody else can enter

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kw: Any) -> None:
        try:
            await self._launch_in_box(kernel_cmd, kw)
        except BaseException:
            self._remove()
            raise

    async def _launch_in_box(self, kernel_cmd: list[str], kw: dict[str, Any]) -> None:
        executable, prlimit = shutil.which("bwrap"), shutil.which("prlimit")
        if executable is None or prlimit is None:
            raise SandboxUnavailable(
                f"{'bubblewrap' if executable is None else 'prlimit'} is not installed",
                remedy="install it: apt-get install bubblewrap util-linux",
            )
        work = self._private / "work"
        work.mkdir()
        for path, data in read_folder(Path(kw.pop("cwd", ".")), MAX_FOLDER_BYTES).items():
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            (work / path).write_bytes(data)
        variables = {name: value for name, value in GUEST_ENVIRONMENT.items() if name != "MPLBACKEND"}
        variables |= {name: value for name, value in os.environ.items() if name.startswith("NBGRADER_")}
        folders = [*python_folders(), *map(Path, self.folders)]
        if self.kernel_spec is not None:
            variables |= self.kernel_spec.env
            folders.append(Path(self.kernel_spec.resource_dir))
            interpreter = Path(kernel_cmd[0])
            if interpreter.is_absolute():
                folders += [interpreter.parent.parent, interpreter.resolve().parent.parent]
        with tempfile.TemporaryFile(buffering=0) as program:
            program.write(guest_filter(kernel=True))
            program.seek(0)
            box = kernel_command(
                executable,
                [prlimit, *self._limit_arguments(), *kernel_cmd],
                self._private,
                sorted(set(folders)),
                program.fileno(),
                variables,
            )
            kw.pop("env", None)
            # Standard output: how to connect to the kernel by hand.
            await super()._async_launch_kernel(
                box, cwd="/", env={}, pass_fds=(program.fileno(),), stdout=subprocess.DEVNULL, **kw
            )
        process = getattr(self.provisioner, "process", None)
        if process is not None:
            arguments = (os.pidfd_open(process.pid), process.pid, self.limits, work)
            threading.Thread(target=_watch, args=arguments, name="watching a kernel", daemon=True).start()

    def _limit_arguments(self) -> list[str]:
        limits = self.limits
        return [
            f"--data={(limits.memory_mb + KERNEL_MIB) * MIB}",
            f"--cpu={int(limits.total_cpu_seconds) + 1}",
            f"--nproc={limits.processes}",
            f"--nofile={limits.open_files}",
            f"--fsize={limits.file_mb * MIB}",
            "--core=0",
        ]

    async def _async_interrupt_kernel(self) -> None:
        """Interrupt what is in the box; bubblewrap itself would end of the signal."""
        process = getattr(self.provisioner, "process", None)
        if process is None:
            return
        box = descendants(process.pid)[:1]  # bubblewrap's own process inside
        for pid in box and descendants(box[0]):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGINT)

    interrupt_kernel = _async_interrupt_kernel

    async def _async_cleanup_resources(self, restart: bool = False) -> None:
        await super()._async_cleanup_resources(restart=restart)
        if not restart:
            self._remove()

    cleanup_resources = _async_cleanup_resources


def _watch(handle: int, pid: int, limits: Any, work: Path) -> None:
    """End a box whose processes together take more than a notebook may; returns when the box has ended.

    :param handle: pidfd of bubblewrap's process ``pid``; closed here.
    :param work: the kernel's copy of the notebook's folder.
    """
    before = _folder_bytes(work)
    most = (limits.memory_mb + KERNEL_MIB) * MIB
    try:
        while not select.select([handle], [], [], LOOK_SECONDS)[0]:
            if (
                len(descendants(pid)) > limits.processes + KERNEL_PROCESSES
                or tree_usage(pid, 0)[1] > most
                or _folder_bytes(work) > before + limits.disk_mb * MIB
            ):
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
                return
    finally:
        os.close(handle)


def _folder_bytes(folder: Path) -> int:
    """Bytes on the disk of all files below a folder; links are not followed."""
    size = 0
    for place, _folders, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                size += Path(place, name).lstat().st_blocks * 512
    return size


class SandboxedKernelExecute(Execute):
    """nbgrader's ``Execute`` with a kernel in the sandbox. A kernel that dies ends the notebook and not the class."""

    limits: Any = AnyTrait(NOTEBOOK_LIMITS)  # grader.model.Limits

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("kernel_manager_class", SandboxedKernelManager)
        super().__init__(**kwargs)
        self._lost = ""
        self._cell = -1  # that gives out something
        self._characters = 0  # that it has given out so far

    def create_kernel_manager(self) -> Any:
        manager = super().create_kernel_manager()
        if isinstance(manager, SandboxedKernelManager):
            manager.limits = self.limits
        return manager

    def output(self, outs: list[Any], msg: Any, display_id: Any, cell_index: int) -> Any:
        """As nbclient's, within bounds; an error, a result and each stream's first words are kept."""
        content = msg["content"]
        if cell_index != self._cell:
            self._cell, self._characters = cell_index, 0
        if "text" in content:  # one message may hold 100 MB
            room = MAX_CELL_CHARACTERS - self._characters
            content["text"] = _shortened(content["text"], max(0, room))
        for part in ("data", "metadata"):  # nested to any depth, where notebooks are copied and written by recursion
            if part in content:
                content[part] = plain(content[part])
        self._characters += len(content.get("text", "")) + sum(map(_size, content.get("data", {}).values()))
        if self._characters > MAX_CELL_CHARACTERS or len(outs) > MAX_OUTPUTS:
            kind, name = msg["msg_type"], content.get("name")
            known = any(out.output_type == kind and out.get("name") == name for out in outs)
            if kind in ("stream", "display_data") and known:
                return None
        return super().output(outs, msg, display_id, cell_index)

    def preprocess(self, nb: Any, resources: Any = None, km: Any = None) -> tuple[Any, Any]:
        """As nbgrader's.

        :raises InfrastructureError: no kernel comes up in the sandbox.
        """
        self._lost = ""
        try:
            executed: tuple[Any, Any] = super().preprocess(nb, resources, km)
            return executed
        except RuntimeError as error:
            raise InfrastructureError(
                f"no kernel comes up in the sandbox: {error}", remedy="is the notebook's kernel installed here?"
            ) from error

    def preprocess_cell(self, cell: Any, resources: Any, index: int) -> tuple[Any, Any]:
        scored = bool(cell.metadata.get("nbgrader", {}).get("grade"))
        if self._lost:
            if cell.cell_type == "code" and (scored or cell.source.strip()):
                cell.execution_count = None
                cell.outputs = [error_output("NotRun", f"not run: {self._lost}")]
            return cell, self.resources
        if scored and self.skip_cells_with_tag in cell.metadata.get("tags", []):
            cell.metadata["tags"].remove(self.skip_cells_with_tag)  # a test that a student would keep from running
        try:
            executed: tuple[Any, Any] = super().preprocess_cell(cell, resources, index)
            return executed
        except DeadKernelError:
            self._lost = "the kernel ended in an earlier cell (exit, crash, or killed)."
            cell.outputs = [*cell.outputs, error_output("DeadKernelError", "The kernel ended in this cell.")]
        except CellTimeoutError:
            self._lost = "an earlier cell took too long and did not let itself be stopped."
            cell.outputs = [*cell.outputs, error_output("CellTimeoutError", "The cell did not let itself be stopped.")]
        return cell, self.resources


def _shortened(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[:room]}\n[what the cell printed beyond this is not kept]\n"


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str) else len(repr(value))
