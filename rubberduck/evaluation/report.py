"""Run a detector over labelled pictures and print its figures."""

import time
from collections.abc import Iterable

from rubberduck.scoring.detection import (
    DUCK,
    Corners,
    Figures,
    Outcome,
    as_fractions,
    best_overlap,
    deciding_score,
)
from rubberduck.scoring.intervals import Interval, share_interval
from rubberduck.services.pipeline import Pipeline


def evaluate_picture(
    pipeline: Pipeline, data: bytes, kind: str, known: Iterable[Corners] | None
) -> Outcome:
    """Return the outcome of one picture, with the time for reading and answering.

    Raises what `Pipeline.read` raises.
    """
    start = time.perf_counter()
    picture = pipeline.read(data)
    answer = pipeline.answer(picture)
    milliseconds = 1000 * (time.perf_counter() - start)
    overlap = None
    if known:
        overlap = best_overlap(answer.verdict.boxes, as_fractions(known, picture.full_size))
    truth = kind.split("/", maxsplit=1)[0] == DUCK
    verdict = answer.verdict
    score = deciding_score(pipeline.question, answer.labels)
    return Outcome(kind, truth, verdict.found, score, milliseconds, overlap, verdict.boxes)


# The lines of the table: name, field, format.
LINES = (
    ("pictures", "pictures", "{}"),
    ("with a duck", "ducks", "{}"),
    ("called a duck", "found", "{}"),
    ("precision", "precision", "{:.3f}"),
    ("recall", "recall", "{:.3f}"),
    ("F1", "f1", "{:.3f}"),
    ("false-alarm rate", "false_alarm_rate", "{:.3f}"),
    ("pictures with known boxes", "boxed_pictures", "{}"),
    ("… whose best box has IoU ≥ 0.5", "good_box_share", "{:.3f}"),
    ("AUC", "auc", "{:.3f}"),
    ("milliseconds a picture (median)", "milliseconds", "{:.1f}"),
)


def table(figures: Figures, kinds: dict[str, Figures]) -> str:
    """Return the figures as text, with their 95 % intervals, and one line for each folder."""
    return "\n".join(
        [
            *(_line(figures, *line) for line in LINES),
            "",
            f"{'by folder':32}{'pictures':>10}{'called a duck':>16}{'95 %':>15}{'good boxes':>12}"
            f"{'95 %':>15}",
            *(_row(kind, group) for kind, group in kinds.items()),
        ]
    )


def _line(figures: Figures, name: str, field: str, spec: str) -> str:
    value = getattr(figures, field)
    text = "-" if value is None else spec.format(value)
    ends = figures.intervals.get(field)
    return f"{name:32}{text}" + (f"  (95 %: {_ends(ends, spec)})" if ends else "")


def _ends(ends: Interval, spec: str = "{:.3f}") -> str:
    return " to ".join(spec.format(end) for end in ends)


def _row(kind: str, figures: Figures) -> str:
    called = figures.found / figures.pictures
    ends = share_interval(figures.found, figures.pictures)
    good, good_ends = figures.good_box_share, figures.intervals.get("good_box_share")
    return (
        f"{kind:32}{figures.pictures:>10}{called:>16.3f}{_short(ends):>15}"
        f"{'-' if good is None else f'{good:.3f}':>12}{_short(good_ends):>15}"
    )


def _short(ends: Interval | None) -> str:
    return "{:.3f}–{:.3f}".format(*ends) if ends else "-"
