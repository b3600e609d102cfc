"""The server's side of tus 1.0, the protocol of uploads that go on where they were.

https://tus.io/protocols/resumable-upload: core, creation, expiration, termination, checksum. What
has arrived whole becomes a video by `POST /videos`.

The libraries for it keep the files in a folder of one machine, and other machines do not know the
offset: tuswsgi 0.5.5 appends without a lock, Flask-Tus 0.7.1 reads each part into the memory,
tuspyserver 4.4.3 is for FastAPI.
"""

import hashlib
import hmac
import re
import tempfile
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, Annotated

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import Field
from werkzeug.http import http_date

from rubberduck.api.blueprint import api
from rubberduck.api.body_classes import body_class
from rubberduck.api.routes import no_content
from rubberduck.api.tus import VERSION
from rubberduck.api.tus_errors import ChecksumMismatch, WrongPartType, WrongTusVersion
from rubberduck.core.errors import DuckError, InvalidParameter
from rubberduck.web.deps import settings
from rubberduck.web.formatting import rfc3339
from rubberduck.web.problem_details import Address
from rubberduck.web.responses import as_json
from rubberduck.web.sessions import known_visitor, visitor
from rubberduck.web.uploads import drain_request_body
from rubberduck.web.video_uploads import READ_BYTES, RequestBody, request_body, video_uploads

if TYPE_CHECKING:
    from rubberduck.videos.upload_rows import Upload

EXTENSIONS = "creation,expiration,termination,checksum"
CONTENT_TYPE = "application/offset+octet-stream"
ALGORITHMS = ("sha1", "sha256")  # each server has to know the first
NUMBER_RE, LENGTH_RE = r"^[0-9]{1,15}$", r"^[1-9][0-9]{0,14}$"
# Pairs of a key without blanks and commas, and its value in Base64, if it has one.
PAIR = r"[!-+\--~]+( [A-Za-z0-9+/]*={0,2})?"
METADATA_RE = rf"^({PAIR}( ?, ?{PAIR})*)?$"
MAX_METADATA = 2000  # characters
CHECKSUM_RE = r"^[a-z0-9]+ [A-Za-z0-9+/]+={0,2}$"
MAX_CHECKED_BYTES = 64_000_000  # of a body with a checksum, of which nothing is stored if it fails


@body_class
class UploadLinks:
    """The URLs of an upload."""

    self: Address


@body_class
class UploadBody:
    """An upload in parts: `POST /videos` makes a video of it when all bytes are there."""

    id: Annotated[str, Field(description="the id of the upload, and of the video to come")]
    bytes: Annotated[int, Field(ge=1, description="the size of the whole file")]
    received: Annotated[int, Field(ge=0, description="the offset of the next byte to send")]
    expires_at: Annotated[str, Field(description="when it is deleted if it is no video")]
    links: UploadLinks


@api.route("/uploads", "OPTIONS")
@api.route("/uploads/<id>", "OPTIONS")
def describe_uploads(id: str = "") -> ResponseReturnValue:
    """Return what this server can do, in headers."""
    response = no_content()
    response.headers["Allow"] = "GET, HEAD, PATCH, DELETE, OPTIONS" if id else "POST, OPTIONS"
    response.headers["Tus-Version"] = VERSION
    response.headers["Tus-Extension"] = EXTENSIONS
    response.headers["Tus-Checksum-Algorithm"] = ",".join(ALGORITHMS)
    response.headers["Tus-Max-Size"] = str(settings().video_bytes)
    return response


@api.route("/uploads", "POST")
def create_upload() -> ResponseReturnValue:
    """Begin an upload of the announced size."""
    _require_version()
    size, metadata = _number("Upload-Length"), request.headers.get("Upload-Metadata", "")
    if len(metadata) > MAX_METADATA or not re.fullmatch(METADATA_RE, metadata):
        raise InvalidParameter(
            "The header Upload-Metadata must be pairs of a key and a value in Base64, of at most"
            " {most} characters in all.",
            most=MAX_METADATA,
        )
    upload = video_uploads().create(visitor(), size, metadata)
    response = as_json(_body(upload), HTTPStatus.CREATED, Location=_address(upload))
    return _with_state(response, upload)


@api.route("/uploads/<id>", "GET", "HEAD")
def get_upload(id: str) -> ResponseReturnValue:
    """Return how much has arrived; HEAD is what the protocol asks for it."""
    if request.method == "HEAD":
        _require_version()
    upload = video_uploads().uploads.get(id, known_visitor() or "")
    response = _with_state(as_json(_body(upload)), upload)
    response.headers["Upload-Length"] = str(upload.bytes)
    if upload.metadata:
        response.headers["Upload-Metadata"] = upload.metadata
    return response


@api.route("/uploads/<id>", "PATCH")
def append_upload(id: str) -> ResponseReturnValue:
    """Store the next bytes."""
    try:
        _require_version()
        upload = _append(id, _number("Upload-Offset"))
    except DuckError:
        drain_request_body()
        raise
    return _with_state(no_content(), upload)


@api.route("/uploads/<id>", "DELETE")
def delete_upload(id: str) -> ResponseReturnValue:
    _require_version()
    video_uploads().uploads.delete(id, known_visitor() or "")
    return no_content()


def _append(id: str, offset: int) -> "Upload":
    if request.mimetype != CONTENT_TYPE:
        raise WrongPartType
    uploads, owner = video_uploads().uploads, known_visitor() or ""
    upload = uploads.get(id, owner)
    if offset == upload.received and offset + (request.content_length or 0) > upload.bytes:
        raise InvalidParameter(
            "The upload was announced with only {bytes} bytes.", bytes=upload.bytes
        )
    with _checked(request_body(settings().video_bytes)) as body:
        return uploads.append(id, owner, offset, body)


@contextmanager
def _checked(body: RequestBody) -> Iterator[RequestBody | IO[bytes]]:
    """Yield the body, after it was compared with Upload-Checksum, if it has one."""
    if (header := request.headers.get("Upload-Checksum")) is None:
        yield body
        return
    algorithm, _, expected = header.partition(" ")
    if not re.fullmatch(CHECKSUM_RE, header) or algorithm not in ALGORITHMS:
        raise InvalidParameter(
            "The header Upload-Checksum must be one of {algorithms}, and a checksum in Base64.",
            algorithms=", ".join(ALGORITHMS),
        )
    digest, count = hashlib.new(algorithm, usedforsecurity=False), 0
    with tempfile.TemporaryFile() as file:
        while data := body.read(READ_BYTES):
            count += file.write(data)
            digest.update(data)
            if count > MAX_CHECKED_BYTES:
                raise InvalidParameter(
                    "A body with Upload-Checksum may have {most} MB.",
                    most=MAX_CHECKED_BYTES // 10**6,
                )
        if not hmac.compare_digest(digest.digest(), _decoded(expected)):
            raise ChecksumMismatch
        file.seek(0)
        yield file


def _decoded(value: str) -> bytes:
    try:
        return b64decode(value, validate=True)
    except ValueError:
        return b""


def _number(header: str) -> int:
    """Return a header that is a whole number. Raises InvalidParameter."""
    value = request.headers.get(header, "")
    if not re.fullmatch(NUMBER_RE, value):
        raise InvalidParameter("The header {name} must be a whole number.", name=header)
    return int(value)


def _require_version() -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise WrongTusVersion


def _address(upload: "Upload") -> str:
    return url_for("api.get_upload", id=upload.id)


def _body(upload: "Upload") -> UploadBody:
    return UploadBody(
        id=upload.id,
        bytes=upload.bytes,
        received=upload.received,
        expires_at=rfc3339(upload.expires_at),
        links=UploadLinks(_address(upload)),
    )


def _with_state(response: Response, upload: "Upload") -> Response:
    response.headers["Upload-Offset"] = str(upload.received)
    response.headers["Upload-Expires"] = http_date(upload.expires_at)
    return response
