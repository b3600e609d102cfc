"""Responses for results: JSON, JPEG and redirects to the storage, with their cache headers."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Response, jsonify, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from rubberduck.core.errors import NoSuchResult
from rubberduck.core.models import Result
from rubberduck.storage.base import JPEG
from rubberduck.web.deps import pipeline, settings
from rubberduck.web.formatting import file_name
from rubberduck.web.security_headers import drawing_policy
from rubberduck.web.sessions import without_csrf_token

# Browsers revalidate each time, so that a deleted result disappears; an unchanged one costs a 304.
CACHE_REVALIDATE = "private, no-cache"
CACHE_NO_STORE = "private, no-store"


def as_json(body: Any, status: int = HTTPStatus.OK, **headers: str) -> Response:
    """Return a dataclass as a JSON response."""
    response = jsonify(asdict(body))
    response.status_code = status
    response.headers.update(headers)
    return response


def private_page(template: str, status: int = HTTPStatus.OK, **context: object) -> Response:
    """Return a page that neither the browser nor a proxy may keep."""
    response = make_response(render_template(template, **context), status)
    response.headers["Cache-Control"] = CACHE_NO_STORE
    return response


def as_drawing(svg: bytes) -> Response:
    """Return an SVG, which may be opened as a document of its own."""
    response = Response(svg, mimetype="image/svg+xml")
    response.headers["Content-Security-Policy"] = drawing_policy(svg.decode())
    return response


def with_etag(response: Response) -> Response:
    """Add an ETag; answer 304 Not Modified if the client has this content already."""
    response.headers["Cache-Control"] = CACHE_REVALIDATE
    content = without_csrf_token(response.get_data())
    tag = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    response.set_etag(tag, weak=content != response.get_data())
    response.make_conditional(request)
    return response


def jpeg(result: Result, key: str | None, *, may_proxy: bool = False) -> ResponseReturnValue:
    """Return the picture, or a redirect to the storage. With `?download`, browsers save it.

    With `may_proxy` and `?proxied` there is no redirect: our scripts may read from this site only.
    Raises NoSuchResult if `key` is None.
    """
    if key is None:
        raise NoSuchResult
    save_as = file_name(result) if "download" in request.args else None
    is_proxied = may_proxy and "proxied" in request.args
    if is_proxied:
        return jpeg_response(key, partial(stored, key), save_as)
    return stored_jpeg(key, save_as)


def stored_jpeg(key: str, save_as: str | None = None) -> ResponseReturnValue:
    """Return a stored picture, or a redirect to the storage. Raises NoSuchResult, StorageFailed."""
    if url := pipeline().storage.url(key, save_as):
        return redirect(url)
    return jpeg_response(key, partial(stored, key), save_as)


def stored(key: str) -> bytes:
    """Return a stored picture. Raises NoSuchResult if it is missing, otherwise StorageFailed."""
    try:
        return pipeline().storage.get(key)
    except FileNotFoundError:
        raise NoSuchResult from None


def jpeg_response(name: str, read: Callable[[], bytes], save_as: str | None = None) -> Response:
    """Return a picture with `name` as its ETag. `read` is called unless the client has it."""
    response = Response(mimetype=JPEG)
    response.headers["Cache-Control"] = CACHE_REVALIDATE
    response.set_etag(name)
    if request.if_none_match.contains(name):
        response.status_code = HTTPStatus.NOT_MODIFIED
        return response
    response.data = read()
    if save_as:
        response.headers.set("Content-Disposition", "attachment", filename=save_as)
    return response


def expires_at(result: Result) -> datetime:
    """Return the time after which the result is deleted."""
    return (result.retained_from or result.created_at) + timedelta(days=settings().keep_days)
