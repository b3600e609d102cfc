"""Answer pictures that are put into a folder: `in/`, and then `out/` or `failed/`.

Libraries that watch folders (watchdog, watchfiles) tell that something changed, not that a file is
whole, and hear nothing on network drives. So the folder is read each second, and a file is taken
when it has rested, and nobody has it open for writing.
"""

import errno
import fcntl
import json
import logging
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from rubberduck.core.errors import DuckError, PictureRefused, Unavailable
from rubberduck.events.handler import answer_fields, error_fields, marked_jpeg
from rubberduck.events.places import ANSWER, MARKED
from rubberduck.services.pipeline import Pipeline

log = logging.getLogger(__name__)
IN, OUT, FAILED, TAKEN, LOCK = "in", "out", "failed", ".taken", ".lock"
# What programs that download or copy name a file until it is whole.
UNFINISHED = {".part", ".partial", ".crdownload", ".download", ".tmp", ".filepart", ".swp"}
REST_SECONDS = 2.0
SET_LEASE = 1024  # F_SETLEASE of fcntl(2), which Python's module lacks


class FolderInUse(Exception):
    """Another process watches the folder."""


class Signature(NamedTuple):
    """What changes while a file is written or replaced."""

    inode: int
    size: int
    modified: int


@dataclass(frozen=True)
class Outcome:
    """What became of a file; `error` says why it has no answer."""

    name: str
    found: bool | None
    score: float | None
    error: DuckError | None = None


@dataclass
class WatchedFolder:
    """A folder of pictures; `clock` gives seconds. Raises OSError if it cannot be used."""

    pipeline: Pipeline
    folder: Path
    clock: Callable[[], float]
    _seen: dict[str, tuple[Signature, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (IN, OUT, FAILED, TAKEN):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other watchers away. Raises FolderInUse."""
        with (self.folder / LOCK).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise FolderInUse from None
            yield

    @property
    def is_idle(self) -> bool:
        """Return whether no file waits to be answered."""
        waiting = [name for name in _names(self.folder / IN) if not _is_unfinished(name)]
        return not waiting and not _names(self.folder / TAKEN)

    def scan(self) -> Iterator[Outcome]:
        """Answer the files that are whole, and those that a killed watcher had taken.

        Raises Unavailable, while the detector does not answer: the file is tried again.
        """
        self._take_rested()
        for name in _names(self.folder / TAKEN):
            yield self._answer(name)

    def _take_rested(self) -> None:
        now, seen = self.clock(), self._seen
        self._seen = {}
        for name in _names(self.folder / IN):
            if _is_unfinished(name) or (signature := _signature(self.folder / IN / name)) is None:
                continue
            known, since = seen.get(name, (signature, now))
            self._seen[name] = signature, since if known == signature else now
            if known == signature and now - since >= REST_SECONDS:
                self._take(name, signature)

    def _take(self, name: str, signature: Signature) -> None:
        """Move a file out of `in/`, so that another one of its name is another file."""
        file, taken = self.folder / IN / name, self.folder / TAKEN / name
        if taken.exists() or is_written(file):
            return
        taken.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # renamed or deleted by its owner
            file.rename(taken)
            if _signature(taken) != signature or is_written(taken):
                _return(taken, file)

    def _answer(self, name: str) -> Outcome:
        file = self.folder / TAKEN / name
        try:
            with file.open("rb") as opened:
                data = opened.read(self.pipeline.max_bytes + 1)
            picture = self.pipeline.read(data)
            answer = self.pipeline.answer(picture)
        except DuckError as error:
            if isinstance(error, Unavailable) and not isinstance(error, PictureRefused):
                raise
            self._finish(FAILED, name, {"error": error_fields(error)}, None)
            return Outcome(name, None, None, error)
        marked = marked_jpeg(self.pipeline, picture, answer)
        size = {"width": picture.image.width, "height": picture.image.height}
        self._finish(OUT, name, {**size, **answer_fields(self.pipeline, answer)}, marked)
        return Outcome(name, answer.verdict.found, answer.verdict.score)

    def _finish(self, into: str, name: str, fields: dict[str, Any], marked: bytes | None) -> None:
        """Write the answer, and last of all move the picture beside it."""
        target = _free(self.folder / into / name)
        target.parent.mkdir(parents=True, exist_ok=True)
        if marked is not None:
            _write(target.with_name(target.name + MARKED), marked)
        text = json.dumps({"file": name, **fields}, ensure_ascii=False)
        _write(target.with_name(target.name + ANSWER), text.encode())
        (self.folder / TAKEN / name).rename(target)


def is_written(file: Path) -> bool:
    """Return whether a process has the file open for writing, where the system can tell.

    Linux grants a lease to read a file only if nobody writes it.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.fcntl(descriptor, SET_LEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, SET_LEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN  # other errors: no leases here, or another's file
    finally:
        os.close(descriptor)
    return False


def _names(folder: Path) -> list[str]:
    """Return the files below the folder, oldest first, without hidden ones and links."""
    found = []
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        with suppress(OSError):
            if not hidden and path.is_file() and not path.is_symlink():
                found.append((path.stat().st_mtime_ns, str(name)))
    return [name for _, name in sorted(found)]


def _is_unfinished(name: str) -> bool:
    return Path(name).suffix.lower() in UNFINISHED or name.endswith("~")


def _signature(file: Path) -> Signature | None:
    try:
        status = file.stat(follow_symlinks=False)
    except OSError:
        return None
    return Signature(status.st_ino, status.st_size, status.st_mtime_ns)


def _return(taken: Path, file: Path) -> None:
    """Put a file back that is still written, unless its place is taken."""
    try:
        os.link(taken, file)  # which never replaces one
    except OSError as error:
        log.warning("file not put back name=%r cause=%s", taken.name, error)
        return
    taken.unlink()


def _free(target: Path) -> Path:
    """Return the path, with a number if there is a picture of this name from before."""
    number, found = 2, target
    while found.exists():
        found = target.with_name(f"{target.stem}-{number}{target.suffix}")
        number += 1
    return found


def _write(target: Path, data: bytes) -> None:
    """Write a file, completely or not at all."""
    part = target.with_name(f".{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(data)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
