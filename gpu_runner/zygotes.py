"""The warm processes of one device: one per framework and set of modules that submissions import."""

from __future__ import annotations

from collections import OrderedDict

from gpu_runner.run import zygote_limits
from grader.model import Environment, Limits, SubmissionFiles
from grader.sandbox import DeviceAccess, Sandbox, Zygote
from grader.sandbox.imports import all_source, imported_modules, submission_environment

# Each takes 0.1 to 0.6 GiB and, when it has been let go, seconds to start again.
MAX_ZYGOTES = 4


class Zygotes:
    """Starts a zygote where it is first needed, and lets go of the one that was not needed for longest.

    :param limits: the task's, as assignment.toml gives them.
    :param shared_bytes: of the training data that guests map.
    """

    def __init__(self, sandbox: Sandbox, access: DeviceAccess, limits: Limits, shared_bytes: int) -> None:
        self.limits = zygote_limits(limits, shared_bytes)
        self._sandbox = sandbox
        self._access = access
        self._warm: OrderedDict[tuple[Environment, tuple[str, ...]], Zygote] = OrderedDict()

    def of(self, files: SubmissionFiles) -> Zygote:
        """The zygote that suits a submission; InfrastructureError where it does not start."""
        environment = submission_environment(files)
        preload = tuple(sorted(imported_modules(all_source(files), notebook=files.cells is not None)))
        place = environment, preload
        if place not in self._warm:
            while len(self._warm) >= MAX_ZYGOTES:
                self._warm.popitem(last=False)[1].close()
            self._warm[place] = self._sandbox.start(environment, self.limits, preload, self._access)
        self._warm.move_to_end(place)
        return self._warm[place]

    def forget(self, files: SubmissionFiles) -> None:
        """Let go of a submission's zygote, which has failed."""
        environment = submission_environment(files)
        for place in [place for place in self._warm if place[0] is environment]:
            self._warm.pop(place).close()

    def close(self) -> None:
        """End them all."""
        while self._warm:
            self._warm.popitem()[1].close()


def frameworks_on_gpu(files: SubmissionFiles) -> tuple[str, ...]:
    """The frameworks whose GPU context a submission needs; NumPy and scikit-learn have none."""
    environment = submission_environment(files)
    return () if environment is Environment.NUMPY else (environment.value,)
