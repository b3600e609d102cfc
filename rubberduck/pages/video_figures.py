"""What the page of a video draws: the timeline of tracks, bars, best frames and the heat map."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rubberduck.core.durations import clock
from rubberduck.videos.models import Track, Video
from rubberduck.videos.report import SeenTime, Stretch, VideoReport, stretches
from rubberduck.videos.timeline import MINUTE, heat_map
from rubberduck.web.deps import text

HEAT_CELLS = 32  # along the longer side
HEAT_LEVELS = 9
SHORT = 120.0  # seconds: times of shorter videos are shown with tenths
MIN_BAR = 0.3  # percent of the timeline, so that it is seen
MAX_LABELS = 20  # with bars; a filter shows any other


@dataclass(frozen=True)
class TrackRow:
    """A track of the timeline; `bars` are lefts and widths in percent of the time."""

    track: Track
    name: str
    start: str
    end: str
    last_seconds: float
    bars: tuple[tuple[float, float], ...]
    best: str


@dataclass(frozen=True)
class HeatCell:
    """A cell of the heat map that anything covered; `level` is 1 to HEAT_LEVELS."""

    column: int
    row: int
    level: int


@dataclass(frozen=True)
class HeatMap:
    """The cells, and the longest time that one was covered."""

    columns: int
    rows: int
    cells: tuple[HeatCell, ...]
    longest: str


@dataclass(frozen=True)
class Figures:
    """What the page draws of a report; times as text are those that the player shows.

    `when` and `minutes` are starts in seconds with texts; `axis` are start, middle and end.
    """

    said: str
    seen: str
    whole: str
    rows: tuple[TrackRow, ...]
    when: tuple[tuple[float, str], ...]
    shares: tuple[SeenTime, ...]
    minutes: tuple[tuple[float, str], ...]
    axis: tuple[str, str, str]
    heat: HeatMap | None


def figures_of(video: Video, report: VideoReport) -> Figures:
    """Return what to draw of a report."""

    def at(seconds: float) -> str:
        return clock(seconds, has_tenths=report.seconds < SHORT)

    tracks = report.verdict.tracks
    yes = (report.yes,) if report.question and not report.label else ()
    return Figures(
        said=_said(video, report),
        seen=at(report.seen_seconds),
        whole=at(report.seconds),
        rows=tuple(_row(track, report, at) for track in tracks),
        when=tuple((each.start, f"{at(each.start)}–{at(each.end)}") for each in report.when),
        shares=(*yes, *report.labels[:MAX_LABELS]),
        minutes=tuple(
            (number * MINUTE, clock(number * MINUTE)) for number in range(len(report.yes.minutes))
        ),
        axis=(at(0), at(report.seconds / 2), at(report.seconds)),
        heat=_heat(video, tracks, at),
    )


def _said(video: Video, report: VideoReport) -> str:
    """Return the answer: the stored one, unless a filter judged again."""
    if report.label:
        words = "“{label}” is seen" if report.verdict.found else "“{label}” is not seen"
        return text(words).format(label=report.label)
    if report.question is None or report.verdict.found == video.found:
        return video.said or ""
    return report.question.yes if report.verdict.found else report.question.no


def _row(track: Track, report: VideoReport, at: Callable[[float], str]) -> TrackRow:
    seen = stretches(track)
    return TrackRow(
        track=track,
        name=report.name_of(track),
        start=at(track.first_seconds),
        end=at(track.end_seconds),
        last_seconds=track.end_seconds,
        bars=tuple(_bar(each, report.seconds) for each in seen),
        best=at(track.best.seconds),
    )


def _bar(stretch: Stretch, seconds: float) -> tuple[float, float]:
    whole = max(seconds, stretch.end) or 1.0
    width = max(100 * (stretch.end - stretch.start) / whole, MIN_BAR)
    return round(min(100 * stretch.start / whole, 100 - width), 3), round(width, 3)


def _heat(video: Video, tracks: Sequence[Track], at: Callable[[float], str]) -> HeatMap | None:
    """Return the heat map of cells that are about square; None if there are no boxes."""
    if video.info is None:
        return None
    width, height = video.info.width, video.info.height
    longer = max(width, height)
    columns, rows = (max(1, round(HEAT_CELLS * side / longer)) for side in (width, height))
    seconds = heat_map(tracks, columns, rows)
    most = max(max(row) for row in seconds)
    if not most:
        return None
    cells = (
        HeatCell(column, row, max(1, round(HEAT_LEVELS * value / most)))
        for row, values in enumerate(seconds)
        for column, value in enumerate(values)
        if value
    )
    return HeatMap(columns, rows, tuple(cells), at(most))


def player_tracks(report: VideoReport) -> list[dict[str, Any]]:
    """Return the tracks for static/js/video_tracks.js, which says what the numbers are."""
    return [
        {
            "id": track.id,
            "name": report.name_of(track),
            "sightings": [
                [
                    round(each.seconds, 3),
                    round(each.lasts, 3),
                    round(each.score, 1),
                    *(
                        round(side, 4)
                        for side in (each.box.left, each.box.top, each.box.width, each.box.height)
                    ),
                ]
                for each in track.sightings
                if each.box
            ],
        }
        for track in report.verdict.tracks
    ]
