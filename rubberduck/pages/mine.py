"""My pictures: the visitor's own results."""

from flask import Blueprint, make_response, render_template, request
from flask.typing import ResponseReturnValue

from rubberduck.web.deps import pipeline
from rubberduck.web.responses import CACHE_NO_STORE
from rubberduck.web.sessions import known_visitor

mine = Blueprint("mine", __name__)

RESULTS_PER_PAGE = 12


@mine.get("/mine")
def index() -> ResponseReturnValue:
    """The visitor's own results."""
    owner = known_visitor()
    page = owner and pipeline().results.list_for_owner(
        owner, RESULTS_PER_PAGE, request.args.get("cursor")
    )
    response = make_response(render_template("mine.html", page=page))
    response.headers["Cache-Control"] = CACHE_NO_STORE
    return response
