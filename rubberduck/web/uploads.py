"""Read the uploaded picture from a request."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import cast

from flask import abort, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected

from rubberduck.core.errors import NoPicture, UploadIncomplete
from rubberduck.web.deps import pipeline
from rubberduck.web.multipart import PICTURE_FIELD, UploadRequest

MAX_JSON_BYTES = 256 * 1024
MAX_DRAIN_FACTOR = 10  # times the upload limit; the connection is closed beyond it
READ_AT_ONCE = 1024 * 1024
# Werkzeug's message for a form that ends before its last boundary.
TRUNCATED_FORM_MESSAGE = "cannot parse beyond"


@contextmanager
def upload_errors() -> Iterator[None]:
    """Raise UploadIncomplete when the body cannot be read to its end."""
    try:
        yield
    except (ClientDisconnected, ParseException, OSError):
        raise UploadIncomplete("The connection closed before the whole picture arrived.") from None
    except ValueError as error:
        if TRUNCATED_FORM_MESSAGE in str(error):
            raise UploadIncomplete("The end of the picture is missing.") from None
        abort(HTTPStatus.BAD_REQUEST)


def form_value(name: str) -> str:
    """Return the value of a form's field, or an empty string."""
    with upload_errors():
        return request.form.get(name, "")


def form_values(name: str) -> list[str]:
    """Return all values of a form's field."""
    with upload_errors():
        return request.form.getlist(name)


def uploaded_picture() -> bytes:
    """Return the bytes of the form's field `picture`. Raises NoPicture or UploadIncomplete."""
    with upload_errors():
        uploads = request.files.getlist(PICTURE_FIELD)
    if not uploads:
        raise NoPicture(
            "The request has no file in a multipart field named “{field}”.", field=PICTURE_FIELD
        )
    # The form has two file inputs, for files and for the phone's camera; one of them stays empty.
    contents = [cast(bytes, upload.read()) for upload in uploads]
    picture = next(filter(None, contents), None)
    if picture is not None:
        return picture
    if any(uploads):
        raise NoPicture("The file is empty.")
    raise NoPicture("No file was chosen.")


def picture_from_body() -> bytes:
    """Return the picture of an API request: the form's field, or the whole body.

    Raises NoPicture or UploadIncomplete.
    """
    if request.mimetype == "multipart/form-data":
        return uploaded_picture()
    cast(UploadRequest, request).require_uncompressed()
    with upload_errors():
        body = request.get_data(cache=False)
    if not body:
        raise NoPicture(
            "The request has neither a body nor a file in a multipart field named “{field}”.",
            field=PICTURE_FIELD,
        )
    return body


def json_body() -> bytes:
    """Return the body of a request that sends JSON; a larger one is a 413.

    Validating JSON takes hundreds of times its size: one error for each wrong item.
    """
    request.max_content_length = MAX_JSON_BYTES
    return request.get_data()


def drain_request_body() -> None:
    """Read the rest of a refused body: browsers read no response before all is sent."""
    if not request.environ.get("wsgi.input_terminated"):
        return  # reading would block
    left = MAX_DRAIN_FACTOR * pipeline().max_bytes
    try:
        while left > 0 and (chunk := request.environ["wsgi.input"].read(READ_AT_ONCE)):
            left -= len(chunk)
    except (ParseException, OSError):
        return  # the client has disconnected
