"""The guest's seccomp filter: system calls that no exercise needs and that kernel exploits and escapes like."""

from __future__ import annotations

import errno
import functools
import os
import socket
import tempfile

from grader.errors import SandboxUnavailable

# No sockets at all: bubblewrap's network namespace still has a loopback. socketpair stays, for asyncio.
NETWORK = "socket connect bind listen accept accept4"
LISTENING = frozenset(("socket", "bind", "listen"))  # of these, what a GPU's driver needs
NAMESPACES = (
    "unshare setns mount umount2 pivot_root chroot move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr"
)
OTHER_PROCESSES = (
    "ptrace process_vm_readv process_vm_writev kcmp pidfd_open pidfd_getfd pidfd_send_signal process_madvise"
)
KERNEL = (
    "bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register keyctl add_key request_key "
    "init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff acct quotactl syslog "
    "open_by_handle_at name_to_handle_at fanotify_init lookup_dcookie nfsservctl personality vhangup uselib "
    "ioperm iopl modify_ldt settimeofday clock_settime clock_adjtime adjtimex sethostname setdomainname"
)
# Memory that belongs to no address space escapes the memory limit.
UNCOUNTED_MEMORY = "memfd_create memfd_secret shmget shmat shmctl msgget msgsnd msgrcv semget semop mq_open"

CLONE_NEW_FLAGS = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
KERNEL_FAMILIES = {int(socket.AF_UNIX), int(socket.AF_INET), int(socket.AF_NETLINK)}
MAX_FAMILY = 64  # Linux has 46
KIND_OF_SOCKET = 0xF  # of socket's second argument, besides flags


# A run that is timed on one core stays there.
PINNED = "sched_setaffinity"


@functools.cache
def guest_filter(*, pinned: bool = False, driver: bool = False, kernel: bool = False) -> bytes:
    """The filter as a BPF program for this machine's architecture.

    :param pinned: whether guests must stay on the CPU cores that they find themselves on.
    :param driver: whether guests need a GPU's driver: CUDA does not start unless it can bind a local socket and listen
        on it, for processes that share memory with it. Nobody can connect to that one.
    :param kernel: whether a Jupyter kernel speaks with its client through local sockets. It also binds one to the
        loopback, which is its own, and ZeroMQ aborts where it cannot list the interfaces.
    Raises SandboxUnavailable where libseccomp is not there.
    """
    try:
        import pyseccomp  # type: ignore[import-untyped]  # it has no annotations
    except (ImportError, RuntimeError, OSError) as error:
        raise SandboxUnavailable(
            f"libseccomp cannot be loaded ({error})", remedy="install it: apt-get install libseccomp2"
        ) from error
    program = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    refuse = pyseccomp.ERRNO(errno.EPERM)
    for group in (NETWORK, NAMESPACES, OTHER_PROCESSES, KERNEL, UNCOUNTED_MEMORY, PINNED * pinned):
        for name in group.split():
            if (driver and name in LISTENING) or (kernel and name in NETWORK.split()):
                continue
            # A name that this libseccomp or architecture does not know cannot be called by name either; the kernel's
            # newest calls are covered by the missing capabilities.
            try:
                program.add_rule(refuse, name)
            except (OSError, ValueError, RuntimeError):
                continue
    if kernel:
        for family in {*range(MAX_FAMILY)} - KERNEL_FAMILIES:
            program.add_rule(refuse, "socket", pyseccomp.Arg(0, pyseccomp.EQ, family))
        program.add_rule(refuse, "socket", pyseccomp.Arg(0, pyseccomp.GE, MAX_FAMILY))
    if driver:
        program.add_rule(refuse, "socket", pyseccomp.Arg(0, pyseccomp.NE, socket.AF_UNIX))
        # One without a connection sends to any name.
        kind = pyseccomp.Arg(1, pyseccomp.MASKED_EQ, KIND_OF_SOCKET, socket.SOCK_DGRAM)
        program.add_rule(refuse, "socket", kind)
    for flag in CLONE_NEW_FLAGS:
        program.add_rule(refuse, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, flag, flag))
    # clone3 passes its flags in memory, where a filter cannot read; glibc falls back to clone on ENOSYS.
    program.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    for request in (TIOCSTI, TIOCLINUX):
        program.add_rule(refuse, "ioctl", pyseccomp.Arg(1, pyseccomp.MASKED_EQ, 0xFFFFFFFF, request))
    with tempfile.TemporaryFile() as file:
        program.export_bpf(file)
        file.seek(0)
        return os.read(file.fileno(), 1 << 20)
