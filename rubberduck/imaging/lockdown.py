"""Deny this process what a decoder never needs: files, the network, other processes.

Standard library only: the decoding child runs this before it reads untrusted data.

Libraries looked at: pyseccomp 0.1.2 (last release 2021; runs gcc or ldconfig to find a libseccomp
that the machine may not have), landlock's Python packages (none maintained). Both interfaces are a
few system calls with a stable layout, so they are called through ctypes.
"""

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from typing import NamedTuple

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
# landlock(7): the access rights that each version of the interface handles.
LANDLOCK_CREATE_RULESET, LANDLOCK_RESTRICT_SELF = 444, 446
LANDLOCK_VERSION = 1
ALL_FILE_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF}  # from 5 on: 0xFFFF
TCP_BIND_AND_CONNECT, ABSTRACT_SOCKETS_AND_SIGNALS = 3, 3
# seccomp(2): classic BPF over `struct seccomp_data`.
LOAD, JUMP_IF_EQUAL, JUMP_IF_SET, RETURN = 0x20, 0x15, 0x45, 0x06
NUMBER_AT, ARCHITECTURE_AT, FIRST_ARGUMENT_AT = 0, 4, 16
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
CLONE_THREAD = 0x10000


class Call(NamedTuple):
    """A system call's numbers; None where the architecture does not have it."""

    x86_64: int | None
    aarch64: int | None


# What decoding takes: its own memory, threads, clocks and open descriptors. No call that opens a
# file or a socket, starts a program or touches another process.
ALLOWED = [
    *(Call(0, 63), Call(1, 64), Call(17, 67), Call(18, 68)),  # read, write, pread64, pwrite64
    *(Call(3, 57), Call(5, 80), Call(262, 79), Call(8, 62)),  # close, fstat, newfstatat, lseek
    *(Call(77, 46), Call(72, 25)),  # ftruncate, fcntl
    *(Call(9, 222), Call(11, 215), Call(10, 226), Call(25, 216)),  # mmap, munmap, mprotect, mremap
    *(Call(28, 233), Call(12, 214)),  # madvise, brk
    *(Call(202, 98), Call(24, 124), Call(204, 123)),  # futex, sched_yield, sched_getaffinity
    *(Call(186, 178), Call(39, 172), Call(273, 99)),  # gettid, getpid, set_robust_list
    *(Call(334, 293), Call(324, 283)),  # rseq, membarrier
    *(Call(60, 93), Call(231, 94)),  # exit, exit_group
    *(Call(13, 134), Call(14, 135), Call(15, 139)),  # rt_sigaction, rt_sigprocmask, rt_sigreturn
    *(Call(131, 132), Call(219, 128), Call(38, 103)),  # sigaltstack, restart_syscall, setitimer
    *(Call(98, 165), Call(228, 113), Call(230, 115)),  # getrusage, clock_gettime, clock_nanosleep
    *(Call(35, 101), Call(100, 153), Call(99, 179)),  # nanosleep, times, sysinfo
    *(Call(271, 73), Call(270, 72), Call(7, None), Call(23, None)),  # ppoll, pselect6, poll, select
    *(Call(318, 278), Call(79, 17)),  # getrandom, getcwd
]
CLONE, PRLIMIT = Call(56, 220), Call(302, 261)
AUDIT_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def lock_down() -> dict[str, bool]:
    """Apply each protection that this kernel has; return which ones are active.

    Descriptors that are open stay usable: the limit on them only stops new ones.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    is_linux = sys.platform == "linux"
    if is_linux:
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    return {
        "no core dumps": _set_hard_limit(resource.RLIMIT_CORE, 0),
        "Landlock": is_linux and _restrict_files(libc),
        "no further descriptors": _set_hard_limit(resource.RLIMIT_NOFILE, _first_free_descriptor()),
        "seccomp": is_linux and _filter_system_calls(libc),
    }


def _set_hard_limit(which: int, limit: int) -> bool:
    try:
        resource.setrlimit(which, (limit, limit))
    except (OSError, ValueError):
        return False
    return True


def _first_free_descriptor() -> int:
    descriptor = os.dup(0)
    os.close(descriptor)
    return descriptor


def _restrict_files(libc: ctypes.CDLL) -> bool:
    """Handle every right of Landlock and grant none."""
    version = libc.syscall(LANDLOCK_CREATE_RULESET, None, 0, LANDLOCK_VERSION)
    if version < 1:
        return False
    attributes = struct.pack(
        "QQQ",
        ALL_FILE_RIGHTS.get(version, 0xFFFF),
        TCP_BIND_AND_CONNECT if version >= 4 else 0,
        ABSTRACT_SOCKETS_AND_SIGNALS if version >= 6 else 0,
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = libc.syscall(LANDLOCK_CREATE_RULESET, attributes, size, 0)
    if ruleset < 0:
        return False
    restricted = libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    return bool(restricted == 0)


def _filter_system_calls(libc: ctypes.CDLL) -> bool:
    """Allow the calls of `ALLOWED`; every other one fails as if the kernel did not have it."""
    machine = platform.machine()
    if machine not in AUDIT_ARCHITECTURES or sys.byteorder != "little":
        return False
    program = _program(machine)
    buffer = ctypes.create_string_buffer(program)
    filter_ = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    return bool(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_, 0, 0) == 0)


def _program(machine: str) -> bytes:
    clone, prlimit = getattr(CLONE, machine), getattr(PRLIMIT, machine)
    refuse = (RETURN, 0, 0, REFUSE | errno.ENOSYS)
    allow = (RETURN, 0, 0, ALLOW)
    steps = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (JUMP_IF_EQUAL, 1, 0, AUDIT_ARCHITECTURES[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER_AT),
    ]
    for call in ALLOWED:
        number = getattr(call, machine)
        if number is not None:
            steps += [(JUMP_IF_EQUAL, 0, 1, number), allow]
    # A thread, but no process.
    steps += [(JUMP_IF_EQUAL, 0, 4, clone), (LOAD, 0, 0, FIRST_ARGUMENT_AT)]
    steps += [(JUMP_IF_SET, 0, 1, CLONE_THREAD), allow, refuse]
    # Its own limits, but not the site's.
    steps += [(JUMP_IF_EQUAL, 0, 3, prlimit), (LOAD, 0, 0, FIRST_ARGUMENT_AT)]
    steps += [(JUMP_IF_EQUAL, 0, 1, 0), allow, refuse]
    return b"".join(struct.pack("HBBI", *step) for step in steps)
