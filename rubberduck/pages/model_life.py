"""Starting and stopping models: the forms on the pages of a project's models."""

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from flask import Blueprint, flash, redirect, request
from flask.typing import ResponseReturnValue

from rubberduck.core.errors import InvalidParameter
from rubberduck.web.deps import answering_models, text
from rubberduck.web.model_hosting import LifeView, check_self_start, hosting, view_of
from rubberduck.web.numbers import numbers
from rubberduck.web.operators import audit, audited, current_operator, require_operator
from rubberduck.web.uploads import form_value

if TYPE_CHECKING:
    from rubberduck.custom_models.life import Life

model_life = Blueprint("model_life", __name__, url_prefix="/projects/<id>/models/<int:number>")


@model_life.app_template_global("life_of")
def life_of(version_id: str) -> LifeView:
    """Return the life of a version, for _model_life.html."""
    return view_of(hosting().lives.get(version_id), numbers().dollars)


@model_life.app_template_global("is_operator")
def is_operator() -> bool:
    person = current_operator()
    return person is not None and person.is_operator


@model_life.post("/start")
def start(id: str, number: int) -> ResponseReturnValue:
    """Start the model with the form's units."""
    # Imported late: see web/model_hosting.py.
    from rubberduck.custom_models.hosting_errors import NoScheduledStop

    life, operator = _life_for_operator(id, number), require_operator()
    units, unwatched = _form_units(), bool(form_value("unwatched"))
    try:
        with audited("model.start", life.title, units=units, unwatched=unwatched):
            started = hosting().start(life.id, units, operator.id, unwatched=unwatched)
    except NoScheduledStop:
        return _back(
            text("Amazon could not be told to stop it. If this machine goes off, it bills on."),
            unwatched="1",
        )
    if started.is_running:
        return _back(text("Started: it answers from now on."))
    return _back(
        text("It is starting, which takes Amazon some minutes. It costs from when it runs.")
    )


@model_life.post("/stop")
def stop(id: str, number: int) -> ResponseReturnValue:
    life = _life_for_operator(id, number)
    stopped = hosting().stop(life.id)
    audit("model.stop", life.title)
    if stopped.is_embedded:
        return _back(text("Stopped."))
    return _back(
        text("It is being stopped. That is repeated until Amazon says that it has stopped.")
    )


@model_life.post("/extend")
def extend(id: str, number: int) -> ResponseReturnValue:
    """Move the end of a running model to a whole ceiling from now."""
    life = _life_for_operator(id, number)
    with audited("model.extend", life.title):
        hosting().extend(life.id)
    return _back(text("Its end was moved."))


@model_life.post("/default")
def default(id: str, number: int) -> ResponseReturnValue:
    """Let the model answer visitors who chose none, or no longer."""
    life = _life_for_operator(id, number)
    is_default = form_value("default") == "1"
    hosting().lives.make_default(life.id if is_default else None)
    audit("model.default", life.title, default=is_default)
    return _back(text("Saved."))


@model_life.post("/self-start")
def self_start(id: str, number: int) -> ResponseReturnValue:
    """Say whether the model starts when a visitor asks for it."""
    life = _life_for_operator(id, number)
    if allowed := form_value("allowed") == "1":
        check_self_start(life)
    with hosting().lives.changing(life.id) as (_, _, change):
        change(may_start_itself=allowed)
    audit("model.self-start", life.title, allowed=allowed)
    return _back(text("Saved."))


def _life_for_operator(id: str, number: int) -> "Life":
    """Return the life of a version. Raises NotSignedIn, NotAllowed, and what `numbered` raises."""
    require_operator()
    return hosting().lives.numbered(id, number)


def _form_units() -> int:
    """Return the form's units, 1 without any. Raises InvalidParameter."""
    given = form_value("units") or "1"
    if not given.isascii() or not given.isdigit() or len(given) > 3:
        raise InvalidParameter("“units” must be a whole number from 1 to 5.")
    return int(given)


def _back(message: str, **parameters: str) -> ResponseReturnValue:
    """Return to the page of the model; the pages of visitors know at once what has changed."""
    flash(message)
    answering_models().refresh()
    page = request.path.rpartition("/")[0]
    query = f"?{urlencode(parameters)}" if parameters else ""
    return redirect(page + query, HTTPStatus.SEE_OTHER)
