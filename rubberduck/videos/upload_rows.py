"""An upload in parts, and its row."""

from base64 import b64decode
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import RowMapping

from rubberduck.db.engine import to_naive_utc
from rubberduck.storage.base import MultipartUpload, Part
from rubberduck.videos.tables import video_uploads

TIMES = ("created_at", "expires_at")
FIELDS = tuple(column.name for column in video_uploads.c if column.name not in ("parts", "details"))


@dataclass(frozen=True)
class Upload:
    """An upload. Its id becomes that of the video; `received` is the offset to go on from.

    `tail` is what is stored beside the parts: fewer bytes than the storage takes as a part.
    `is_stored`: all bytes are there, as one object. `video_id` is set when it became a video.
    `metadata` is the header Upload-Metadata: names, each with a value in Base64.
    """

    id: str
    owner: str
    created_at: datetime
    expires_at: datetime
    bytes: int
    received: int
    revision: int
    key: str
    parts_id: str | None
    parts: tuple[Part, ...]
    tail: Part | None
    metadata: str
    video_id: str | None

    @property
    def name(self) -> str:
        """Return the name of the file; empty if the metadata has none, or it is no text."""
        for pair in self.metadata.split(","):
            key, _, value = pair.strip().partition(" ")
            if key == "filename":
                try:
                    return b64decode(value, validate=True).decode()
                except ValueError:
                    return ""
        return ""

    @property
    def is_whole(self) -> bool:
        return self.received == self.bytes

    @property
    def is_stored(self) -> bool:
        return self.is_whole and self.parts_id is None

    @property
    def multipart(self) -> MultipartUpload:
        return MultipartUpload(self.key, self.parts_id or "")


def row_of(upload: Upload) -> dict[str, Any]:
    values = {name: getattr(upload, name) for name in FIELDS}
    times = {name: to_naive_utc(values[name]) for name in TIMES}
    return values | times | {"parts": parts_row(upload), "details": {"metadata": upload.metadata}}


def parts_row(upload: Upload) -> dict[str, Any]:
    """Return the JSON of the parts: a list [number, tag, bytes] for each, and for the tail."""
    tail = upload.tail and astuple(upload.tail)
    return {"parts": [astuple(part) for part in upload.parts], "tail": tail}


def upload_of(found: RowMapping) -> Upload:
    values = {name: found[name] for name in FIELDS}
    values |= {name: values[name].replace(tzinfo=UTC) for name in TIMES}
    stored, tail = found["parts"]["parts"], found["parts"]["tail"]
    return Upload(
        **values,
        parts=tuple(Part(*part) for part in stored),
        tail=Part(*tail) if tail else None,
        metadata=found["details"].get("metadata", ""),
    )
