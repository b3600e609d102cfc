"""Access from a request to the hosting of models, imported at first use, and what is said of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from flask import current_app

from rubberduck.web.deps import pipeline, settings, text

if TYPE_CHECKING:
    from rubberduck.custom_models.hosting import Hosting
    from rubberduck.custom_models.life import Life

Money = Callable[[int], str]  # how an amount in millionths of a dollar is written


@dataclass(frozen=True)
class LifeView:
    """What a page or the API says about a model's life. Money is formatted, times are UTC.

    `price` is for an hour of one unit, "about …" if nobody compared it with Amazon's own page.
    `answers_instead` is the number of the version that answers in place of this one, which runs or
    were started; `not_asked` are those that run and are not asked beside this one.
    """

    life: "Life"
    price: str
    per_hour: str
    so_far: str
    today: str
    may_start: bool
    has_stop_schedule: bool
    can_start_itself: bool
    max_units: int
    idle_minutes: int
    ceiling_hours: int
    answers_instead: int | None
    not_asked: tuple[int, ...]


def hosting() -> "Hosting":
    open_hosting = cast("Callable[[], Hosting]", current_app.extensions["hosting"])
    return open_hosting()


def view_of(life: "Life", money: Money | None = None) -> LifeView:
    """Return what there is to say about a model; sums of money only where it costs something.

    `money` writes an amount; without it, as programs and commands read it.
    """
    from rubberduck.billing.prices import dollars
    from rubberduck.custom_models.hosting import MAX_UNITS
    from rubberduck.custom_models.life import answering_order
    from rubberduck.custom_models.meter import run_key

    money, parts = money or dollars, hosting()
    price, now = parts.meter.price, datetime.now(UTC)
    costs = not life.is_embedded and life.started_at is not None
    run = f"{run_key(life)}{life.started_at:%Y-%m-%dT%H:%M:%S}" if costs else ""
    state = life.service_state
    first, *others = sorted([life, *parts.lives.beside(life)], key=answering_order, reverse=True)
    hourly = _about(money(price.of(life.units)), price.verified)
    return LifeView(
        life=life,
        price=money(0) if life.is_embedded else _about(money(price.of(1)), price.verified),
        per_hour=money(0) if life.is_embedded else hourly,
        so_far=money(parts.ledger.spent_on(run)) if costs else money(0),
        today=money(parts.ledger.spent_on(run_key(life), now)) if costs else money(0),
        may_start=not life.should_run and state.start in ("yes", "by hand"),
        has_stop_schedule=parts.open_schedules is not None,
        can_start_itself=can_start_itself(life),
        max_units=MAX_UNITS,
        idle_minutes=settings().model_idle_minutes,
        ceiling_hours=settings().model_hours,
        answers_instead=None if first is life else first.number,
        not_asked=tuple(other.number for other in others) if first is life else (),
    )


def can_start_itself(life: "Life") -> bool:
    """Return whether the model may be started by a visitor: not where nothing would stop it."""
    return life.is_embedded or hosting().open_schedules is not None


def check_self_start(life: "Life") -> None:
    """Raise CannotStartItself if no visitor may start the model."""
    from rubberduck.custom_models.hosting_errors import CannotStartItself

    if not can_start_itself(life):
        raise CannotStartItself


def training_price(money: Money | None = None) -> str | None:
    """Return what an hour of training costs at Amazon; None if that is switched off.

    `money` is that of `view_of`.
    """
    from rubberduck.billing.prices import dollars
    from rubberduck.billing.trainings import TRAINING

    site = pipeline()
    if site.open_custom_labels is None or site.open_ledger is None:
        return None
    _, prices = site.open_ledger()
    price = prices[TRAINING]
    return _about((money or dollars)(price.of(1)), price.verified)


def _about(amount: str, is_verified: bool) -> str:
    return amount if is_verified else text("about {amount}").format(amount=amount)
