"""The bodies of the API's answers about faces."""

from typing import Annotated

from pydantic import Field

from rubberduck.api.body_classes import body_class
from rubberduck.api.schemas import Pixels
from rubberduck.core.faces import MAX_FACES, Face, FaceAnswer
from rubberduck.web.problem_details import Address


@body_class
class FacesBody:
    """What the faces in a picture look like, which is not what anybody feels or is."""

    faces: Annotated[
        tuple[Face, ...],
        Field(
            max_length=MAX_FACES,
            description="the largest first; boxes are fractions of the upright picture",
        ),
    ]
    width: Annotated[Pixels, Field(description="width of the upright picture in pixels")]
    height: Annotated[Pixels, Field(description="height of the upright picture in pixels")]
    engine: Annotated[str, Field(description="what found them")]
    engine_version: Annotated[str | None, Field(description="the version of its model")]
    instead_of: Annotated[str | None, Field(description="what it replaced; usually null")]
    instead_because: Annotated[str | None, Field(description="why: “failed” or “budget-spent”")]
    result: Annotated[
        Address | None, Field(description="the result that it is kept with; null if nothing is")
    ]


def faces_body(size: tuple[int, int], answer: FaceAnswer, result: str | None = None) -> FacesBody:
    """Return the body; `size` is the picture's width and height, `result` an address."""
    width, height = size
    return FacesBody(
        faces=answer.faces,
        width=width,
        height=height,
        engine=answer.engine,
        engine_version=answer.engine_version,
        instead_of=answer.fallback_for,
        instead_because=answer.fallback_reason,
        result=result,
    )
