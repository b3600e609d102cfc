"""Objects that come in parts, in a folder and in S3: in order, again, late, aborted."""

from contextlib import AbstractContextManager, nullcontext
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from composition import build_pipeline
from rubberduck.core.errors import StorageFailed
from rubberduck.core.settings import Settings
from rubberduck.storage import large_files
from rubberduck.storage import s3 as s3_storage
from rubberduck.storage.base import MultipartUpload, Part, Storage
from rubberduck.storage.s3 import S3Storage
from tests.support.aws import BUCKET
from tests.support.faults import Countdown, amazon_fails, s3_error

KEY = "videos/a-video/original"
MIB = 1024 * 1024
LARGE = bytes(range(256)) * 48 * 1024  # 12 MiB


def sent(storage: Storage, upload: MultipartUpload, *pieces: bytes) -> list[Part]:
    """Send the pieces one after the other, each as a part."""
    parts: list[Part] = []
    for piece in pieces:
        offset = sum(part.bytes for part in parts)
        parts.append(storage.put_part(upload, len(parts) + 1, offset, BytesIO(piece)))
    return parts


def gone(storage: Storage, times: int = 9) -> AbstractContextManager[object]:
    """Answer as S3 does when the upload is over: moto answers 500 with its KeyError."""
    if not isinstance(storage, S3Storage):
        return nullcontext()
    return amazon_fails(
        [storage.client], s3_error(404, "NoSuchUpload"), Countdown(1, lasts=times > 1)
    )


def test_the_object_is_there_when_it_is_finished(storage: Storage) -> None:
    first, last = b"a" * 5 * MIB, b"the end"
    upload = storage.begin_multipart(KEY, "video/mp4")
    parts = sent(storage, upload, first, last)
    assert [part.bytes for part in parts] == [len(first), len(last)]
    with pytest.raises(FileNotFoundError):
        storage.get(KEY)
    storage.finish_multipart(upload, parts)
    with gone(storage, 1):
        storage.finish_multipart(upload, parts)  # its answer was lost
    assert storage.get(KEY) == first + last
    storage.abort_multipart(upload)  # there is nothing to abort
    assert storage.get(KEY) == first + last


def test_a_part_that_came_twice_counts_once(storage: Storage) -> None:
    """A request of a broken connection may still be storing its part when the next one does."""
    first, more = b"a" * 5 * MIB, b"b" * 6 * MIB
    upload = storage.begin_multipart(KEY, "video/mp4")
    part = storage.put_part(upload, 1, 0, BytesIO(first))
    again = storage.put_part(upload, 3, part.bytes, BytesIO(b"the end"))
    storage.put_part(upload, 2, part.bytes, BytesIO(b"the end" + more))
    storage.finish_multipart(upload, [part, again])
    assert storage.get(KEY) == first + b"the end"


def test_what_is_aborted_is_gone(storage: Storage) -> None:
    upload = storage.begin_multipart(KEY, "video/mp4")
    parts = sent(storage, upload, b"only one")
    storage.abort_multipart(upload)
    storage.abort_multipart(upload)
    with gone(storage), pytest.raises(FileNotFoundError):
        storage.put_part(upload, 2, 8, BytesIO(b"too late"))
    with gone(storage), pytest.raises(FileNotFoundError):
        storage.finish_multipart(upload, parts)
    with pytest.raises(FileNotFoundError):
        storage.get(KEY)


def test_a_file_is_a_part_from_where_it_stands(storage: Storage) -> None:
    upload = storage.begin_multipart(KEY, "video/mp4")
    file = BytesIO(b"skipped, taken")
    file.seek(len(b"skipped, "))
    storage.finish_multipart(upload, [storage.put_part(upload, 1, 0, file)])
    assert storage.get(KEY) == b"taken"


def test_in_s3_the_object_has_its_type_and_leaves_no_parts(aws_settings: Settings, s3: Any) -> None:
    storage = build_pipeline(aws_settings).storage
    upload = storage.begin_multipart(KEY, "video/mp4")
    assert len(s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]) == 1
    storage.finish_multipart(upload, sent(storage, upload, b"a video"))
    assert s3.head_object(Bucket=BUCKET, Key=KEY)["ContentType"] == "video/mp4"
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)


@pytest.fixture
def bucket(aws_settings: Settings, s3: Any, monkeypatch: pytest.MonkeyPatch) -> S3Storage:
    """S3, with an earlier object, that takes at most 6 MiB in one request."""
    monkeypatch.setattr(s3_storage, "MAX_REQUEST_BYTES", 6 * MIB)
    monkeypatch.setattr(large_files, "PART_BYTES", 5 * MIB)
    storage = build_pipeline(aws_settings).storage
    assert isinstance(storage, S3Storage)
    storage.put(KEY, b"an earlier one")
    return storage


def test_in_s3_a_large_file_goes_in_parts(bucket: S3Storage, s3: Any, tmp_path: Path) -> None:
    (tmp_path / "copy.mp4").write_bytes(LARGE)
    bucket.put_file(KEY, tmp_path / "copy.mp4", "video/mp4")
    assert bucket.get(KEY) == LARGE
    head = s3.head_object(Bucket=BUCKET, Key=KEY)
    assert (head["ContentType"], head["ETag"][-3:]) == ("video/mp4", '-3"')  # of three parts


def test_a_large_file_that_fails_leaves_what_was_there(
    bucket: S3Storage, s3: Any, tmp_path: Path
) -> None:
    (tmp_path / "copy.mp4").write_bytes(LARGE)
    third = Countdown(3, lasts=False)
    with (
        amazon_fails([bucket.client], s3_error(403, "AccessDenied"), third),
        pytest.raises(StorageFailed),
    ):
        bucket.put_file(KEY, tmp_path / "copy.mp4", "video/mp4")
    assert bucket.get(KEY) == b"an earlier one"
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)
