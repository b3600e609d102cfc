"""Logging: one line of JSON per event, safe from injected line breaks; plain text at a terminal."""

import logging
import re
import secrets
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any, TextIO
from urllib.parse import quote, unquote

from flask import Flask, Response, request
from gunicorn.glogging import Logger
from pythonjsonlogger.json import JsonFormatter

FIELDS = {"asctime": "time", "levelname": "level", "name": "logger", "message": "message"}
PLAIN_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
OWN_LOGGERS = ("app", "rubberduck")
REQUEST_ID_KEY = "duck.request_id"
RESULT_ID_RE = re.compile(r"(/(?:results?|pictures|visitors|videos|uploads)/+)[^/.]+")

# A ContextVar instead of Flask's g: contextvars.copy_context hands it to a request's threads.
_request_id: ContextVar[str] = ContextVar("request_id", default="")


def request_id() -> str:
    """Return the id of the current request, empty outside of one. Clients cannot choose it."""
    return _request_id.get()


def register_request_ids(app: Flask) -> None:
    """Give each request a random id, in its log lines and in the X-Request-ID header."""
    app.before_request(_assign_request_id)
    app.after_request(_add_request_id_header)
    app.teardown_request(_clear_request_id)


def _assign_request_id() -> None:
    _request_id.set(secrets.token_hex(8))
    request.environ[REQUEST_ID_KEY] = request_id()  # for the access log line, written later


def _add_request_id_header(response: Response) -> Response:
    response.headers["X-Request-ID"] = request_id()
    return response


def _clear_request_id(_: BaseException | None) -> None:
    _request_id.set("")


def configure_server_logging(level: str) -> None:
    """Log to standard output: as JSON, or as plain text if it is a terminal."""
    logging.captureWarnings(True)
    formatter = PlainLine() if sys.stdout.isatty() else JsonLine()
    _configure(sys.stdout, formatter, level, library_level=logging.INFO)


def configure_command_logging(level: str) -> None:
    """Log to standard error as plain text; for libraries, only warnings and errors."""
    _configure(sys.stderr, PlainLine(), level, library_level=logging.WARNING)


def _configure(
    stream: TextIO, formatter: logging.Formatter, level: str, *, library_level: int
) -> None:
    # `level` applies to our own loggers only: at DEBUG, Pillow logs the metadata of pictures.
    root_level = max(library_level, logging.getLevelName(level))
    logging.basicConfig(handlers=[create_handler(stream, formatter)], level=root_level, force=True)
    for name in OWN_LOGGERS:
        logging.getLogger(name).setLevel(level)


def create_handler(stream: TextIO, formatter: logging.Formatter) -> logging.Handler:
    """Return a handler that adds the request's id to each record."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.addFilter(_add_request_id)
    return handler


def _add_request_id(record: logging.LogRecord) -> bool:
    if request_id():
        record.request_id = request_id()
    return True


class JsonLine(JsonFormatter):
    """Format a record as JSON in ASCII, so that user input cannot start a new line."""

    def __init__(self) -> None:
        super().__init__(list(FIELDS), rename_fields={**FIELDS, "exc_info": "trace"})

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        moment = datetime.fromtimestamp(record.created, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")  # RFC 3339


class PlainLine(logging.Formatter):
    """Format a record as text for a terminal."""

    def __init__(self) -> None:
        super().__init__(PLAIN_FORMAT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Return the line with control characters escaped."""
        id = getattr(record, "request_id", None)
        line = super().formatMessage(record) + (f" ({id})" if id else "")
        return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)


def without_result_id(path: str) -> str:
    """Return a request's path without the result id, which would let a reader open the result.

    >>> without_result_id("/result/abc-DEF_0/marked.jpg"), without_result_id("/api/v1/results/ab")
    ('/result/-/marked.jpg', '/api/v1/results/-')
    >>> without_result_id("//%72esult/ab.json"), without_result_id("/mine"), without_result_id("*")
    ('//result/-.json', '/mine', '*')
    >>> without_result_id("/api/v1/pictures/abc"), without_result_id("/api/v1/pictures")
    ('/api/v1/pictures/-', '/api/v1/pictures')
    >>> without_result_id("/projects/mugs/visitors/abc.jpg"), without_result_id("/mine/taken/a")
    ('/projects/mugs/visitors/-.jpg', '/mine/taken/a')
    >>> without_result_id("/videos/abc/copy"), without_result_id("/api/v1/videos/abc.csv")
    ('/videos/-/copy', '/api/v1/videos/-.csv')
    """
    decoded = unquote(path, "latin-1")  # a percent-encoded path opens the result, too
    redacted = RESULT_ID_RE.sub(r"\1-", decoded)
    return path if redacted == decoded else quote(redacted, "/", "latin-1")


class ServerLog(Logger):
    """Write gunicorn's own lines and its access log in the format of the site's log."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True
        configure_server_logging("INFO")

    def access(
        self, resp: Any, req: Any, environ: MutableMapping[str, Any], request_time: timedelta
    ) -> None:
        fields = {
            "method": environ["REQUEST_METHOD"],
            "path": without_result_id(environ["RAW_URI"].partition("?")[0]),
            "status": int(str(resp.status).partition(" ")[0]),
            "ms": request_time // timedelta(milliseconds=1),
            "client": environ["REMOTE_ADDR"],  # as forwarded by the trusted proxies
        }
        if id := environ.get(REQUEST_ID_KEY):
            fields["request_id"] = id
        line = "{client} {method} {path} {status}, {ms} ms".format(**fields)
        self.access_log.info("%s", line, extra=fields)
