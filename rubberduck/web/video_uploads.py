"""Take videos from requests: forms, raw bodies and parts go to the disk, never into the memory.

Nothing of videos is imported before the first request that brings one.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from flask import Flask, request
from werkzeug.exceptions import RequestEntityTooLarge

from rubberduck.core.errors import UploadIncomplete
from rubberduck.web.deps import settings, video_service
from rubberduck.web.multipart import UploadRequest
from rubberduck.web.sessions import known_visitor
from rubberduck.web.uploads import upload_errors

if TYPE_CHECKING:
    from rubberduck.services.video_uploads import VideoUploads

VIDEO_FIELD = "video"
# Requests that bring a whole video: the limits are checked before the body is read.
WHOLE = ("videos.send", "api.create_video")
FORM, FORM_WITHOUT_FILES = "multipart/form-data", "application/x-www-form-urlencoded"
FORM_OVERHEAD = 64 * 1024  # bytes that a form may add to its file
READ_BYTES = 256 * 1024


def register_video_uploads(app: Flask) -> None:
    """Check the limits of uploads before CSRF protection reads the form."""
    app.before_request(_admit)


def _admit() -> None:
    """Raise what `VideoUploads.admit_whole` does, or let the request bring a whole video."""
    if request.endpoint not in WHOLE or request.method != "POST" or request.is_json:
        return
    # Without an announced length, reading ends at the limit.
    size = 1 if request.content_length is None else request.content_length
    if request.mimetype == FORM:
        size = max(1, size - FORM_OVERHEAD)
    video_uploads().admit_whole(known_visitor() or "", size)
    cast(UploadRequest, request).allow_large_form(settings().video_bytes + FORM_OVERHEAD)


def video_uploads() -> "VideoUploads":
    """Return the way in, for the question or model of this request, imported at its first use."""
    from rubberduck.services.video_uploads import VideoUploads

    return VideoUploads(video_service())


@dataclass(frozen=True)
class RequestBody:
    """The request's body, read a piece at a time."""

    stream: IO[bytes]

    def read(self, size: int, /) -> bytes:
        """Return the next bytes. Raises VideoIncomplete when the connection broke."""
        try:
            with upload_errors():
                return self.stream.read(size)
        except UploadIncomplete:
            from rubberduck.videos.upload_errors import VideoIncomplete

            raise VideoIncomplete("The connection closed before everything arrived.") from None


def request_body(most: int) -> RequestBody:
    """Return the request's body, of at most so many bytes."""
    cast(UploadRequest, request).require_uncompressed()
    request.max_content_length = most
    return RequestBody(request.stream)


@contextmanager
def whole_video() -> Iterator[tuple[Path, int]]:
    """Yield the file that the request brings, as a form's field or as its body, and its size.

    It is deleted afterwards. Raises NoVideo, VideoIncomplete, VideoTooLarge.
    """
    from rubberduck.videos.upload_errors import NoVideo

    with tempfile.TemporaryDirectory(prefix="video") as folder:
        path = Path(folder) / "video"
        if request.mimetype == FORM:
            _save_form_file(path)
        elif request.mimetype == FORM_WITHOUT_FILES:  # curl's default type: `-d` changes the bytes
            raise NoVideo(
                "Its Content-Type says that it is a form without files. Send the file with a type"
                " of its own, such as video/mp4, or as multipart/form-data."
            )
        else:
            _save_body(path)
        if not (size := path.stat().st_size):
            raise NoVideo("The file is empty.")
        yield path, size


def _save_form_file(path: Path) -> None:
    """Save the chosen file: the form has two inputs, for files and for the phone's camera."""
    from rubberduck.videos.upload_errors import NoVideo

    with upload_errors():
        files = request.files.getlist(VIDEO_FIELD)
    chosen = [file for file in files if file.filename or file.stream.read(1)]
    if not chosen:
        raise (
            NoVideo("The form has no file in a field named “{field}”.", field=VIDEO_FIELD)
            if not files
            else NoVideo("No file was chosen.")
        )
    chosen[0].stream.seek(0)
    chosen[0].save(path, READ_BYTES)


def _save_body(path: Path) -> None:
    body, most = request_body(settings().video_bytes), settings().video_bytes
    try:
        with path.open("wb") as file:
            while data := body.read(READ_BYTES):
                file.write(data)
    except RequestEntityTooLarge:
        video_service().require_size(most + 1)  # raises
