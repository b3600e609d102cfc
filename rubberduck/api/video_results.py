"""The API of videos that were sent: their state, their answer, what was seen, and their end."""

from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from rubberduck.api.blueprint import api
from rubberduck.api.requests import choice, flag, page_limit
from rubberduck.api.routes import DEFAULT_LIMIT, DELETE_TOKEN, MAX_LIMIT, no_content
from rubberduck.api.schemas import ListLinks
from rubberduck.api.video_schemas import (
    FORMATS,
    VideoListBody,
    segments_body,
    timestamps_body,
    track_body,
    tracks_body,
    video_body,
)
from rubberduck.core.errors import InvalidCursor, StorageFailed
from rubberduck.web.deps import threshold, video_service
from rubberduck.web.responses import as_json, with_etag
from rubberduck.web.sessions import known_visitor, may_delete
from rubberduck.web.video_exports import export_response
from rubberduck.web.videos import find_video, ready_video, requested_report

if TYPE_CHECKING:
    from rubberduck.videos.exports import Format
    from rubberduck.videos.models import Video

DEFAULT_LABELS, MAX_LABELS = 1000, 1000  # as Amazon Rekognition's GetLabelDetection
DEFAULT_TRACKS, MAX_TRACKS = 100, 1000
RETRY_SECONDS = 5
AGGREGATES = ("timestamps", "segments")
LIST_PARAMETERS = ("aggregate", "label", "limit", "min", "sightings")
MEDIA_TYPES: dict[str, "Format | None"] = {
    "application/json": None,
    "text/csv": "csv",
    "text/vtt": "vtt",
}


@api.get("/videos")
def list_videos() -> ResponseReturnValue:
    """Return one page of the visitor's own videos, newest first."""
    limit, owner = page_limit(DEFAULT_LIMIT, MAX_LIMIT), known_visitor()
    cursor = request.args.get("cursor")
    if owner is None and cursor is None:
        return as_json(VideoListBody((), ListLinks(None)))
    page = video_service().videos.page(owner or "", limit, cursor)
    next = page.next and url_for("api.list_videos", limit=limit, cursor=page.next)
    return as_json(VideoListBody(tuple(map(video_body, page.videos)), ListLinks(next)))


@api.get("/videos/<id>")
def get_video(id: str) -> ResponseReturnValue:
    """Return a video with 200, or with 202 while it is analysed; or as CSV or WebVTT by Accept."""
    media_type = request.accept_mimetypes.best_match(list(MEDIA_TYPES), "application/json")
    format = MEDIA_TYPES[media_type]
    response = video_response(find_video(id)) if format is None else export_response(id, format)
    response.vary.add("Accept")
    return response


@api.get("/videos/<id>.<format>")
def export_video(id: str, format: str) -> ResponseReturnValue:
    """Return what was seen as a file; `?min=` and `?label=` judge again."""
    from rubberduck.videos.errors import NoSuchVideo

    if format not in FORMATS:
        raise NoSuchVideo
    return export_response(id, cast("Format", format))


@api.get("/videos/<id>/labels")
def list_video_labels(id: str) -> ResponseReturnValue:
    """Return one page of the labels that were seen."""
    from rubberduck.videos.label_pages import LabelQuery, segments_page, timestamps_page

    aggregate = choice("aggregate", AGGREGATES) or "timestamps"
    query = LabelQuery(
        page_limit(DEFAULT_LABELS, MAX_LABELS),
        request.args.get("token"),
        request.args.get("label"),
        threshold() or 0.0,
    )
    video = ready_video(id)
    videos, base, end = video_service().videos, *_clock_of(video)
    if aggregate == "timestamps":
        page = timestamps_page(videos, id, query)
        return with_etag(as_json(timestamps_body(page, base, _next(page.next))))
    segments = segments_page(videos, id, query, end)
    return with_etag(as_json(segments_body(segments, base, _next(segments.next))))


@api.get("/videos/<id>/tracks")
def list_video_tracks(id: str) -> ResponseReturnValue:
    """Return the answer, and one page of the objects behind it; `?min=` judges again."""
    limit, with_sightings = page_limit(DEFAULT_TRACKS, MAX_TRACKS), flag("sightings")
    token = request.args.get("token", "0")
    if not token.isascii() or not token.isdecimal() or len(token) > len(str(MAX_TRACKS**2)):
        raise InvalidCursor("This token is not valid. Take it from “next” of the page before.")
    video = ready_video(id)
    report, start = requested_report(video, "min"), int(token)
    end = start + limit
    shown = report.verdict.tracks[start:end]
    bodies = [track_body(track, with_sightings=with_sightings) for track in shown]
    next = _next(str(end)) if end < len(report.verdict.tracks) else None
    return with_etag(as_json(tracks_body(report, bodies, _clock_of(video)[0], next)))


@api.post("/videos/<id>/cancel")
def cancel_video(id: str) -> ResponseReturnValue:
    """End the analysis of one of the visitor's own videos."""
    return as_json(video_body(video_service().cancel(id, known_visitor() or "")))


@api.delete("/videos/<id>")
def delete_video(id: str) -> ResponseReturnValue:
    """Delete one of the visitor's own videos, with its result."""
    token = request.headers.get(DELETE_TOKEN, "")
    with suppress(StorageFailed):  # it is hidden; the sweep deletes its files
        video_service().delete(id, None if may_delete(id, token) else known_visitor() or "")
    return no_content()


def video_response(video: "Video") -> Response:
    """Return a video as JSON: 200 with an ETag, or 202 and Retry-After while it is analysed."""
    if not video.is_active:
        return with_etag(as_json(video_body(video)))
    body = video_body(video, video_service().job(video))
    headers = {"Location": body.links.self, "Retry-After": str(RETRY_SECONDS)}
    return as_json(body, HTTPStatus.ACCEPTED, **headers)


def _clock_of(video: "Video") -> tuple[str, float]:
    """Return the time base of the video's presentation times, and its length in seconds."""
    return (str(video.info.time_base), video.info.seconds) if video.info else ("1", 0.0)


def _next(token: str | None) -> str | None:
    """Return the address of the next page of this request's list."""
    if token is None:
        return None
    given: dict[str, Any] = {
        name: request.args[name] for name in LIST_PARAMETERS if name in request.args
    }
    return url_for(request.endpoint or "", **request.view_args or {}, **given, token=token)
