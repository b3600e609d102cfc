"""What stays of an analysed video: the verdict, the best frame of each object, a poster, a copy."""

import logging
import os
from typing import TYPE_CHECKING, Any

from rubberduck.imaging.decode import to_jpeg
from rubberduck.services.video_files import delete_original, original_file, work_folder
from rubberduck.videos.encoding import Progress, make_copy
from rubberduck.videos.keys import copy_key, frame_key, is_address, poster_key
from rubberduck.videos.models import READY
from rubberduck.videos.reading import stills
from rubberduck.videos.store import Videos
from rubberduck.videos.timeline import judge_video

if TYPE_CHECKING:
    from pathlib import Path

    from rubberduck.core.rules import Question
    from rubberduck.jobs.child import Task
    from rubberduck.services.pipeline import Pipeline
    from rubberduck.storage.base import Storage
    from rubberduck.videos.models import Track, Video, VideoLimits, VideoVerdict

log = logging.getLogger(__name__)
MAX_BEST_FRAMES = 100  # stored, those of the surest tracks
LOWEST = 10.0  # percent: tracks above have their best frame, so that a lower threshold shows it
FRAME_SIDE = 1280  # pixels
QUALITY = 85


def keep_copy(
    storage: "Storage", videos: "Videos", video: "Video", limits: "VideoLimits", show: Progress
) -> int:
    """Store a copy that browsers play; return its bytes. Raises VideoRefused, StorageFailed."""
    with original_file(storage, video) as source, work_folder(video.id) as folder:
        target = folder / f"copy.{os.getpid()}"
        written = make_copy(source, target, progress=show, limits=limits)
        key = copy_key(video.id, written.content_type)
        storage.put_file(key, target, written.content_type)
        target.unlink()
    videos.update(video.id, copy_key=key, copy_type=written.content_type)
    return written.bytes


def keep_results(
    task: "Task", site: "Pipeline", video: "Video", question: "Question", copy_bytes: int
) -> dict[str, Any]:
    """Store the pictures, save the verdict, delete the original; return the answer."""
    videos = Videos(site.results.database)
    samples = list(videos.samples(video.id))
    end = video.info.seconds if video.info else None
    verdict = judge_video(question, samples, video.min_confidence, end)
    if video.status != READY:
        weak = judge_video(question, samples, min(LOWEST, video.min_confidence), end)
        times = best_times(verdict.tracks + weak.tracks)
        poster = times[0] if times else samples[0].pts
        with original_file(site.storage, video) as file:
            stored = copy_bytes + store_frames(site, video.id, file, times, poster)
        is_ours = video.original_key is not None and not is_address(video.original_key)
        stored += video.bytes if is_ours else 0  # until it is deleted
        videos.update(video.id, poster_key=poster_key(video.id), stored_bytes=stored)
        said = question.yes if verdict.found else question.no
        videos.finish(video.id, task.job_id, verdict, said, len(samples))
        log.info("video analysed id=%s samples=%d found=%s", video.id, len(samples), verdict.found)
    delete_original(site.storage, videos, video)
    return answer_of(verdict, len(samples))


def best_times(tracks: "tuple[Track, ...]") -> list[int]:
    """Return the presentation times of the tracks' best frames, of the surest tracks first."""
    by_score = sorted(tracks, key=lambda track: -track.score)
    return list(dict.fromkeys(track.best.pts for track in by_score))[:MAX_BEST_FRAMES]


def store_frames(site: "Pipeline", id: str, file: "Path", times: list[int], poster: int) -> int:
    """Store the frames of a file at these presentation times, and one as the poster of the video;
    return the bytes."""
    stored = 0
    wanted = sorted({*times, poster})
    for pts, frame in zip(wanted, stills(file, wanted, FRAME_SIDE), strict=True):
        jpeg = to_jpeg(frame.image, QUALITY)
        if pts in times:
            site.storage.put(frame_key(id, pts), jpeg)
            stored += len(jpeg)
        if pts == poster:
            site.storage.put(poster_key(id), jpeg)
            stored += len(jpeg)
    return stored


def answer_of(verdict: "VideoVerdict", samples: int) -> dict[str, Any]:
    """Return what the job's page and the API show as its result."""
    return {
        "found": verdict.found,
        "score": None if verdict.score is None else round(verdict.score, 2),
        "distinct": len(verdict.tracks),
        "samples": samples,
    }
