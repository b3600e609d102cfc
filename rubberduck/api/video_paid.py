"""The API of analyses of videos that cost money, for tokens of operators."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from flask import request, url_for
from flask.typing import ResponseReturnValue
from pydantic import Field

from rubberduck.api.blueprint import api
from rubberduck.api.body_classes import body_class
from rubberduck.api.requests import page_limit, parsed_body
from rubberduck.api.schemas import ListLinks, Percent, Timestamp
from rubberduck.api.video_schemas import Seconds
from rubberduck.core.errors import InvalidCursor
from rubberduck.web.deps import pipeline, video_service
from rubberduck.web.formatting import rfc3339
from rubberduck.web.jobs import failure_of
from rubberduck.web.operators import audit, audited, require_operator
from rubberduck.web.problem_details import Address
from rubberduck.web.responses import as_json, with_etag
from rubberduck.web.video_paid import PaidStatus, offers_amazon, paid_videos, status_of

if TYPE_CHECKING:
    from rubberduck.services.video_costs import Estimate
    from rubberduck.videos.paid import PaidAnalysis

MICRODOLLARS = 1_000_000
MAX_STRETCHES = 1000
WAYS = "rekognition-images, custom-labels, rekognition-video or rekognition-celebrities"
Way = Annotated[str, Field(description=WAYS)]
Dollars = Annotated[float, Field(ge=0, description="US dollars, at most")]
Rate = Annotated[float | None, Field(description="frames a second; null for a whole video")]


@body_class
class PaidRequestBody:
    """How to have a video analysed. Nothing starts that would cost more than `max_usd`."""

    way: Way
    max_usd: Annotated[float, Field(ge=0, le=1_000_000, description="the price agreed to")]
    rate: Annotated[
        float | None, Field(description="frames a second, for calls with pictures; default: 1")
    ] = None
    model: Annotated[str | None, Field(description="the project, for custom-labels")] = None
    question: Annotated[str | None, Field(description="key of a question; default: its own")] = None


@body_class
class PaidChoiceBody:
    """A way to have a video analysed, and what it costs."""

    way: Way
    rate: Rate
    model: Annotated[str | None, Field(description="the project, for custom-labels")]
    calls: Annotated[int, Field(ge=0, description="with pictures, at most")]
    minutes: Annotated[int, Field(ge=0, description="of video, for a whole one")]
    usd: Dollars
    is_about: Annotated[bool, Field(description="the price was not compared with Amazon's page")]
    seconds: Annotated[float, Field(ge=0, description="about how long it takes")]
    problem: Annotated[str | None, Field(description="why it cannot be started now")]


@body_class
class CelebrityTimeBody:
    """A stretch of time in which Amazon recognised somebody."""

    start_seconds: Seconds
    end_seconds: Seconds


@body_class
class CelebrityBody:
    """Somebody whom Amazon recognised."""

    id: str
    name: str
    confidence: Percent
    urls: tuple[Address, ...]
    times: tuple[CelebrityTimeBody, ...]


@body_class
class PaidLinks:
    """The URLs of a paid analysis."""

    self: Address
    video: Address
    segments: Annotated[Address | None, Field(description="stretches that Amazon found itself")]


@body_class
class PaidAnalysisBody:
    """An analysis of a video for money. The video's answer is replaced when it is done."""

    id: str
    way: Way
    status: Annotated[str, Field(description="queued, running, done, failed or cancelled")]
    progress: Annotated[int, Field(ge=0, le=100, description="in percent")]
    progress_message: str
    error: Annotated[str | None, Field(description="why it failed; else null")]
    rate: Rate
    model: str | None
    max_usd: Dollars
    engine_version: str | None
    celebrities: Annotated[
        tuple[CelebrityBody, ...] | None, Field(description="null: not asked for, or not yet")
    ]
    created_at: Timestamp
    ended_at: Timestamp | None
    links: PaidLinks


@body_class
class PaidListBody:
    """What may be asked of Amazon about a video, with prices, and what was asked."""

    choices: tuple[PaidChoiceBody, ...]
    analyses: Annotated[tuple[PaidAnalysisBody, ...], Field(description="the newest first")]


@body_class
class StretchBody:
    """A stretch of time in which Amazon saw a label, with the highest confidence in it."""

    label: str
    confidence: Percent
    start_seconds: Seconds
    end_seconds: Seconds


@body_class
class StretchesBody:
    """One page of the stretches that Amazon Rekognition Video found itself."""

    segments: tuple[StretchBody, ...]
    links: ListLinks


@api.get("/videos/<id>/analyses")
def list_paid_analyses(id: str) -> ResponseReturnValue:
    """Return the ways to ask Amazon, with prices, and what was asked."""
    require_operator()
    video, paid = video_service().get(id), paid_videos()
    choices = paid.choices(video) if offers_amazon() and video.status == "ready" else []
    bodies = tuple(_body(each) for each in paid.of_video(id))
    return as_json(PaidListBody(tuple(map(_choice, choices)), bodies))


@api.post("/videos/<id>/analyses")
def start_paid_analysis(id: str) -> ResponseReturnValue:
    """Queue an analysis for money."""
    from rubberduck.services.video_paid import Order

    operator, asked = require_operator(), parsed_body(PaidRequestBody)
    most = round(asked.max_usd * MICRODOLLARS)
    order = Order(asked.way, asked.rate, asked.model, asked.question, most)
    video = video_service().get(id)
    with audited("video.analyse", id, way=order.way, microdollars=most):
        analysis = paid_videos().start(video, order, operator.id)
    body = _body(analysis)
    return as_json(body, HTTPStatus.ACCEPTED, Location=body.links.self)


@api.get("/videos/<id>/analyses/<analysis_id>")
def get_paid_analysis(id: str, analysis_id: str) -> ResponseReturnValue:
    """Return how far an analysis for money is."""
    require_operator()
    return with_etag(as_json(_body(paid_videos().get(analysis_id, id))))


@api.post("/videos/<id>/analyses/<analysis_id>/cancel")
def cancel_paid_analysis(id: str, analysis_id: str) -> ResponseReturnValue:
    """End an analysis for money."""
    require_operator()
    cancelled = paid_videos().cancel(analysis_id, id)
    audit("video.analyse.cancel", id, way=cancelled.way)
    return as_json(_body(cancelled))


@api.post("/videos/<id>/analyses/<analysis_id>/retry")
def retry_paid_analysis(id: str, analysis_id: str) -> ResponseReturnValue:
    """Go on with a failed or cancelled analysis after what was paid for already."""
    require_operator()
    paid, video = paid_videos(), video_service().get(id)
    with audited("video.analyse.retry", id, way=paid.get(analysis_id, id).way):
        body = _body(paid.retry(analysis_id, video))
    return as_json(body, HTTPStatus.ACCEPTED, Location=body.links.self)


@api.get("/videos/<id>/analyses/<analysis_id>/segments")
def list_amazon_segments(id: str, analysis_id: str) -> ResponseReturnValue:
    """Return one page of the stretches that Amazon Rekognition Video found itself."""
    from rubberduck.videos.errors import NoSuchPaidAnalysis
    from rubberduck.videos.keys import amazon_segments_key

    require_operator()
    analysis = paid_videos().get(analysis_id, id)
    if not _has_segments(analysis):
        raise NoSuchPaidAnalysis
    limit, token = page_limit(MAX_STRETCHES, MAX_STRETCHES), request.args.get("token", "0")
    if not token.isascii() or not token.isdecimal() or len(token) > len(str(MAX_STRETCHES**2)):
        raise InvalidCursor("This token is not valid. Take it from “next” of the page before.")
    try:
        found = json.loads(pipeline().storage.get(amazon_segments_key(analysis.video_id)))
    except FileNotFoundError:
        raise NoSuchPaidAnalysis from None
    start = int(token)
    shown = tuple(StretchBody(*each) for each in found[start : start + limit])
    next = None
    if start + limit < len(found):
        next = _address("list_amazon_segments", analysis, limit=limit, token=start + limit)
    return with_etag(as_json(StretchesBody(shown, ListLinks(next))))


def _choice(estimate: "Estimate") -> PaidChoiceBody:
    return PaidChoiceBody(
        way=estimate.way,
        rate=estimate.rate,
        model=estimate.model,
        calls=estimate.calls,
        minutes=estimate.minutes,
        usd=estimate.microdollars / MICRODOLLARS,
        is_about=estimate.is_about,
        seconds=estimate.seconds,
        problem=estimate.problem,
    )


def _body(analysis: "PaidAnalysis") -> PaidAnalysisBody:
    status: PaidStatus = status_of(analysis)
    people = (analysis.answer or {}).get("celebrities")
    has_segments = _has_segments(analysis)
    return PaidAnalysisBody(
        id=analysis.id,
        way=analysis.way,
        status=analysis.state,
        progress=100 if analysis.state == "done" else status.progress,
        progress_message=status.message,
        error=analysis.error and failure_of(analysis.error, analysis.job_id),
        rate=analysis.rate,
        model=analysis.model,
        max_usd=analysis.microdollars / MICRODOLLARS,
        engine_version=analysis.engine_version,
        celebrities=None if people is None else tuple(_celebrity(each) for each in people),
        created_at=rfc3339(analysis.created_at),
        ended_at=rfc3339(analysis.ended_at) if analysis.ended_at else None,
        links=PaidLinks(
            _address("get_paid_analysis", analysis),
            url_for("api.get_video", id=analysis.video_id),
            _address("list_amazon_segments", analysis) if has_segments else None,
        ),
    )


def _address(endpoint: str, analysis: "PaidAnalysis", **parameters: int) -> str:
    values: dict[str, Any] = {"id": analysis.video_id, "analysis_id": analysis.id, **parameters}
    return url_for(f"api.{endpoint}", **values)


def _celebrity(person: "Mapping[str, Any]") -> CelebrityBody:
    times = tuple(CelebrityTimeBody(start, end) for start, end in person["times"])
    return CelebrityBody(
        person["id"], person["name"], person["confidence"], tuple(person["urls"]), times
    )


def _has_segments(analysis: "PaidAnalysis") -> bool:
    return bool(analysis.answer) and "segments" in (analysis.answer or {})
