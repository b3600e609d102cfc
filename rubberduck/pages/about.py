"""Pages about the site: the API description and privacy."""

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

about = Blueprint("about", __name__)

ROBOTS = "User-agent: *\nDisallow: /api/\nDisallow: /mine\nDisallow: /readyz\n"


@about.get("/api")
def api() -> ResponseReturnValue:
    """Return the API's description as a page."""
    # Imported late: the first page needs nothing of the API.
    from rubberduck.api.openapi.document import document
    from rubberduck.api.openapi.samples import many_pictures, many_pictures_with_curl

    base = url_for("about.api", _external=True) + "/v1"
    loops = many_pictures_with_curl(base), many_pictures(base)
    return render_template("api.html", document=document(), loops=loops)


@about.get("/robots.txt")
def robots() -> ResponseReturnValue:
    """Return the rules for crawlers. Results stay open to them, so that they see `noindex`."""
    return ROBOTS, {"Content-Type": "text/plain; charset=utf-8"}


@about.get("/privacy")
def privacy() -> ResponseReturnValue:
    return render_template("privacy.html")
