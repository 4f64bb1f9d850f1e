"""A Ray cluster of machines that are processes of this one."""

from __future__ import annotations

import contextlib
import functools
import os
import signal

from tests.functional.courses.tools import descendants

OBJECT_STORE = 80 * 2**20  # bytes; Ray takes no less than 75 MiB


class Machines:
    """A cluster of nodes with a processor each, and a head without, to which the run connects."""

    def __init__(self, count: int, gpus: float = 0.0) -> None:
        """:param gpus: that each node claims to have."""
        from ray.cluster_utils import Cluster

        add = functools.partial(dict, object_store_memory=OBJECT_STORE, include_dashboard=False)
        self.cluster = Cluster(initialize_head=True, head_node_args=add(num_cpus=0, num_gpus=0))
        self.nodes = [self.cluster.add_node(**add(num_cpus=1, num_gpus=gpus)) for _ in range(count)]

    def switch_off(self, node: int, *, workers: bool = False) -> list[int]:
        """End one machine at once; the processes that ran on it.

        :param workers: end Ray's workers too, as a power cut does; else they find out that their node is gone, and go
            on for up to some seconds.
        """
        processes = [info.process.pid for each in self.nodes[node].all_processes.values() for info in each]
        below = [pid for process in processes for pid in descendants(process)]
        if workers:
            for pid in below:
                with contextlib.suppress(ProcessLookupError):  # it has ended with another one
                    os.kill(pid, signal.SIGKILL)
        self.cluster.remove_node(self.nodes[node], allow_graceful=False)
        return processes + below
