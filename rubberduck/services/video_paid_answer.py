"""The end of an analysis that cost money: judge what was seen, and show it in place of before."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rubberduck.core.sentences import Sentence
from rubberduck.services.video_results import LOWEST, answer_of, best_times, store_frames
from rubberduck.videos.errors import AnalysisOver, CannotAskAmazon
from rubberduck.videos.keys import frame_key, frames_prefix, poster_key
from rubberduck.videos.paid import DONE, MODEL
from rubberduck.videos.rows import info_row
from rubberduck.videos.timeline import judge_video

if TYPE_CHECKING:
    from pathlib import Path

    from rubberduck.core.rules import Question
    from rubberduck.services.video_paid_run import Run
    from rubberduck.videos.models import Sample, VideoInfo

log = logging.getLogger(__name__)


def keep_answer(run: "Run", file: "Path", info: "VideoInfo", version: str | None) -> dict[str, Any]:
    """Store the best frames of the copy, and exchange the answer; return it."""
    if run.analysis.state == DONE:  # this step was killed after that
        return _stored_answer(run)
    question, engine = _question_and_engine(run)
    lowest = min(LOWEST, question.min_confidence)
    counted = _Counted(run)
    verdict = judge_video(question, counted, question.min_confidence, info.seconds)
    if not counted.number:
        raise CannotAskAmazon("Amazon looked at no frame of it.")
    weak = judge_video(question, run.videos.samples(run.id), lowest, info.seconds)
    times = best_times(verdict.tracks + weak.tracks)
    run.task.progress(95, Sentence("The best frames are stored"))
    poster = times[0] if times else counted.first_pts
    stored = store_frames(run.site, run.video.id, file, times, poster)
    values = {
        "question": question.title,
        "model": run.analysis.model,
        "engine": engine,
        "engine_version": version,
        "min_confidence": question.min_confidence,
        "sample_rate": run.analysis.rate or counted.number / max(info.seconds, 1.0),
        "info": info_row(info),
        "poster_key": poster_key(run.video.id),
        "rendered_key": None,
        "rendered_type": None,
        "found": verdict.found,
        "score": verdict.score,
        "said": question.yes if verdict.found else question.no,
        "distinct": len(verdict.tracks),
        "samples": counted.number,
    }
    if not run.analyses.finish(run.analysis, run.task.job_id, version, values):
        raise AnalysisOver("It was cancelled or deleted, or another worker goes on with it.")
    run.videos.add_stored(run.video.id, stored - _delete_other_frames(run, {*times, poster}))
    if run.video.rendered_key:  # its boxes are those of the old answer
        run.site.storage.delete(run.video.rendered_key)
    log.info("video answered for money video=%s samples=%d", run.video.id, counted.number)
    return answer_of(verdict, counted.number)


def _delete_other_frames(run: "Run", times: set[int]) -> int:
    """Delete the best frames of the answer before; return their bytes."""
    storage, id = run.site.storage, run.video.id
    kept = {frame_key(id, pts) for pts in times}
    old = [
        key
        for key in storage.keys_older_than(datetime.max.replace(tzinfo=UTC), [frames_prefix(id)])
        if key not in kept
    ]
    bytes = sum(len(storage.get(key)) for key in old)
    storage.delete_all(old)
    return bytes


class _Counted:
    """The samples of a run, counted while they are read: there may be too many for a list."""

    def __init__(self, run: "Run") -> None:
        self.run = run
        self.number, self.first_pts = 0, 0

    def __iter__(self) -> "Iterator[Sample]":
        for sample in self.run.videos.samples(self.run.id):
            self.first_pts = self.first_pts if self.number else sample.pts
            self.number += 1
            yield sample


def _question_and_engine(run: "Run") -> "tuple[Question, str]":
    """Return the question that was asked, and the name of who answers it."""
    analysis, site = run.analysis, run.site
    if analysis.way == MODEL:
        pipeline = site.models.pipeline_for(analysis.model or "", may_start=False)
        return pipeline.question, pipeline.detector.name
    asked = [offer.question for offer in site.offers.values()]
    found = [question for question in asked if question.title == analysis.question]
    if not found:
        raise CannotAskAmazon("The question that was asked is not offered any more.")
    assert site.amazon_video
    return found[0], site.amazon_video.detector.name


def _stored_answer(run: "Run") -> dict[str, Any]:
    video = run.video
    return {
        "found": video.found,
        "score": video.score,
        "distinct": video.distinct,
        "samples": video.samples,
    }
