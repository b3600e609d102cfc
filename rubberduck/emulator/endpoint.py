"""The address of the emulator: a WSGI application in front of the site's.

It stands before Flask, because nothing of a page may be in its answers: no HTML, no redirect, no
cookie, no compression. Everything behind the guard is imported with the first request.
"""

import logging
import socket
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from rubberduck.emulator.errors import HangUp, ServiceError, internal
from rubberduck.emulator.guard import CONTENT_TYPE, PATH, check_peer, check_protocol
from rubberduck.emulator.request import Request
from rubberduck.web.logging import REQUEST_ID_KEY

if TYPE_CHECKING:
    from datetime import datetime

    from rubberduck.core.settings import Settings
    from rubberduck.emulator.emulator import Emulator

log = logging.getLogger(__name__)
Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]
MAX_BODY = 24_000_000  # bytes: a picture that is too large for the service is refused by its size
ORDERS = "HTTP_X_DUCK_FAULTS"
INVOCATION = "HTTP_AMZ_SDK_INVOCATION_ID"  # the same when an SDK repeats a request


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Endpoint:
    """Answers below /aws/rekognition; everything else goes to `site`."""

    def __init__(
        self, site: WsgiApp, settings: "Settings", open_emulator: "Callable[[], Emulator]"
    ) -> None:
        self.site = site
        self.open_emulator = open_emulator
        self.keys = dict(key.split(":", 1) for key in settings.emulator_keys)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path != PATH and not path.startswith(f"{PATH}/"):
            return self.site(environ, start_response)
        request_id = environ[REQUEST_ID_KEY] = str(uuid.uuid4())
        started = time.monotonic()
        try:
            reply = self._reply(environ)
        except HangUp:
            reply = Reply(int(HTTPStatus.INTERNAL_SERVER_ERROR), b"")
            _hang_up(environ)
        milliseconds = round(1000 * (time.monotonic() - started))
        target = environ.get("HTTP_X_AMZ_TARGET", "")[:100]
        error = reply.headers.get("x-amzn-ErrorType", "none")
        message = "emulator target=%r status=%d error=%s ms=%d"
        log.info(message, target, reply.status, error, milliseconds)
        headers = {
            "Content-Type": CONTENT_TYPE,
            "Content-Length": str(len(reply.body)),
            "x-amzn-RequestId": request_id,
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            **reply.headers,
        }
        status = f"{reply.status} {HTTPStatus(reply.status).phrase}"
        start_response(status, list(headers.items()))
        return [reply.body]

    def _reply(self, environ: Environ) -> Reply:
        from rubberduck.emulator.wire import to_json

        try:
            return Reply(HTTPStatus.OK, self._answer(environ))
        except ServiceError as error:
            refused = error
        except HangUp:
            raise
        except Exception:  # an SDK takes whatever is not the service's JSON for an outage
            log.exception("emulator failed target=%r", environ.get("HTTP_X_AMZ_TARGET"))
            refused = internal()
        body = to_json({"__type": refused.code, "message": refused.message})
        more = {"Allow": "POST"} if refused.status == HTTPStatus.METHOD_NOT_ALLOWED else {}
        return Reply(refused.status, body, {"x-amzn-ErrorType": refused.code, **more})

    def _answer(self, environ: Environ) -> bytes:
        """Return the answer's body. Raises ServiceError, HangUp."""
        if environ["PATH_INFO"] not in (PATH, f"{PATH}/"):
            raise ServiceError("UnknownOperationException", f"Post to {PATH}.", 404)
        if environ["REQUEST_METHOD"] != "POST":
            reason = (
                "Send POST with the SDK of your choice: "
                f"AWS_ENDPOINT_URL_REKOGNITION=http://HOST:PORT{PATH}."
            )
            raise ServiceError("UnknownOperationException", reason, 405)
        check_protocol(environ)
        if not self.keys:
            check_peer(environ)
        body = _read_body(environ)
        if self.keys:
            self._check_signature(environ, body)
        request = Request(
            environ["HTTP_X_AMZ_TARGET"], body, environ.get(ORDERS), environ.get(INVOCATION)
        )
        return self.open_emulator().answer(request)

    def _check_signature(
        self, environ: Environ, body: bytes, now: "datetime | None" = None
    ) -> None:
        from rubberduck.emulator.signatures import SignedRequest, check_signature

        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
            for name, value in environ.items()
            if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
        }
        check_signature(SignedRequest(environ["PATH_INFO"], headers, body), self.keys, now)


def _read_body(environ: Environ) -> bytes:
    given = environ.get("CONTENT_LENGTH") or ""
    if not given and not environ.get("wsgi.input_terminated"):
        return b""  # reading would block
    length = min(int(given), MAX_BODY + 1) if given.isdecimal() else MAX_BODY + 1
    body: bytes = environ["wsgi.input"].read(length)
    if len(body) > MAX_BODY:
        raise ServiceError("RequestEntityTooLargeException", "The request is too large.", 413)
    if given.isdecimal() and len(body) < length:
        raise ServiceError("SerializationException", "The end of the request is missing.")
    return body


def _hang_up(environ: Environ) -> None:
    """Close the connection, which gunicorn and Werkzeug pass on, before anything is written."""
    connection = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    if connection is not None:
        connection.shutdown(socket.SHUT_RDWR)
