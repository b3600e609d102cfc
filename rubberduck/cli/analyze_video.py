"""`flask look` for videos: what is in them, when, and how many."""

import math
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from tqdm import tqdm

from rubberduck.cli.terminal import STDIN, progress_bar
from rubberduck.core.durations import clock
from rubberduck.core.errors import DuckError
from rubberduck.web.deps import pipeline, settings

if TYPE_CHECKING:
    from rubberduck.videos.models import Segment, Track, VideoInfo

VIDEO_SUFFIXES = set(".mp4 .m4v .mov .webm .mkv .avi .ts .m2ts .mts .mpg .mpeg .3gp".split())
SHOWN = 3  # objects, in the text
CHUNK = 1_000_000  # bytes
BAR = "{l_bar}{bar}| {n:.0f}/{total:.0f} s [{elapsed}<{remaining}]"


@dataclass(frozen=True)
class Given:
    """The paths to read; `stored` is the file that has what came on standard input."""

    paths: Sequence[str]
    stored: str | None = None


@contextmanager
def standard_input(paths: Sequence[str]) -> Iterator[Given]:
    """Yield the paths, with standard input as a file: a video is read more than once."""
    if STDIN not in paths:
        yield Given(paths)
        return
    with tempfile.NamedTemporaryFile(prefix="duck-") as file:
        _store(sys.stdin.buffer, file)
        yield Given([file.name if path == STDIN else path for path in paths], file.name)


def _store(given: IO[bytes], file: IO[bytes]) -> None:
    """Copy as much as may be needed, and one byte more than is allowed."""
    from rubberduck.videos.contents import HEAD, Content, content_of

    head = given.read(HEAD)
    is_video = content_of(head) is Content.VIDEO
    left = (settings().video_bytes if is_video else pipeline().max_bytes) + 1 - len(head)
    file.write(head)
    while left > 0 and (data := given.read(min(CHUNK, left))):
        left -= file.write(data)
    file.flush()


def is_video(path: str) -> bool:
    """Return whether a file is a video by its first bytes, or else by its name.

    Raises OSError if it cannot be read.
    """
    from rubberduck.videos.contents import HEAD, Content, content_of

    with open(path, "rb") as file:
        content = content_of(file.read(HEAD))
    if content in (Content.VIDEO, Content.PLAYLIST):
        return True
    return content is not Content.PICTURE and Path(path).suffix.lower() in VIDEO_SUFFIXES


def calls_for(path: str) -> int:
    """Return how often a detector that costs money is called for a file at most."""
    if not pipeline().detector.cost_per_call_usd:
        return 0
    try:
        if not is_video(path):
            return 1
        info = _probe(Path(path))
    except (DuckError, OSError):  # it is told when the file's turn comes
        return 0
    from rubberduck.videos.sampling import EXTRA_PER_SECOND

    return math.ceil(info.seconds * (settings().video_rate + EXTRA_PER_SECOND))


def analyze_video(path: Path, write: "Callable[[Sequence[Track]], None]") -> dict[str, Any]:
    """Return what is in a video; `write` gets the objects, which may be drawn.

    Raises VideoRefused, VideoTooLarge, DetectorFailed, OSError.
    """
    # Imported late: pictures need none of it.
    from rubberduck.services.video_frames import FrameAnalysis
    from rubberduck.videos.models import Sample, VideoLimits
    from rubberduck.videos.reading import frames
    from rubberduck.videos.timeline import judge_video

    info, limits = _probe(path), VideoLimits.of(settings())
    samples: list[Sample] = []

    def keep(segment: "Segment") -> bool:
        samples.extend(segment.samples)
        return True

    analysis = FrameAnalysis(pipeline().detector, keep)
    reading = frames(path, settings().video_rate, limits=limits)
    bar: tqdm[float] = progress_bar([], total=info.seconds, bar_format=BAR)
    with closing(reading), bar:
        for frame in analysis.run(reading):
            bar.update(frame.seconds - bar.n)
    seconds = info.seconds if analysis.last_end is None else info.seconds_at(analysis.last_end)
    verdict = judge_video(pipeline().question, samples, None, seconds)
    write(verdict.tracks)
    return {
        "duck": verdict.found,
        "score": verdict.score,
        "seconds": round(seconds, 3),
        "samples": len(samples),
        "distinct": len(verdict.tracks),
        "tracks": [_track(track) for track in verdict.tracks],
    }


def video_text(outcome: dict[str, Any]) -> str:
    """Return the end of a line of text: how many, and when; empty for a picture."""
    if not outcome.get("tracks"):
        return ""
    tracks = outcome["tracks"]
    times = [f"{clock(each['first_seconds'])}–{clock(each['end_seconds'])}" for each in tracks]
    more = f" and {len(times) - SHOWN} more" if len(times) > SHOWN else ""
    number = "1 object" if len(tracks) == 1 else f"{len(tracks)} different objects"
    return f", {number}: {', '.join(times[:SHOWN])}{more}"


def _probe(path: Path) -> "VideoInfo":
    from rubberduck.videos.models import VideoLimits
    from rubberduck.videos.reading import probe

    return probe(path, VideoLimits.of(settings()))


def _track(track: "Track") -> dict[str, Any]:
    box = track.best.box
    return {
        "id": track.id,
        "label": track.label,
        "score": track.score,
        "first_seconds": track.first_seconds,
        "end_seconds": track.end_seconds,
        "seen_seconds": track.seen_seconds,
        "best": {"seconds": track.best.seconds, "box": asdict(box) if box else None},
    }
