"""What a version got wrong, as pictures with boxes: what it said, and what is there."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rubberduck.core.models import Box
from rubberduck.web.deps import text
from rubberduck.web.models import find_pictures
from rubberduck.web.numbers import numbers

if TYPE_CHECKING:
    from rubberduck.custom_models.model_version import ModelVersion
    from rubberduck.custom_models.project_pictures import ProjectPicture
    from rubberduck.scoring.matching import Mistake

SHOWN = 24  # of each kind


@dataclass(frozen=True)
class MistakeView:
    """A picture; boxes are left, top, width and height in percent of it."""

    picture_id: str
    file_name: str
    width: int
    height: int
    caption: str
    said: tuple[float, ...] | None
    truth: tuple[float, ...] | None


@dataclass(frozen=True)
class Mistakes:
    """Those of one kind: how many there are, and the surest of them."""

    title: str
    count: int
    shown: tuple[MistakeView, ...]


def mistakes_of(version: "ModelVersion") -> list[Mistakes]:
    """Return the mistakes by kind; those in pictures that were deleted since are only counted."""
    evaluation = version.evaluation
    assert evaluation
    titles = {
        "missed": text("Missed"),
        "false": text("Seen where there is none"),
        "place": text("Box in the wrong place"),
        "label": text("Taken for something else"),
        "twice": text("Found twice"),
    }
    by_kind = {
        kind: [mistake for mistake in evaluation.mistakes if mistake.kind == kind][:SHOWN]
        for kind in titles
    }
    ids = {mistake.picture for some in by_kind.values() for mistake in some}
    known = find_pictures(version.project_id, ids)
    return [
        Mistakes(
            title,
            count,
            tuple(_view(m, known[m.picture]) for m in by_kind[kind] if m.picture in known),
        )
        for kind, title in titles.items()
        if (count := evaluation.mistake_counts.get(kind, 0))
    ]


def _view(mistake: "Mistake", picture: "ProjectPicture") -> MistakeView:
    caption = mistake.label
    if mistake.truth is not None:
        caption = text("{truth} taken for {label}").format(truth=mistake.truth, label=mistake.label)
    if mistake.score is not None:
        caption = f"{caption}, {numbers().percent(100 * mistake.score)}"
    return MistakeView(
        picture.id,
        picture.file_name,
        picture.width,
        picture.height,
        caption,
        _percents(mistake.box),
        _percents(mistake.truth_box),
    )


def _percents(box: Box | None) -> tuple[float, ...] | None:
    if box is None:
        return None
    return tuple(round(100 * side, 2) for side in (box.left, box.top, box.width, box.height))
