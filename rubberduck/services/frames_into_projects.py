"""Take frames of a video into a project, as a job; what was seen in them is suggested there.

The frames of one video are one group: a split never puts them on two sides. When the job runs
again, frames that are there already are found by their SHA-256 and skipped.
"""

import math
import tempfile
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rubberduck.core.errors import DuckError, Unavailable
from rubberduck.core.models import Box
from rubberduck.core.sentences import Sentence
from rubberduck.custom_models.errors import NoSuchProject, ProjectFull
from rubberduck.custom_models.project_pictures import (
    Duplicate,
    ProjectPicture,
    ProjectPictures,
    Quota,
    Upload,
)
from rubberduck.custom_models.projects import Project, Projects
from rubberduck.custom_models.video_suggestions import suggest
from rubberduck.imaging.decode import to_jpeg
from rubberduck.jobs.registry import job
from rubberduck.services.import_counts import log_counts, refusal, require_some
from rubberduck.services.video_analysis import pipeline_of
from rubberduck.videos.errors import VideoNotReady
from rubberduck.videos.keys import frame_key
from rubberduck.videos.models import READY, Sample, Track, Video
from rubberduck.videos.reading import opened, stills
from rubberduck.videos.report import make_report
from rubberduck.videos.store import Videos

if TYPE_CHECKING:
    from rubberduck.core.rules import Question
    from rubberduck.jobs.child import Task
    from rubberduck.jobs.context import Context
    from rubberduck.services.pipeline import Pipeline
    from rubberduck.storage.base import Storage

TAKE_IN = "take-in-frames"
MAX_FRAMES = 500
MAX_SIDE = 4096  # pixels, as Custom Labels allows; no frame is enlarged
QUALITY = 95
AFTER_START = 0.002  # seconds after its start, a frame is surely shown: times may be rounded
MAX_LOGGED = 200
# Errors after which the next frame would fail, too.
LASTING = (Unavailable, ProjectFull, NoSuchProject)


@dataclass(frozen=True)
class FrameChoice:
    """Which frames to take, `most` at most; stored with the job.

    `frames` are presentation times of analysed frames; without them, one is taken every so many
    seconds; without both, the best frame of each object. Objects are those at `min_confidence`
    percent, or of `label` alone. Those whose label the project lacks get the label `label_id`.
    """

    quota_pictures: int
    quota_bytes: int
    frames: tuple[int, ...] | None = None
    every_seconds: float | None = None
    most: int = 100
    min_confidence: float | None = None
    label: str | None = None
    label_id: str | None = None

    def of(self, samples: Sequence[Sample], tracks: Iterable[Track]) -> list[Sample]:
        """Return the samples whose frames are taken, in the order of time."""
        if self.frames is not None:
            chosen = set(self.frames)
        elif self.every_seconds is not None:
            chosen = set(_every(samples, self.every_seconds))
        else:
            by_score = sorted(tracks, key=lambda track: -track.score)
            best = dict.fromkeys(track.best.pts for track in by_score)
            chosen = set(list(best)[: self.most])
        return [sample for sample in samples if sample.pts in chosen][: self.most]


def _every(samples: Sequence[Sample], seconds: float) -> Iterator[int]:
    due = 0.0
    for sample in samples:
        if sample.seconds >= due:
            yield sample.pts
            due = seconds * (math.floor(sample.seconds / seconds) + 1)


@job(TAKE_IN, needs_disk=True)
def take_in_frames(
    context: "Context",
    project_id: str,
    operator_id: str,
    video_id: str,
    choice: Mapping[str, Any],
) -> Any:
    return context.step("take in", take_in, project_id, operator_id, video_id, choice)


def take_in(
    task: "Task", project_id: str, operator_id: str, video_id: str, choice: Mapping[str, Any]
) -> dict[str, int]:
    """Take the chosen frames in; return how many were added, are there already, were refused."""
    site: Pipeline = task.site
    database, videos = site.results.database, Videos(site.results.database)
    video, chosen = videos.get(video_id), FrameChoice(**choice)
    if video.status != READY:
        raise VideoNotReady("Its analysis has not ended, or failed.")
    samples = list(videos.samples(video_id))
    report = make_report(
        video,
        _question_of(site, video),
        samples,
        min_confidence=chosen.min_confidence,
        label=chosen.label,
    )
    limit = site.storage_limits.site
    quota = Quota(chosen.quota_pictures, chosen.quota_bytes, limit)
    pictures = ProjectPictures(database, site.storage, site.max_bytes, quota)
    project = Projects(database).get(project_id)
    running = _TakingIn(task, project, pictures, operator_id, video, chosen.label_id)
    if absent := set(chosen.frames or ()) - {sample.pts for sample in samples}:
        running.counts["absent"] = len(absent)
    wanted = chosen.of(samples, report.verdict.tracks)
    seen = _seen_at(report.verdict.tracks)
    with closing(_frames(site.storage, video, wanted)) as found:
        for number, (sample, jpeg) in enumerate(found, 1):
            running.add(sample, jpeg, seen.get(sample.pts, ()))
            task.progress(
                100 * number / len(wanted),
                Sentence("Frames added: {number}", number=running.counts["added"]),
            )
    counts = running.finish(len(wanted))
    require_some(counts)
    return counts


def _question_of(site: "Pipeline", video: Video) -> "Question | None":
    """Return the question of a video; None if the site does not offer it at the moment."""
    try:
        return pipeline_of(site, video).question
    except DuckError:
        return None


def _seen_at(tracks: Iterable[Track]) -> dict[int, list[Box]]:
    """Return the boxes at each presentation time; where a track has none, one of no size."""
    found: dict[int, list[Box]] = {}
    for track in tracks:
        for sighting in track.sightings:
            box = sighting.box or Box(0, 0, 0, 0, track.label, sighting.score)
            found.setdefault(sighting.pts, []).append(box)
    return found


def _frames(
    storage: "Storage", video: Video, wanted: Sequence[Sample]
) -> Generator[tuple[Sample, bytes], None, None]:
    """Yield frames as JPEG: those that the analysis stored, then those of the video's copy.

    Without a copy, the others are left out.
    """
    missing = []
    for sample in wanted:
        try:
            yield sample, storage.get(frame_key(video.id, sample.pts))
        except FileNotFoundError:
            missing.append(sample)
    if not missing or video.copy_key is None:
        return
    with _stored_file(storage, video.copy_key) as path:
        with opened(path, None) as (_, info):
            pass
        times = [
            info.start_pts + round((sample.seconds + AFTER_START) / info.time_base)
            for sample in missing
        ]
        with closing(stills(path, times, MAX_SIDE)) as found:
            for sample, frame in zip(missing, found, strict=True):
                yield sample, to_jpeg(frame.image, QUALITY)


@contextmanager
def _stored_file(storage: "Storage", key: str) -> Iterator[Path]:
    if (local := storage.local_path(key)) is not None:
        yield local
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "copy"
        storage.fetch(key, path)
        yield path


@dataclass
class _TakingIn:
    """One run: frames of one video into one project."""

    task: "Task"
    project: Project
    pictures: ProjectPictures
    operator_id: str
    video: Video
    label_id: str | None
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, sample: Sample, jpeg: bytes, seen: Iterable[Box]) -> None:
        """Add a frame, and keep what was seen in it as suggestions."""
        name = f"video-{self.video.id[:8]}-{sample.seconds:08.3f}s.jpg"
        upload = Upload(
            jpeg,
            name,
            "video",
            self.operator_id,
            group_name=f"video {self.video.id}",
            shrink=True,
            near_is_fine=True,  # frames of one video look alike, and what is sought moves
        )
        try:
            outcome = self.pictures.add(self.project, upload)
        except LASTING:
            raise
        except DuckError as error:
            self.counts["refused"] += 1
            if self.counts["refused"] <= MAX_LOGGED:
                self.task.log(
                    Sentence("{file_name}: {reason}", file_name=name, reason=refusal(error))
                )
            return
        self.counts["duplicates" if isinstance(outcome, Duplicate) else "added"] += 1
        if not outcome.picture.is_labelled:
            self._suggest(outcome.picture, seen)

    def _suggest(self, picture: ProjectPicture, seen: Iterable[Box]) -> None:
        """Suggest what was seen; a killed run may have added the picture without it."""
        ids = {label.name.casefold(): label.id for label in self.project.labels}
        named = [(ids.get(box.label.casefold(), self.label_id), box) for box in seen]
        found = [(label_id, box) for label_id, box in named if label_id is not None]
        if found:
            suggest(self.pictures.database, self.project, picture, found)
            self.counts["suggested"] += 1

    def finish(self, wanted: int) -> dict[str, int]:
        """Write the summary into the job's log; return the counts."""
        if left_out := wanted - sum(
            self.counts[name] for name in ("added", "duplicates", "refused")
        ):
            self.counts["missing"] = left_out
            self.task.log(
                Sentence("The video itself is not stored, so that only its best frames are there.")
            )
        log_counts(self.task, self.counts)
        return dict(self.counts)
