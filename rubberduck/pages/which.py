"""Which duck is it: a picture is compared with the named ones. Nothing of it is kept."""

from base64 import b64encode

from flask import Blueprint
from flask.typing import ResponseReturnValue

from rubberduck.imaging.decode import smaller, to_jpeg
from rubberduck.pages.templating import STYLE
from rubberduck.web.named_objects import named_objects
from rubberduck.web.responses import jpeg_response, private_page
from rubberduck.web.security_headers import content_security_policy
from rubberduck.web.sessions import visitor
from rubberduck.web.uploads import uploaded_picture

which = Blueprint("which", __name__, url_prefix="/which")

SHOWN = 1280  # pixels: the longer side of a picture that the page itself holds
THUMBNAIL_SIDE = 480
OTHERS = 3  # objects that are told besides the likeliest one, if they are possible at all


@which.get("/")
def index() -> ResponseReturnValue:
    """Return the form, and the objects that this site knows."""
    visitor()
    return private_page("which.html", objects=named_objects().objects.all(), answer=None)


@which.post("/")
def ask() -> ResponseReturnValue:
    """Say which object a picture shows. The page itself holds the picture: nothing is stored."""
    # Imported late, as it needs matplotlib.
    from rubberduck.imaging.draw import draw_rectangles

    service = named_objects()
    picture, answer = service.ask(uploaded_picture())
    image = picture.image.copy()
    image.thumbnail((SHOWN, SHOWN))
    if answer.box is not None:
        image = draw_rectangles(image, [answer.box])
    page = private_page(
        "which.html",
        objects=service.objects.all(),
        answer=answer,
        others=[each for each in answer.candidates[1 : 1 + OTHERS] if each.confidence >= 1],
        picture=b64encode(to_jpeg(image)).decode(),
    )
    page.headers["Content-Security-Policy"] = content_security_policy(STYLE, "data:")
    return page


@which.get("/photos/<id>.jpg")
def photo(id: str) -> ResponseReturnValue:
    """Return a photo of a named object, small. Everybody sees it who asks which duck it is."""
    service = named_objects()
    found = service.objects.photo(id)
    return jpeg_response(found.id, lambda: smaller(service.stored_photo(id)[1], THUMBNAIL_SIDE))
