"""The JSON door: pictures in, results out, problems as RFC 9457 says."""

import re
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import Field, TypeAdapter, ValidationError

from rubberduck.api.schemas import ResultBody, frame_body, result_body
from rubberduck.core.errors import InvalidParameter, StorageFailed
from rubberduck.web.deps import pipeline, sweeper, threshold
from rubberduck.web.problem_details import Address
from rubberduck.web.responses import CACHE_NO_STORE, as_json, with_etag
from rubberduck.web.sessions import known_visitor, visitor
from rubberduck.web.uploads import uploaded_picture

api = Blueprint("api", __name__, url_prefix="/api/v1")
KEY = r"^[!-~]([ -~]{0,253}[!-~])?$"
LIMIT = r"[1-9][0-9]{0,2}"
DEFAULT_LIMIT, LARGEST_LIMIT = 20, 100


@dataclass(frozen=True)
class ListLinks:
    """Where the list goes on."""

    next: Annotated[Address | None, Field(description="the following part; null at the end")]


@dataclass(frozen=True)
class ListBody:
    """A part of the visitor's own results, the newest first."""

    results: Annotated[tuple[ResultBody, ...], Field(description="at most “limit” of them")]
    links: ListLinks


@dataclass(frozen=True)
class JudgementBody:
    """What the owner of a result says of the answer."""

    right: Annotated[bool, Field(description="whether the answer was right")]


@api.after_request
def keep_private(response: Response) -> Response:
    """An answer that does not say otherwise is for its visitor alone, and not for later."""
    response.headers.setdefault("Cache-Control", CACHE_NO_STORE)
    return response


@api.post("/pictures")
def look() -> ResponseReturnValue:
    """Take one picture and answer with its result."""
    result = pipeline().process_upload(uploaded_picture(), visitor(), _idempotency_key())
    body = result_body(result)
    return as_json(body, HTTPStatus.CREATED, Location=body.links.self)


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not re.fullmatch(KEY, key):
        raise InvalidParameter("The Idempotency-Key must be 1 to 255 plain signs, best a UUID.")
    return key


@api.post("/frames")
def look_at_frame() -> ResponseReturnValue:
    """Answer to one moment of a camera; nothing is kept."""
    return as_json(frame_body(*pipeline().analyze_frame(uploaded_picture())))


@api.get("/results")
def results() -> ResponseReturnValue:
    """The visitor's own results, the newest first."""
    limit, owner = _limit(), known_visitor()
    if owner is None:
        return as_json(ListBody((), ListLinks(None)))
    page = pipeline().results.list_for_owner(owner, limit, request.args.get("cursor"))
    next = page.next and url_for("api.results", limit=limit, cursor=page.next)
    return as_json(ListBody(tuple(map(result_body, page.results)), ListLinks(next)))


def _limit() -> int:
    given = request.args.get("limit", str(DEFAULT_LIMIT))
    if not re.fullmatch(LIMIT, given) or int(given) > LARGEST_LIMIT:
        raise InvalidParameter(
            "“limit” must be a whole number from 1 to {most}.", most=LARGEST_LIMIT
        )
    return int(given)


@api.get("/results/<id>")
def result(id: str) -> ResponseReturnValue:
    """A result; with `?min=`, its labels judged with another threshold."""
    result, limit = pipeline().results.get(id), threshold()
    if limit is not None:
        result = pipeline().reevaluate(result, limit)
    return with_etag(as_json(result_body(result)))


@api.delete("/results/<id>")
def forget(id: str) -> ResponseReturnValue:
    """Delete a result of one's own, with its pictures."""
    with suppress(StorageFailed):  # nobody finds it any more; the sweeper goes on with its pictures
        sweeper().forget(id, known_visitor() or "")
    return nothing()


@api.put("/results/<id>/judgement")
def judge(id: str) -> ResponseReturnValue:
    """Say whether an answer of one's own was right."""
    try:
        judgement = TypeAdapter(JudgementBody).validate_json(request.get_data(), strict=True)
    except ValidationError:
        raise InvalidParameter(
            'The body must be {{"right": true}} or {{"right": false}}.'
        ) from None
    pipeline().results.judge(id, known_visitor() or "", judgement.right)
    return nothing()


def nothing() -> Response:
    response = Response(status=HTTPStatus.NO_CONTENT)
    del response.headers["Content-Type"]
    return response
