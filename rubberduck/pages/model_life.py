"""Starting and stopping models: the forms on the pages of a project's models."""

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from flask import Blueprint, flash, redirect, request
from flask.typing import ResponseReturnValue

from rubberduck.core.errors import InvalidParameter
from rubberduck.web.deps import answering_models, text
from rubberduck.web.model_hosting import LifeView, hosting, view_of
from rubberduck.web.operators import audit, current_operator, require_operator
from rubberduck.web.uploads import form_value

if TYPE_CHECKING:
    from rubberduck.custom_models.life import Life

model_life = Blueprint("model_life", __name__, url_prefix="/projects/<id>/models/<int:number>")


@model_life.app_template_global("life_of")
def life_of(version_id: str) -> LifeView:
    """Return the life of a version, for _model_life.html."""
    return view_of(hosting().lives.get(version_id))


@model_life.app_template_global("is_operator")
def is_operator() -> bool:
    person = current_operator()
    return person is not None and person.is_operator


@model_life.post("/start")
def start(id: str, number: int) -> ResponseReturnValue:
    """Start the model with the form's units."""
    # Imported late: see web/model_hosting.py.
    from rubberduck.custom_models.hosting_errors import NoScheduledStop

    person, life = require_operator(), hosting().lives.numbered(id, number)
    units, unwatched = form_units(), bool(form_value("unwatched"))
    try:
        started = hosting().start(life.id, units, person.id, unwatched=unwatched)
    except NoScheduledStop:
        flash(text("Amazon could not be told to stop it. If this machine goes off, it bills on."))
        return _back(unwatched="1")
    audit("model.start", life.title, units=units, unwatched=unwatched)
    if started.is_running:
        flash(text("Started: it answers from now on."))
    else:
        flash(text("It is starting, which takes Amazon some minutes. It costs from when it runs."))
    return _back()


@model_life.post("/stop")
def stop(id: str, number: int) -> ResponseReturnValue:
    require_operator()
    life = hosting().lives.numbered(id, number)
    stopped = hosting().stop(life.id)
    audit("model.stop", life.title)
    if stopped.is_embedded:
        flash(text("Stopped."))
    else:
        flash(text("It is being stopped. That is repeated until Amazon says that it has stopped."))
    return _back()


@model_life.post("/extend")
def extend(id: str, number: int) -> ResponseReturnValue:
    """Move the end of a running model to a whole ceiling from now."""
    require_operator()
    life = hosting().lives.numbered(id, number)
    hosting().extend(life.id)
    audit("model.extend", life.title)
    flash(text("Its end was moved."))
    return _back()


@model_life.post("/default")
def default(id: str, number: int) -> ResponseReturnValue:
    """Let the model answer visitors who chose none, or no longer."""
    require_operator()
    life = hosting().lives.numbered(id, number)
    is_default = form_value("default") == "1"
    set_default(life, is_default)
    flash(text("Saved."))
    return _back()


@model_life.post("/self-start")
def self_start(id: str, number: int) -> ResponseReturnValue:
    """Say whether the model starts when a visitor asks for it."""
    require_operator()
    life = hosting().lives.numbered(id, number)
    set_self_start(life, form_value("allowed") == "1")
    flash(text("Saved."))
    return _back()


def set_default(life: "Life", is_default: bool) -> None:
    hosting().lives.make_default(life.id if is_default else None)
    audit("model.default", life.title, default=is_default)


def set_self_start(life: "Life", allowed: bool) -> None:
    with hosting().lives.changing(life.id) as (_, _, change):
        change(may_start_itself=allowed)
    audit("model.self-start", life.title, allowed=allowed)


def form_units() -> int:
    """Return the form's units, 1 without any. Raises InvalidParameter."""
    given = form_value("units") or "1"
    if not given.isascii() or not given.isdigit() or len(given) > 3:
        raise InvalidParameter("“units” must be a whole number from 1 to 5.")
    return int(given)


def _back(**parameters: str) -> ResponseReturnValue:
    """Return to the page of the model; the pages of visitors know at once what has changed."""
    answering_models().refresh()
    page = request.path.rpartition("/")[0]
    query = f"?{urlencode(parameters)}" if parameters else ""
    return redirect(page + query, HTTPStatus.SEE_OTHER)
