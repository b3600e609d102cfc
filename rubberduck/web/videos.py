"""Requests for one video: which it is, whose it is, and what is asked of it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from flask import current_app, request

from rubberduck.core.errors import InvalidParameter
from rubberduck.web.deps import pipeline, settings, threshold, video_service
from rubberduck.web.questions import use_question_of_video
from rubberduck.web.sessions import known_visitor

if TYPE_CHECKING:
    from rubberduck.core.rules import Question
    from rubberduck.videos.models import Video
    from rubberduck.videos.report import VideoReport

    Judge = Callable[[Video, Question | None, float | None, str | None], VideoReport]

MAX_REPORTS = 4  # kept by a process; of an hour's video, one takes some 10 MB
LINK_MARGIN = 15 * 60  # seconds that a link to a video lives beside its length
MAX_SECONDS = 7 * 86_400 - LINK_MARGIN  # S3 signs for a week at most


def find_video(id: str) -> "Video":
    """Return a video, and let the rest of this request ask its question. Raises NoSuchVideo.

    Whoever has the link may see it, as with pictures.
    """
    video = video_service().get(id)
    use_question_of_video(video)
    return video


def ready_video(id: str) -> "Video":
    """Return an analysed video. Raises NoSuchVideo, VideoNotReady."""
    from rubberduck.videos.errors import VideoNotReady
    from rubberduck.videos.models import READY

    video = find_video(id)
    if video.status != READY:
        raise VideoNotReady("Its analysis has not ended, or failed.")
    return video


def is_mine(video: "Video") -> bool:
    return video.owner is not None and video.owner == known_visitor()


def requested_report(video: "Video", parameter: str = "confidence") -> "VideoReport":
    """Return what was seen, at the percent in a parameter and for `?label=`.

    Raises InvalidParameter.
    """
    label, question = request.args.get("label") or None, video_service().question_of(video)
    report = _reports()(video, question, threshold(parameter), label)
    if label is not None and label not in report.label_names:
        raise InvalidParameter("“label” must be a label that was seen in this video.")
    return report


def _reports() -> "Judge":
    """Return what judges a video: an hour of it takes a second or more, so the last ones are kept.

    A page, its player and its files ask for the same one.
    """
    from rubberduck.videos.report import make_report
    from rubberduck.videos.store import Videos

    videos = Videos(pipeline().results.database)

    def judge(
        video: "Video", question: "Question | None", confidence: float | None, label: str | None
    ) -> "VideoReport":
        samples = list(videos.samples(video.id))
        return make_report(video, question, samples, min_confidence=confidence, label=label)

    kept = current_app.extensions.setdefault("video_reports", lru_cache(MAX_REPORTS)(judge))
    return cast("Judge", kept)


def start_seconds() -> float | None:
    """Return `?t=`, the second at which the player begins, or None. Raises InvalidParameter."""
    if (given := request.args.get("t")) is None:
        return None
    try:
        seconds = float(given)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MAX_SECONDS:  # also rejects NaN
        raise InvalidParameter("“t” must be a number of seconds.")
    return seconds


def link_seconds(video: "Video") -> int:
    """Return how long a link to the video lives: until it is played, and some minutes."""
    seconds = video.info.seconds if video.info else 0.0
    return int(min(seconds, MAX_SECONDS)) + LINK_MARGIN


def retained_until(video: "Video") -> datetime:
    """Return the time after which the video is deleted."""
    return video.created_at + timedelta(days=settings().keep_days)
