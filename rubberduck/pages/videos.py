"""Videos: the page that takes them, and the list of a visitor's own."""

from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from rubberduck.pages.video import videos
from rubberduck.web.deps import job_queue, settings, text, video_service
from rubberduck.web.responses import private_page
from rubberduck.web.sessions import known_visitor, visitor
from rubberduck.web.uploads import form_value
from rubberduck.web.video_uploads import video_uploads, whole_video

if TYPE_CHECKING:
    from rubberduck.jobs.models import Job
    from rubberduck.videos.models import Video
    from rubberduck.videos.store import VideoPage

__all__ = ["videos"]
VIDEOS_PER_PAGE = 12


@videos.get("")
def index() -> ResponseReturnValue:
    """Return the page that takes a video, and one page of the visitor's own."""
    # Imported late: the first pages need nothing of videos.
    from rubberduck.services.videos import free_detector
    from rubberduck.videos.uploads import PART_BYTES

    owner, way_in = visitor(), video_uploads()
    page = video_service().videos.page(owner, VIDEOS_PER_PAGE, request.args.get("cursor"))
    jobs = _jobs(page)
    return private_page(
        "videos.html",
        page=page,
        jobs=jobs,
        waits=bool(jobs) and not job_queue().has_worker(),
        uploads=way_in.uploads.pending(owner),
        room=way_in.room(owner),
        can_answer=free_detector(video_service().pipeline) is not None,
        video_bytes=settings().video_bytes,
        video_minutes=settings().video_minutes,
        part_bytes=PART_BYTES,
    )


def _jobs(page: "VideoPage") -> "dict[str, Job]":
    """Return the jobs of the videos that are being analysed, by the video's id."""
    jobs = ((video.id, video_service().job(video)) for video in page.videos if video.is_active)
    return {id: job for id, job in jobs if job is not None}


@videos.post("")
def send() -> ResponseReturnValue:
    """Take a video from the form and redirect to its page."""
    with whole_video() as (path, size):
        return _show(video_service().receive(path, visitor(), size))


@videos.post("/accept")
def accept() -> ResponseReturnValue:
    """Make a video of an upload whose bytes are all there, and redirect to its page."""
    return _show(video_uploads().accept(form_value("upload"), known_visitor() or ""))


@videos.post("/delete-upload")
def delete_upload() -> ResponseReturnValue:
    """Delete an upload that is no video yet."""
    video_uploads().uploads.delete(form_value("upload"), known_visitor() or "")
    flash(text("Deleted: what had arrived of the video."))
    return redirect(url_for("videos.index"), HTTPStatus.SEE_OTHER)


def _show(video: "Video") -> ResponseReturnValue:
    return redirect(url_for("videos.show", id=video.id), HTTPStatus.SEE_OTHER)
