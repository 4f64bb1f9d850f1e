"""Ray: the connection to a cluster, and its actors as the workers of a pool. Nothing else imports ray."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from grader.cluster.pool import WorkerLost
from grader.errors import InfrastructureError, UsageError

# MiB that a local instance may use for objects in shared memory; the largest data set takes 185, the rest
# some kilobytes.
OBJECT_STORE_MB = 256
# Seconds in which an idle worker ends its processes and removes its files; it takes a tenth of a second.
RELEASE_SECONDS = 10.0
# AF_UNIX takes paths of 107 bytes and Ray's sockets use up 70 of them, so TMPDIR may be too long.
SHORT_FOLDER = "/tmp"


def require_ray() -> None:
    """Raises UsageError where Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise UsageError("Ray is not installed", remedy="pip install 'dl-course-grader[ray]'")


def import_ray() -> Any:
    """The module; an extra, so it is imported where it is used (1 s) and not known to the type checker."""
    require_ray()
    return importlib.import_module("ray")


@contextlib.contextmanager
def ray_cluster(address: str | None = None, *, cpus: int | None = None) -> Iterator[Mapping[str, float]]:
    """Connect to a cluster, or start one on this machine alone that ends with the block; gives its resources.

    Meanwhile whatever is printed goes to stderr, as Ray tells there of lost nodes what would otherwise stand between
    our results. Signal handlers and environment are as before.

    :param address: ``HOST:PORT`` of the head, to which one of the cluster's own machines connects; ``None``: what
        RAY_ADDRESS says, and otherwise a local instance.
    :param cpus: of a local instance; ``None``: as many as there are cores.
    Raises UsageError where Ray is not installed or the address cannot be used, InfrastructureError where nobody
    answers.
    """
    require_ray()
    address = address or os.environ.get("RAY_ADDRESS") or None
    if address is not None and "://" in address:
        raise UsageError(
            f"{address} is an address for Ray's remote client",
            where="--ray-address",
            remedy="run this on a machine of the cluster, and give the address of its head as HOST:PORT",
        )
    with (
        contextlib.redirect_stdout(sys.stderr),
        _as_before(),
        tempfile.TemporaryDirectory(prefix="grader-ray-", dir=SHORT_FOLDER, ignore_cleanup_errors=True) as folder,
    ):
        ray = import_ray()
        try:
            # Ray puts the working directory on every worker's sys.path, and ours may be a student's folder.
            with contextlib.chdir(folder):
                _connect(ray, address, cpus, folder)
            yield ray.cluster_resources()
        finally:
            ray.shutdown()


def _connect(ray: Any, address: str | None, cpus: int | None, folder: str) -> None:
    options: dict[str, Any] = {"address": address}
    if address is None:
        # Its ports are open to the network. Ray keeps others out by a token, which it makes in the user's home.
        options = {
            "address": "local",
            "num_cpus": cpus,
            "include_dashboard": False,
            "object_store_memory": OBJECT_STORE_MB * 2**20,
            "_temp_dir": folder,
        }
    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        where = "the local Ray instance does not start" if address is None else f"no Ray cluster answers at {address}"
        remedy = "run: ray status" if address is None else "run this on one of its machines, where it says: ray status"
        raise InfrastructureError(f"{where}: {error}", remedy=remedy) from error
    finally:
        if threading.current_thread() is threading.main_thread():  # in another one Ray leaves it alone
            signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _as_before() -> Iterator[None]:
    """Ask Ray to keep quiet, and undo what it does to the environment."""
    variables = dict(os.environ)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_COLOR_PREFIX"] = "0"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(variables)


class RayCrew:
    """Actors of one class as the workers of :func:`grader.cluster.run_pool`."""

    def __init__(self, actor: type, *arguments: Any, num_cpus: float = 1.0, num_gpus: float = 0.0) -> None:
        """
        :param actor: an importable class with the methods ``ready()``, ``run(*errand.arguments)`` and ``close()``; all
            are called in the main thread of a process of its own. Top-level arguments of ``run`` may be object
            references, which arrive as the objects.
        :param arguments: of its constructor.
        :param num_cpus: processors that each actor takes.
        :param num_gpus: GPUs that each actor takes; a fraction shares one. CUDA_VISIBLE_DEVICES names them to it.
        """
        self._ray = ray = import_ray()
        self._arguments = arguments
        # Lost actors are replaced by the pool: Ray would repeat calls of which it cannot know whether they count.
        self._actor = ray.remote(actor).options(
            num_cpus=num_cpus, num_gpus=num_gpus, max_restarts=0, max_task_retries=0, scheduling_strategy="SPREAD"
        )

    def start(self) -> tuple[Any, Any]:
        worker = self._actor.remote(*self._arguments)
        return worker, worker.ready.remote()

    def send(self, worker: Any, arguments: tuple[Any, ...]) -> Any:
        return worker.run.remote(*arguments)

    def wait(self, tickets: Sequence[Any], seconds: float) -> Any | None:
        ready, _ = self._ray.wait(list(tickets), num_returns=1, timeout=seconds)
        return ready[0] if ready else None

    def fetch(self, ticket: Any) -> Any:
        try:
            return self._ray.get(ticket)
        except self._ray.exceptions.RayTaskError:  # the actor's own exception, with its traceback
            raise
        except self._ray.exceptions.RayError as error:
            raise WorkerLost(str(error)) from error

    def dismiss(self, worker: Any) -> None:
        self._ray.kill(worker)

    def release(self, workers: Sequence[Any]) -> None:
        closed = [worker.close.remote() for worker in workers]
        if closed:
            self._ray.wait(closed, num_returns=len(closed), timeout=RELEASE_SECONDS)
        for worker in workers:
            self._ray.kill(worker)
