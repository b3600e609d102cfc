"""What uploads in parts (tus) need of every request, before the module of their views is imported.

`uploads` has the rest.
"""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from flask import Response, request

VERSION = "1.0.0"
UPLOADS_PATH = "/api/v1/uploads/"
METHOD_OVERRIDE = "HTTP_X_HTTP_METHOD_OVERRIDE"
ENDPOINTS = (
    "api.describe_uploads",
    "api.create_upload",
    "api.get_upload",
    "api.append_upload",
    "api.delete_upload",
)


def add_version(response: Response) -> Response:
    """Add the protocol's version to the responses of its endpoints."""
    if request.endpoint in ENDPOINTS:
        response.headers["Tus-Resumable"] = VERSION
        if response.status_code == HTTPStatus.PRECONDITION_FAILED:
            response.headers["Tus-Version"] = VERSION
    return response


class MethodOverride:
    """Take the method of uploads from X-HTTP-Method-Override: some proxies refuse PATCH."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self.app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        is_upload = environ.get("PATH_INFO", "").startswith(UPLOADS_PATH)
        if is_upload and environ["REQUEST_METHOD"] == "POST":
            method = environ.get(METHOD_OVERRIDE, "")
            if method in ("PATCH", "DELETE"):
                environ["REQUEST_METHOD"] = method
        return self.app(environ, start_response)
