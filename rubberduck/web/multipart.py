"""Parse uploaded forms, including those that Werkzeug's parser rejects or changes.

Werkzeug's parser refuses a file name that is not UTF-8, takes a part without a file name for text
(at most 500 kB, with the error of a request that is too large), cuts an unquoted boundary at its
first "/" or "=", and adds a byte to a file when a read ends within the suffix of a boundary
(findings/werkzeug_extra_byte.sh). This one uses its decoder and corrects these four.
"""

import re
from contextlib import ExitStack
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

from flask import Request
from werkzeug.datastructures import FileStorage, Headers
from werkzeug.formparser import FormDataParser
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from rubberduck.core.errors import CompressedBody, DuckError, InvalidParameter

PICTURE_FIELD = "picture"
MAX_PARTS, MAX_LARGE_PARTS = 100, 5000
# A larger file of a form goes to the disk: a form with many files must not fill the memory.
SPOOL_BYTES, LARGE_SPOOL_BYTES = 100_000_000, 1_000_000
MAX_FIELD_BYTES = 64 * 1024
READ_BYTES = 64 * 1024
BOUNDARY_PARAMETER = re.compile(r";\s*boundary\s*=\s*([^\s;\"]+)", re.IGNORECASE)
# The possible prefixes of what follows a boundary: "--", blanks, a line break.
PARTIAL_SUFFIX = re.compile(rb"-{0,2}[^\S\r\n]*\r?")


class UploadDecoder(MultipartDecoder):
    """Werkzeug's decoder; also accepts files without a name and names in any encoding."""

    def next_event(self) -> Event:
        event = super().next_event()
        if isinstance(event, Field) and event.name == PICTURE_FIELD:
            return File(name=event.name, filename="", headers=event.headers)
        return event

    def _parse_headers(self, data: bytes | bytearray) -> Headers:
        try:
            return super()._parse_headers(data)
        except UnicodeDecodeError:
            return super()._parse_headers(data.decode("latin-1").encode())

    def _last_partial_boundary_index(self, data: bytes | bytearray) -> int:
        """Return the index up to which `data` is certainly content, whatever is read next."""
        delimiter = b"--" + self.boundary
        start = data.rfind(delimiter)
        if start < 0 or not PARTIAL_SUFFIX.fullmatch(data, start + len(delimiter)):
            return super()._last_partial_boundary_index(data)
        for line_break in (b"\n", b"\r"):
            if data[start - 1 : start] == line_break:
                start -= 1
        return start


class UploadFormParser(FormDataParser):
    """Parses forms; raises ValueError where Werkzeug's own would return an empty form."""

    max_parts = MAX_PARTS
    spool_bytes = SPOOL_BYTES

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        self.silent = False
        return super().parse(*args, **kwargs)

    def _parse_multipart(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str]
    ) -> Any:
        if not options.get("boundary"):
            raise InvalidParameter("The Content-Type header names no boundary.")
        decoder = UploadDecoder(options["boundary"].encode("latin-1", "replace"))
        fields: list[tuple[str, str]] = []
        files: list[tuple[str, FileStorage]] = []
        part: Field | File | None = None
        with ExitStack() as opened:  # a form that is not whole leaves no file open
            while True:
                chunk = stream.read(READ_BYTES)
                decoder.receive_data(chunk or None)
                while not isinstance(event := decoder.next_event(), Epilogue | NeedData):
                    if isinstance(event, Field | File):
                        part, content = event, self._content(event)
                        if isinstance(event, File):
                            opened.callback(content.close)
                    elif isinstance(event, Data) and part is not None:
                        content.write(event.data)
                        if isinstance(part, Field) and content.tell() > MAX_FIELD_BYTES:
                            raise _too_large_field(part.name)
                        if not event.more_data:
                            if len(fields) + len(files) >= self.max_parts:
                                raise InvalidParameter(
                                    "The form has more than {most} fields.", most=self.max_parts
                                )
                            _add(part, content, fields, files)
                if not chunk:
                    opened.pop_all()
                    return stream, self.cls(fields), self.cls(files)

    def _content(self, part: Field | File) -> IO[bytes]:
        """Return where a part's content goes: a large file to the disk."""
        is_file = isinstance(part, File)
        return cast(IO[bytes], SpooledTemporaryFile(self.spool_bytes)) if is_file else BytesIO()


def _add(
    part: Field | File,
    content: IO[bytes],
    fields: list[tuple[str, str]],
    files: list[tuple[str, FileStorage]],
) -> None:
    content.seek(0)
    if isinstance(part, Field):
        fields.append((part.name, content.read().decode(errors="replace")))
        return
    files.append((part.name, FileStorage(content, part.filename, part.name, headers=part.headers)))


def _too_large_field(name: str | None) -> InvalidParameter:
    return InvalidParameter(
        "The form's field “{name}” holds more than {most} kB; only the field “{picture}” may.",
        name=name,
        most=MAX_FIELD_BYTES // 1000,
        picture=PICTURE_FIELD,
    )


class UploadRequest(Request):
    """Flask's request, with UploadFormParser for its forms."""

    form_data_parser_class = UploadFormParser
    is_large = False
    too_large: DuckError | None = None  # the answer to a body over max_content_length

    @property
    def mimetype_params(self) -> dict[str, str]:
        """Return the parameters of the Content-Type; accepts an unquoted boundary."""
        params = super().mimetype_params
        if match := BOUNDARY_PARAMETER.search(self.headers.get("Content-Type", "")):
            params = {**params, "boundary": match[1]}
        return params

    def make_form_data_parser(self) -> FormDataParser:
        self.require_uncompressed()
        parser = super().make_form_data_parser()
        if self.is_large and isinstance(parser, UploadFormParser):
            parser.max_parts, parser.spool_bytes = MAX_LARGE_PARTS, LARGE_SPOOL_BYTES
        return parser

    def allow_large_form(self, max_bytes: int) -> None:
        """Take many and large files in this request's form; call it before the form is read."""
        self.is_large, self.max_content_length = True, max_bytes

    def require_uncompressed(self) -> None:
        """Raise CompressedBody if the body has a Content-Encoding: nothing here undoes it."""
        encoding = self.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            raise CompressedBody("The body's Content-Encoding is “{name}”.", name=encoding[:40])
