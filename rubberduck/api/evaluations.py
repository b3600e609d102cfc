"""The API of a version's evaluation in full: thresholds and their figures, and its mistakes."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from flask import jsonify, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import Field

from rubberduck.api.blueprint import api
from rubberduck.api.body_classes import body_class
from rubberduck.api.models import Count, FigureBody, Share, figure_body
from rubberduck.api.requests import choice, page_limit
from rubberduck.api.routes import DEFAULT_LIMIT, MAX_LIMIT
from rubberduck.api.schemas import ListLinks
from rubberduck.core.errors import InvalidCursor
from rubberduck.web.models import find_pictures, projects, summary_of, versions
from rubberduck.web.operators import require_labeller
from rubberduck.web.problem_details import Address
from rubberduck.web.responses import as_json, with_etag

if TYPE_CHECKING:
    from rubberduck.core.models import Box
    from rubberduck.custom_models.evaluation import Evaluation, Figures, LabelFigures
    from rubberduck.custom_models.project_pictures import ProjectPicture
    from rubberduck.scoring.matching import Mistake

# As `scoring.matching.MISTAKES`, which needs no import before the first model; a test compares.
KINDS = ("missed", "false", "place", "label", "twice")
MAX_OFFSET_DIGITS = 6


@body_class
class FiguresBody:
    """Figures of one label, or of all together."""

    test_pictures: Annotated[Count, Field(description="with the label; fewer than 10 mean nothing")]
    right: Annotated[Count | None, Field(description="boxes or pictures; null if unknown")]
    false: Annotated[Count | None, Field(description="said where there is none")]
    missed: Annotated[Count | None, Field(description="there and not said")]
    f1: FigureBody
    precision: FigureBody
    recall: FigureBody
    average_precision: FigureBody
    auc: Annotated[FigureBody, Field(description="the area under the ROC curve, by picture")]


@body_class
class ThresholdBody:
    """What the figures would be with answers from this score on."""

    threshold: Share
    precision: Share
    recall: Share


@body_class
class LabelEvaluationBody:
    """A label: its figures at the threshold of the version, and at others."""

    label: str
    threshold: Share
    figures: FiguresBody
    by_picture: Annotated[
        FiguresBody | None, Field(description="only whether it is in the picture; null if unknown")
    ]
    thresholds: Annotated[
        tuple[ThresholdBody, ...], Field(description="at most 100; empty where only Amazon knows")
    ]


@body_class
class ConfusionBody:
    """How often a label was taken for another."""

    truth: Annotated[str, Field(description="the label; empty: nothing is there")]
    said: Annotated[str, Field(description="what was said; empty: nothing")]
    value: Annotated[float, Field(ge=0)]


@body_class
class CalibrationBody:
    """The answers with scores of one tenth."""

    score: Annotated[Share, Field(description="their mean score")]
    right: Annotated[Share, Field(description="the share of them that is right")]
    answers: Count


@body_class
class FullEvaluationBody:
    """All that was measured of a version, on pictures that it did not train with."""

    kind: Annotated[str, Field(description="boxes or pictures: what is counted")]
    thresholds_from: Annotated[str, Field(description="validation, cross-validation or test")]
    test_pictures: Count
    test_groups: Annotated[Count, Field(description="pictures that belong together count once")]
    training_pictures: Count
    validation_pictures: Count
    seed: int
    is_enough: Annotated[bool, Field(description="false: too few pictures to mean anything")]
    overall: Annotated[FiguresBody, Field(description="of all labels together")]
    mean: Annotated[FiguresBody, Field(description="the mean of the labels, as AWS reports it")]
    labels: tuple[LabelEvaluationBody, ...]
    confusion: tuple[ConfusionBody, ...]
    confusion_is_shares: Annotated[bool, Field(description="shares of the truth, else counts")]
    calibration: tuple[CalibrationBody, ...]
    mistakes: Annotated[dict[str, Count], Field(description="how many of each kind")]


@body_class
class AreaBody:
    """A rectangle as fractions of the upright picture."""

    left: float
    top: float
    width: float
    height: float


@body_class
class MistakeBody:
    """What a version got wrong in a picture of the test."""

    kind: Annotated[str, Field(description="missed, false, place, label (another one) or twice")]
    label: Annotated[str, Field(description="what was said, or missed")]
    truth: Annotated[str | None, Field(description="what it is, if that is another label")]
    score: Annotated[Share | None, Field(description="of the answer; null if there was none")]
    box: Annotated[AreaBody | None, Field(description="of the answer")]
    truth_box: Annotated[AreaBody | None, Field(description="of what is there")]
    picture: Annotated[str, Field(description="the id of the picture")]
    preview: Annotated[Address | None, Field(description="null: the picture was deleted since")]


@body_class
class MistakeListBody:
    """One page of the mistakes that are kept: the surest of each kind first."""

    mistakes: tuple[MistakeBody, ...]
    links: ListLinks


@api.get("/projects/<id>/models/<int:number>/evaluation")
def get_evaluation(id: str, number: int) -> ResponseReturnValue:
    """Return everything that was measured of a version."""
    return with_etag(as_json(_body(_evaluation(id, number))))


@api.get("/projects/<id>/models/<int:number>/evaluation-summary")
def get_evaluation_summary(id: str, number: int) -> ResponseReturnValue:
    """Return the figures of a version as Amazon Rekognition Custom Labels writes them."""
    from rubberduck.custom_models.version_errors import NoSuchVersion

    require_labeller()
    projects().get(id)
    if (found := summary_of(versions().get(id, number))) is None:
        raise NoSuchVersion
    return with_etag(jsonify(found))


@api.get("/projects/<id>/models/<int:number>/mistakes")
def list_mistakes(id: str, number: int) -> ResponseReturnValue:
    """Return one page of what a version got wrong."""
    limit, kind = page_limit(DEFAULT_LIMIT, MAX_LIMIT), choice("kind", KINDS)
    start = _offset(request.args.get("token", "0"))
    kept = [m for m in _evaluation(id, number).mistakes if kind in (None, m.kind)]
    shown, end = kept[start : start + limit], start + limit
    known = find_pictures(id, {mistake.picture for mistake in shown})
    bodies = tuple(_mistake_body(m, known.get(m.picture)) for m in shown)
    next = None
    if end < len(kept):
        next = url_for("api.list_mistakes", id=id, number=number, limit=limit, token=end, kind=kind)
    return with_etag(as_json(MistakeListBody(bodies, ListLinks(next))))


def _evaluation(id: str, number: int) -> "Evaluation":
    """Raises NotSignedIn, NoSuchProject, and NoSuchVersion also for one that is not trained."""
    from rubberduck.custom_models.version_errors import NoSuchVersion

    require_labeller()
    projects().get(id)
    evaluation = versions().get(id, number).evaluation
    if evaluation is None:
        raise NoSuchVersion
    return evaluation


def _offset(token: str) -> int:
    if not token.isascii() or not token.isdecimal() or len(token) > MAX_OFFSET_DIGITS:
        raise InvalidCursor("This token is not valid. Take it from “next” of the page before.")
    return int(token)


def _body(found: "Evaluation") -> FullEvaluationBody:
    return FullEvaluationBody(
        kind=found.kind,
        thresholds_from=found.thresholds_from,
        test_pictures=found.pictures,
        test_groups=found.groups,
        training_pictures=found.trained,
        validation_pictures=found.validated,
        seed=found.seed,
        is_enough=found.is_enough,
        overall=_figures_body(found.overall),
        mean=_figures_body(found.mean),
        labels=tuple(map(_label_body, found.labels)),
        confusion=tuple(ConfusionBody(**asdict(cell)) for cell in found.matrix.cells),
        confusion_is_shares=found.matrix.are_shares,
        calibration=tuple(CalibrationBody(**asdict(each)) for each in found.calibration),
        mistakes=dict(found.mistake_counts),
    )


def _label_body(one: "LabelFigures") -> LabelEvaluationBody:
    return LabelEvaluationBody(
        one.label,
        one.threshold,
        _figures_body(one.figures),
        _figures_body(one.by_picture) if one.by_picture else None,
        tuple(ThresholdBody(p.score, p.precision, p.recall) for p in one.curve),
    )


def _figures_body(figures: "Figures") -> FiguresBody:
    return FiguresBody(
        test_pictures=figures.pictures,
        right=figures.right,
        false=figures.false,
        missed=figures.missed,
        f1=figure_body(figures, "f1"),
        precision=figure_body(figures, "precision"),
        recall=figure_body(figures, "recall"),
        average_precision=figure_body(figures, "average_precision"),
        auc=figure_body(figures, "auc"),
    )


def _mistake_body(mistake: "Mistake", picture: "ProjectPicture | None") -> MistakeBody:
    preview = None
    if picture:
        id = picture.project_id
        preview = url_for("api.get_project_preview", id=id, picture_id=picture.id)
    return MistakeBody(
        kind=mistake.kind,
        label=mistake.label,
        truth=mistake.truth,
        score=mistake.score,
        box=_area_body(mistake.box),
        truth_box=_area_body(mistake.truth_box),
        picture=mistake.picture,
        preview=preview,
    )


def _area_body(box: "Box | None") -> AreaBody | None:
    return AreaBody(box.left, box.top, box.width, box.height) if box else None
