"""The child's side of sandbox.py, started as a script with the arguments of `Arguments`.

The module has one function, `handle(request: dict, data: bytes, output: FileIO) -> dict`. Requests
and replies are lines of JSON on the descriptor `control`; the bytes of a request lie in the file
`data`, those of a reply in `output`. Everything is imported before the first request; afterwards no
file can be opened.

Standard library only, and nothing that starts threads: each costs address space.
"""

import contextlib
import ctypes
import importlib
import json
import math
import os
import resource
import select
import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from io import FileIO
from typing import Any, NamedTuple

Handle = Callable[[dict[str, Any], bytes, FileIO], dict[str, Any]]
PAGE = resource.getpagesize()
LARGEST_REQUEST = 1_000_000  # bytes of a line
MAX_MEMORY = 1 << 30  # bytes beyond the idle child's, whatever a request says
MAX_TRACE = 4000  # characters
TRIM_SECONDS = 2.0  # idle, until freed memory is returned to the system
LIBC = ctypes.CDLL(None)
GRACE = 5.0  # seconds after the deadline at which the child ends even without its parent


class Arguments(NamedTuple):
    root: str  # the folder of the project's packages
    module: str  # with the function `handle`
    control: int  # the descriptors
    data: int
    output: int
    max_file: int  # bytes that may be written to a file
    parent: int  # the process with which this one ends; 0: when its connection is closed
    idle: float  # seconds without a request until the child ends; 0: never


def main(arguments: Arguments) -> None:
    """Serve requests until the parent closes the connection or sends nothing for too long."""
    root, module, control, data, output_descriptor, max_file, parent, idle = arguments
    sys.path.insert(0, root)
    if parent:
        from rubberduck.core.parent_process import end_with_parent

        end_with_parent(parent)
    from rubberduck.imaging.lockdown import lock_down

    handle: Handle = importlib.import_module(module).handle
    output = FileIO(output_descriptor, "wb", closefd=False)
    base = _address_space()
    _set_hard_limit(resource.RLIMIT_AS, base + MAX_MEMORY)
    _set_hard_limit(resource.RLIMIT_FSIZE, max_file)
    sys.excepthook = partial(_report_crash, control)
    os.dup2(1, 2)  # discards what libraries write to stderr, such as libtiff's warnings
    _send(control, {"protections": lock_down()})
    lines = _Lines(control)
    while (line := lines.next(idle)) is not None:
        request = json.loads(line)
        _set_limits(base, request)
        try:
            output.seek(0)
            reply = handle(request["request"], os.pread(data, request["size"], 0), output)
        except MemoryError:
            _send(control, {"failed": "memory"})
            return
        signal.setitimer(signal.ITIMER_REAL, 0)
        _send(control, {"reply": reply, "size": output.tell()})
        if request["trims"]:
            _trim_memory()


def _address_space() -> int:
    """Return the bytes that this process has mapped; 0 if the system does not report them."""
    if sys.platform != "linux":
        return 0
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[0]) * PAGE


def _report_crash(control: int, kind: type[BaseException], error: BaseException, _: Any) -> None:
    """Send an unhandled exception to the parent, which logs it."""
    trace = "".join(traceback.format_exception(kind, error, error.__traceback__, limit=-4))
    _send(control, {"failed": "crash", "trace": trace[-MAX_TRACE:]})


def _set_hard_limit(which: int, limit: int) -> None:
    with contextlib.suppress(OSError, ValueError):  # macOS lacks some of them
        resource.setrlimit(which, (limit, limit))


def _set_limits(base: int, request: dict[str, Any]) -> None:
    """Set the soft limits of one request: memory, CPU time and wall-clock time."""
    if base:
        _set_soft_limit(resource.RLIMIT_AS, base + request["memory"])
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = math.ceil(used.ru_utime + used.ru_stime)
    _set_soft_limit(resource.RLIMIT_CPU, spent + request["cpu_seconds"])
    signal.setitimer(signal.ITIMER_REAL, request["seconds"] + GRACE)


def _set_soft_limit(which: int, soft: int) -> None:
    _, hard = resource.getrlimit(which)
    resource.setrlimit(which, (soft if hard < 0 else min(soft, hard), hard))


class _Lines:
    """Reads lines from a descriptor, by `read`: the lockdown forbids socket calls."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.rest = b""

    def next(self, idle: float) -> bytes | None:
        """Return the next line; None at the end or after `idle` seconds (0: no limit)."""
        while b"\n" not in self.rest:
            if not self._is_readable(TRIM_SECONDS):
                _trim_memory()
                if idle and not self._is_readable(idle):
                    return None
            piece = os.read(self.descriptor, 65536)
            if not piece or len(self.rest) > LARGEST_REQUEST:
                return None
            self.rest += piece
        line, _, self.rest = self.rest.partition(b"\n")
        return line

    def _is_readable(self, seconds: float) -> bool:
        return bool(select.select([self.descriptor], [], [], seconds)[0])


def _trim_memory() -> None:
    """Return freed memory to the system. Keeping it while busy saves a fifth of the time."""
    if hasattr(LIBC, "malloc_trim"):  # glibc
        LIBC.malloc_trim(0)


def _send(descriptor: int, message: dict[str, Any]) -> None:
    left = json.dumps(message).encode() + b"\n"
    while left:
        left = left[os.write(descriptor, left) :]


if __name__ == "__main__":
    root, module, *numbers, idle = sys.argv[1:]
    control, data, output, max_file, parent = map(int, numbers)
    main(Arguments(root, module, control, data, output, max_file, parent, float(idle)))
