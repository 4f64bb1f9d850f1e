"""Executes the cells of one notebook in this guest, one by one, as a kernel would.

The tests of a classic notebook stand in its cells and run in the student's own process, here as in any kernel: what
this module tells the host is no more than what that process says of itself.
"""

# IPython is typed in parts.
# mypy: disable-error-code="no-untyped-call, union-attr"
from __future__ import annotations

import asyncio
import builtins
import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from .outputs import STREAMS, OutStream, Recorder, clean_error, pack

# What a kernel's sys.argv looks like: code that reads its command line finds something that is none of its own.
ARGUMENTS = ["ipykernel_launcher.py", "-f", "/tmp/kernel.json"]
NO_INPUT = "{} was called, but this frontend does not support input requests."


class NotebookShell:
    """The shell of one notebook, in its folder.

    :param folder: working directory of the cells; it exists.
    :param environ: additions to the environment: name -> value.
    """

    def __init__(self, folder: str, environ: Mapping[str, str]) -> None:
        from . import ipython_shell

        self._process = os.getpid()
        self._shell = shell = ipython_shell.make_shell()
        self._error_of = ipython_shell.error_of
        self._recorder = recorder = Recorder()
        shell.recorder = recorder
        recorder.redirect_descriptors()
        for name in STREAMS:
            setattr(sys, name, OutStream(recorder, name))
        os.environ.update(environ)
        os.makedirs(shell.profile_dir.location, exist_ok=True)  # the zygote's lies under another /tmp
        os.chdir(folder)
        shell.starting_dir = folder
        sys.path.insert(0, "")
        sys.argv = list(ARGUMENTS)
        sys.modules["__main__"] = shell.user_module
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)

    def execute(self, source: str, buffers: list[Any]) -> dict[str, Any]:
        """Run one cell.

        :returns: ``outputs`` and ``updates`` (see ``outputs.Recorder.end``), packed; ``error``, packed, where the cell
            raised; ``ended`` where it asked the kernel to end.
        """
        recorder, shell = self._recorder, self._shell
        recorder.begin()
        error: dict[str, Any] | None
        try:
            try:
                signal.signal(signal.SIGINT, signal.default_int_handler)
                error = self._loop.run_until_complete(self._run(source))
            finally:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
        except BaseException as raised:  # an interrupt between two lines of ours; a formatter that raises SystemExit
            error = clean_error(type(raised).__name__, _text(raised), [])
        if os.getpid() != self._process:
            os._exit(0)  # a child that a cell has forked and left running
        outputs, updates = recorder.end()
        reply = {
            "outputs": [pack(output, buffers) for output in outputs],
            "updates": [[display_id[:200], pack(bundle, buffers)] for display_id, bundle in updates.items()],
            "ended": bool(shell.exit_now),
        }
        if error is not None:
            reply["error"] = pack(error, buffers)
        return reply

    async def _run(self, source: str) -> dict[str, Any] | None:
        """As the IPython kernel does: the event loop is running while a cell is, whether that awaits anything or not.

        :returns: the error, or None.
        """
        shell, preprocessing = self._shell, None
        try:
            transformed = shell.transform_cell(source)
        except Exception:
            transformed, preprocessing = source, sys.exc_info()
        with _no_input():
            if shell.should_run_async(source, transformed_cell=transformed, preprocessing_exc_tuple=preprocessing):
                shell.last_traceback, shell.failed_display = None, False
                task = asyncio.ensure_future(
                    shell.run_cell_async(
                        source,
                        store_history=True,
                        transformed_cell=transformed,
                        preprocessing_exc_tuple=preprocessing,
                    )
                )
                result = None
                with self._cancelled_by_interrupt(task):
                    try:
                        result = await task
                    finally:
                        shell.events.trigger("post_execute")
                        shell.events.trigger("post_run_cell", result)
            else:
                result = shell.run_cell(source, store_history=True)
        await asyncio.sleep(0)  # tasks that the cell has started get a turn
        raised = self._error_of(result)
        if raised is None and not shell.failed_display:
            return None
        return clean_error(type(raised).__name__, _text(raised), shell.last_traceback or [])

    @contextlib.contextmanager
    def _cancelled_by_interrupt(self, task: asyncio.Future[Any]) -> Iterator[None]:
        def interrupt(*_arguments: Any) -> None:
            self._loop.call_soon_threadsafe(task.cancel)

        before = signal.signal(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


def _text(error: BaseException | None) -> str:
    try:
        return str(error)
    except BaseException:
        return "(its message cannot be shown)"


@contextlib.contextmanager
def _no_input() -> Iterator[None]:
    """``input`` and ``getpass`` raise, as in a kernel whose client allows no input."""
    import getpass

    from IPython.core.error import StdinNotImplementedError

    def refuse(name: str) -> Any:
        def function(*_arguments: Any, **_options: Any) -> NoReturn:
            raise StdinNotImplementedError(NO_INPUT.format(name))

        return function

    saved = builtins.input, getpass.getpass
    builtins.input, getpass.getpass = refuse("raw_input"), refuse("getpass")
    try:
        yield
    finally:
        builtins.input, getpass.getpass = saved
