"""A result as others get it: as JSON, as pictures, as links."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

from flask import Response, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import Field

from rubberduck.door import finder, settings, text
from rubberduck.errors import NoSuchResult, Problem
from rubberduck.frames import frames
from rubberduck.model import Answer, Box, Label, Result
from rubberduck.pictures import Picture
from rubberduck.storage import JPEG
from rubberduck.visitors import same_each_time

PROBLEM = "application/problem+json"  # RFC 9457
# Asked for again each time, so that what is deleted is gone; unchanged, it costs a 304.
ASK_AGAIN = "private, no-cache"
NOT_KEPT = "private, no-store"

Percent = Annotated[float, Field(ge=0, le=100)]
Pixels = Annotated[int, Field(ge=0)]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Address = Annotated[str, Field(json_schema_extra={"format": "uri-reference"})]


@dataclass(frozen=True)
class ResultLinks:
    """Where a result and its pictures are."""

    self: Annotated[Address, Field(description="this result as JSON")]
    page: Annotated[Address, Field(description="the page for people")]
    picture: Annotated[Address, Field(description="the upright picture, as JPEG")]
    marked: Annotated[Address | None, Field(description="with the boxes; null without boxes")]


@dataclass(frozen=True)
class ResultBody:
    """A result as the API shows it."""

    id: Annotated[str, Field(description="128 random bits; who has it can see the result")]
    found: Annotated[bool, Field(description="the answer: yes or no")]
    duck: Annotated[bool, Field(description="the same as `found`", deprecated=True)]
    said: Annotated[str, Field(description="the answer in words")]
    score: Annotated[Percent | None, Field(description="percent; null when the answer is no")]
    threshold: Annotated[Percent, Field(description="labels less sure do not count")]
    boxes: Annotated[tuple[Box, ...], Field(description="of the things that were looked for")]
    labels: Annotated[tuple[Label, ...], Field(description="everything that was seen")]
    because: Annotated[tuple[str, ...], Field(description="the labels that spoke for a yes")]
    missing: Annotated[tuple[str, ...], Field(description="what a yes would also need")]
    remark: Annotated[str | None, Field(description="what else there is to say of a no")]
    engine: Annotated[str, Field(description="who answered")]
    instead_of: Annotated[str | None, Field(description="who should have, but could not")]
    instead_because: Annotated[str | None, Field(description="“failed”, or “budget-spent”")]
    question: Annotated[str, Field(description="what was asked of the picture")]
    width: Annotated[Pixels, Field(description="of the upright picture, in pixels")]
    height: Annotated[Pixels, Field(description="of the upright picture, in pixels")]
    several_frames: Annotated[bool, Field(description="of which the first one was looked at")]
    judged_right: Annotated[bool | None, Field(description="what its owner says of the answer")]
    created_at: Annotated[Moment, Field(description="when it was asked, in UTC")]
    expires_at: Annotated[Moment, Field(description="it is deleted after this")]
    links: ResultLinks


@dataclass(frozen=True)
class Outline:
    """What to draw around one thing, in pixels of the frame, and the words to write on it."""

    left: Pixels
    top: Pixels
    right: Pixels
    bottom: Pixels
    text: str


@dataclass(frozen=True)
class FrameBody:
    """The answer to one moment of a camera. Nothing of it is kept."""

    found: Annotated[bool, Field(description="the answer: yes or no")]
    score: Annotated[Percent | None, Field(description="percent; null when the answer is no")]
    labels: Annotated[tuple[Label, ...], Field(description="everything that was seen")]
    outlines: Annotated[tuple[Outline, ...], Field(description="one for each thing")]
    width: Annotated[Pixels, Field(description="of the frame that was looked at")]
    height: Annotated[Pixels, Field(description="of the frame that was looked at")]
    engine: Annotated[str, Field(description="who answered")]


@dataclass(frozen=True)
class ProblemBody:
    """What went wrong, as RFC 9457 says it."""

    type: Annotated[Address, Field(description="which problem it is, for programs")]
    title: Annotated[str, Field(description="what happened")]
    status: Annotated[int, Field(description="the same as of the answer")]
    detail: Annotated[str, Field(description="why it happened, and what to do next")]
    instance: Annotated[Address, Field(description="the address that was asked")]
    request_id: Annotated[str, Field(description="tell it to us when it happens again")]


def result_body(result: Result) -> ResultBody:
    verdict, answer = result.verdict, result.answer
    return ResultBody(
        id=result.id,
        found=verdict.found,
        duck=verdict.found,
        said=result.said,
        score=verdict.score,
        threshold=result.min_confidence,
        boxes=verdict.boxes,
        labels=answer.labels,
        because=tuple(label.name for label in verdict.because),
        missing=verdict.missing,
        remark=finder().remark(result),
        engine=answer.engine,
        instead_of=answer.instead_of,
        instead_because=answer.instead_because,
        question=result.question,
        width=result.width,
        height=result.height,
        several_frames=result.several_frames,
        judged_right=result.judged_right,
        created_at=rfc3339(result.created_at),
        expires_at=rfc3339(expires_at(result)),
        links=ResultLinks(
            self=url_for("api.result", id=result.id),
            page=url_for("pages.result", id=result.id),
            picture=url_for("pages.picture", id=result.id),
            marked=url_for("pages.marked", id=result.id) if result.marked_key else None,
        ),
    )


def frame_body(picture: Picture, answer: Answer) -> FrameBody:
    width, height = picture.image.size
    return FrameBody(
        found=answer.verdict.found,
        score=answer.verdict.score,
        labels=answer.labels,
        outlines=tuple(
            Outline(**asdict(frame)) for frame in frames(answer.verdict.boxes, (width, height))
        ),
        width=width,
        height=height,
        engine=answer.engine,
    )


def as_json(body: Any, status: int = HTTPStatus.OK, **headers: str) -> Response:
    response = jsonify(asdict(body))
    response.status_code = status
    response.headers.update(headers)
    return response


def unless_known(response: Response) -> Response:
    """With an ETag: 304 for who has it already."""
    response.headers["Cache-Control"] = ASK_AGAIN
    content = same_each_time(response.get_data())
    tag = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    response.set_etag(tag, weak=content != response.get_data())
    response.make_conditional(request)
    return response


def problem_body(problem: Problem, path: str, request_id: str) -> ProblemBody:
    why = text(problem.reason).format(**problem.values) if problem.reason else ""
    return ProblemBody(
        type=url_for("pages.api", _anchor=problem.name),
        title=text(problem.happened),
        status=problem.status,
        detail=f"{why} {text(problem.next_step)}".strip(),
        instance=quote(path),
        request_id=request_id,
    )


def problem_json(problem: Problem, request_id: str) -> Response:
    response = as_json(problem_body(problem, request.path, request_id), problem.status)
    response.mimetype = PROBLEM
    response.headers["Cache-Control"] = NOT_KEPT
    return response


def jpeg(result: Result, key: str | None) -> ResponseReturnValue:
    """The picture itself, or the way to it; `?download` saves it under a sensible name."""
    if key is None:
        raise NoSuchResult
    save_as = file_name(result) if "download" in request.args else None
    if url := finder().storage.url(key, save_as):
        return redirect(url)
    return jpeg_response(key, partial(stored, key), save_as)


def stored(key: str) -> bytes:
    try:
        return finder().storage.get(key)
    except FileNotFoundError:
        raise NoSuchResult from None


def jpeg_response(name: str, read: Callable[[], bytes], save_as: str | None = None) -> Response:
    """A picture that never changes under its name; it is read only for who does not have it."""
    response = Response(mimetype=JPEG)
    response.headers["Cache-Control"] = ASK_AGAIN
    response.set_etag(name)
    if request.if_none_match.contains(name):
        response.status_code = HTTPStatus.NOT_MODIFIED
        return response
    response.data = read()
    if save_as:
        response.headers.set("Content-Disposition", "attachment", filename=save_as)
    return response


def file_name(result: Result) -> str:
    """What the answer said, as a name that every system takes."""
    words = re.sub(r"[^a-z0-9]+", "-", result.said.lower()).strip("-") or "picture"
    return f"{words}-{result.created_at:%Y-%m-%d}.jpg"


def expires_at(result: Result) -> datetime:
    return result.created_at + timedelta(days=settings().keep_days)


def rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
