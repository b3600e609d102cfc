"""My pictures: the visitor's own results."""

from datetime import UTC, datetime

from flask import Blueprint, make_response, render_template, request
from flask.typing import ResponseReturnValue

from rubberduck.pages.keys import LIFETIMES
from rubberduck.web.api_keys import tokens
from rubberduck.web.deps import pipeline
from rubberduck.web.responses import CACHE_NO_STORE
from rubberduck.web.sessions import known_visitor

mine = Blueprint("mine", __name__)

RESULTS_PER_PAGE = 12


@mine.get("/mine")
def index() -> ResponseReturnValue:
    """Return one page of the visitor's own results."""
    owner, cursor = known_visitor(), request.args.get("cursor")
    page = None
    if owner or cursor is not None:  # an invalid cursor is an error even without results
        page = pipeline().results.list_for_owner(owner or "", RESULTS_PER_PAGE, cursor)
    context = {
        "page": page,
        "tokens": tokens().list_for_owner(owner) if owner else (),
        "lifetimes": LIFETIMES,
        "now": datetime.now(UTC),
    }
    response = make_response(render_template("mine.html", **context))
    response.headers["Cache-Control"] = CACHE_NO_STORE
    return response
