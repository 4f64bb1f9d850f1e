"""What a guest takes upon itself after the fork and before it loads a student's code. Linux, standard library only.

The zygote runs in bubblewrap with capabilities in its own namespaces. Per guest it calls
:func:`fork_into_pid_namespace`; the child then calls :func:`confine`, after which it has: its own user, pid, mount and
ipc namespaces, a private /tmp and /dev/shm of limited size, no /proc to speak of, no capabilities, no_new_privs,
resource limits and a seccomp filter.
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct
import sys

CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 4, 22, 24
PR_SET_SECUREBITS, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 28, 38, 47, 4
SECCOMP_MODE_FILTER = 2
# SECBIT_NOROOT, NO_SETUID_FIXUP, NO_CAP_AMBIENT_RAISE, each with its lock: uid 0 means nothing any more.
SECUREBITS_LOCKED = 0xEF
SIGKILL = 9

# The uid that a guest has inside its user namespace, and, where the grader runs as root, outside too: never 0, because
# the kernel does not hold root to its process limit.
GUEST_UID = 65534

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
_libc.prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong)


def _check(result: int, call: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """unshare(2)."""
    _check(_libc.unshare(flags), "unshare")


def prctl(option: int, a: int = 0, b: int = 0, c: int = 0, d: int = 0) -> None:
    """prctl(2)."""
    _check(_libc.prctl(option, a, b, c, d), f"prctl {option}")


def mount_tmpfs(path: str, options: str, flags: int = MS_NOSUID | MS_NODEV) -> None:
    """Mount a fresh tmpfs."""
    _check(_libc.mount(b"tmpfs", path.encode(), b"tmpfs", flags, options.encode()), f"mount {path}")


def fork_into_pid_namespace(own_namespace: int) -> int:
    """Fork a child that is process 1 of a new pid namespace; the caller stays where it is.

    One fork instead of the usual two: unshare sets the namespace of future children, and setns sets it back.

    :param own_namespace: an open descriptor of ``/proc/self/ns/pid``.
    :returns: as ``os.fork``.
    """
    unshare(CLONE_NEWPID)
    try:
        pid = os.fork()
    except BaseException:
        _check(_libc.setns(own_namespace, CLONE_NEWPID), "setns")
        raise
    if pid:
        _check(_libc.setns(own_namespace, CLONE_NEWPID), "setns")
    return pid


def confine(limits: dict[str, float], seccomp_filter: bytes, drop_uid: bool, driver: bool = False) -> None:
    """Take all isolation; returns only where every step succeeded.

    :param limits: dict with the keys of ``limits_message`` in grader/sandbox/limits.py, and ``mapped_bytes``.
    :param seccomp_filter: BPF program, bytes.
    :param drop_uid: True where the zygote is the host's root: the guest then becomes another uid on the host as well.
    :param driver: True where a GPU's driver must find /proc: that of the box stays, where the zygote (not dumpable) and
        other guests are seen by their numbers.
    """
    prctl(PR_SET_PDEATHSIG, SIGKILL)
    prctl(PR_SET_DUMPABLE, 1)  # a zygote that is not would leave /proc/self to root
    proc_self = os.open("/proc/self", os.O_PATH | os.O_DIRECTORY)
    unshare(CLONE_NEWNS | CLONE_NEWIPC)
    size = int(limits["disk_bytes"])
    # Inodes bound the kernel memory that empty files take: one per 16 KiB, as on an ordinary disk.
    mount_tmpfs("/tmp", f"size={size},nr_inodes={max(64, size // 16384)},mode=1777")
    mount_tmpfs("/dev/shm", f"size={size // 4},nr_inodes=64,mode=1777")
    if not driver:
        hide_proc()
    uid, gid = os.getuid(), os.getgid()
    if drop_uid:
        os.setgroups([])
        os.setresgid(GUEST_UID, GUEST_UID, GUEST_UID)
        os.setresuid(GUEST_UID, GUEST_UID, GUEST_UID)
        prctl(PR_SET_DUMPABLE, 1)  # changing uid made /proc/self root's; the id maps are written through it
        uid = gid = GUEST_UID
    unshare(CLONE_NEWUSER)
    _write_at(proc_self, "setgroups", "deny")
    _write_at(proc_self, "gid_map", f"{GUEST_UID} {gid} 1")
    _write_at(proc_self, "uid_map", f"{GUEST_UID} {uid} 1")
    os.close(proc_self)
    drop_capabilities()
    set_resource_limits(limits)
    prctl(PR_SET_DUMPABLE, 0)
    prctl(PR_SET_PDEATHSIG, SIGKILL)  # a change of credentials has cleared it
    install_seccomp(seccomp_filter)


_libraries = b""


def remember_libraries() -> None:
    """Keep the zygote's mappings of shared libraries, one of each, for the /proc/self/maps of its guests."""
    global _libraries
    with open("/proc/self/maps", "rb") as file:
        lines = {line.split(maxsplit=5)[-1]: line for line in file if b".so" in line}
    _libraries = b"".join(lines.values())


def hide_proc() -> None:
    """Cover /proc, which shows the zygote's processes, by the three entries that frameworks cannot do without.

    TensorFlow aborts without the first two. scikit-learn's nearest neighbours and k-means raise an error without the
    third, where threadpoolctl looks for libraries that start threads.
    """
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    mount_tmpfs("/proc", f"size={len(_libraries) + 16384},nr_inodes=6,mode=0555", flags)
    os.mkdir("/proc/self")
    os.symlink(sys.executable, "/proc/self/exe")
    with open("/proc/self/cmdline", "wb") as file:
        file.write(sys.executable.encode() + b"\0")
    with open("/proc/self/maps", "wb") as file:
        file.write(_libraries)
    _check(_libc.mount(b"tmpfs", b"/proc", None, flags | MS_RDONLY | MS_REMOUNT, None), "remount /proc")


def _write_at(directory: int, name: str, text: str) -> None:
    descriptor = os.open(name, os.O_WRONLY, dir_fd=directory)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def drop_capabilities() -> None:
    """Empty every capability set for good: ambient, bounding, inheritable, permitted, effective."""
    _libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    for capability in range(64):
        if _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break  # EINVAL: past the kernel's last capability
    prctl(PR_SET_SECUREBITS, SECUREBITS_LOCKED)
    header = struct.pack("Ii", 0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    _check(_libc.capset(header, struct.pack("6I", 0, 0, 0, 0, 0, 0)), "capset")
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def set_resource_limits(limits: dict[str, float]) -> None:
    """Set rlimits; memory is counted from what the warm process maps already.

    :param limits: as for :func:`confine`; ``mapped_bytes`` the zygote has measured before /proc was hidden.
    """
    memory = int(limits["memory_bytes"]) + int(limits["mapped_bytes"])
    # A hard limit above the soft one makes the kernel send SIGXCPU first; equal limits kill at once.
    cpu = int(limits["total_cpu_seconds"]) + 1
    # A GPU's driver maps without end and pins what it copies; the host watches the memory that is really held.
    unbounded = not limits["address_space"]
    for which, value in (
        (resource.RLIMIT_AS, resource.RLIM_INFINITY if unbounded else memory),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_NPROC, int(limits["processes"])),
        (resource.RLIMIT_NOFILE, int(limits["open_files"])),
        (resource.RLIMIT_FSIZE, int(limits["file_bytes"])),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, resource.getrlimit(resource.RLIMIT_MEMLOCK)[1] if unbounded else 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(which, (value, value))


def mapped_bytes() -> int:
    """Bytes of address space that this process maps (the first field of /proc/self/statm, in pages)."""
    with open("/proc/self/statm", "rb") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()


def install_seccomp(program: bytes) -> None:
    """Install a BPF program as this thread's seccomp filter; every later thread and process inherits it."""
    code = ctypes.create_string_buffer(program, len(program))

    class SockFprog(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    fprog = SockFprog(len(program) // 8, ctypes.cast(code, ctypes.c_void_p).value)
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(fprog))
