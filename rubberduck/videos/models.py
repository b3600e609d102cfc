"""The data classes of a video: what is inside its file, a sampled frame, a track, its row."""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING

from rubberduck.core.models import Box, Label

if TYPE_CHECKING:
    from rubberduck.core.settings import Settings

# The states of a row. DELETING: hidden from everybody, its objects are being deleted.
QUEUED, ANALYSING, READY, FAILED, CANCELLED, DELETING = (
    "queued",
    "analysing",
    "ready",
    "failed",
    "cancelled",
    "deleting",
)
ACTIVE = (QUEUED, ANALYSING)


@dataclass(frozen=True)
class VideoLimits:
    """What a video may have at most; `pixels` of one frame."""

    bytes: int
    minutes: int
    pixels: int

    @classmethod
    def of(cls, settings: "Settings") -> "VideoLimits":
        return cls(settings.video_bytes, settings.video_minutes, settings.video_pixels)


@dataclass(frozen=True)
class VideoInfo:
    """What is inside a file. `width` and `height` are of the upright picture of square pixels.

    The times of frames are presentation times (`pts`) in units of `time_base` seconds; `start_pts`
    is that of the first frame shown. `seconds` is an estimate of the header until the analysis
    has read the file to its end. `rate` is the mean number of frames a second, if it is known.
    """

    container: str
    codec: str
    width: int
    height: int
    seconds: float
    time_base: Fraction
    start_pts: int
    rate: float | None
    sound_codec: str | None

    def seconds_at(self, pts: int) -> float:
        """Return the time of a frame in seconds after the first one."""
        return float((pts - self.start_pts) * self.time_base)


@dataclass(frozen=True)
class Sample:
    """One analysed frame: its presentation time, seconds after the first frame, and its labels.

    `is_cut`: a new scene begins between the sample before and this one.
    """

    pts: int
    seconds: float
    labels: tuple[Label, ...]
    is_cut: bool = False


@dataclass(frozen=True)
class Sighting:
    """Where a track's object is in one sample; `score` in percent. No box: somewhere in it.

    `lasts` is the time until the next sample, in seconds.
    """

    pts: int
    seconds: float
    score: float
    box: Box | None
    lasts: float = 0.0


@dataclass(frozen=True)
class Track:
    """One object followed through samples. `score` in percent; `seen_seconds` leaves out gaps."""

    id: int
    label: str
    score: float
    first_seconds: float
    last_seconds: float
    seen_seconds: float
    best: Sighting
    sightings: tuple[Sighting, ...]

    @property
    def end_seconds(self) -> float:
        """Return when the sample after the last sighting begins."""
        return self.last_seconds + self.sightings[-1].lasts


@dataclass(frozen=True)
class VideoVerdict:
    """The answer for a video: `score` in percent, None when it is no; `tracks` are what counts."""

    found: bool
    score: float | None
    tracks: tuple[Track, ...]


@dataclass(frozen=True)
class Video:
    """A row of the videos. Times of rows are UTC.

    `found`, `score`, `said`, `distinct` and `info.seconds` are final when the status is READY.
    `model` is the project whose model answers, None for the question's detector. `bytes` are those
    of the original, `stored_bytes` those of all that is stored now. `original_key` is a key of the
    storage, or the address s3://BUCKET/KEY of an operator's object. The defaults are those of a
    video that waits.
    """

    id: str
    status: str
    created_at: datetime
    owner: str | None
    question: str
    model: str | None
    engine: str
    engine_version: str | None
    min_confidence: float
    sample_rate: float
    bytes: int
    stored_bytes: int
    original_key: str | None = None
    copy_key: str | None = None
    copy_type: str | None = None
    poster_key: str | None = None
    rendered_key: str | None = None
    rendered_type: str | None = None
    info: VideoInfo | None = None
    job_id: str | None = None
    render_job_id: str | None = None
    error: str | None = None
    found: bool | None = None
    score: float | None = None
    said: str | None = None
    distinct: int | None = None
    samples: int = 0
    ended_at: datetime | None = None

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE


@dataclass(frozen=True)
class Segment:
    """The samples of one stretch of a video, saved at once: an analysis resumes after the last."""

    number: int
    end_pts: int  # the analysis has read all frames before it
    samples: tuple[Sample, ...]
