"""The installable page: its manifest, and the pictures that a phone shares with it."""

import binascii
import re
from base64 import b64decode, b64encode
from http import HTTPStatus
from typing import Any

from flask import (
    Blueprint,
    current_app,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from rubberduck.core.errors import InvalidParameter
from rubberduck.imaging.decode import smaller
from rubberduck.pages.templating import STYLE, versioned
from rubberduck.web.deps import pipeline
from rubberduck.web.multipart import PICTURE_FIELD
from rubberduck.web.responses import CACHE_NO_STORE, with_etag
from rubberduck.web.security_headers import content_security_policy
from rubberduck.web.sessions import visitor
from rubberduck.web.uploads import upload_errors, uploaded_picture

install = Blueprint("install", __name__)

PAPER = "#eaf6fd"  # --paper of style.css, light
PREVIEW = 640  # pixels
MAX_SHARED_FACTOR = 2  # times the upload limit, for several pictures: what nginx lets through
ACCEPTED = ["image/*", ".heic", ".heif", ".avif"]


@install.get("/manifest.webmanifest")
def manifest() -> ResponseReturnValue:
    """Return the web app manifest: name, icons, and `/share` as a target of the phone's menu."""
    question = pipeline().question
    body: dict[str, Any] = {
        "id": "/",
        "name": question.title,
        "short_name": question.thing or question.title,
        "lang": str(current_app.jinja_env.globals["language"]).replace("_", "-"),
        "start_url": url_for("home.index"),
        "scope": "/",
        "display": "standalone",
        "background_color": PAPER,
        "theme_color": PAPER,
        "icons": [
            _icon("192", "any"),
            _icon("512", "any"),
            _icon("maskable-512", "maskable"),
        ],
        "share_target": {
            "action": url_for("install.share"),
            "method": "POST",
            "enctype": "multipart/form-data",
            "params": {
                "title": "title",
                "text": "text",
                "url": "url",
                "files": [{"name": PICTURE_FIELD, "accept": ACCEPTED}],
            },
        },
    }
    response = jsonify(body)
    response.mimetype = "application/manifest+json"
    return with_etag(response)


def _icon(kind: str, purpose: str) -> dict[str, str]:
    side = re.sub(r"\D", "", kind)
    source = versioned(f"icons/{pipeline().question.logo}-{kind}.png")
    return {"src": source, "sizes": f"{side}x{side}", "type": "image/png", "purpose": purpose}


@install.post("/share")
def share() -> ResponseReturnValue:
    """Show the shared picture and ask whether to check it. Stores nothing.

    The page itself holds the picture until the visitor answers: decoded, small, without metadata.
    """
    request.max_content_length = MAX_SHARED_FACTOR * pipeline().max_bytes
    data = uploaded_picture()
    with upload_errors():
        count = sum(bool(upload.filename) for upload in request.files.getlist(PICTURE_FIELD))
    jpeg = pipeline().read(data).jpeg
    page = make_response(
        render_template(
            "share.html",
            picture=b64encode(jpeg).decode(),
            preview=b64encode(smaller(jpeg, PREVIEW)).decode(),
            count=count,
        )
    )
    page.headers["Cache-Control"] = CACHE_NO_STORE
    page.headers["Content-Security-Policy"] = content_security_policy(STYLE, "data:")
    return page


@install.get("/share")
def share_again() -> ResponseReturnValue:
    """A phone may open the address again later, without the picture."""
    return redirect(url_for("home.index"))


@install.post("/share/check")
def check_shared() -> ResponseReturnValue:
    """Analyse the picture that the page of `share` holds, and redirect to its result."""
    try:
        data = b64decode(uploaded_picture(), validate=True)
    except binascii.Error:
        raise InvalidParameter(
            "The field “{field}” must hold the picture of this page, in base64.",
            field=PICTURE_FIELD,
        ) from None
    result = pipeline().process_upload(data, visitor())
    return redirect(url_for("results.show", id=result.id), HTTPStatus.SEE_OTHER)
