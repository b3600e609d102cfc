"""Videos that were analysed already: their rows and what was seen in them."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from itertools import count, islice
from typing import Any

from rubberduck.core.models import Box, Label
from rubberduck.core.rules import RUBBER_DUCK, Question
from rubberduck.db.engine import Database
from rubberduck.videos import paid
from rubberduck.videos.models import QUEUED, Sample, Segment, Video, VideoInfo
from rubberduck.videos.paid import IMAGES, PaidAnalysis, new_token
from rubberduck.videos.store import Videos
from rubberduck.videos.timeline import judge_video

RATE = 5.0  # samples a second
TIME_BASE = Fraction(1, 1000)
SEGMENT = 50  # samples
SIZE = (640, 360)
JOB = "a job"


def duck_sample(number: int, *boxes: Box, also: Sequence[Label] = ()) -> Sample:
    """Return the sample with this number; each box is of a rubber duck: a bird and a toy."""
    labels = [Label(name, 95.0, boxes) for name in ("Bird", "Toy") if boxes]
    return Sample(round(1000 * number / RATE), number / RATE, (*labels, *also), number == 0)


def duck_box(left: float, top: float = 0.3, score: float = 95.0) -> Box:
    return Box(left, top, 0.2, 0.25, "Bird", score)


def swimming_ducks() -> list[Sample]:
    """Return 8 seconds: one duck from 1 s to 5 s, another one from 3 s to 7 s."""
    samples = []
    for number in range(40):
        first = [duck_box(0.05 + number / 400)] if 5 <= number < 25 else []
        second = [duck_box(0.7 - number / 400)] if 15 <= number < 35 else []
        samples.append(duck_sample(number, *first, *second, also=(Label("Water", 80.0),)))
    return samples


def random_samples(seed: int, number: int, names: Sequence[str]) -> Iterator[Sample]:
    """Yield samples in which labels come and go."""
    chance = random.Random(seed)
    for index in range(number):
        found = [Label(name, chance.uniform(20, 99)) for name in names if chance.random() < 0.6]
        yield Sample(200 * index, index / RATE, tuple(found))


def add_video(
    database: Database,
    samples: Iterable[Sample],
    question: Question = RUBBER_DUCK,
    **changes: Any,
) -> Video:
    """Store a video whose analysis has ended, and return it; `changes` are fields of its row."""
    video = begin_video(database, samples, question, **changes)
    videos, end = Videos(database), video.info.seconds if video.info else 0.0
    seen = list(videos.samples(video.id))
    verdict = judge_video(question, seen, question.min_confidence, end)
    said = question.yes if verdict.found else question.no
    assert videos.finish(video.id, JOB, verdict, said, len(seen))
    return videos.get(video.id)


def begin_video(
    database: Database,
    samples: Iterable[Sample],
    question: Question = RUBBER_DUCK,
    **changes: Any,
) -> Video:
    """Store a video that is being analysed, with what was seen so far."""
    videos, video = Videos(database), queued_video(question, **changes)
    videos.create(video)
    videos.set_job(video.id, JOB)
    assert videos.begin(video.id, JOB)
    last, remaining = 0.0, iter(samples)
    for number in count():
        found = tuple(islice(remaining, SEGMENT))
        if not found:
            break
        last = found[-1].seconds
        assert videos.add_segment(video.id, JOB, Segment(number, found[-1].pts + 1, found))
    info = VideoInfo("mp4", "h264", *SIZE, last + 1 / RATE, TIME_BASE, 0, 25.0, None)
    videos.set_info(video.id, info)
    return videos.get(video.id)


def queued_video(question: Question = RUBBER_DUCK, **changes: Any) -> Video:
    """Return the row of a video that waits for its analysis."""
    video = Video(
        id="ducks-at-the-lake-0001",
        status=QUEUED,
        created_at=datetime.now(UTC),
        owner="a visitor",
        question=question.title,
        model=None,
        engine="Duck detector",
        engine_version=None,
        min_confidence=question.min_confidence,
        sample_rate=RATE,
        bytes=1_000_000,
        stored_bytes=1_000_000,
    )
    return replace(video, **changes)


def paid_analysis(id: str = "paid", **changes: Any) -> PaidAnalysis:
    """Return an analysis for money that waits; `changes` are fields of its row."""
    values: dict[str, Any] = {
        "id": id,
        "video_id": "video",
        "way": IMAGES,
        "question": "A duck?",
        "model": None,
        "rate": 1.0,
        "state": paid.QUEUED,
        "created_at": datetime.now(UTC),
        "created_by": "ada",
        "max_calls": 10,
        "microdollars": 10_000,
        "job_id": None,
        "token": new_token(),
    }
    return PaidAnalysis(**{**values, **changes})
