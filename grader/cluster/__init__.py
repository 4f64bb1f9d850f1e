"""Work on other machines: a pool of workers that may be lost, and Ray, which brings them.

What is worked on is not known here: :mod:`grader.grading.ray_engine` grades submissions, timed tasks train.
"""

from grader.cluster.node_folder import NodeFolder
from grader.cluster.pool import MAX_LOSSES, Crew, Errand, SeatRetired, Work, WorkerLost, run_pool
from grader.cluster.ray_crew import RayCrew, import_ray, ray_cluster, require_ray

__all__ = [
    "MAX_LOSSES",
    "Crew",
    "Errand",
    "NodeFolder",
    "RayCrew",
    "SeatRetired",
    "Work",
    "WorkerLost",
    "import_ray",
    "ray_cluster",
    "require_ray",
    "run_pool",
]
