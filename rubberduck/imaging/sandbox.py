"""Run code that reads untrusted files in child processes: no secrets, few rights, hard limits.

A `Sandbox` is given the name of a module with `handle(request, data, output) -> reply` and keeps
a small pool of children that serve it. A child has an explicit environment, three descriptors,
limits on memory, processor time and clock time for each request, and whatever lockdown.py can take
away on this kernel. A child that crashes, or does not keep its limits, is replaced.

Libraries looked at: multiprocessing and concurrent.futures hand the whole environment on and
unpickle what the child sends, which a taken-over child would use; pebble adds time-outs to the same
two. Replies here are JSON and bytes, and their sizes are checked.
"""

import atexit
import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]
CHILD = Path(__file__).with_name("sandbox_child.py")
# No variable of the site's own environment but the library path. One malloc arena for all threads;
# freed memory is kept for the next picture (page faults take a fifth of a picture's time) until
# the child has been idle for a while.
ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "33554432",
    "MALLOC_TRIM_THRESHOLD_": "67108864",
}
MAX_FILE = 1 << 28  # bytes that a child may write to a file
START_SECONDS = 30.0
END_SECONDS = 5.0
IDLE_SECONDS = 60.0  # until an additional child ends by itself
REUSE_SECONDS = 45.0  # within which an idle child is reused; shorter, so that it is not just ending
MAX_REPLY = 65_536  # bytes of JSON
KEPT_BYTES = 4_000_000  # of a buffer that stay allocated for the next request
OUT_OF_TIME = {-signal.SIGXCPU, -signal.SIGALRM, -signal.SIGKILL}


@dataclass(frozen=True)
class Limits:
    """The limits of one request."""

    memory: int  # bytes of address space, in addition to the idle child's
    cpu_seconds: int
    seconds: float
    trims: bool = False  # freed memory is returned to the system at once, not when it is idle


class SandboxBusy(Exception):
    """No child became free in time."""


class ChildNotStarted(Exception):
    """A child process could not be started, or ended before its first request."""


class ChildFailed(Exception):
    """A child process ended or exceeded a limit before it replied."""

    def __init__(self, reason: Literal["memory", "time", "crash"], trace: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.trace = trace


class Child:
    """A child process, which handles one request at a time.

    It keeps the open descriptors `files`, whose numbers requests name: a video is too large to be
    copied. It can write `max_file` bytes to each of its files. On Linux the kernel kills it with
    the thread that starts it, if `ends_with_thread`: without, it ends when it has replied.
    """

    def __init__(
        self,
        module: str,
        idle_seconds: float,
        files: Sequence[int] = (),
        max_file: int = MAX_FILE,
        *,
        ends_with_thread: bool = False,
    ) -> None:
        self.requests = 0
        self.is_permanent = not idle_seconds
        self.is_usable = True
        self.used_at = time.monotonic()
        self.protections: dict[str, bool] = {}
        self._is_ready = False
        self._buffer = b""
        self._deadline = 0.0
        self._input, self._output = _memory_file("input"), _memory_file("output")
        self._socket, theirs = socket.socketpair()
        with theirs:
            descriptors = (theirs.fileno(), self._input, self._output)
            parent = os.getpid() if ends_with_thread else 0
            numbers = (*descriptors, max_file, parent, idle_seconds)
            arguments = [str(ROOT), module, *map(str, numbers)]
            self.process = subprocess.Popen(
                [sys.executable, "-I", str(CHILD), *arguments],
                env=_environment(),
                pass_fds=(*descriptors, *files),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,  # Ctrl-C ends only the site, and the child follows
            )

    def wait_until_ready(self) -> None:
        """Wait for the child's first message. Raises ChildNotStarted."""
        if self._is_ready:
            return
        try:
            self.protections = dict(self._receive(time.monotonic() + START_SECONDS)["protections"])
        except (ChildFailed, KeyError, TypeError) as error:
            self.is_usable = False
            raise ChildNotStarted from error
        self._is_ready = True

    def call(
        self, request: dict[str, Any], limits: Limits, data: bytes = b""
    ) -> tuple[dict[str, Any], int]:
        """Send one request; return the reply and the size of its result (see `result`).

        Raises ChildFailed, after which the child is not usable, or ChildNotStarted.
        """
        self.send(request, limits, data)
        return self.receive()

    def send(self, request: dict[str, Any], limits: Limits, data: bytes = b"") -> None:
        """Send one request, and return before its reply: `receive` must follow. More may be sent
        before, which the child answers in their order.

        Raises ChildFailed or ChildNotStarted.
        """
        self.wait_until_ready()
        self.is_usable = False
        self.requests += 1
        _write(self._input, data)
        message = {
            "request": request,
            "size": len(data),
            "memory": limits.memory,
            "cpu_seconds": limits.cpu_seconds,
            "seconds": limits.seconds,
            "trims": limits.trims,
        }
        self._deadline = time.monotonic() + limits.seconds
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            raise self._ended() from None

    def receive(self) -> tuple[dict[str, Any], int]:
        """Wait for the reply to what was sent; return it and the size of its result.

        Raises ChildFailed.
        """
        answer = self._receive(self._deadline)
        if answer.get("failed"):
            reason: Literal["memory", "crash"] = (
                "memory" if answer["failed"] == "memory" else "crash"
            )
            raise ChildFailed(reason, str(answer.get("trace", "")))
        reply, size = answer.get("reply"), answer.get("size")
        if not isinstance(reply, dict) or not isinstance(size, int):
            raise ChildFailed("crash")
        self.is_usable = True
        return reply, size

    def result(self, start: int, size: int) -> bytes:
        """Return `size` bytes of the last result from `start`. Raises ChildFailed if it is shorter.

        Copies them: if a child shrank a mapped file, reading it would kill this process.
        """
        data = os.pread(self._output, size, start) if start >= 0 else b""
        if len(data) != size:
            self.is_usable = False
            raise ChildFailed("crash")
        return data

    def rest(self, kept_bytes: int = KEPT_BYTES) -> None:
        """Free buffers that are larger, and record the time of last use."""
        for descriptor in (self._input, self._output):
            with contextlib.suppress(OSError):
                if os.fstat(descriptor).st_size > kept_bytes:
                    os.ftruncate(descriptor, 0)
        self.used_at = time.monotonic()

    def close(self) -> None:
        """Kill the process and close its descriptors."""
        self.is_usable = False
        self.process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(END_SECONDS)
        self.release()

    def release(self) -> None:
        """Close the descriptors only: after a fork, the child belongs to the parent process."""
        self._socket.close()
        for descriptor in (self._input, self._output):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _receive(self, deadline: float) -> dict[str, Any]:
        while b"\n" not in self._buffer:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                piece = self._socket.recv(MAX_REPLY)
            except TimeoutError:
                raise ChildFailed("time") from None
            except OSError:
                piece = b""
            if not piece:
                raise self._ended()
            self._buffer += piece
            if len(self._buffer) > MAX_REPLY:
                raise ChildFailed("crash")
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            raise ChildFailed("crash") from None
        return answer if isinstance(answer, dict) else {}

    def _ended(self) -> ChildFailed:
        try:
            status = self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            return ChildFailed("crash")
        return ChildFailed("time" if status in OUT_OF_TIME else "crash")


class Sandbox:
    """A pool of children that serve one module; safe for threads, and for forks before its use."""

    def __init__(self, module: str, *, children: int, max_requests: int) -> None:
        self.module = module
        self.children = children
        self.max_requests = max_requests
        self.kept_bytes = KEPT_BYTES
        self._idle: list[Child] = []
        self._permanent: Child | None = None
        self._reset()
        atexit.register(self.close)
        os.register_at_fork(after_in_child=self._after_fork)

    def start(self) -> dict[str, bool]:
        """Start a child ahead of the first request; return its active protections.

        Raises SandboxBusy or ChildNotStarted.
        """
        with self.child(START_SECONDS) as child:
            child.wait_until_ready()
            return child.protections

    def begin_start(self) -> bool:
        """Start the first child without waiting until it is ready; return False if there is one.

        Raises ChildNotStarted.
        """
        with self._lock:
            if self._permanent:
                return False
            self._keep(self._new_child())
            return True

    @contextmanager
    def child(self, wait: float) -> Iterator[Child]:
        """Yield a free child for exclusive use, waiting up to `wait` seconds.

        Raises SandboxBusy or ChildNotStarted.
        """
        if not self._slots.acquire(timeout=wait):
            raise SandboxBusy
        try:
            child = self._take()
            try:
                yield child
            finally:
                self._give_back(child)
        finally:
            self._slots.release()

    def close(self) -> None:
        """End all idle children."""
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            child.close()

    def _take(self) -> Child:
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                fresh = child.is_permanent or time.monotonic() - child.used_at < REUSE_SECONDS
                if fresh and child.process.poll() is None:
                    return child
                self._end(child)
            return self._new_child()

    def _give_back(self, child: Child) -> None:
        child.rest(self.kept_bytes)
        with self._lock:
            if child.is_usable and child.requests < self.max_requests:
                self._keep(child)
                return
            self._end(child)
            if child.requests:  # start its replacement ahead of the next request
                with contextlib.suppress(ChildNotStarted):
                    self._keep(self._new_child())

    def _keep(self, child: Child) -> None:
        self._idle.append(child)
        self._idle.sort(key=lambda child: child.is_permanent)  # `_take` pops the last one

    def _end(self, child: Child) -> None:
        if child is self._permanent:
            self._permanent = None
        child.close()

    def _new_child(self) -> Child:
        """Start a child: a permanent one if there is none, else one that ends when idle."""
        try:
            child = Child(self.module, IDLE_SECONDS if self._permanent else 0)
        except OSError as error:
            log.error("sandbox did not start module=%s cause=%s", self.module, error)
            raise ChildNotStarted from error
        self._permanent = self._permanent or child
        return child

    def _reset(self) -> None:
        self._slots = threading.BoundedSemaphore(self.children)
        self._lock = threading.Lock()
        self._idle = []
        self._permanent = None

    def _after_fork(self) -> None:
        """Drop the children: they belong to the process that started them."""
        inherited = self._idle
        self._reset()
        for child in inherited:
            child.process.returncode = 0  # not a child of this process
            child.release()


def _environment() -> dict[str, str]:
    libraries = os.environ.get("LD_LIBRARY_PATH")
    return ENVIRONMENT | ({"LD_LIBRARY_PATH": libraries} if libraries else {})


def _memory_file(name: str) -> int:
    """Return the descriptor of an anonymous file, in memory if the system can."""
    if sys.platform == "linux":
        return os.memfd_create(name)
    descriptor, path = tempfile.mkstemp()
    os.unlink(path)
    return descriptor


def _write(descriptor: int, data: bytes) -> None:
    left, at = memoryview(data), 0
    while at < len(left):
        at += os.pwrite(descriptor, left[at:], at)
