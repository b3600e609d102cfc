"""The steps of an analysis that costs money. Each may run several times, and then does no more.

A step returns {"done": …}, or {"wait": why} if it has to be tried again later: the service is busy
or has not come so far, the storage or the database did not answer.
"""

import json
import logging
import time
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from rubberduck.aws.custom_labels import S3Address
from rubberduck.aws.video import CELEBRITIES as REMOTE_CELEBRITIES
from rubberduck.aws.video import CODEC, FAILED, SUCCEEDED
from rubberduck.aws.video_errors import (
    VideoNotTaken,
    VideoServiceFailed,
    VideoServiceRefused,
)
from rubberduck.core.errors import ResultsUnavailable
from rubberduck.core.sentences import Sentence
from rubberduck.services.video_files import delete_files
from rubberduck.services.video_paid_answer import keep_answer
from rubberduck.services.video_paid_run import Outcome, Run, step
from rubberduck.services.video_paid_samples import people_of, samples_of
from rubberduck.videos.errors import AnalysisOver
from rubberduck.videos.keys import amazon_segments_key
from rubberduck.videos.models import Segment
from rubberduck.videos.paid import CELEBRITIES, DONE

if TYPE_CHECKING:
    from rubberduck.jobs.child import Task
    from rubberduck.videos.models import Video, VideoInfo

log = logging.getLogger(__name__)
STORED_SAMPLES = 100  # of a segment
NOT_FOUND, TOO_MANY_JOBS = "ResourceNotFoundException", "LimitExceededException"
LOWEST = 50.0  # percent, of the stretches that are stored
JSON = "application/json"


def begin(task: "Task", analysis_id: str) -> dict[str, bool]:
    """Take the analysis over. Raises AnalysisOver."""
    run = Run(task, analysis_id)
    begun = run.analyses.begin(analysis_id, task.job_id)
    if begun is None:
        raise AnalysisOver("It was cancelled or deleted, or another worker goes on with it.")
    amazon = run.site.amazon_video
    has_notices = amazon is not None and amazon.open_notices is not None
    return {"uses_frames": begun.uses_frames, "has_notices": has_notices}


@step
def start(run: Run) -> Outcome:
    """Start the service's job, once: its price is entered before, and the token is kept."""
    analysis, token = run.analysis, run.analysis.token
    if analysis.remote_id is not None:
        return {"done": analysis.remote_id}
    _require_h264(run)
    assert run.video.copy_key
    where = S3Address(run.storage.bucket, run.video.copy_key)
    charges = run.charges()
    if charges:
        charges.charge(token, analysis.microdollars, f"{run.kind} of video {run.video.id}")
    try:
        remote_id = _start_remote(run, where, token)
    except VideoServiceFailed as error:
        if isinstance(error, VideoServiceRefused) or error.code == TOO_MANY_JOBS:
            if charges:
                charges.refund(token)
            run.analyses.renew_token(run.id, token)
        raise
    if not run.analyses.set_remote(run.id, token, remote_id):
        raise AnalysisOver("Another worker goes on with it.")
    log.info("video started at Amazon analysis=%s kind=%s job=%s", run.id, run.kind, remote_id)
    return {"done": remote_id}


def _start_remote(run: Run, where: S3Address, token: str) -> str:
    if run.kind == REMOTE_CELEBRITIES:
        return run.service.start_celebrities(where, token)
    amazon = run.site.amazon_video
    assert amazon
    return run.service.start_labels(where, token, amazon.min_confidence)


def _require_h264(run: Run) -> None:
    with run.copy() as (_, info):
        is_mp4 = "mp4" in info.container or "mov" in info.container
        if info.codec != CODEC or not is_mp4:
            raise VideoNotTaken(
                "It takes only H.264 in MP4 or MOV, and this is {codec} in {container}.",
                codec=info.codec,
                container=info.container,
            )


@step
def follow(run: Run) -> Outcome:
    """Return the version of the service's model when its job has ended."""
    token = run.analysis.token
    try:
        job = run.service.job(run.kind, run.remote_id)
    except VideoServiceRefused as error:
        if error.code == NOT_FOUND:  # so that another try starts anew
            run.analyses.renew_token(run.id, token)
        raise
    if job.state == FAILED:
        run.analyses.renew_token(run.id, token)
        raise VideoServiceRefused(
            "Amazon Rekognition could not analyse it: {problem}.",
            problem=job.message.rstrip(".") or "it does not say why",
        )
    if job.state == SUCCEEDED:
        return {"done": {"version": job.model_version}}
    run.task.progress(
        10, Sentence("Amazon Rekognition analyses the video; that takes about its length")
    )
    return {"wait": job.state}


def wait_for_notice(task: "Task", analysis_id: str, seconds: float) -> bool:
    """Wait until a notice says that this analysis has ended at Amazon, or until the time is over.

    Notices of other active analyses are left in the queue for their own jobs.
    """
    run, end = Run(task, analysis_id), time.monotonic() + seconds
    amazon = run.site.amazon_video
    if amazon is None or amazon.open_notices is None:
        return False
    notices = amazon.open_notices()
    try:
        while (left := end - time.monotonic()) > 0:
            for notice in notices.receive(left):
                of = run.analyses.hint(notice.job_id) if notice.job_id else []
                if run.id in of or not any(run.analyses.get(id).is_active for id in of):
                    notices.delete(notice)
                if run.id in of:
                    return True
            if left < 1:  # such a wait does not wait at all
                time.sleep(left)
    except (VideoServiceFailed, ResultsUnavailable) as error:
        task.log(Sentence("no notices: {cause}", cause=error.operator_message))
        time.sleep(max(0.0, end - time.monotonic()))
    return False


@step
def fetch(run: Run) -> Outcome:
    """Save what Amazon found, page by page; again from the first page after a failure."""
    run.task.progress(80, Sentence("What Amazon Rekognition found is fetched"))
    if run.kind == REMOTE_CELEBRITIES:
        people = people_of(run.service.celebrities(run.remote_id))
        run.analyses.set_answer(run.id, run.task.job_id, {"celebrities": people})
        return {"done": len(people)}
    stretches = [
        [each.name, round(each.confidence, 2), each.start, each.end]
        for each in run.service.segments(run.remote_id)
        if each.confidence >= LOWEST
    ]
    run.storage.put(amazon_segments_key(run.video.id), json.dumps(stretches).encode(), JSON)
    run.analyses.set_answer(run.id, run.task.job_id, {"segments": len(stretches)})
    return {"done": _fetch_labels(run)}


def _fetch_labels(run: Run) -> int:
    """Save the labels at all moments; return their number."""
    if not run.analyses.clear_segments(run.id, run.task.job_id):
        raise AnalysisOver("It was cancelled, or another worker goes on with it.")
    cuts = [sample.seconds for sample in run.videos.samples(run.video.id) if sample.is_cut]
    with run.copy() as (_, info):
        whole = _with_end_of(info, run.video)
    labels = run.service.labels(run.remote_id)
    if _is_turned(run, info):
        run.task.log(Sentence("Amazon looked at it lying on its side: boxes are left out."))
        labels = (replace(each, label=replace(each.label, boxes=())) for each in labels)
    samples, number = samples_of(labels, whole, cuts), 0
    while some := tuple(islice(samples, STORED_SAMPLES)):
        segment = Segment(number, some[-1].pts + 1, some)
        if not run.analyses.add_segment(run.id, run.task.job_id, segment):
            raise AnalysisOver("It was cancelled, or another worker goes on with it.")
        number += 1
    return number


def _is_turned(run: Run, info: "VideoInfo") -> bool:
    """Return whether the service saw the picture with width and height exchanged.

    It says nowhere whether it follows a file's note to turn the picture.
    """
    job = run.service.job(run.kind, run.remote_id)
    return (job.width - job.height) * (info.width - info.height) < 0


def _with_end_of(info: "VideoInfo", video: "Video") -> "VideoInfo":
    """Return what is inside the copy, with the length that the analysis of the original found."""
    return replace(info, seconds=video.info.seconds if video.info else info.seconds)


@step
def finish(run: Run, seen: dict[str, Any]) -> Outcome:
    """Judge, and put the new answer in the place of the old one; return it."""
    version = seen.get("version")
    if run.analysis.way == CELEBRITIES:
        if run.analysis.state != DONE:
            run.analyses.finish(run.analysis, run.task.job_id, version, None)
        people = (run.analysis.answer or {}).get("celebrities", ())
        return {"done": {"celebrities": [each["name"] for each in people]}}
    with run.copy() as (file, info):
        answer = keep_answer(run, file, _with_end_of(info, run.video), version)
    delete_files(run.video.id)
    return {"done": answer}


def note_failure(task: "Task", analysis_id: str, message: str) -> bool:
    """Save why there is no answer; what was paid for stays for another try."""
    return Run(task, analysis_id).analyses.fail(analysis_id, task.job_id, message)
