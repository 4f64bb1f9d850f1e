"""Probes of the sandbox: its parts one by one, then the whole of it, by a call through a real one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from grader.doctor.finding import Finding, State
from grader.doctor.packages import version_tuple
from grader.errors import GraderError, InfrastructureError
from grader.model import Environment, Limits, SubmissionFiles
from grader.remote import LoadError, RemoteError, RemoteSession
from grader.sandbox import GuestFault, Zygote, open_sandbox
from grader.sandbox.seccomp import guest_filter
from grader.wall.isolation import GUEST_UID

NEEDED_BY = "needed to grade and to verify; grader check does without"
INSTALL = "install it: apt-get install bubblewrap (or dnf, pacman, zypper install bubblewrap)"
OLDEST_BUBBLEWRAP = (0, 5, 0)  # the first with --clearenv
BWRAP_SECONDS = 10.0
CALLS = 20  # of which the fastest is shown: the first ones warm caches up
# Trouble's first line says what it is; the rest is a traceback of ours or of bubblewrap's.
MAX_DETAIL = 400

# The submission that the probe sends: one answer to check, one thing that must not be possible.
PROBE = '''\
def total(values):
    return float(values.sum())


def has_network():
    import socket

    try:
        socket.socket().close()
    except OSError:
        return False
    return True
'''


def user(uid: int | None = None) -> Finding:
    """Whether we are root, and what that means."""
    uid = os.getuid() if uid is None else uid
    if uid == 0:
        detail = f"root: submissions run as uid {GUEST_UID}, but a flaw in the sandbox would be a flaw in root's hands"
        return Finding("user", State.NOTE, detail, "grade as an ordinary user, where that is possible")
    return Finding("user", State.OK, f"uid {uid}: submissions run in a user namespace, with none of root's rights")


def bubblewrap() -> Finding:
    """Whether bubblewrap is there, runs, and knows the options that we use."""
    executable = shutil.which("bwrap")
    if executable is None:
        return Finding("bubblewrap", State.PROBLEM, f"not installed; {NEEDED_BY}", INSTALL)
    try:
        command = [executable, "--version"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=BWRAP_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("bubblewrap", State.PROBLEM, f"{executable} does not run: {error}", INSTALL)
    said = (done.stdout.strip() or done.stderr.strip())[:MAX_DETAIL]
    version = re.search(r"\d+\.\d+(\.\d+)?", done.stdout)
    if done.returncode != 0 or version is None:
        return Finding("bubblewrap", State.PROBLEM, f"{executable} does not tell its version: {said}", INSTALL)
    if version_tuple(version[0]) < OLDEST_BUBBLEWRAP:
        oldest = ".".join(map(str, OLDEST_BUBBLEWRAP))
        return Finding("bubblewrap", State.PROBLEM, f"{version[0]} is too old", f"install {oldest} or newer")
    return Finding("bubblewrap", State.OK, f"{version[0]}, {executable}")


def user_namespaces(uid: int | None = None, settings: Path = Path("/proc/sys")) -> Finding:
    """What the kernel's settings say of user namespaces; whether they really work, :func:`whole` tells.

    :param settings: where sysctl's values lie.
    """
    name = "user namespaces"
    uid = os.getuid() if uid is None else uid
    if _setting(settings, "user/max_user_namespaces") == "0":
        return Finding(name, State.PROBLEM, "switched off", "sudo sysctl user.max_user_namespaces=15000")
    if uid == 0:
        return Finding(name, State.OK, "allowed; as root, only submissions need one")
    if _setting(settings, "kernel/unprivileged_userns_clone") == "0":
        return Finding(
            name, State.PROBLEM, "allowed to root alone", "sudo sysctl kernel.unprivileged_userns_clone=1"
        )
    if _setting(settings, "kernel/apparmor_restrict_unprivileged_userns") == "1":
        return Finding(name, State.NOTE, "AppArmor allows them to programs with a profile alone; see the sandbox below")
    return Finding(name, State.OK, "allowed")


def seccomp() -> Finding:
    """Whether the filter of system calls can be built; its own error names the remedy."""
    program = guest_filter()
    return Finding("seccomp", State.OK, f"libseccomp builds our filter ({len(program) // 8} instructions)")


def whole(environment: Environment) -> Finding:
    """Start a sandbox as grading does, call a function in it, and see that the answer is right and the network shut."""
    name = f"sandbox, {environment}"
    if shutil.which("bwrap") is None:
        return Finding(name, State.PROBLEM, "not tried: bubblewrap is not installed", INSTALL)
    start = time.monotonic()
    try:
        zygote = open_sandbox("bubblewrap").start(environment, Limits())
    except GraderError as error:
        return Finding(name, State.PROBLEM, _short(error.what), remedy_for(error.what))
    try:
        started = time.monotonic() - start
        call, total, network = _calls(zygote)
    except (InfrastructureError, GuestFault, RemoteError, LoadError) as error:
        said = error.what if isinstance(error, GraderError) else str(error)
        return Finding(name, State.PROBLEM, _short(said), remedy_for(said))
    finally:
        zygote.close()
    if total != 4950.0:
        return Finding(name, State.PROBLEM, f"0 + 1 + … + 99 is {total!r} in it", "install numpy again, and bubblewrap")
    if network is not False:
        return Finding(name, State.PROBLEM, "a submission can open a socket in it", "install libseccomp again")
    versions = ", ".join(f"{package} {version}" for package, version in zygote.versions.items())
    detail = f"works: started in {started:.1f} s, a call takes {call * 1000:.2f} ms ({versions})"
    return Finding(name, State.OK, detail)


def remedy_for(said: str, settings: Path = Path("/proc/sys"), root: Path = Path("/")) -> str:
    """What to do about a sandbox that did not start, by what it said and where we are.

    :param root: where the files lie by which a container is recognised.
    """
    if "ModuleNotFoundError" in said or "ImportError" in said:
        return f"install it with {sys.executable} -m pip; what PYTHONPATH adds is not seen in the sandbox"
    refused = re.search(r"namespace|uid map|Operation not permitted|Permission denied|setgroups|pivot_root", said)
    if not refused:
        return "mend what it names"
    if _setting(settings, "user/max_user_namespaces") == "0":
        return "switch user namespaces on: sudo sysctl user.max_user_namespaces=15000"
    if _setting(settings, "kernel/unprivileged_userns_clone") == "0":
        return "allow user namespaces: sudo sysctl kernel.unprivileged_userns_clone=1"
    if any((root / mark).exists() for mark in (".dockerenv", "run/.containerenv")):
        return (
            "let the container make namespaces, e.g. docker run --security-opt seccomp=unconfined "
            "--security-opt apparmor=unconfined --security-opt systempaths=unconfined --cap-add SYS_ADMIN …"
        )
    if _setting(settings, "kernel/apparmor_restrict_unprivileged_userns") == "1":
        return (
            "give bwrap an AppArmor profile that allows userns (apt-get install apparmor-profiles has one to enable), "
            "or sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"
        )
    return "allow this user to make user namespaces; ask who runs the machine"


def _calls(zygote: Zygote) -> tuple[float, object, object]:
    """Seconds of a call that carries 1 KB, and the two answers of the probe."""
    files = SubmissionFiles("probe", "probe.py", {"probe.py": PROBE.encode()})
    session = RemoteSession(zygote, files, Limits())
    try:
        session.load()
        values = np.arange(100.0)
        network: object = session.submission.has_network()
        total: object = None
        seconds = []
        for _ in range(CALLS):
            start = time.perf_counter()
            total = session.submission.total(values)
            seconds.append(time.perf_counter() - start)
        return min(seconds), total, network
    finally:
        session.close()


def _setting(settings: Path, name: str) -> str:
    """A kernel setting; empty where this kernel does not have it."""
    try:
        return (settings / name).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _short(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    # The first line says what failed, the last one why.
    text = lines[0] if len(lines) == 1 else f"{lines[0]} {lines[-1]}" if lines else "no reason given"
    return text[:MAX_DETAIL]
