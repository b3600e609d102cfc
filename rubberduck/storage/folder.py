"""Storage in a local folder."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO

from rubberduck.core.errors import StorageFailed
from rubberduck.storage.base import JPEG, SWEPT_PREFIXES, UNAVAILABLE_MESSAGE, MultipartUpload, Part

CHECK_BYTES = 500_000  # bytes
COPY_BYTES = 1_000_000


class FolderStorage:
    """Stores pictures as files below `folder`."""

    where = "a folder on this server"
    min_part_bytes = 1

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, key: str, data: bytes, content_type: str = JPEG) -> None:
        self._write(key, lambda file: file.write(data))

    def put_file(self, key: str, path: Path, content_type: str) -> None:
        with path.open("rb") as source:
            self._write(key, partial(shutil.copyfileobj, source))

    def _write(self, key: str, write: Callable[[IO[bytes]], object]) -> None:
        path = self.folder / key
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Atomic: a full disk or a killed process never leaves part of a picture under its key.
            with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
                try:
                    write(file)
                    file.close()
                    os.replace(file.name, path)
                except OSError:
                    os.unlink(file.name)
                    raise
        except OSError as error:
            raise _disk_failure(self.folder, error) from error

    def get(self, key: str) -> bytes:
        try:
            return (self.folder / key).read_bytes()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _disk_failure(self.folder, error) from error

    def begin_multipart(self, key: str, content_type: str) -> MultipartUpload:
        upload = MultipartUpload(key, secrets.token_hex(8))
        path = self._partial(upload)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        except OSError as error:
            raise _disk_failure(self.folder, error) from error
        return upload

    def put_part(self, upload: MultipartUpload, number: int, offset: int, file: IO[bytes]) -> Part:
        try:
            with self._partial(upload).open("r+b") as target:
                target.seek(offset)
                shutil.copyfileobj(file, target, COPY_BYTES)
                return Part(number, "", target.tell() - offset)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _disk_failure(self.folder, error) from error

    def finish_multipart(self, upload: MultipartUpload, parts: Sequence[Part]) -> None:
        partial, path = self._partial(upload), self.folder / upload.key
        try:
            if path.exists():
                return
            # What a request wrote beyond the last part, and could not finish.
            os.truncate(partial, sum(part.bytes for part in parts))
            os.replace(partial, path)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _disk_failure(self.folder, error) from error

    def abort_multipart(self, upload: MultipartUpload) -> None:
        try:
            self._partial(upload).unlink(missing_ok=True)
        except OSError as error:
            raise _disk_failure(self.folder, error) from error

    def _partial(self, upload: MultipartUpload) -> Path:
        return self.folder / f"{upload.key}.{upload.id}.part"

    def fetch(self, key: str, path: Path) -> None:
        try:
            shutil.copyfile(self.folder / key, path)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _disk_failure(self.folder, error) from error

    def local_path(self, key: str) -> Path | None:
        return self.folder / key

    def delete(self, key: str) -> None:
        try:
            (self.folder / key).unlink(missing_ok=True)
        except OSError as error:
            raise _disk_failure(self.folder, error) from error

    def delete_all(self, keys: Iterable[str]) -> dict[str, StorageFailed]:
        failed = {}
        for key in keys:
            try:
                self.delete(key)
            except StorageFailed as error:
                failed[key] = error
        return failed

    def url(
        self, key: str, save_as: str | None = None, *, seconds: int | None = None
    ) -> str | None:
        return None

    @property
    def origin(self) -> str | None:
        return None

    def keys_older_than(
        self, moment: datetime, prefixes: Iterable[str] = SWEPT_PREFIXES
    ) -> Iterator[str]:
        try:
            for path in self._below(prefixes):
                if _is_older_than(path, moment):
                    yield path.relative_to(self.folder).as_posix()
        except OSError as error:
            raise _disk_failure(self.folder, error) from error

    def _below(self, prefixes: Iterable[str]) -> Iterator[Path]:
        """Yield the paths below the prefixes, without a walk through all others."""
        for prefix in prefixes:
            folder, _, beginning = prefix.rpartition("/")
            for path in (self.folder / folder).glob(f"{beginning}*"):
                yield path
                if path.is_dir():
                    yield from path.rglob("*")

    def raise_if_circuit_open(self) -> None:
        """Do nothing: a local folder needs no circuit breaker."""

    def check(self) -> None:
        key = f"check-{secrets.token_urlsafe(8)}"
        self.put(key, bytes(CHECK_BYTES))
        self.delete(key)


def _is_older_than(path: Path, moment: datetime) -> bool:
    try:
        return path.is_file() and path.stat().st_mtime < moment.timestamp()
    except FileNotFoundError:  # deleted in the meantime
        return False


def _disk_failure(folder: Path, error: OSError) -> StorageFailed:
    return StorageFailed(
        UNAVAILABLE_MESSAGE,
        cause=f"folder {folder}: {error.strerror}: free disk space, make it writable for the user "
        "who runs the site, or set DUCK_UPLOADS",
    )
