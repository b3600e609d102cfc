"""The step that asks for frames with one call each, counted before it is made."""

import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from rubberduck.aws.video_errors import RekognitionVideoOff
from rubberduck.core.sentences import Sentence, time_left
from rubberduck.db.call_rates import CallRate
from rubberduck.detectors.with_retries import DetectorWithRetries
from rubberduck.services.amazon_video import calls_at_once
from rubberduck.services.video_costs import VideoCosts, model_calls_per_second
from rubberduck.services.video_frames import FrameAnalysis, Pace
from rubberduck.services.video_paid_run import Outcome, Run, step
from rubberduck.services.video_paid_samples import chosen_frames
from rubberduck.videos.paid import MODEL
from rubberduck.videos.reading import frames

if TYPE_CHECKING:
    from rubberduck.detectors.base import Detector
    from rubberduck.videos.reading import Frame

MINUTE = 60
FRAMES_PERCENT, REPORT_SECONDS = 95, 1.0


@step
def analyze_frames(run: Run) -> Outcome:
    """Let the service see all frames that have not been seen: each call is counted before it."""
    analysis, detector, at_once = run.analysis, *_patient_detector(run)
    last = run.videos.last_segment(run.id)
    done = sum(len(segment.samples) for segment in run.videos.segments(run.id))
    rate = analysis.rate or 1.0
    work = FrameAnalysis(
        detector,
        partial(run.analyses.add_segment, run.id, run.task.job_id),
        number=0 if last is None else last.number + 1,
        pace=Pace.paid(at_once),
    )
    with run.copy() as (file, _):
        reading = frames(file, rate, None if last is None else last.end_pts)
        with closing(reading):
            since = last.samples[-1].seconds if last else None
            left = islice(chosen_frames(reading, rate, since), max(0, analysis.max_calls - done))
            _report(run, work.run(left), done)
    run.task.log(
        Sentence("frames asked: {number}, and {before} before", number=work.samples, before=done)
    )
    return {"done": {"version": detector.version}}


def _patient_detector(run: Run) -> "tuple[Detector, int]":
    """Return the detector, and how many calls may be under way."""
    if run.analysis.way == MODEL:
        project, operation = run.analysis.model or "", "DetectCustomLabels"
        detector = run.site.models.pipeline_for(project, may_start=False).detector
        units = [each.units for each in VideoCosts(run.site).models() if each.project_id == project]
        per_second = model_calls_per_second(units[0] if units else 1)
    else:
        amazon, operation = run.site.amazon_video, "DetectLabels"
        if amazon is None:
            raise RekognitionVideoOff("Amazon Rekognition is switched off on this site.")
        detector, per_second = amazon.detector, amazon.calls_per_second
    rate = CallRate(run.site.results.database, "rekognition", per_second)
    patient = DetectorWithRetries(detector, partial(rate.wait, operation))
    return patient, calls_at_once(per_second)


def _report(run: Run, seen: "Iterator[Frame]", done: int) -> None:
    """Take the frames, and tell how far it is, in percent and in minutes."""
    began, reported, most = time.monotonic(), 0.0, max(run.analysis.max_calls, 1)
    for number, _ in enumerate(seen, 1):
        now = time.monotonic()
        if now - reported < REPORT_SECONDS:
            continue
        reported = now
        left = (most - done - number) * (now - began) / number
        sentence = Sentence(
            "{done} of {total} frames, {left}",
            done=done + number,
            total=most,
            left=time_left(left),
        )
        run.task.progress(FRAMES_PERCENT * min(1.0, (done + number) / most), sentence)
