"""The page of one video: its analysis, then verdict, player, timeline and what can be saved."""

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
from rubberduck.web.responses import as_json, stored_jpeg, with_etag
from rubberduck.web.sessions import known_visitor
from rubberduck.web.stored_files import stored_file
from rubberduck.web.video_frames import projects_to_train
from rubberduck.web.videos import (
    asked_report,
    find_video,
    is_mine,
    link_seconds,
    ready_video,
    retained_until,
    start_seconds,
)

if TYPE_CHECKING:
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

    report = asked_report(video)
    return render_template(
        "video.html",
        video=video,
        report=report,
        figures=figures_of(video, report),
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
    waits = video.is_active and not job_queue().has_worker()
    return JobStatus(video.status, job.progress if job else 0, job.message if job else "", waits)


@videos.get("/<id>/tracks.json")
def tracks(id: str) -> ResponseReturnValue:
    """Return where each track is in each sample, for the boxes over the player."""
    from rubberduck.pages.video_figures import player_tracks

    response = jsonify(tracks=player_tracks(asked_report(ready_video(id)).verdict))
    return with_etag(response)


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


@videos.post("/<id>/delete")
def delete(id: str) -> ResponseReturnValue:
    try:
        video_service().delete(id, known_visitor() or "")
    except StorageFailed:
        flash(text("The video is deleted. Its files will be removed within the next few hours."))
    else:
        flash(text("Deleted: the video and its result."))
    return redirect(url_for("videos.index"), HTTPStatus.SEE_OTHER)
