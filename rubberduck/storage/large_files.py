"""Store a large file in parts. boto3 does so, too, but raises errors of its own for S3's."""

from pathlib import Path
from typing import IO, cast

from rubberduck.core.errors import StorageFailed
from rubberduck.storage.base import Storage

PART_BYTES = 64 * 1024 * 1024


def put_in_parts(storage: Storage, key: str, path: Path, content_type: str) -> None:
    """Store a file's content under the key, completely or not at all. Raises StorageFailed."""
    # Imported late: without a bucket the site starts without the AWS libraries.
    from s3transfer.utils import ReadFileChunk

    upload, parts = storage.begin_multipart(key, content_type), []
    try:
        for number, start in enumerate(range(0, path.stat().st_size, PART_BYTES), 1):
            with ReadFileChunk.from_filename(str(path), start, PART_BYTES) as chunk:
                parts.append(storage.put_part(upload, number, start, cast(IO[bytes], chunk)))
        storage.finish_multipart(upload, parts)
    except (StorageFailed, OSError):
        storage.abort_multipart(upload)
        raise
