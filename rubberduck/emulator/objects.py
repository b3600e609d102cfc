"""Objects that requests name: in the site's own folder, and in the buckets of the settings."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rubberduck.core.errors import StorageFailed
from rubberduck.emulator.errors import ServiceError
from rubberduck.services.pipeline import Pipeline
from rubberduck.storage.folder import FolderStorage
from rubberduck.storage.s3_conditional import ConditionalS3

FOLDER_BUCKET = "rubberduck"  # stands for the folder of DUCK_UPLOADS
NO_OBJECT = (
    "Unable to get object metadata from S3. Check object key, region and/or access permissions."
)
OTHER_BUCKET = (
    f"{NO_OBJECT} The emulator reads the bucket {FOLDER_BUCKET}, which is the folder of "
    "DUCK_UPLOADS, and buckets that DUCK_EMULATOR_BUCKETS names."
)


@dataclass
class Objects:
    """`buckets` are the names of DUCK_EMULATOR_BUCKETS: no other bucket is read or written."""

    pipeline: Pipeline
    buckets: Sequence[str]
    _opened: dict[str, ConditionalS3] = field(default_factory=dict, repr=False)

    def read(self, bucket: str, name: str, most: int, version: str | None = None) -> bytes:
        """Return an object, at most its first `most` + 1 bytes. Raises ServiceError."""
        if bucket == FOLDER_BUCKET:
            return self._read_file(name, most, version)
        storage = self._bucket(bucket)
        if storage is None:
            raise invalid_object(OTHER_BUCKET)
        try:
            if version is None:
                return storage.get_from(bucket, name, most)
            return storage.get_version(bucket, name, version, is_versioned=True, most=most)
        except (FileNotFoundError, StorageFailed):
            raise invalid_object() from None

    def fetch(self, bucket: str, name: str, path: Path, version: str | None = None) -> int:
        """Write an object into a file, without reading it at once; return its size.

        Raises ServiceError.
        """
        if version is not None:
            raise invalid_object()
        try:
            if bucket == FOLDER_BUCKET:
                folder = self._folder
                if folder is None or not _is_inside(folder, name):
                    raise FileNotFoundError
                shutil.copyfile(folder / name, path)
            elif (storage := self._bucket(bucket)) is not None:
                storage.fetch_from(bucket, name, path)
            else:
                raise invalid_object(OTHER_BUCKET)
        except (OSError, ValueError, StorageFailed):
            raise invalid_object() from None
        return path.stat().st_size

    def write(self, bucket: str, name: str, data: bytes, content_type: str) -> bool:
        """Write a new object; return whether it could be. One that is there is left alone."""
        if bucket == FOLDER_BUCKET:
            folder = self._folder
            if folder is None or not _is_inside(folder, name) or (folder / name).exists():
                return False
            self.pipeline.storage.put(name, data, content_type)
            return True
        storage = self._bucket(bucket)
        try:
            if storage is None or storage.exists(name):
                return False
            storage.put(name, data, content_type)
        except StorageFailed:
            return False
        return True

    @property
    def _folder(self) -> Path | None:
        """Return the folder of the uploads; None if the site keeps its pictures in a bucket."""
        storage = self.pipeline.storage
        return storage.folder if isinstance(storage, FolderStorage) else None

    def _bucket(self, name: str) -> ConditionalS3 | None:
        if name not in self.buckets or self.pipeline.open_bucket is None:
            return None
        if name not in self._opened:
            self._opened[name] = self.pipeline.open_bucket(name)
        return self._opened[name]

    def _read_file(self, name: str, most: int, version: str | None) -> bytes:
        folder = self._folder
        try:
            if folder is None or version is not None or not _is_inside(folder, name):
                raise FileNotFoundError
            with (folder / name).open("rb") as file:
                return file.read(most + 1)
        except (OSError, ValueError):
            raise invalid_object() from None


def _is_inside(folder: Path, name: str) -> bool:
    """Return whether a key names something below the folder, also through links."""
    if "\0" in name or name.startswith("/"):
        return False
    try:
        root = folder.resolve()
        path = (root / name).resolve()
    except OSError:  # a name that is too long, or a loop of links
        return False
    return path != root and path.is_relative_to(root)


def invalid_object(message: str = NO_OBJECT) -> ServiceError:
    return ServiceError("InvalidS3ObjectException", message)
