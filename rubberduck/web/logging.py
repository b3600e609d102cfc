"""The log: one line of JSON for each event, whatever a visitor sends; plain text at a terminal."""

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
PLAIN = "%(asctime)s %(levelname)s %(name)s: %(message)s"
OURS = ("app", "rubberduck")
NUMBER = "duck.request_id"
RESULT_ID = re.compile(r"(/(?:results?|pictures)/+)[^/.]+")

# Not Flask's g: threads that work for a request take it along (contextvars.copy_context).
_number: ContextVar[str] = ContextVar("number", default="")


def request_id() -> str:
    """What the log calls the request of this moment; made by us, so that nobody can forge it."""
    return _number.get()


def register_request_ids(app: Flask) -> None:
    """Each request has a number: its lines bear it, its answer tells it."""
    app.before_request(_begin)
    app.after_request(_sign)
    app.teardown_request(_end)


def _begin() -> None:
    _number.set(secrets.token_hex(8))
    request.environ[NUMBER] = request_id()  # for the server's own line, which comes later


def _sign(response: Response) -> Response:
    response.headers["X-Request-ID"] = request_id()
    return response


def _end(_: BaseException | None) -> None:
    _number.set("")


def configure_server_logging(level: str) -> None:
    """On standard output: JSON, or plain text where a person reads it."""
    logging.captureWarnings(True)
    formatter = PlainLine() if sys.stdout.isatty() else JsonLine()
    _set_up(sys.stdout, formatter, level, others=logging.INFO)


def configure_command_logging(level: str) -> None:
    """On standard error, beside what the command says; of others, only what went wrong."""
    _set_up(sys.stderr, PlainLine(), level, others=logging.WARNING)


def _set_up(stream: TextIO, formatter: logging.Formatter, level: str, *, others: int) -> None:
    # `level` is for our own lines: Pillow's at DEBUG would tell the visitors' metadata.
    everybody = max(others, logging.getLevelName(level))
    logging.basicConfig(handlers=[lines(stream, formatter)], level=everybody, force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(level)


def lines(stream: TextIO, formatter: logging.Formatter) -> logging.Handler:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.addFilter(_tell_the_number)
    return handler


def _tell_the_number(record: logging.LogRecord) -> bool:
    if request_id():
        record.request_id = request_id()
    return True


class JsonLine(JsonFormatter):
    """All but ASCII is escaped, so that no sign of a visitor's can end the line."""

    def __init__(self) -> None:
        super().__init__(list(FIELDS), rename_fields={**FIELDS, "exc_info": "trace"})

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        moment = datetime.fromtimestamp(record.created, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")  # RFC 3339


class PlainLine(logging.Formatter):
    def __init__(self) -> None:
        super().__init__(PLAIN)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Without signs that a terminal would obey."""
        number = getattr(record, "request_id", None)
        line = super().formatMessage(record) + (f" ({number})" if number else "")
        return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in line)


def without_result_id(path: str) -> str:
    """Return the path of a request without the id that lets one open a result.

    >>> without_result_id("/result/abc-DEF_0/marked.jpg"), without_result_id("/api/v1/results/ab")
    ('/result/-/marked.jpg', '/api/v1/results/-')
    >>> without_result_id("//%72esult/ab.json"), without_result_id("/mine"), without_result_id("*")
    ('//result/-.json', '/mine', '*')
    >>> without_result_id("/api/v1/pictures/abc"), without_result_id("/api/v1/pictures")
    ('/api/v1/pictures/-', '/api/v1/pictures')
    """
    decoded = unquote(path, "latin-1")  # an escaped address opens a result as well
    redacted = RESULT_ID.sub(r"\1-", decoded)
    return path if redacted == decoded else quote(redacted, "/", "latin-1")


class ServerLog(Logger):
    """gunicorn's own lines and one for each request, in the same way as ours."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True
        configure_server_logging("INFO")

    def access(
        self, resp: Any, req: Any, environ: MutableMapping[str, Any], request_time: timedelta
    ) -> None:
        what = {
            "method": environ["REQUEST_METHOD"],
            "path": without_result_id(environ["RAW_URI"].partition("?")[0]),
            "status": int(str(resp.status).partition(" ")[0]),
            "ms": request_time // timedelta(milliseconds=1),
            "client": environ["REMOTE_ADDR"],  # according to the proxies that we believe
        }
        if number := environ.get(NUMBER):
            what["request_id"] = number
        line = "{client} {method} {path} {status}, {ms} ms".format(**what)
        self.access_log.info("%s", line, extra=what)
