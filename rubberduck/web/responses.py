"""A result as others get it: as JSON, as pictures, as links."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Response, jsonify, redirect, request
from flask.typing import ResponseReturnValue

from rubberduck.core.errors import NoSuchResult
from rubberduck.core.models import Result
from rubberduck.storage.base import JPEG
from rubberduck.web.deps import pipeline, settings
from rubberduck.web.formatting import file_name
from rubberduck.web.sessions import without_csrf_token

# Asked for again each time, so that what is deleted is gone; unchanged, it costs a 304.
CACHE_REVALIDATE = "private, no-cache"
CACHE_NO_STORE = "private, no-store"


def as_json(body: Any, status: int = HTTPStatus.OK, **headers: str) -> Response:
    response = jsonify(asdict(body))
    response.status_code = status
    response.headers.update(headers)
    return response


def with_etag(response: Response) -> Response:
    """With an ETag: 304 for who has it already."""
    response.headers["Cache-Control"] = CACHE_REVALIDATE
    content = without_csrf_token(response.get_data())
    tag = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    response.set_etag(tag, weak=content != response.get_data())
    response.make_conditional(request)
    return response


def jpeg(result: Result, key: str | None) -> ResponseReturnValue:
    """The picture itself, or the way to it; `?download` saves it under a sensible name."""
    if key is None:
        raise NoSuchResult
    save_as = file_name(result) if "download" in request.args else None
    if url := pipeline().storage.url(key, save_as):
        return redirect(url)
    return jpeg_response(key, partial(stored, key), save_as)


def stored(key: str) -> bytes:
    try:
        return pipeline().storage.get(key)
    except FileNotFoundError:
        raise NoSuchResult from None


def jpeg_response(name: str, read: Callable[[], bytes], save_as: str | None = None) -> Response:
    """A picture that never changes under its name; it is read only for who does not have it."""
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
    return (result.retained_from or result.created_at) + timedelta(days=settings().keep_days)
