"""Read the uploaded picture from a request."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from io import BytesIO
from typing import IO, Any, cast

from flask import Request, abort, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected
from werkzeug.formparser import FormDataParser

from rubberduck.core.errors import NoPicture, UploadIncomplete
from rubberduck.web.deps import pipeline

FIELD = "picture"
MAX_DRAIN_FACTOR = 10  # times the largest upload; whoever sends even more is cut off
READ_AT_ONCE = 1024 * 1024
# How Werkzeug says that a form ended before its last boundary.
TRUNCATED_FORM_MESSAGE = "cannot parse beyond"


class StrictFormParser(FormDataParser):
    """Says when a form is cut off, where Werkzeug's own would hand over an empty form."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        self.silent = False
        return super().parse(*args, **kwargs)


class UploadRequest(Request):
    form_data_parser_class = StrictFormParser

    def _get_file_stream(self, *_args: Any, **_kwargs: Any) -> IO[bytes]:
        """Memory, not a temporary file: a picture is bounded, and read whole anyway."""
        return BytesIO()


@contextmanager
def upload_errors() -> Iterator[None]:
    """UploadIncomplete or NoPicture, when the form cannot be read to its end."""
    try:
        yield
    except (ClientDisconnected, ParseException, OSError):
        raise UploadIncomplete("The connection closed before the whole picture arrived.") from None
    except UnicodeDecodeError:
        raise NoPicture("Something in the form, such as the file's name, is not UTF-8.") from None
    except ValueError as error:
        if TRUNCATED_FORM_MESSAGE in str(error):
            raise UploadIncomplete("The end of the picture is missing.") from None
        abort(HTTPStatus.BAD_REQUEST)


def form_value(name: str) -> str:
    """What a form's field holds; nothing without it."""
    with upload_errors():
        return request.form.get(name, "")


def uploaded_picture() -> bytes:
    """The bytes of the request's field `picture`; NoPicture or UploadIncomplete without them."""
    with upload_errors():
        uploads = request.files.getlist(FIELD)
    if not uploads:
        raise NoPicture(
            "The request has no file in a multipart field named “{field}”.", field=FIELD
        )
    # A form has two ways to choose one, the files and the camera; one of them stays empty.
    chosen = next((upload for upload in uploads if upload.filename), None)
    if chosen is None:
        raise NoPicture("No file was chosen.")
    return cast(bytes, chosen.read())


def drain_request_body() -> None:
    """Take in the rest of what we refuse: browsers read no answer before all is sent."""
    if not request.environ.get("wsgi.input_terminated"):
        return  # this server would wait for more than there is
    left = MAX_DRAIN_FACTOR * pipeline().max_bytes
    try:
        while left > 0 and (chunk := request.environ["wsgi.input"].read(READ_AT_ONCE)):
            left -= len(chunk)
    except (ParseException, OSError):
        return  # nobody is listening any more
