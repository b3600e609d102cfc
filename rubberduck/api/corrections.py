"""The API of corrections: where the objects in one's own pictures really are."""

from datetime import UTC, datetime
from typing import Annotated

from flask import Response
from flask.typing import ResponseReturnValue
from pydantic import FailFast, Field

from rubberduck.api.blueprint import api
from rubberduck.api.body_classes import body_class
from rubberduck.api.requests import parsed_body
from rubberduck.api.routes import no_content
from rubberduck.api.schemas import Timestamp
from rubberduck.core.errors import NoSuchResult
from rubberduck.core.models import Correction, DrawnBox
from rubberduck.web.deps import pipeline, sweeper
from rubberduck.web.formatting import rfc3339
from rubberduck.web.responses import as_json
from rubberduck.web.sessions import known_visitor

MAX_BOXES = 100
Start = Annotated[float, Field(ge=0, le=0.999)]
Length = Annotated[float, Field(ge=0.001, le=1)]
Consent = Annotated[
    bool, Field(description="whether the picture and its boxes may be used to train detectors")
]


@body_class
class DrawnBoxBody:
    """A rectangle in the upright picture, as fractions of its width and height."""

    left: Start
    top: Start
    width: Annotated[Length, Field(description="what lies outside the picture is cut off")]
    height: Length
    label: Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f]+$")]


Boxes = Annotated[
    tuple[DrawnBoxBody, ...],
    FailFast(),  # one error is enough
    Field(max_length=MAX_BOXES, description="all objects in question; empty if there is none"),
]


@body_class
class CorrectionRequestBody:
    """What the picture of a result really shows."""

    boxes: Boxes
    consent: Consent


@body_class
class CorrectionBody:
    """A stored correction."""

    boxes: Boxes
    consent: Consent
    created_at: Annotated[Timestamp, Field(description="when this version was stored")]


@api.get("/results/<id>/corrections")
def get_corrections(id: str) -> ResponseReturnValue:
    """Return the correction of one of the visitor's own results."""
    return _correction_response(id)


@api.put("/results/<id>/corrections")
def put_corrections(id: str) -> ResponseReturnValue:
    """Store the correction of one of the visitor's own results, in place of an earlier one."""
    from rubberduck.db.corrections import save_correction

    owner = known_visitor() or ""
    result = pipeline().results.find(id)
    if result is None or result.owner != owner:
        raise NoSuchResult
    given = parsed_body(CorrectionRequestBody)
    boxes = tuple(map(_clipped, given.boxes))
    correction = Correction(boxes, given.consent, datetime.now(UTC))
    save_correction(pipeline().results, id, owner, correction)
    if not correction.consent:
        sweeper().withdraw_consent(id, owner)
    return _correction_response(id)


@api.delete("/results/<id>/corrections")
def delete_corrections(id: str) -> ResponseReturnValue:
    """Withdraw the correction of one of the visitor's own results, with its consent."""
    sweeper().withdraw_correction(id, known_visitor() or "")
    return no_content()


def _correction_response(id: str) -> Response:
    """Return the stored correction. Raises NoSuchResult, also for other visitors' results."""
    from rubberduck.db.corrections import find_corrections

    result, visitor = pipeline().results.get(id), known_visitor()
    if visitor is None or result.owner != visitor:
        raise NoSuchResult
    correction = find_corrections(pipeline().results, [id]).get(id)
    if correction is None:
        raise NoSuchResult
    boxes = tuple(DrawnBoxBody(**vars(box)) for box in correction.boxes)
    return as_json(CorrectionBody(boxes, correction.consent, rfc3339(correction.created_at)))


def _clipped(box: DrawnBoxBody) -> DrawnBox:
    width, height = min(box.width, 1 - box.left), min(box.height, 1 - box.top)
    return DrawnBox(box.left, box.top, width, height, box.label)
