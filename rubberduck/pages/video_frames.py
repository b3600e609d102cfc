"""The form that takes frames of a video into a project; its template is _video_frames.html."""

from http import HTTPStatus

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

from rubberduck.core.errors import InvalidParameter
from rubberduck.web.operators import require_operator
from rubberduck.web.uploads import form_value
from rubberduck.web.video_frames import DEFAULT_FRAMES, MAX_FRAMES, enqueue_frames

video_frames = Blueprint("video_frames", __name__, url_prefix="/videos/<id>")
MAX_SECONDS = 3600.0
BEST = "best"


@video_frames.post("/take-in")
def take_in(id: str) -> ResponseReturnValue:
    """Queue the job, and redirect to its page."""
    require_operator()
    every = form_value("every")
    job_id = enqueue_frames(
        form_value("project"),
        id,
        every_seconds=None if every == BEST else _number("every", 0.01, MAX_SECONDS),
        most=int(_number("most", 1, MAX_FRAMES, str(DEFAULT_FRAMES))),
        min_confidence=_number("confidence", 0, 100) if form_value("confidence") else None,
        label=form_value("label") or None,
    )
    return redirect(url_for("jobs.show", id=job_id), HTTPStatus.SEE_OTHER)


def _number(name: str, least: float, most: float, otherwise: str = "") -> float:
    """Return a number of the form. Raises InvalidParameter."""
    try:
        value = float(form_value(name) or otherwise)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:  # also refuses what is no number
        raise InvalidParameter(
            "“{name}” must be a number from {least} to {most}.", name=name, least=least, most=most
        )
    return value
