"""The routes of the JSON API. Errors are answered as problem+json (RFC 9457)."""

import re
from contextlib import suppress
from http import HTTPStatus

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import TypeAdapter, ValidationError

from rubberduck.api.blueprint import api
from rubberduck.api.requests import page_limit
from rubberduck.api.schemas import (
    CreatedBody,
    DeletedBody,
    JudgementBody,
    ListBody,
    ListLinks,
    PendingBody,
    frame_body,
    result_body,
)
from rubberduck.core.errors import InvalidParameter, InvalidToken, ResultPending, StorageFailed
from rubberduck.core.models import PendingUpload
from rubberduck.services.idempotency import MIN_ANONYMOUS_KEY
from rubberduck.web.api_keys import current_token, tokens
from rubberduck.web.deps import pipeline, sweeper, threshold, wanted_answer
from rubberduck.web.questions import question_title, use_question_of
from rubberduck.web.responses import as_json, with_etag
from rubberduck.web.sessions import delete_token, known_visitor, may_delete, visitor
from rubberduck.web.uploads import json_body, picture_from_body

DELETE_TOKEN = "Delete-Token"  # a header, because addresses are logged
IDEMPOTENCY_KEY_RE = r"^[!-~]([ -~]{0,253}[!-~])?$"
DEFAULT_LIMIT, MAX_LIMIT = 20, 100


@api.post("/pictures")
def upload() -> ResponseReturnValue:
    """Process one picture and return its result with 201."""
    is_new, key, data = known_visitor() is None, _idempotency_key(), picture_from_body()
    token = current_token()
    result = pipeline().process_upload(
        data, visitor(), key, is_new_visitor=is_new, caller=f"token:{token.id}" if token else None
    )
    if isinstance(result, PendingUpload):
        return _pending(result.id, with_token=True)
    is_ignored = is_new and key is not None and len(key) < MIN_ANONYMOUS_KEY
    body = CreatedBody(
        **vars(result_body(result)),
        delete_token=delete_token(result.id),
        idempotency_key_ignored=is_ignored,
    )
    return as_json(body, HTTPStatus.CREATED, Location=body.links.self)


def _pending(id: str, *, with_token: bool = False) -> Response:
    """Return 202: the result will be at its address in a moment."""
    address = url_for("api.get_result", id=id)
    body = PendingBody(id, "pending", address, delete_token(id) if with_token else None)
    headers = {"Location": address, "Retry-After": str(ResultPending.retry_after)}
    return as_json(body, HTTPStatus.ACCEPTED, **headers)


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not re.fullmatch(IDEMPOTENCY_KEY_RE, key):
        raise InvalidParameter(
            "The Idempotency-Key must be 1 to 255 printable characters, preferably a UUID."
        )
    return key


@api.post("/frames")
def analyze_frame() -> ResponseReturnValue:
    """Analyse one camera frame; nothing is stored."""
    return as_json(frame_body(*pipeline().analyze_frame(picture_from_body())))


@api.get("/results")
def list_results() -> ResponseReturnValue:
    """Return one page of the visitor's own results, newest first."""
    limit, found, owner = page_limit(DEFAULT_LIMIT, MAX_LIMIT), wanted_answer(), known_visitor()
    if owner is None and "cursor" not in request.args:
        return as_json(ListBody((), ListLinks(None)))
    cursor = request.args.get("cursor")
    page = pipeline().results.list_for_owner(
        owner or "", limit, cursor, found=found, question=question_title()
    )
    wanted = request.args.get("found")
    asked = request.args.get("question")
    next = page.next and url_for(
        "api.list_results", limit=limit, cursor=page.next, found=wanted, question=asked
    )
    return as_json(ListBody(tuple(map(result_body, page.results)), ListLinks(next)))


@api.get("/pictures/<id>")  # clients expect a created picture at this path
@api.get("/results/<id>")
def get_result(id: str) -> ResponseReturnValue:
    """Return a result; with `?min=`, re-evaluated with that threshold. 304 if unchanged."""
    limit, result = threshold(), pipeline().results.find(id)
    if result is None:
        return _pending(id)
    if limit is not None:
        use_question_of(result)  # which may be that of a model
        result = pipeline().reevaluate(result, limit)
    return with_etag(as_json(result_body(result)))


@api.delete("/results/<id>")
def delete_result(id: str) -> ResponseReturnValue:
    """Delete one of the visitor's own results, with its pictures."""
    with suppress(StorageFailed):  # the result is hidden; the sweeper retries its pictures
        token = request.headers.get(DELETE_TOKEN, "")
        sweeper().forget(id, None if may_delete(id, token) else known_visitor() or "")
    return no_content()


@api.delete("/results")
def delete_results() -> ResponseReturnValue:
    """Delete all of the visitor's own results and videos; with confirm=everything, keys as well."""
    confirm, owner = request.args.get("confirm"), known_visitor()
    if confirm not in ("results", "everything"):
        raise InvalidParameter(
            "To delete all your results and videos, add confirm=results to the address; "
            "confirm=everything also deletes your API keys."
        )
    if owner is None:
        return as_json(DeletedBody(0))
    # A token of an operator may do less than its owner, so it ends none of the others.
    is_visitor = (token := current_token()) is None or token.scope == "visitor"
    if confirm == "everything" and is_visitor:
        tokens().revoke_all(owner)  # first: another program may be sending pictures
    forgotten = sweeper().forget_owned(owner)
    return as_json(DeletedBody(forgotten.results))


@api.put("/results/<id>/judgement")
def judge_result(id: str) -> ResponseReturnValue:
    """Store whether the answer to one of the visitor's own pictures was right."""
    try:
        judgement = TypeAdapter(JudgementBody).validate_json(json_body(), strict=True)
    except ValidationError:
        raise InvalidParameter(
            'The body must be {{"right": true}} or {{"right": false}}.'
        ) from None
    pipeline().results.judge(id, known_visitor() or "", judgement.right)
    return no_content()


@api.delete("/keys/current")
def revoke_key() -> ResponseReturnValue:
    """Revoke the request's own API key, also without the cookie of the visitor who made it."""
    if (token := current_token()) is None:
        raise InvalidToken("This request has no API key.")
    tokens().revoke(token.id, token.owner)
    return no_content()


def no_content() -> Response:
    """Return an empty 204 response."""
    response = Response(status=HTTPStatus.NO_CONTENT)
    del response.headers["Content-Type"]
    return response
