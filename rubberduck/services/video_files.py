"""The originals and copies of videos on this machine, while jobs read them.

What a bucket holds is fetched into a folder of the machine, which the steps of a job share. A
killed process leaves it there: the next one goes on with it, or deletes it.
"""

import fcntl
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rubberduck.core.temporary_files import machine_folder
from rubberduck.storage.s3 import S3Storage
from rubberduck.videos.errors import VideoRefused
from rubberduck.videos.keys import S3, is_address

if TYPE_CHECKING:
    from rubberduck.storage.base import Storage
    from rubberduck.videos.models import Video
    from rubberduck.videos.store import Videos

log = logging.getLogger(__name__)
LEFT_AFTER = 3600.0  # seconds without use, after which files are deleted
ORIGINAL, COPY, LOCK = "original", "copy", "lock"


def work_root() -> Path:
    """Return the folder for files of videos on this machine, readable only for this user."""
    root = machine_folder() / f"rubberduck-videos-{os.getuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    return root


@contextmanager
def work_folder(id: str) -> Iterator[Path]:
    """Yield a folder of this video's own, which no other process deletes meanwhile."""
    folder = work_root() / id
    folder.mkdir(exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield folder


@contextmanager
def original_file(storage: "Storage", video: "Video") -> Iterator[Path]:
    """Yield the original as a file, fetched from the bucket if it lies there.

    Raises VideoRefused if it is gone, StorageFailed.
    """
    with _file(storage, video, video.original_key, ORIGINAL) as file:
        yield file


@contextmanager
def copy_file(storage: "Storage", video: "Video") -> Iterator[Path]:
    """Yield the copy that browsers play as a file, fetched from the bucket if it lies there.

    Raises VideoRefused if there is none, StorageFailed.
    """
    with _file(storage, video, video.copy_key, COPY) as file:
        yield file


@contextmanager
def _file(storage: "Storage", video: "Video", key: str | None, name: str) -> Iterator[Path]:
    if key is None:
        raise _gone()
    local = None if is_address(key) else storage.local_path(key)
    if local is not None:
        if not local.exists():
            raise _gone()
        yield local
        return
    with work_folder(video.id) as folder:
        file = folder / name
        if not file.exists():
            part = folder / f"{name}.{os.getpid()}.part"
            _fetch(storage, key, part)
            os.replace(part, file)
        yield file


def _fetch(storage: "Storage", key: str, path: Path) -> None:
    try:
        if not is_address(key):
            storage.fetch(key, path)
        elif isinstance(storage, S3Storage):
            bucket, _, name = key.removeprefix(S3).partition("/")
            storage.fetch_from(bucket, name, path)
        else:
            raise _gone()
    except FileNotFoundError:
        raise _gone() from None


def _gone() -> VideoRefused:
    return VideoRefused("What was sent is not there any more: send the video again.")


def delete_files(id: str) -> None:
    """Delete what this machine holds of a video."""
    shutil.rmtree(work_root() / id, ignore_errors=True)


def delete_left_files(now: float | None = None) -> int:
    """Delete the files of jobs that were killed here and not taken up again; return the number."""
    before = (time.time() if now is None else now) - LEFT_AFTER
    deleted = 0
    for folder in work_root().iterdir():
        with suppress(OSError), (folder / LOCK).open("r+") as lock:
            if (folder / LOCK).stat().st_mtime > before:
                continue
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
            deleted += 1
            log.info("files of a video deleted id=%s", folder.name)
    return deleted


def delete_original(storage: "Storage", videos: "Videos", video: "Video") -> None:
    """Delete what was sent, unless it is an operator's own object, and forget where it is."""
    delete_files(video.id)
    if video.original_key is None:
        return
    if not is_address(video.original_key):
        storage.delete(video.original_key)
    videos.drop_original(video.id)
