"""The probes of ``grader doctor``, each made to find what is broken."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import shutil
import sqlite3
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

import pytest

from grader.doctor import Finding, State, diagnose, machine, packages, sandbox
from grader.doctor import course as courses
from grader.doctor.finding import guarded
from grader.doctor.packages import Requirement
from grader.errors import StoreError, UsageError
from grader.model import Environment
from grader.store.database import Store

COURSE = Path(__file__).parents[1] / "goldens" / "generation" / "course"
NO_NAMESPACE = (
    "bwrap: No permissions to create new namespace, likely because the kernel does not allow non-privileged user "
    "namespaces."
)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH; empty."""
    folder = tmp_path / "it's \"bin\""
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def settings(folder: Path, **values: str) -> Path:
    """A stand-in for /proc/sys; the first underscore of a name is the slash."""
    for name, value in values.items():
        path = folder / name.replace("_", "/", 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    return folder


# The guard ------------------------------------------------------------------------------------------------------------


def fails(error: Exception) -> Finding:
    raise error


def test_an_error_in_a_probe_becomes_a_finding() -> None:
    finding = guarded("disk", lambda: fails(StoreError("it is full", where="/tmp/x", remedy="make room")))
    assert finding == Finding("disk", State.PROBLEM, "/tmp/x: it is full", "make room")
    finding = guarded("disk", lambda: fails(ZeroDivisionError("division by zero")))
    assert finding.state is State.PROBLEM
    assert "ZeroDivisionError: division by zero" in finding.detail
    assert finding.remedy


def test_no_probe_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that the probes stand on is taken away; each says so."""
    names = [finding.name for finding in diagnose(tmp_path, "sqlite:///x.sqlite")]

    def broken(*_arguments: object, **_options: object) -> object:
        raise RuntimeError("taken away")

    for owner, name in [
        (os, "getuid"),
        (shutil, "which"),
        (importlib.metadata, "version"),
        (tempfile, "gettempdir"),
        (courses, "find_course"),
        (courses, "parse_url"),
        (sandbox, "guest_filter"),
        (sandbox, "_setting"),
        (machine.platform, "release"),
    ]:
        monkeypatch.setattr(owner, name, broken)
    findings = {finding.name: finding for finding in diagnose(tmp_path, "sqlite:///x.sqlite")}
    assert "system" in findings
    assert set(findings) < set(names)  # without a system there is no sandbox to look at
    broken_ones = {"grader", "system", "temporary files", "numpy", "GPU", "other packages", "course", "database"}
    assert {name for name, finding in findings.items() if finding.state is State.PROBLEM} >= broken_ones
    assert all("taken away" in findings[name].detail for name in broken_ones)


# Python, system, packages ---------------------------------------------------------------------------------------------


def test_python_and_system() -> None:
    assert machine.python().state is State.OK
    assert machine.python((3, 10, 14)) == Finding(
        "Python", State.PROBLEM, "3.10.14 is too old", "use Python 3.11 or newer"
    )
    assert machine.python((4, 0, 0)).state is State.OK
    assert machine.system().state is State.OK
    assert machine.system("darwin").state is State.PROBLEM
    assert machine.our_version().state is State.OK


def test_on_another_system_the_sandbox_is_not_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    away = Finding("system", State.PROBLEM, "win32: grading needs Linux", "use Linux")
    monkeypatch.setattr(machine, "system", lambda: away)
    findings = diagnose(tmp_path)
    assert away in findings
    assert not any(finding.name.startswith(("sandbox", "bubblewrap", "user")) for finding in findings)


def test_root_is_told_what_it_means() -> None:
    assert sandbox.user(0).state is State.NOTE
    assert "ordinary user" in sandbox.user(0).remedy
    assert sandbox.user(1000).state is State.OK


Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(
    ("free", "state"), [(10, State.PROBLEM), (500, State.NOTE), (5000, State.OK)], ids=["full", "tight", "roomy"]
)
def test_room_for_temporary_files(monkeypatch: pytest.MonkeyPatch, free: int, state: State) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(0, 0, free * machine.MIB))
    finding = machine.temporary_files()
    assert finding.state is state
    assert f"{free:,} MiB free" in finding.detail
    assert bool(finding.remedy) == (state is not State.OK)


def test_no_place_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    finding = machine.temporary_files()
    assert finding.state is State.PROBLEM
    assert "TMPDIR" in finding.remedy


def test_our_own_metadata_says_what_is_needed() -> None:
    found = {requirement.name: requirement for requirement in packages.requirements()}
    assert set(packages.SHOWN) <= set(found)
    assert found["numpy"].extra == ""
    assert found["numpy"].least
    assert found["torch"].extra == "torch"
    assert found["ruff"].extra == "dev"


NUMPY = Requirement("numpy", (1, 26), "")
TORCH = Requirement("torch", (2, 2), "torch")
NBGRADER = Requirement("nbgrader", (0, 9), "nbgrader")
ALL = frozenset(Environment)


@pytest.mark.parametrize(
    ("requirement", "version", "needed", "state", "words"),
    [
        (NUMPY, "1.26.4", frozenset(), State.OK, "1.26.4"),
        (NUMPY, "1.9.3", frozenset(), State.PROBLEM, "older than 1.26"),
        (NUMPY, None, frozenset(), State.PROBLEM, "not installed"),
        (TORCH, "2.13.0+cpu", ALL, State.OK, "2.13.0+cpu"),
        (TORCH, "2.1.2", ALL, State.PROBLEM, "older than 2.2"),
        (TORCH, "2.1.2", frozenset(), State.NOTE, "older than 2.2"),
        (TORCH, None, ALL, State.PROBLEM, "assignments of this course use it"),
        (TORCH, None, frozenset(), State.NOTE, 'environment = "torch"'),
        (NBGRADER, None, ALL, State.NOTE, "only for courses kept in nbgrader"),
    ],
)
def test_packages(
    monkeypatch: pytest.MonkeyPatch,
    requirement: Requirement,
    version: str | None,
    needed: frozenset[Environment],
    state: State,
    words: str,
) -> None:
    monkeypatch.setattr(packages, "installed_version", lambda _name: version)
    finding = packages.package(requirement, needed)
    assert (finding.name, finding.state) == (requirement.name, state)
    assert words in finding.detail
    assert ("pip install" in finding.remedy) == (state is not State.OK)


def test_packages_without_a_line_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"click": "8.1.7", "rich": "12.0"}
    monkeypatch.setattr(packages, "installed_version", versions.get)
    click, rich = Requirement("click", (8, 1), ""), Requirement("rich", (13, 0), "")
    assert packages.other_packages((click,)) == Finding("other packages", State.OK, "click 8.1.7")
    finding = packages.other_packages((click, rich, Requirement("jinja2", (), "")))
    assert finding.state is State.PROBLEM
    assert finding.detail == "rich: 12.0 is older than 13.0; jinja2: not installed"
    assert finding.remedy == "pip install 'rich>=13.0'; pip install jinja2"


def test_a_module_under_another_distribution_s_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name != "tensorflow-cpu":
            raise importlib.metadata.PackageNotFoundError(name)
        return "2.21.0"

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert packages.installed_version("tensorflow") == "2.21.0"
    assert packages.installed_version("torch") is None


# GPU ------------------------------------------------------------------------------------------------------------------


def test_no_gpu(programs: Path) -> None:
    assert machine.gpu() == Finding("GPU", State.NOTE, "none; timed training tasks then run on the CPU")
    program(programs, "nvidia-smi", "exit 0")
    assert machine.gpu().detail.startswith("none; ")
    program(programs, "nvidia-smi", "echo NVIDIA-SMI has failed >&2; exit 9")
    finding = machine.gpu()
    assert finding.state is State.NOTE
    assert "NVIDIA-SMI has failed" in finding.detail
    assert "driver" in finding.remedy


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        ("echo True 2.9.0+cu128", State.OK, "torch 2.9.0+cu128 uses it"),
        ("echo False 2.9.0+cpu", State.NOTE, "torch 2.9.0+cpu cannot use it"),
        ("echo ImportError: libcudart.so >&2; exit 1", State.NOTE, "libcudart.so"),
    ],
)
def test_a_gpu_and_torch(
    programs: Path, monkeypatch: pytest.MonkeyPatch, answer: str, state: State, words: str
) -> None:
    program(programs, "nvidia-smi", "echo NVIDIA H200, 143771 MiB, 570.1")
    program(programs, "python", answer)
    monkeypatch.setattr(sys, "executable", str(programs / "python"))
    monkeypatch.setattr(machine, "installed_version", lambda _name: "2.9.0")
    finding = machine.gpu()
    assert finding.state is state
    assert finding.detail.startswith("NVIDIA H200, 143771 MiB, 570.1; ")
    assert words in finding.detail
    monkeypatch.setattr(machine, "installed_version", lambda _name: None)
    assert "torch is not installed" in machine.gpu().detail


# Sandbox --------------------------------------------------------------------------------------------------------------


def test_without_bubblewrap(programs: Path) -> None:
    for finding in (sandbox.bubblewrap(), sandbox.whole(Environment.NUMPY)):
        assert finding.state is State.PROBLEM
        assert "not installed" in finding.detail
        assert "apt-get install bubblewrap" in finding.remedy


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo bubblewrap 0.4.0", "0.4.0 is too old"),
        ("echo bubblewrap", "does not tell its version"),
        (f"echo '{NO_NAMESPACE}' >&2; exit 1", "No permissions to create new namespace"),
    ],
)
def test_a_bubblewrap_that_will_not_do(programs: Path, script: str, words: str) -> None:
    program(programs, "bwrap", script)
    finding = sandbox.bubblewrap()
    assert finding.state is State.PROBLEM
    assert words in finding.detail
    assert finding.remedy


def test_a_bubblewrap_that_is_no_program(programs: Path) -> None:
    (programs / "bwrap").write_bytes(b"\x7fELF is not all of it")
    (programs / "bwrap").chmod(0o755)
    finding = sandbox.bubblewrap()
    assert finding.state is State.PROBLEM
    assert "does not run" in finding.detail


def test_namespaces_are_refused(programs: Path) -> None:
    program(programs, "bwrap", f"echo '{NO_NAMESPACE}' >&2; exit 1")
    finding = sandbox.whole(Environment.NUMPY)
    assert finding.state is State.PROBLEM
    assert "No permissions to create new namespace" in finding.detail
    assert "namespace" in finding.remedy
    assert "grader doctor" not in finding.remedy


def test_a_call_through_a_real_sandbox() -> None:
    finding = sandbox.whole(Environment.NUMPY)
    assert finding.state is State.OK, finding
    assert "a call takes" in finding.detail
    assert "numpy" in finding.detail


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ((0.001, 4951.0, False), "is 4951.0 in it"),
        ((0.001, None, False), "is None in it"),
        ((0.001, 4950.0, True), "can open a socket"),
        ((0.001, 4950.0, None), "can open a socket"),
    ],
)
def test_a_sandbox_that_answers_wrongly(
    monkeypatch: pytest.MonkeyPatch, answers: tuple[float, object, object], words: str
) -> None:
    monkeypatch.setattr(sandbox, "_calls", lambda _zygote: answers)
    finding = sandbox.whole(Environment.NUMPY)
    assert finding.state is State.PROBLEM
    assert words in finding.detail


def test_the_backend_without_isolation_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe's submission really tries the network: where nothing isolates it, it gets a socket."""
    backend = sandbox.open_sandbox("subprocess")
    monkeypatch.setattr(sandbox, "open_sandbox", lambda _name: backend)
    finding = sandbox.whole(Environment.NUMPY)
    assert finding.state is State.PROBLEM
    assert "can open a socket" in finding.detail


def test_a_submission_that_does_not_load_in_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "PROBE", "import no_such_module")
    finding = sandbox.whole(Environment.NUMPY)
    assert finding.state is State.PROBLEM
    assert "no_such_module" in finding.detail
    assert "pip" in finding.remedy


@pytest.mark.parametrize(
    ("uid", "values", "state", "words"),
    [
        (1000, {"user_max_user_namespaces": "31231"}, State.OK, "allowed"),
        (1000, {}, State.OK, "allowed"),
        (0, {"user_max_user_namespaces": "0"}, State.PROBLEM, "switched off"),
        (1000, {"kernel_unprivileged_userns_clone": "0"}, State.PROBLEM, "root alone"),
        (0, {"kernel_unprivileged_userns_clone": "0"}, State.OK, "allowed"),
        (1000, {"kernel_apparmor_restrict_unprivileged_userns": "1"}, State.NOTE, "AppArmor"),
    ],
)
def test_the_kernel_s_settings(tmp_path: Path, uid: int, values: dict[str, str], state: State, words: str) -> None:
    finding = sandbox.user_namespaces(uid, settings(tmp_path, **values))
    assert finding.state is state
    assert words in finding.detail


@pytest.mark.parametrize(
    ("said", "values", "container", "words"),
    [
        (NO_NAMESPACE, {"user_max_user_namespaces": "0"}, False, "sysctl user.max_user_namespaces="),
        (NO_NAMESPACE, {"kernel_unprivileged_userns_clone": "0"}, False, "sysctl kernel.unprivileged_userns_clone=1"),
        (NO_NAMESPACE, {}, True, "docker run --security-opt"),
        (
            "bwrap: setting up uid map: Permission denied",
            {"kernel_apparmor_restrict_unprivileged_userns": "1"},
            False,
            "AppArmor profile",
        ),
        (NO_NAMESPACE, {}, False, "ask who runs the machine"),
        ("ModuleNotFoundError: No module named 'numpy'", {}, True, "-m pip"),
        ("bwrap: Can't find source path /nowhere", {}, True, "mend what it names"),
    ],
)
def test_the_remedy_fits_the_cause(
    tmp_path: Path, said: str, values: dict[str, str], container: bool, words: str
) -> None:
    if container:
        (tmp_path / ".dockerenv").touch()
    assert words in sandbox.remedy_for(said, settings(tmp_path, **values), tmp_path)


def test_without_libseccomp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyseccomp", None)  # importing it then raises ImportError
    sandbox.guest_filter.cache_clear()
    finding = guarded("seccomp", sandbox.seccomp)
    assert finding.state is State.PROBLEM
    assert "libseccomp2" in finding.remedy
    monkeypatch.undo()
    assert sandbox.seccomp().state is State.OK


# Course and database --------------------------------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "it's a \"course\""
    shutil.copytree(COURSE, root)
    return root


def test_course(root: Path, tmp_path: Path) -> None:
    finding = courses.course(root / "solutions")
    assert finding.state is State.OK
    assert "1 assignment (" in finding.detail
    finding = courses.course(tmp_path)
    assert finding.state is State.NOTE
    assert "grader init" in finding.remedy
    shutil.rmtree(root / "solutions")
    assert courses.course(root).state is State.NOTE


def test_a_broken_course_names_file_and_line(root: Path) -> None:
    (root / "course.toml").write_text('name = "Tiny"\nseed = one\n')
    assert courses.open_course(root) is None
    finding = guarded("course", lambda: courses.course(root))
    assert finding.state is State.PROBLEM
    assert "course.toml:2" in finding.detail
    assert finding.remedy


def test_a_database_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    file = tmp_path / "results.sqlite"
    finding = courses.database(f"sqlite:///{file}")
    assert finding.state is State.OK
    assert "the first grading creates it" in finding.detail
    assert list(tmp_path.iterdir()) == []


def test_a_place_where_no_database_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be created") as caught:
        courses.database(f"sqlite:///{tmp_path}/file/results.sqlite")
    assert caught.value.where == f"{tmp_path}/file/results.sqlite"
    assert caught.value.remedy
    with pytest.raises(StoreError, match="No such file"):
        courses.database(f"sqlite:///{tmp_path}/nowhere/results.sqlite")


def tables(file: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]


def test_a_database_in_use_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "results.sqlite"
    Store(f"sqlite:///{file}").close()
    before = tables(file)
    assert "reachable and writable" in courses.database(f"sqlite:///{file}").detail
    assert tables(file) == before
    empty = tmp_path / "empty.sqlite"
    empty.touch()
    assert courses.database(f"sqlite:///{empty}").state is State.OK
    assert tables(empty) == []


def test_a_database_that_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courses, "LOCK_SECONDS", 0.05)
    file = tmp_path / "results.sqlite"
    Store(f"sqlite:///{file}").close()
    holder = sqlite3.connect(file, isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            courses.database(f"sqlite:///{file}")
    finally:
        holder.close()


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "other.sqlite"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE songs (x INTEGER)")
    before = file.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        courses.database(f"sqlite:///{file}")
    assert file.read_bytes() == before
    file.write_bytes(b"this is text, no database, and long enough to have a header of its own" * 20)
    with pytest.raises(StoreError, match="not a SQLite database"):
        courses.database(f"sqlite:///{file}")


def test_a_database_that_may_only_be_read(tmp_path: Path) -> None:
    if os.getuid() == 0:
        pytest.skip("root may write everywhere")
    file = tmp_path / "results.sqlite"
    Store(f"sqlite:///{file}").close()
    file.chmod(0o444)
    with pytest.raises(StoreError, match="read-only"):
        courses.database(f"sqlite:///{file}")


@pytest.mark.parametrize("url", ["results.sqlite", "mysql://host/db", "sqlite://"])
def test_what_is_no_database_url(url: str) -> None:
    with pytest.raises(UsageError):
        courses.database(url)


def test_a_server_that_does_not_answer() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError) as caught:
        courses.database("postgresql://nobody:secret@127.0.0.1:1/results")
    assert "secret" not in str(caught.value)
    assert "server" in caught.value.remedy
