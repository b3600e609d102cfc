"""What the page of a result draws: boxes with their tabs, and bars of confidence."""

from dataclasses import dataclass

from rubberduck.core.models import Result, percent
from rubberduck.core.outlines import Outline, outlines
from rubberduck.core.rules import Question
from rubberduck.core.tabs import Area, font_size, place_tabs, tab_size, tab_texts

GAP = 1 / 200  # of the longer side, between a box and its tab


@dataclass(frozen=True)
class MarkedBox:
    """A box of the picture's overlay, and the tab that names it, in pixels of the picture."""

    outline: Outline
    tab: Area
    text: str


@dataclass(frozen=True)
class Bar:
    """How sure the detector is of one thing, in percent; None if it was not seen."""

    name: str
    confidence: float | None


def marked_boxes(result: Result, question: Question) -> list[MarkedBox]:
    """Return the boxes in the order of their confidence, marked as in the picture to download."""
    size = result.width, result.height
    thing = question.thing if result.question == question.title else None
    drawn = outlines(result.verdict.boxes, size, thing)
    for texts in tab_texts(drawn):
        tabs = [tab_size(text, font_size(size)) for text in texts]
        areas, is_covering = place_tabs(drawn, tabs, size, max(size) * GAP)
        if not is_covering:
            break
    return [MarkedBox(*each) for each in zip(drawn, areas, texts, strict=True)]


def bars(result: Result, question: Question) -> list[Bar]:
    """Return a bar for each label that counts, or that would have had to.

    The embedded detector has one number for all of its labels: that is one bar.
    """
    seen = {label.name: label for label in reversed(result.answer.labels)}
    unmatched = set(result.verdict.unmatched_groups)
    best = [group.best_label(seen) for group in question.groups if group.name in unmatched]
    labels = [*result.verdict.matched_labels, *filter(None, best)]
    if len(labels) > 1 and len({label.confidence for label in labels}) == 1:
        names = dict.fromkeys(label.name for label in labels)
        return [Bar(question.thing or ", ".join(names), labels[0].confidence)]
    return [Bar(label.name, label.confidence) for label in labels]


def drawable_labels(question: Question, result: Result) -> list[str]:
    """Return the labels from which a visitor chooses one for a box of this result.

    Empty if the result's question is not offered any more.
    """
    if result.question != question.title:
        return []
    if label := question.drawn_as or question.thing:
        return [label]
    names = (name for group in question.groups for name in (*group.any_of, *group.all_of))
    return list(dict.fromkeys((*question.boxes.labels, *names)))


def is_average(result: Result) -> bool:
    """Return whether the score is the mean of numbers that look different."""
    return len({percent(label.confidence) for label in result.verdict.matched_labels}) > 1
