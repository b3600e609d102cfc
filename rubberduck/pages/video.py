"""The page of one video: its analysis, then verdict, player, timeline and what can be saved."""

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import (
    Blueprint,
    Response,
    flash,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from rubberduck.core.errors import NoSuchResult, StorageFailed
from rubberduck.pages.jobs import JobStatus
from rubberduck.web.deps import job_queue, text, video_service
from rubberduck.web.formatting import video_name
from rubberduck.web.jobs import message_of
from rubberduck.web.responses import as_json, stored_jpeg, with_etag
from rubberduck.web.sessions import known_visitor
from rubberduck.web.stored_files import stored_file
from rubberduck.web.uploads import form_value
from rubberduck.web.video_exports import export_response
from rubberduck.web.video_frames import projects_to_train
from rubberduck.web.videos import (
    find_video,
    is_mine,
    link_seconds,
    ready_video,
    requested_report,
    retained_until,
    start_seconds,
)

if TYPE_CHECKING:
    from rubberduck.jobs.models import Job
    from rubberduck.videos.exports import Format
    from rubberduck.videos.models import Video

videos = Blueprint("videos", __name__, url_prefix="/videos")


@videos.get("/<id>")
def show(id: str) -> ResponseReturnValue:
    """Return the page; `?confidence=` and `?label=` judge again, `?t=` is where it begins."""
    video = find_video(id)
    page = _report_page(video) if video.status == "ready" else _analysis_page(video)
    return with_etag(make_response(page))


def _analysis_page(video: "Video") -> str:
    return render_template(
        "video_analysis.html",
        video=video,
        is_mine=is_mine(video),
        status=_status(video),
        expires_at=retained_until(video),
    )


def _report_page(video: "Video") -> str:
    # Imported late: the first pages need not wait for it.
    from rubberduck.pages.video_figures import figures_of
    from rubberduck.services.video_rendering import estimate_minutes, rendering_job

    report, rendering = requested_report(video), rendering_job(video_service(), video)
    return render_template(
        "video.html",
        video=video,
        report=report,
        figures=figures_of(video, report),
        rendering=rendering,
        rendering_status=_job_status(rendering),
        rendering_minutes=estimate_minutes(video, report),
        is_mine=is_mine(video),
        training_projects=projects_to_train(video),
        start=start_seconds(),
        address=url_for("videos.show", id=video.id, _external=True),
        preview=url_for("videos.poster", id=video.id, _external=True),
        expires_at=retained_until(video),
    )


@videos.get("/<id>/status.json")
def status(id: str) -> ResponseReturnValue:
    return with_etag(as_json(_status(find_video(id))))


def _status(video: "Video") -> JobStatus:
    """Return how far the analysis is."""
    job = video_service().job(video) if video.is_active else None
    return replace(_job_status(job, is_active=video.is_active), state=video.status)


@videos.get("/<id>/rendering.json")
def rendering_status(id: str) -> ResponseReturnValue:
    """Return how far the drawing of the boxes is."""
    from rubberduck.services.video_rendering import rendering_job

    job = rendering_job(video_service(), find_video(id))
    return with_etag(as_json(_job_status(job)))


def _job_status(job: "Job | None", *, is_active: bool | None = None) -> JobStatus:
    is_active = (job is not None and job.is_active) if is_active is None else is_active
    waits = is_active and not job_queue().has_worker()
    if job is None:
        return JobStatus("", 0, "", waits)
    return JobStatus(job.state, job.progress, message_of(job), waits)


@videos.get("/<id>/tracks.json")
def tracks(id: str) -> ResponseReturnValue:
    """Return where each track is in each sample, for the boxes over the player."""
    from rubberduck.pages.video_figures import player_tracks

    response = jsonify(tracks=player_tracks(requested_report(ready_video(id))))
    return with_etag(response)


@videos.get("/<id>.<any(json, csv, vtt, coco):format>")
def export(id: str, format: "Format") -> ResponseReturnValue:
    """Return what was seen as a file; the filters are those of the page."""
    return export_response(id, format, "confidence")


@videos.get("/<id>/copy")
def copy(id: str) -> ResponseReturnValue:
    """Return the video that browsers play, by byte ranges. With `?download`, they save it."""
    video = find_video(id)
    return _film(video, video.copy_key, video.copy_type)


@videos.get("/<id>/marked")
def marked(id: str) -> ResponseReturnValue:
    """Return the video with its boxes drawn in, if it was made."""
    video = find_video(id)
    return _film(video, video.rendered_key, video.rendered_type)


def _film(video: "Video", key: str | None, content_type: str | None) -> Response:
    from rubberduck.videos.errors import NoSuchVideo

    if key is None or content_type is None:
        raise NoSuchVideo
    name = video_name(video, key.rpartition(".")[2])
    save_as = name if "download" in request.args else None
    seconds = link_seconds(video)
    return stored_file(key, content_type, NoSuchVideo(), save_as=save_as, seconds=seconds)


@videos.get("/<id>/poster.jpg")
def poster(id: str) -> ResponseReturnValue:
    if (key := find_video(id).poster_key) is None:
        raise NoSuchResult
    return stored_jpeg(key)


@videos.get("/<id>/frames/<int(signed=True):pts>.jpg")
def frame(id: str, pts: int) -> ResponseReturnValue:
    """Return the picture of a track's best frame, by its presentation time."""
    from rubberduck.videos.keys import frame_key

    return stored_jpeg(frame_key(find_video(id).id, pts))


@videos.post("/<id>/cancel")
def cancel(id: str) -> ResponseReturnValue:
    video_service().cancel(id, known_visitor() or "")
    flash(text("Cancelled."))
    return redirect(url_for("videos.show", id=id), HTTPStatus.SEE_OTHER)


@videos.post("/<id>/retry")
def retry(id: str) -> ResponseReturnValue:
    video_service().retry(id, known_visitor() or "")
    flash(text("Queued again."))
    return redirect(url_for("videos.show", id=id), HTTPStatus.SEE_OTHER)


@videos.post("/<id>/render")
def render(id: str) -> ResponseReturnValue:
    """Queue the job that draws the boxes into the owner's video, or cancel it."""
    from rubberduck.services.video_rendering import cancel_rendering, queue_rendering

    service = video_service()
    video = service.get(id, known_visitor() or "")
    if form_value("cancel"):
        cancel_rendering(service, video)
    else:
        queue_rendering(service, video)
    return redirect(url_for("videos.show", id=id, _anchor="save"), HTTPStatus.SEE_OTHER)


@videos.post("/<id>/delete")
def delete(id: str) -> ResponseReturnValue:
    try:
        video_service().delete(id, known_visitor() or "")
    except StorageFailed:
        flash(text("The video is deleted. Its files will be removed within the next few hours."))
    else:
        flash(text("Deleted: the video and its result."))
    return redirect(url_for("videos.index"), HTTPStatus.SEE_OTHER)
