"""Pages about the site: the API description and privacy."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from rubberduck.api.openapi.document import document

about = Blueprint("about", __name__)


@about.get("/api")
def api() -> ResponseReturnValue:
    """The API's description, to read."""
    return render_template("api.html", document=document(), host=request.host_url.rstrip("/"))


@about.get("/privacy")
def privacy() -> ResponseReturnValue:
    return render_template("privacy.html")
