"""The page that checks many pictures at once. Its script sends each one to the API."""

from flask import Blueprint, Response

from rubberduck.web.deps import pipeline, settings
from rubberduck.web.responses import private_page
from rubberduck.web.sessions import visitor

many = Blueprint("many", __name__)
MAX_PICTURES = 50  # the same as in static/js/batch.js


@many.get("/many")
def index() -> Response:
    visitor()  # sets the cookie: the first four requests are sent at the same time
    # Not stored: what is left changes with every answer.
    return private_page("many.html", left=_answers_left(), max_pictures=MAX_PICTURES)


def _answers_left() -> int | None:
    """Return the billed answers left today; None if answers are free."""
    detector = pipeline().detector
    if not detector.cost_per_call_usd:
        return None
    # Imported late: without Rekognition the page needs no database.
    from rubberduck.billing.spending import calls_left

    limits = settings().daily_calls, settings().monthly_calls
    return calls_left(pipeline().results.database, detector.name, *limits)
