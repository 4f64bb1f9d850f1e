"""``grader doctor``: what of this machine and this course works, what does not, and the remedy.

Each probe is a small function that returns one :class:`Finding`. Probes try the thing itself where that is cheap: they
start a sandbox and call through it, take the database's write lock, write a temporary file.
"""

from grader.doctor.diagnosis import diagnose
from grader.doctor.finding import Finding, State

__all__ = ["Finding", "State", "diagnose"]
