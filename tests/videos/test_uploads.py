"""Uploads in parts: whole, in small pieces, broken, overtaken, lost, expired; in both storages."""

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import time_machine

from composition import build_pipeline
from rubberduck.core.errors import StorageFailed, UploadIncomplete
from rubberduck.core.settings import Settings
from rubberduck.db.results import Results
from rubberduck.storage.base import MultipartUpload, Part, Storage
from rubberduck.storage.folder import FolderStorage
from rubberduck.videos.tables import videos
from rubberduck.videos.upload_errors import (
    NoSuchUpload,
    UploadIsVideo,
    VideoIncomplete,
    WrongOffset,
)
from rubberduck.videos.uploads import LIFETIME, PART_BYTES, Uploads
from tests.support.aws import BUCKET

ANNA, BERT = "visitor anna", "visitor bert"
ID = "a-video"
MIB = 1024 * 1024
VIDEO = {
    "status": "queued",
    "created_at": datetime(2026, 5, 4),
    "owner": ANNA,
    "question": "Is there a duck?",
    "engine": "a detector",
    "min_confidence": 50.0,
    "sample_rate": 5.0,
    "bytes": 100,
    "stored_bytes": 100,
    "samples": 0,
}
FUTURE = datetime(9999, 1, 1, tzinfo=UTC)


@pytest.fixture
def uploads(results: Results, storage: Storage) -> Uploads:
    return Uploads(results.database, storage)


@pytest.fixture
def local(any_results: Results, tmp_path: Path) -> Uploads:
    """On both databases, with a folder."""
    return Uploads(any_results.database, FolderStorage(tmp_path / "stored"))


def content(size: int) -> bytes:
    """Return bytes that differ everywhere."""
    return b"".join(number.to_bytes(4) for number in range(size // 4 + 1))[:size]


def stored_keys(uploads: Uploads) -> list[str]:
    return sorted(uploads.storage.keys_older_than(FUTURE, ["videos/"]))


class Broken(BytesIO):
    """A body whose connection breaks where its bytes end."""

    def read(self, size: int | None = -1) -> bytes:
        if data := super().read(size):
            return data
        raise VideoIncomplete("The connection broke.")


class During(BytesIO):
    """A body in the middle of which something else happens."""

    def __init__(self, data: bytes, happening: Callable[[], object]) -> None:
        super().__init__(data)
        self.happening: Callable[[], object] | None = happening

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() and self.happening:
            happening, self.happening = self.happening, None
            happening()
        return super().read(size)


def test_a_whole_video_comes_in_one_request(uploads: Uploads) -> None:
    video = content(PART_BYTES + 3 * MIB + 1)
    made = uploads.create(ID, ANNA, len(video), f"filename {b64encode(b'holiday.mp4').decode()}")
    assert (made.received, made.name) == (0, "holiday.mp4")
    done = uploads.append(ID, ANNA, 0, BytesIO(video))
    assert done.is_stored
    assert [part.bytes for part in done.parts] == [PART_BYTES, 3 * MIB + 1]
    assert uploads.storage.get(done.key) == video
    assert stored_keys(uploads) == [done.key] == ["videos/a-video/original"]


def test_any_machine_takes_the_next_part(
    aws_settings: Settings, ready_database_url: str, open_results: Callable[[str], Results], s3: Any
) -> None:
    """Each has a connection of its own to the database and to the bucket."""
    machines = [
        Uploads(open_results(ready_database_url).database, build_pipeline(aws_settings).storage)
        for _ in range(3)
    ]
    video, offset = content(14 * MIB), 0
    machines[0].create(ID, ANNA, len(video))
    for number, size in enumerate((6 * MIB, MIB, 2 * MIB, 5 * MIB)):
        machine = machines[(number + 1) % 3]
        offset = machine.append(ID, ANNA, offset, BytesIO(video[offset : offset + size])).received
    assert machines[0].storage.get(machines[2].get(ID, ANNA).key) == video


def test_pieces_smaller_than_the_storage_takes(uploads: Uploads) -> None:
    video, offset = content(13 * MIB), 0
    uploads.create(ID, ANNA, len(video))
    for size in (MIB, 3 * MIB, 3 * MIB, 1, 5 * MIB, 13 * MIB):
        offset = uploads.append(ID, ANNA, offset, BytesIO(video[offset : offset + size])).received
        assert uploads.get(ID, ANNA).received == offset
    done = uploads.get(ID, ANNA)
    assert done.is_stored
    assert uploads.storage.get(done.key) == video
    assert stored_keys(uploads) == [done.key]


def test_a_broken_connection_goes_on_where_it_was(uploads: Uploads) -> None:
    video = content(10 * MIB)
    uploads.create(ID, ANNA, len(video))
    with pytest.raises(UploadIncomplete):
        uploads.append(ID, ANNA, 0, Broken(video[: 9 * MIB]))
    assert uploads.get(ID, ANNA).received == 9 * MIB
    done = uploads.append(ID, ANNA, 9 * MIB, BytesIO(video[9 * MIB :]))
    assert uploads.storage.get(done.key) == video


def test_only_the_next_byte_of_the_owner_is_taken(local: Uploads) -> None:
    local.create(ID, ANNA, 100)
    local.append(ID, ANNA, 0, BytesIO(bytes(60)))
    for offset in (0, 59, 61, 100):
        with pytest.raises(WrongOffset, match="60 bytes are stored"):
            local.append(ID, ANNA, offset, BytesIO(bytes(40)))
    for id, owner in ((ID, BERT), ("another", ANNA), ("\0", ANNA)):
        with pytest.raises(NoSuchUpload):
            local.append(id, owner, 60, BytesIO(bytes(40)))
        with pytest.raises(NoSuchUpload):
            local.delete(id, owner)
    assert local.get(ID, ANNA).received == 60
    assert local.pending(BERT) == []


def test_what_is_sent_beyond_the_announced_size_is_left(local: Uploads) -> None:
    local.create(ID, ANNA, 10)
    done = local.append(ID, ANNA, 0, BytesIO(b"0123456789 and more"))
    assert local.storage.get(done.key) == b"0123456789"
    assert local.append(ID, ANNA, 10, BytesIO(b"more")).is_stored


def test_the_later_of_two_requests_wins(local: Uploads) -> None:
    """The first one's connection broke, which the server notices last."""
    video = content(2 * MIB)
    local.create(ID, ANNA, len(video))

    def later() -> None:
        assert local.append(ID, ANNA, 0, BytesIO(video[:MIB])).received == MIB

    with pytest.raises(WrongOffset):
        local.append(ID, ANNA, 0, During(video, later))
    assert local.get(ID, ANNA).received == MIB
    done = local.append(ID, ANNA, MIB, BytesIO(video[MIB:]))
    assert local.storage.get(done.key) == video


@pytest.mark.parametrize("size", [6 * MIB, MIB], ids=["a part", "a tail in S3"])
def test_a_part_that_is_stored_too_late_changes_nothing(
    uploads: Uploads, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    video = content(2 * size)
    uploads.create(ID, ANNA, len(video))
    overtake_once(uploads, monkeypatch, video[:size])
    with pytest.raises(WrongOffset):
        uploads.append(ID, ANNA, 0, BytesIO(bytes(size)))
    done = uploads.append(ID, ANNA, size, BytesIO(video[size:]))
    assert stored_keys(uploads) == [done.key]
    if not isinstance(uploads.storage, FolderStorage):  # whose file has the late bytes
        assert uploads.storage.get(done.key) == video


def test_a_part_that_comes_after_the_end_changes_nothing(
    local: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = content(MIB)
    local.create(ID, ANNA, len(video))
    overtake_once(local, monkeypatch, video)
    with pytest.raises(WrongOffset):
        local.append(ID, ANNA, 0, BytesIO(bytes(MIB)))
    assert local.storage.get(local.get(ID, ANNA).key) == video


def overtake_once(uploads: Uploads, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    """Let another request send this while the first piece is being stored."""
    for name in ("put_part", "put_file"):
        store = getattr(uploads.storage, name)

        def overtaken(*arguments: Any, store: Any = store) -> Any:
            monkeypatch.undo()
            uploads.append(ID, ANNA, 0, BytesIO(sent))
            return store(*arguments)

        monkeypatch.setattr(uploads.storage, name, overtaken)


def test_a_deleted_upload_leaves_nothing(uploads: Uploads, request: pytest.FixtureRequest) -> None:
    uploads.create(ID, ANNA, 20 * MIB)
    uploads.append(ID, ANNA, 0, BytesIO(content(9 * MIB)))
    uploads.delete(ID, ANNA)
    with pytest.raises(NoSuchUpload):
        uploads.get(ID, ANNA)
    assert stored_keys(uploads) == []
    if not isinstance(uploads.storage, FolderStorage):
        s3 = request.getfixturevalue("s3")
        assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)


def test_parts_that_are_gone_end_the_upload(local: Uploads) -> None:
    """Such as those that the bucket's lifecycle has aborted."""
    local.create(ID, ANNA, 100)
    upload = local.append(ID, ANNA, 0, BytesIO(bytes(50)))
    local.storage.abort_multipart(upload.multipart)
    with pytest.raises(NoSuchUpload):
        local.append(ID, ANNA, 50, BytesIO(bytes(50)))
    assert local.pending(ANNA) == []


def test_a_storage_that_fails_leaves_no_upload(
    local: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> MultipartUpload:
        raise StorageFailed("It does not answer.")

    monkeypatch.setattr(local.storage, "begin_multipart", fail)
    with pytest.raises(StorageFailed):
        local.create(ID, ANNA, 100)
    assert local.pending(ANNA) == []


def test_a_part_that_cannot_be_stored_is_sent_again(
    local: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.create(ID, ANNA, 100)

    def fail(*_: object) -> Part:
        raise StorageFailed("It does not answer.")

    with monkeypatch.context() as failing:
        failing.setattr(local.storage, "put_part", fail)
        with pytest.raises(StorageFailed):
            local.append(ID, ANNA, 0, BytesIO(content(100)))
    assert local.get(ID, ANNA).received == 0
    done = local.append(ID, ANNA, 0, BytesIO(content(100)))
    assert local.storage.get(done.key) == content(100)


def note_video(uploads: Uploads, id: str) -> None:
    """Add a video's row, as a process does that is killed before it notes this on the upload."""
    with uploads.database.transaction(writing=True) as connection:
        connection.execute(videos.insert().values(**VIDEO, id=id))


def test_all_uploads_of_an_owner_are_deleted(local: Uploads) -> None:
    for id, owner in (("one", ANNA), ("two", ANNA), ("three", BERT)):
        local.create(id, owner, 100)
        local.append(id, owner, 0, BytesIO(bytes(100)))
    assert local.delete_owned(ANNA) == 2
    assert (local.pending(ANNA), [each.id for each in local.pending(BERT)]) == ([], ["three"])
    assert stored_keys(local) == ["videos/three/original"]


def test_expired_uploads_are_swept_and_videos_stay(local: Uploads) -> None:
    for id in ("unfinished", "whole", "video", "video-not-noted"):
        local.create(id, ANNA, 100)
        local.append(id, ANNA, 0, BytesIO(bytes(50 if id == "unfinished" else 100)))
    local.set_video(local.get("video", ANNA))
    assert [each.id for each in local.pending(ANNA)] == ["video-not-noted", "whole", "unfinished"]
    assert local.outstanding_bytes() == 50
    note_video(local, "video-not-noted")
    assert local.sweep() == 0
    with time_machine.travel(datetime.now(UTC) + LIFETIME + timedelta(minutes=1), tick=True):
        with pytest.raises(NoSuchUpload):
            local.append("unfinished", ANNA, 50, BytesIO(bytes(50)))
        assert local.pending(ANNA) == []
        assert local.sweep() == 4
        assert local.sweep() == 0
    assert stored_keys(local) == ["videos/video-not-noted/original", "videos/video/original"]


def test_what_became_a_video_is_not_deleted_as_an_upload(local: Uploads) -> None:
    local.create(ID, ANNA, 5, "filename aQ==")
    upload = local.append(ID, ANNA, 0, BytesIO(b"video"))
    local.set_video(upload)
    with pytest.raises(UploadIsVideo):
        local.delete(ID, ANNA)
    known = local.get(ID, ANNA)
    assert (known.video_id, known.metadata, known.is_stored) == (ID, "", True)
    assert local.storage.get(upload.key) == b"video"
