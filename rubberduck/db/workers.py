"""Which process handles an upload, and whether that process still runs.

A process is known by a random id. On its own machine it holds a lock on a file of that name, which
the kernel frees when it ends, however it ends. Of one that runs, or is elsewhere, the heartbeats in
the database tell whether it still works on an upload.
"""

import fcntl
import os
import threading
import time
from contextlib import suppress

from rubberduck.core.ids import random_id
from rubberduck.core.settings import ROOT

FOLDER = ROOT / "instance" / "workers"
DAY = 86_400  # seconds
_lock = threading.Lock()
_own = (0, "", -1)  # process id, worker id and descriptor of the locked file


def own_id() -> str:
    """Return the id of this process, with its lock held; a new one after a fork."""
    global _own  # noqa: PLW0603 - one process, one lock
    with _lock:
        if _own[0] != os.getpid():
            id = random_id()
            _own = os.getpid(), id, _hold(id)
        return _own[1]


def _hold(id: str) -> int:
    try:
        FOLDER.mkdir(parents=True, exist_ok=True)
        _remove_old()
        descriptor = os.open(FOLDER / id, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # a read-only folder: only heartbeats are left
        return -1
    return descriptor


def has_ended(id: str) -> bool | None:
    """Return whether the process has ended; None if it runs on another machine."""
    return False if id == own_id() else _is_free(id)


def _is_free(id: str) -> bool | None:
    try:
        descriptor = os.open(FOLDER / id, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _remove_old() -> None:
    """Remove unlocked files older than a day: their uploads were swept long ago."""
    for file in FOLDER.iterdir():
        with suppress(OSError):
            if time.time() - file.stat().st_mtime > DAY and _is_free(file.name):
                file.unlink()
