"""IPython's shell as cells of a notebook find it in a kernel, without the kernel: no sockets, no threads.

IPython is imported when the first shell is made, in a zygote (by ``warm_shell``) or in a guest, never on the host. The
differences to a kernel are listed in docs/decisions/0031-a-forked-shell-instead-of-a-kernel.md.
"""

# IPython is typed in parts.
# mypy: disable-error-code="no-untyped-call, union-attr, attr-defined"
from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from typing import Any

from .outputs import Recorder

# Backends of matplotlib that need no window; an event loop for any other is not there.
WINDOWLESS = (None, "inline", "agg", "module://matplotlib_inline.backend_inline")
# What a kernel sets: colours without a terminal, and no pager that waits for a key.
ENVIRONMENT = {
    "TERM": "xterm-color",
    "CLICOLOR": "1",
    "FORCE_COLOR": "1",
    "CLICOLOR_FORCE": "1",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
}


@functools.cache
def _shell_class() -> Any:
    """The subclass of IPython's shell; defined here because its bases are."""
    from IPython.core import page
    from IPython.core.compilerop import CachingCompiler
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.error import UsageError
    from IPython.core.interactiveshell import InteractiveShell, InteractiveShellABC
    from traitlets import Any as AnyTrait
    from traitlets import Type

    class RecordingDisplayHook(DisplayHook):
        """Shows the value of a cell's last expression."""

        def start_displayhook(self) -> None:
            self._is_active = True
            self._bundle: tuple[dict[str, Any], dict[str, Any]] | None = None

        def write_output_prompt(self) -> None:
            """The prompt's number is told apart from the outputs."""

        def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
            self._bundle = (format_dict, md_dict or {})

        def finish_displayhook(self) -> None:
            if self._bundle is not None:
                self.shell.recorder.result(*self._bundle)
            self._bundle, self._is_active = None, False

    class RecordingDisplayPublisher(DisplayPublisher):
        """Takes what ``display`` and ``clear_output`` send."""

        def publish(  # type: ignore[override]
            self,
            data: dict[str, Any],
            metadata: dict[str, Any] | None = None,
            *,
            transient: dict[str, Any] | None = None,
            update: bool = False,
            **_rest: Any,
        ) -> None:
            self._validate_data(data, metadata)
            number = (transient or {}).get("display_id")
            self.shell.recorder.display(data, metadata or {}, None if number is None else str(number), update=update)

        def clear_output(self, wait: bool = False) -> None:
            self.shell.recorder.clear(wait=wait)

    class CellCompiler(CachingCompiler):
        """Names a cell's code as a kernel does, so that warnings look alike."""

        def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
            return f"/tmp/ipykernel_1/{number}.py"

    class ZMQInteractiveShell(InteractiveShell):
        """Has the name of the kernel's shell: libraries ask for it to find out whether they run in a notebook."""

        displayhook_class = Type(RecordingDisplayHook)
        display_pub_class = Type(RecordingDisplayPublisher)
        compiler_class = Type(CellCompiler)
        kernel = AnyTrait()  # plotly asks whether there is one
        recorder: Recorder

        def init_virtualenv(self) -> None:
            """A kernel looks for none either."""

        def init_hooks(self) -> None:
            super().init_hooks()
            self.set_hook("show_in_pager", page.as_hook(lambda *_arguments, **_options: None), 99)

        def init_environment(self) -> None:
            os.environ.update(ENVIRONMENT)

        def enable_gui(self, gui: Any = None) -> None:
            if gui not in WINDOWLESS:
                raise UsageError(f"there is no display for the event loop of {gui}")

        @contextlib.contextmanager
        def _tee(self, channel: str) -> Iterator[None]:
            """IPython would keep all that is printed a second time, without a bound."""
            yield

        def run_cell(self, *args: Any, **kwargs: Any) -> Any:
            self.last_traceback: list[str] | None = None
            self.failed_display = False
            return super().run_cell(*args, **kwargs)

        def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
            if self.displayhook.is_active:  # the value of the last expression cannot be shown
                self.failed_display = True
            lines = list(map(str, stb))
            self.recorder.error(str(etype.__name__), str(evalue), lines)  # IPython shows what str() raises
            self.last_traceback = lines

        def ask_exit(self) -> None:
            self.exit_now = True

        def set_next_input(self, s: str, replace: bool = False) -> None:
            """There is no next input."""

        def system_piped(self, cmd: str) -> None:
            if cmd.rstrip().endswith("&"):
                raise OSError("Background processes not supported.")
            from IPython.utils.process import system

            self.user_ns["_exit_code"] = system(self.var_expand(cmd, depth=1))

        system = system_piped

    InteractiveShellABC.register(ZMQInteractiveShell)
    return ZMQInteractiveShell


def make_shell() -> Any:
    """The one shell of this process; the one that the zygote has made, where it has."""
    from traitlets.config import Config

    shell_class = _shell_class()
    if shell_class.initialized():
        return shell_class.instance()
    config = Config()
    config.HistoryManager.enabled = False  # no database, and no thread that writes to it: a fork follows
    config.IPKernelApp.tqdm = ""  # tqdm, and others, look here for a kernel
    shell = shell_class.instance(config=config)
    shell.recorder = Recorder()
    with contextlib.suppress(Exception):
        shell.extension_manager.load_extension("storemagic")
    return shell


def error_of(result: Any) -> BaseException | None:
    """What a cell raised, before its code ran or while it ran."""
    before: BaseException | None = result.error_before_exec
    return before if before is not None else result.error_in_exec
