"""Pages about the site: the API description and privacy."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from rubberduck.api.openapi.document import document

about = Blueprint("about", __name__)

ROBOTS = "User-agent: *\nDisallow: /api/\nDisallow: /mine\nDisallow: /readyz\n"


@about.get("/api")
def api() -> ResponseReturnValue:
    """Return the API's description as a page."""
    return render_template("api.html", document=document(), host=request.host_url.rstrip("/"))


@about.get("/robots.txt")
def robots() -> ResponseReturnValue:
    """Return the rules for crawlers. Results stay open to them, so that they see `noindex`."""
    return ROBOTS, {"Content-Type": "text/plain; charset=utf-8"}


@about.get("/privacy")
def privacy() -> ResponseReturnValue:
    return render_template("privacy.html")
