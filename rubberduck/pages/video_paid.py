"""The box on a video's page in which operators have it analysed at Amazon, with the prices."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue

from rubberduck.core.durations import clock
from rubberduck.core.errors import InvalidParameter
from rubberduck.web.deps import default_pipeline, text, video_service
from rubberduck.web.numbers import numbers
from rubberduck.web.operators import audit, audited, current_operator, require_operator
from rubberduck.web.responses import as_json, with_etag
from rubberduck.web.uploads import form_value
from rubberduck.web.video_paid import (
    PaidStatus,
    celebrities_in,
    offers_amazon,
    paid_videos,
    price_of,
    status_of,
)

if TYPE_CHECKING:
    from rubberduck.services.video_costs import Estimate
    from rubberduck.services.video_paid import Order
    from rubberduck.videos.models import Video
    from rubberduck.videos.paid import PaidAnalysis

video_paid = Blueprint("video_paid", __name__, url_prefix="/videos/<id>/amazon")
NONE = "-"


@dataclass(frozen=True)
class Choice:
    """A way to analyse a video; `value` is what the form sends, with the price that was seen."""

    estimate: "Estimate"
    value: str
    price: str
    minutes: int  # that it takes, 0 for less than one


@dataclass(frozen=True)
class Row:
    """A paid analysis and how far it is."""

    analysis: "PaidAnalysis"
    status: PaidStatus
    price: str


@dataclass(frozen=True)
class Person:
    """A celebrity and when they are seen, in seconds and as the player shows it."""

    name: str
    url: str | None
    confidence: float
    times: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class PaidBox:
    """What _video_paid.html shows: celebrities to all, the rest to operators."""

    is_operator: bool
    choices: tuple[Choice, ...]
    questions: dict[str, str]
    rows: tuple[Row, ...]
    people: tuple[Person, ...] | None


@video_paid.app_template_global("offers_video_celebrities")
def offers_video_celebrities() -> bool:
    amazon = default_pipeline().amazon_video
    return amazon is not None and amazon.open_service is not None


@video_paid.app_template_global("paid_box")
def paid_box(video: "Video") -> PaidBox | None:
    """Return what to show beside an analysed video; None if there is nothing."""
    operator = current_operator()
    is_operator = operator is not None and operator.is_operator
    paid = paid_videos()
    analyses = paid.of_video(video.id)
    people = celebrities_in(analyses)
    if not is_operator:
        return PaidBox(False, (), {}, (), _people(people)) if people is not None else None
    if not offers_amazon() and not analyses:
        return None
    is_running = any(each.is_active for each in analyses)
    choices = () if is_running else tuple(_choice(each) for each in paid.choices(video))
    rows = tuple(_row(each) for each in analyses)
    return PaidBox(True, choices, paid.questions(), rows, _people(people))


def _choice(estimate: "Estimate") -> Choice:
    rate = NONE if estimate.rate is None else f"{estimate.rate:g}"
    parts = estimate.way, rate, estimate.model or NONE, str(estimate.microdollars)
    return Choice(
        estimate,
        " ".join(parts),
        price_of(estimate, numbers().dollars),
        round(estimate.seconds / 60),
    )


def _row(analysis: "PaidAnalysis") -> Row:
    return Row(analysis, status_of(analysis), numbers().dollars(analysis.microdollars))


def _people(people: tuple[dict[str, Any], ...] | None) -> tuple[Person, ...] | None:
    if people is None:
        return None
    return tuple(
        Person(
            each["name"],
            next(iter(each["urls"]), None),
            each["confidence"],
            tuple(
                (start, clock(start) if start == end else f"{clock(start)}–{clock(end)}")
                for start, end in each["times"]
            ),
        )
        for each in people
    )


@video_paid.post("")
def start(id: str) -> ResponseReturnValue:
    """Queue the analysis that the form chose, at the price that it showed."""
    operator = require_operator()
    video = video_service().get(id)
    order = _order()
    with audited("video.analyse", video.id, way=order.way, microdollars=order.most):
        paid_videos().start(video, order, operator.id)
    flash(text("The analysis at Amazon is queued."))
    return _back(id)


def _order() -> "Order":
    """Return what the form asks for. Raises InvalidParameter."""
    from rubberduck.services.video_paid import Order

    parts = form_value("choice").split(" ")
    if len(parts) != 4:
        raise InvalidParameter("Choose how Amazon is to be asked.")
    way, rate, model, most = parts
    try:
        return Order(
            way=way,
            rate=None if rate == NONE else float(rate),
            model=None if model == NONE else model,
            question=form_value("question") or None,
            most=int(most),
        )
    except ValueError:
        raise InvalidParameter("Choose how Amazon is to be asked.") from None


@video_paid.get("/<analysis_id>/status.json")
def status(id: str, analysis_id: str) -> ResponseReturnValue:
    require_operator()
    return with_etag(as_json(status_of(paid_videos().get(analysis_id, id))))


@video_paid.post("/<analysis_id>/cancel")
def cancel(id: str, analysis_id: str) -> ResponseReturnValue:
    require_operator()
    cancelled = paid_videos().cancel(analysis_id, id)
    audit("video.analyse.cancel", id, way=cancelled.way)
    flash(text("Cancelled."))
    return _back(id)


@video_paid.post("/<analysis_id>/retry")
def retry(id: str, analysis_id: str) -> ResponseReturnValue:
    """Go on after what was paid for already."""
    require_operator()
    paid, video = paid_videos(), video_service().get(id)
    with audited("video.analyse.retry", id, way=paid.get(analysis_id, id).way):
        paid.retry(analysis_id, video)
    flash(text("Queued again."))
    return _back(id)


def _back(id: str) -> ResponseReturnValue:
    address = url_for("videos.show", id=id, _anchor="amazon")
    return redirect(address, HTTPStatus.SEE_OTHER)
