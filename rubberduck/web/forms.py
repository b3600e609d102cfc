"""Forms that come back with what was typed, and what is wrong with it, when they are refused.

Flask-WTF keeps what was typed, too, but wants each field described a second time in a class of its
own; the limits are in the functions that store the values, which the API and commands call as well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Any

from flask import g, make_response
from flask.typing import ResponseReturnValue

from rubberduck.core.errors import DuckError, Problem
from rubberduck.web.uploads import form_value

View = Callable[..., ResponseReturnValue]
# What no other value of the form would mend.
LASTING = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)


@dataclass(frozen=True)
class RefusedForm:
    name: str
    problem: Problem | None = None  # None: the page itself says what is wrong


def keep_typed(form: str, page: View) -> Callable[[View], View]:
    """Answer what a view refuses with the page that the form is on, and the error's status.

    `page` gets the view's arguments. In its template, `refused(form)` is the problem or None, and
    `typed(form, field, otherwise)` what the field had. `form` may name the view's arguments:
    "label {label_id}".
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def keep(**arguments: Any) -> ResponseReturnValue:
            try:
                return view(**arguments)
            except DuckError as error:
                problem = error.problem
                if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR or problem.status in LASTING:
                    raise
                g.refused_form = RefusedForm(form.format(**arguments), problem)
                response = make_response(page(**arguments))
                response.status_code = problem.status
                return response

        return keep

    return decorate


def show_typed(form: str) -> None:
    """Let the page that this request renders show what was typed into a form."""
    g.refused_form = RefusedForm(form)


def refused(form: str) -> Problem | None:
    """Return why the form of this name was refused by this request, or None."""
    found: RefusedForm | None = g.get("refused_form")
    return found.problem if found and found.name == form else None


def typed(form: str, field: str, otherwise: str = "") -> str:
    """Return what a field of a refused form had; of any other form, `otherwise`."""
    found: RefusedForm | None = g.get("refused_form")
    return form_value(field) if found and found.name == form else otherwise
