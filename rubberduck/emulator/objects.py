"""Objects that requests name: in the site's own folder, and in the buckets of the settings."""

from pathlib import Path

from rubberduck.core.errors import StorageFailed
from rubberduck.emulator.errors import ServiceError
from rubberduck.emulator.site import Site

FOLDER_BUCKET = "rubberduck"  # stands for the folder of DUCK_UPLOADS
NO_OBJECT = (
    "Unable to get object metadata from S3. Check object key, region and/or access permissions."
)


def read_object(site: Site, bucket: str, name: str, most: int, version: str | None = None) -> bytes:
    """Return an object, at most its first `most` + 1 bytes. Raises ServiceError."""
    if bucket == FOLDER_BUCKET:
        return _read_file(site, name, most, version)
    storage = site.bucket(bucket)
    if storage is None:
        raise invalid_object(
            f"{NO_OBJECT} The emulator reads the bucket {FOLDER_BUCKET}, which is the folder of "
            "DUCK_UPLOADS, and buckets that DUCK_EMULATOR_BUCKETS names."
        )
    try:
        if version is None:
            return storage.get_from(bucket, name, most)
        from rubberduck.storage.s3_conditional import ConditionalS3

        assert isinstance(storage, ConditionalS3)
        return storage.get_version(bucket, name, version, is_versioned=True, most=most)
    except (FileNotFoundError, StorageFailed):
        raise invalid_object() from None


def _read_file(site: Site, name: str, most: int, version: str | None) -> bytes:
    if site.folder is None or version is not None:
        raise invalid_object()
    path = file_of(site.folder.folder, name)
    try:
        if path is None:
            raise FileNotFoundError
        with path.open("rb") as file:
            return file.read(most + 1)
    except (OSError, ValueError):
        raise invalid_object() from None


def file_of(folder: Path, name: str) -> Path | None:
    """Return the file of a key; None for a key that leads out of the folder."""
    if "\0" in name or name.startswith("/"):
        return None
    root = folder.resolve()
    try:
        path = (root / name).resolve()
        return path if path.is_relative_to(root) and path.is_file() else None
    except OSError:  # a name that is too long, or a loop of links
        return None


def invalid_object(message: str = NO_OBJECT) -> ServiceError:
    return ServiceError("InvalidS3ObjectException", message)
