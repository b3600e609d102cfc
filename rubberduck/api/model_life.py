"""The API of starting and stopping models, for tokens of operators."""

import re
from typing import TYPE_CHECKING, Annotated

from flask import request
from flask.typing import ResponseReturnValue
from pydantic import Field

from rubberduck.api.blueprint import api
from rubberduck.api.body_classes import body_class
from rubberduck.api.requests import parsed_body
from rubberduck.api.schemas import WHOLE, Timestamp
from rubberduck.web.deps import answering_models
from rubberduck.web.formatting import rfc3339
from rubberduck.web.model_hosting import check_self_start, hosting, view_of
from rubberduck.web.operators import audit, audited, require_labeller, require_operator
from rubberduck.web.responses import as_json
from rubberduck.web.uploads import json_body

if TYPE_CHECKING:
    from rubberduck.custom_models.life import Life

NUMBER_RE = r"[1-9][0-9]{0,8}"
PATH = "/projects/<id>/models/<number>"
Units = Annotated[
    int, Field(ge=1, le=5, description="inference units at Amazon; 1 elsewhere"), WHOLE
]
Unwatched = Annotated[
    bool,
    Field(description="accept that it bills on if the site goes off and no stop is scheduled"),
]


@body_class
class StartRequestBody:
    """How to start a model."""

    units: Units = 1
    unwatched: Unwatched = False


@body_class
class LifeSettingsBody:
    """Who is answered by a model, and who may start it."""

    default: Annotated[bool, Field(description="answers visitors who chose no model")]
    may_start_itself: Annotated[bool, Field(description="starts when a visitor asks for it")]


@body_class
class ModelLifeBody:
    """A model's life. Amounts of money are US dollars."""

    project: str
    number: int
    engine: Annotated[str, Field(description="embedded or rekognition")]
    state: Annotated[str, Field(description="as Amazon Rekognition Custom Labels names it")]
    should_run: bool
    awaits_start: Annotated[
        bool, Field(description="Amazon has not accepted the start yet, and is asked again")
    ]
    units: int
    default: bool
    may_start_itself: bool
    started_at: Annotated[Timestamp | None, Field(description="of the last run")]
    lease_until: Annotated[
        Timestamp | None, Field(description="stopped then if nobody asks; null if it costs nothing")
    ]
    ceiling_at: Annotated[Timestamp | None, Field(description="stopped then in any case")]
    last_used_at: Annotated[
        Timestamp | None, Field(description="asked last; null: not since its start")
    ]
    may_start: Annotated[bool, Field(description="it is stopped, and can be started")]
    has_scheduled_stop: Annotated[
        bool, Field(description="stopped even if the site goes off; false: start it “unwatched”")
    ]
    can_start_itself: Annotated[bool, Field(description="“may_start_itself” may be set to true")]
    answers_instead: Annotated[
        int | None,
        Field(description="the running version that answers in place of this one; null: none"),
    ]
    not_asked: Annotated[
        tuple[int, ...], Field(description="versions that run and are not asked beside this one")
    ]
    max_units: int
    idle_minutes: Annotated[int, Field(description="stopped after so long without a question")]
    ceiling_hours: Annotated[int, Field(description="stopped after so long in any case")]
    dollars_per_unit_hour: Annotated[
        str, Field(description="the price of one unit at Amazon; “about”: not verified")
    ]
    dollars_per_hour: Annotated[str, Field(description="of its units; “about”: not verified")]
    dollars_so_far: Annotated[str, Field(description="of this run")]
    dollars_today: Annotated[str, Field(description="of all runs today (UTC)")]


@api.get(f"{PATH}/life")
def get_model_life(id: str, number: str) -> ResponseReturnValue:
    """Return the state of a model and what it costs."""
    require_labeller()
    return as_json(_body(id, number))


@api.post(f"{PATH}/start")
def start_model(id: str, number: str) -> ResponseReturnValue:
    """Start a model."""
    person, life = require_operator(), _life(id, number)
    asked = parsed_body(StartRequestBody, json_body() or b"{}")
    units, unwatched = asked.units, asked.unwatched
    with audited("model.start", life.title, units=units, unwatched=unwatched):
        hosting().start(life.id, units, person.id, unwatched=unwatched)
    return as_json(_body(id, number))


@api.post(f"{PATH}/stop")
def stop_model(id: str, number: str) -> ResponseReturnValue:
    """Stop a model."""
    require_operator()
    life = _life(id, number)
    hosting().stop(life.id)
    audit("model.stop", life.title)
    return as_json(_body(id, number))


@api.post(f"{PATH}/extend")
def extend_model(id: str, number: str) -> ResponseReturnValue:
    """Move the end of a running model."""
    require_operator()
    life = _life(id, number)
    with audited("model.extend", life.title):
        hosting().extend(life.id)
    return as_json(_body(id, number))


@api.put(f"{PATH}/life")
def put_model_life(id: str, number: str) -> ResponseReturnValue:
    """Say whom a model answers, and whether it starts by itself."""
    require_operator()
    life = _life(id, number)
    asked = parsed_body(LifeSettingsBody, json_body() or b"{}")
    if asked.may_start_itself:
        check_self_start(life)
    if asked.default != life.is_default:
        hosting().lives.make_default(life.id if asked.default else None)
    with hosting().lives.changing(life.id) as (_, _, change):
        change(may_start_itself=asked.may_start_itself)
    audit("model.settings", life.title, **vars(asked))
    return as_json(_body(id, number))


def _life(id: str, number: str) -> "Life":
    return hosting().lives.numbered(id, int(number) if re.fullmatch(NUMBER_RE, number) else 0)


def _body(id: str, number: str) -> ModelLifeBody:
    if request.method != "GET":
        answering_models().refresh()
    view = view_of(_life(id, number))
    life = view.life
    times = {
        name: (moment := getattr(life, name)) and rfc3339(moment)
        for name in ("started_at", "lease_until", "ceiling_at", "last_used_at")
    }
    return ModelLifeBody(
        project=life.project_id,
        number=life.number,
        engine=life.engine,
        state=life.state,
        should_run=life.should_run,
        awaits_start=life.awaits_start,
        units=life.units,
        default=life.is_default,
        may_start_itself=life.may_start_itself,
        may_start=view.may_start,
        has_scheduled_stop=view.has_stop_schedule,
        can_start_itself=view.can_start_itself,
        answers_instead=view.answers_instead,
        not_asked=view.not_asked,
        max_units=view.max_units,
        idle_minutes=view.idle_minutes,
        ceiling_hours=view.ceiling_hours,
        dollars_per_unit_hour=view.price,
        dollars_per_hour=view.per_hour,
        dollars_so_far=view.so_far,
        dollars_today=view.today,
        **times,
    )
