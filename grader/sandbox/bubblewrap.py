"""The default backend: a zygote in bubblewrap, each guest in namespaces of its own."""

from __future__ import annotations

import os
import shutil
import site
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from grader.errors import SandboxUnavailable
from grader.model import Environment, Limits
from grader.sandbox.protocol import GUARANTEES, NO_DEVICE, DeviceAccess, Zygote
from grader.sandbox.seccomp import guest_filter
from grader.sandbox.zygote import GUEST_ENVIRONMENT, WALL, ZygoteProcess

# Of /etc only what a C library, fonts and time zones read; no passwd, hosts or keys.
ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "fonts", "alternatives")
# Of a kernel's /tmp; its working folder is elsewhere, and watched.
KERNEL_TMP_BYTES = 64 * 2**20
TOP = ("lib", "lib32", "lib64", "libx32", "bin", "sbin")


class Bubblewrap:
    """See the module; implements :class:`grader.sandbox.protocol.Sandbox`."""

    name = "bubblewrap"
    guarantees = GUARANTEES

    def start(
        self,
        environment: Environment,
        limits: Limits,
        preload: tuple[str, ...] = (),
        device: DeviceAccess = NO_DEVICE,
        *,
        wait: bool = True,
    ) -> Zygote:
        executable = shutil.which("bwrap")
        if executable is None:
            raise SandboxUnavailable("bubblewrap is not installed", remedy="install it: apt-get install bubblewrap")
        for folder in python_folders() if os.getuid() == 0 else ():
            if not folder.stat().st_mode & 0o005 == 0o005:  # guests of a grader that runs as root are another user
                raise SandboxUnavailable(f"{folder} can be read by root alone", remedy=f"chmod -R o+rX {folder}")
        return ZygoteProcess(
            box_command(executable, device),
            {},
            environment,
            limits,
            preload,
            isolated=True,
            drop_uid=os.getuid() == 0,
            seccomp=guest_filter(pinned=bool(device.cores), driver=device.driver),
            device=device,
            wait=wait,
        )


def box_command(executable: str, device: DeviceAccess = NO_DEVICE) -> list[str]:
    """The bubblewrap command line that starts a zygote; the control descriptor's number is to be appended.

    As the host's root no user namespace is made for the zygote: its guests can then become another uid on the host,
    which the process limit needs (the kernel exempts root). Otherwise the zygote is root of a user namespace.
    """
    command = [executable, "--die-with-parent", "--new-session", "--as-pid-1", "--cap-add", "ALL"]
    command += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    if os.getuid() != 0:
        command += ["--unshare-user", "--uid", "0", "--gid", "0"]
    command += ["--hostname", "box", "--clearenv"]
    for name, value in {**GUEST_ENVIRONMENT, **dict(device.variables)}.items():
        command += ["--setenv", name, value]
    command += system_view()
    binds = {in_box(folder): folder for folder in python_folders()} | {Path("/box/wall"): WALL}
    command += _open_parents([*binds, *(Path(name) for name in device.folders if Path(name).exists())])
    for folder, source in binds.items():
        command += ["--ro-bind", str(source), str(folder)]
    for name in device.folders:
        command += ["--ro-bind-try", name, name]
    command += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    command += _open_parents([Path(node) for node in device.nodes])  # /dev/nvidia-caps
    for node in device.nodes:
        command += ["--dev-bind", node, node]
    command += ["--remount-ro", "/dev", "--remount-ro", "/"]
    command += ["--chdir", "/", "--", str(in_box(Path(sys.executable))), "-P", "-s", "-B", "-c", BOOT]
    return command


def kernel_command(
    executable: str,
    command: list[str],
    private: Path,
    folders: Iterable[Path],
    seccomp: int,
    variables: Mapping[str, str],
) -> list[str]:
    """The bubblewrap command line that runs ``command`` (a Jupyter kernel) by itself, with files in ``private``.

    :param private: folder that the command may write to, at the same path; its working directory is ``work`` in it.
    :param folders: read-only folders that it needs beside the system.
    :param seccomp: number of a descriptor that holds the filter.
    """
    box = [executable, "--die-with-parent", "--unshare-all", "--uid", "65534", "--gid", "65534"]
    box += ["--cap-drop", "ALL", "--hostname", "box", "--clearenv", "--seccomp", str(seccomp)]
    for name, value in variables.items():
        box += ["--setenv", name, value]
    box += [*system_view(), "--proc", "/proc", "--dev", "/dev", "--size", str(KERNEL_TMP_BYTES), "--tmpfs", "/tmp"]
    outside = [folder for folder in folders if not folder.is_relative_to("/usr") and folder.is_dir()]
    box += _open_parents([private, *outside])
    for folder in outside:
        box += ["--ro-bind", str(folder), str(folder)]
    box += ["--bind", str(private), str(private), "--remount-ro", "/dev", "--remount-ro", "/"]
    return [*box, "--chdir", str(private / "work"), "--", *command]


def system_view() -> list[str]:
    """Arguments that show the system's programs and libraries, read-only."""
    command = ["--ro-bind", "/usr", "/usr"]
    for name in TOP:
        path = Path("/", name)
        if path.is_symlink():
            command += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            command += ["--ro-bind", str(path), str(path)]
    command += ["--perms", "0755", "--dir", "/etc"]  # else only root finds what lies there: fontconfig complains
    for name in ETC:
        command += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return command


def _open_parents(paths: Iterable[Path]) -> list[str]:
    """Folders that bubblewrap makes on the way to a bind are closed to all but root, and a guest is not root."""
    parents = {parent for path in paths for parent in path.parents} - {Path("/"), Path("/dev")}
    made = [parent for parent in sorted(parents) if not parent.is_relative_to("/usr")]
    return [word for parent in made for word in ("--perms", "0755", "--dir", str(parent))]


# -P and -s keep the working directory and a user's packages out; the wall's folder is added by hand. Not -I: the
# environment is ours alone, and -I would ignore its PYTHONHASHSEED, by which a regrade finds sets in the same order.
BOOT = "import sys; sys.path.insert(0, '/box'); from wall.zygote import main; main()"


def in_box(path: Path) -> Path:
    """Where a path of this Python is in the box: at its own place, unless a guest's private /tmp would cover it."""
    return Path("/box/python", path.relative_to("/tmp")) if path.is_relative_to("/tmp") else path


def python_folders() -> list[Path]:
    """Folders outside /usr that this Python and its packages live in."""
    candidates = [Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent]
    candidates += [Path(folder) for folder in site.getsitepackages()]
    folders: list[Path] = []
    for folder in sorted({candidate.absolute() for candidate in candidates}, key=lambda path: len(path.parts)):
        inside = any(folder.is_relative_to(other) for other in [Path("/usr"), *folders])
        if not inside and folder.is_dir() and folder != Path("/"):
            folders.append(folder)
    return folders
