"""No isolation: a warm process that forks a child per submission. For a student's own check of his own work."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile

from grader.model import Environment, Limits
from grader.sandbox.protocol import NO_DEVICE, DeviceAccess, Zygote
from grader.sandbox.zygote import GUEST_ENVIRONMENT, WALL, ZygoteProcess

BOOT = "import sys; sys.path.insert(0, sys.argv.pop(1)); from {package}.zygote import main; main()"


class UnsafeSubprocess:
    """Implements :class:`grader.sandbox.protocol.Sandbox` with what an ordinary process can promise."""

    name = "subprocess"
    guarantees = frozenset(
        {"clean environment", "limited cpu", "limited wall time", "limited memory", "limited output"}
    )

    def start(
        self,
        environment: Environment,
        limits: Limits,
        preload: tuple[str, ...] = (),
        device: DeviceAccess = NO_DEVICE,
        *,
        wait: bool = True,
    ) -> Zygote:
        scratch = tempfile.mkdtemp(prefix="grader-check-")
        variables = {**GUEST_ENVIRONMENT, "HOME": scratch, "MPLCONFIGDIR": scratch, "TMPDIR": scratch}
        variables |= dict(device.variables)
        variables["PATH"] = os.environ.get("PATH", GUEST_ENVIRONMENT["PATH"])
        boot = BOOT.format(package=WALL.name)
        command = [sys.executable, "-P", "-s", "-B", "-c", boot, str(WALL.parent)]
        try:
            return _CleaningZygote(
                scratch,
                command,
                variables,
                environment,
                limits,
                preload,
                isolated=False,
                scratch=scratch,
                device=device,
                wait=wait,
            )
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise


class _CleaningZygote(ZygoteProcess):
    """Removes the folder that its guests wrote to."""

    def __init__(self, folder: str, *args: object, **kwargs: object) -> None:
        self._folder = folder
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # handed through unchanged

    def close(self) -> None:
        super().close()
        shutil.rmtree(self._folder, ignore_errors=True)
