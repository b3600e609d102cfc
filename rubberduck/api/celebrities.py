"""Celebrities in a picture, as JSON: nothing of it is kept."""

from typing import TYPE_CHECKING, Annotated

from flask import request
from flask.typing import ResponseReturnValue
from pydantic import Field

from rubberduck.api.blueprint import api
from rubberduck.api.body_classes import body_class
from rubberduck.api.schemas import Percent, Pixels
from rubberduck.aws.celebrities_errors import CelebritiesNotAgreed
from rubberduck.core.models import Box
from rubberduck.web.deps import default_pipeline
from rubberduck.web.problem_details import Address
from rubberduck.web.responses import as_json
from rubberduck.web.uploads import picture_from_body

if TYPE_CHECKING:
    from rubberduck.aws.celebrities import CelebrityAnswer
    from rubberduck.imaging.decode import Picture


@body_class
class PictureCelebrityBody:
    """A celebrity, and where the face is."""

    name: Annotated[str, Field(description="as Amazon calls the person")]
    id: Annotated[str, Field(description="Amazon's id of the person")]
    confidence: Annotated[Percent, Field(description="how well the face matches, in percent")]
    urls: Annotated[tuple[Address, ...], Field(description="pages about the person; may be empty")]
    box: Annotated[Box, Field(description="the face")]


@body_class
class CelebritiesBody:
    """Who is in a picture, which is not kept."""

    celebrities: Annotated[
        tuple[PictureCelebrityBody, ...], Field(description="at most 64, the largest face first")
    ]
    unknown_faces: Annotated[int, Field(ge=0, description="faces of nobody whom Amazon knows")]
    width: Annotated[Pixels, Field(description="width of the upright picture in pixels")]
    height: Annotated[Pixels, Field(description="height of the upright picture in pixels")]
    engine: Annotated[str, Field(description="who answered")]


@api.post("/celebrities")
def recognize_celebrities() -> ResponseReturnValue:
    """Have Amazon name the celebrities in a picture, with the sender's consent."""
    celebrities = default_pipeline().celebrities
    if request.args.get("agree") != "true":
        raise CelebritiesNotAgreed
    picture = default_pipeline().read(picture_from_body())
    return as_json(celebrities_body(picture, celebrities.recognize(picture)))


def celebrities_body(picture: "Picture", answer: "CelebrityAnswer") -> CelebritiesBody:
    found = tuple(PictureCelebrityBody(**vars(each)) for each in answer.celebrities)
    width, height = picture.image.size
    return CelebritiesBody(found, answer.unknown_faces, width, height, answer.engine)
