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
    rank,
)
from rubberduck.services.pipeline import Pipeline


def ask(pipeline: Pipeline, data: bytes, kind: str, known: Iterable[Corners] | None) -> Outcome:
    """One picture through reading and answering, timed. Raises what `Pipeline.read` raises."""
    start = time.perf_counter()
    picture = pipeline.read(data)
    answer = pipeline.answer(picture)
    milliseconds = 1000 * (time.perf_counter() - start)
    fit = None
    if known:
        fit = best_overlap(answer.verdict.boxes, as_fractions(known, picture.full_size))
    truth = kind.split("/", maxsplit=1)[0] == DUCK
    verdict = answer.verdict
    score = rank(pipeline.question, answer.labels)
    return Outcome(kind, truth, verdict.found, score, milliseconds, fit, verdict.boxes)


def table(figures: Figures, kinds: dict[str, Figures]) -> str:
    def line(name: str, value: float | None, form: str) -> str:
        return f"{name:32}" + ("-" if value is None else form.format(value))

    return "\n".join(
        [
            line("pictures", figures.pictures, "{}"),
            line("with a duck", figures.ducks, "{}"),
            line("called a duck", figures.found, "{}"),
            line("precision", figures.precision, "{:.3f}"),
            line("recall", figures.recall, "{:.3f}"),
            line("F1", figures.f1, "{:.3f}"),
            line("false-alarm rate", figures.false_alarm_rate, "{:.3f}"),
            line("pictures with known boxes", figures.boxed_pictures, "{}"),
            line("… whose best box has IoU ≥ 0.5", figures.good_box_share, "{:.3f}"),
            line("AUC", figures.auc, "{:.3f}"),
            line("milliseconds a picture (median)", figures.milliseconds, "{:.1f}"),
            "",
            f"{'by folder':32}{'pictures':>10}{'called a duck':>16}{'good boxes':>12}",
            *(_row(kind, each) for kind, each in kinds.items()),
        ]
    )


def _row(kind: str, figures: Figures) -> str:
    called = figures.found / figures.pictures
    good = "-" if figures.good_box_share is None else f"{figures.good_box_share:.3f}"
    return f"{kind:32}{figures.pictures:>10}{called:>16.3f}{good:>12}"
