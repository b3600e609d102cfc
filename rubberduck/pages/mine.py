"""My pictures: the visitor's own results."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from rubberduck.web.deps import finder
from rubberduck.web.sessions import known_visitor

mine = Blueprint("mine", __name__)

A_PAGE_OF_RESULTS = 12


@mine.get("/mine")
def index() -> ResponseReturnValue:
    """The visitor's own results."""
    owner = known_visitor()
    page = owner and finder().results.of(owner, A_PAGE_OF_RESULTS, request.args.get("cursor"))
    return render_template("mine.html", page=page)
