"""The page on which Amazon names the celebrities in a picture. Nothing of it is kept."""

from base64 import b64encode
from typing import TYPE_CHECKING

from flask import Blueprint
from flask.typing import ResponseReturnValue

from rubberduck.aws.celebrities_errors import CelebritiesNotAgreed
from rubberduck.pages.templating import STYLE
from rubberduck.web.deps import default_pipeline
from rubberduck.web.responses import private_page
from rubberduck.web.security_headers import content_security_policy
from rubberduck.web.uploads import form_value, uploaded_picture

if TYPE_CHECKING:
    from rubberduck.aws.celebrities import CelebrityAnswer
    from rubberduck.imaging.decode import Picture

celebrities = Blueprint("celebrities", __name__, url_prefix="/celebrities")


@celebrities.app_template_global("offers_celebrities")
def offers_celebrities() -> bool:
    return default_pipeline().open_celebrities is not None


@celebrities.get("")
def index() -> ResponseReturnValue:
    """Return the form, which says what happens to the picture."""
    return private_page("celebrities.html", answer=None, marked="")


@celebrities.post("")
def recognize() -> ResponseReturnValue:
    """Return the page with the answer: the picture is in the page itself, and nowhere else."""
    service = default_pipeline().celebrities
    if not form_value("agree"):
        raise CelebritiesNotAgreed
    picture = default_pipeline().read(uploaded_picture())
    answer = service.recognize(picture)
    page = private_page("celebrities.html", answer=answer, marked=_marked(picture, answer))
    page.headers["Content-Security-Policy"] = content_security_policy(STYLE, "data:")
    return page


def _marked(picture: "Picture", answer: "CelebrityAnswer") -> str:
    """Return the picture with the names, as base64."""
    # Imported late: the first pages need nothing of Amazon.
    from rubberduck.services.celebrities import marked_copy

    return b64encode(marked_copy(picture, answer)).decode()
