"""A module for the sandbox that does what a request says: what a taken-over decoder would try."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any

kept: list[bytes] = []


def handle(request: dict[str, Any], data: bytes, output: FileIO) -> dict[str, Any]:
    """Do one thing; an OSError is reported by its name."""
    try:
        return {"did": DEEDS[request["do"]](request.get("with"), data, output)}
    except OSError as error:
        return {"error": type(error).__name__}


def _echo(with_: Any, data: bytes, output: FileIO) -> Any:
    output.write(data)
    return with_


def _connect(address: list[Any], _data: bytes, _output: FileIO) -> Any:
    with socket.create_connection((address[0], address[1]), timeout=5):
        return "connected"


def _fork(*_: Any) -> Any:
    if os.fork() == 0:
        os._exit(0)
    return "forked"


def _spin(*_: Any) -> Any:
    while True:
        pass


DEEDS: dict[str, Callable[[Any, bytes, FileIO], Any]] = {
    "echo": _echo,
    "sleep": lambda seconds, *_: time.sleep(seconds),
    "spin": _spin,
    "allocate": lambda size, *_: kept.append(bytes(size)),
    "borrow": lambda size, *_: len(b"x" * size),  # and give back
    "exit": lambda status, *_: os._exit(status),
    "abort": lambda *_: os.abort(),
    "fail": lambda *_: dict[str, str]()["missing"],
    "environment": lambda *_: dict(os.environ),
    "descriptors": lambda *_: [fd for fd in range(64) if _is_open(fd)],
    "read": lambda path, *_: Path(path).read_text(),
    "write": lambda path, *_: Path(path).write_text("written"),
    "connect": _connect,
    "unix socket": lambda *_: socket.socket(socket.AF_UNIX) and "made",
    "run": lambda command, *_: subprocess.run(command, check=False).returncode,
    "fork": _fork,
    "kill": lambda pid, *_: os.kill(pid, signal.SIGTERM),
    "fill": lambda size, _data, output: output.write(bytes(size)),
}


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
