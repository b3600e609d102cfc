"""The game "Faces": what the faces in a picture look like. Off unless DUCK_FACES is set."""

from base64 import b64encode
from http import HTTPStatus

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from rubberduck.pages.face_view import FaceView, finder_name
from rubberduck.pages.templating import STYLE
from rubberduck.storage.base import JPEG
from rubberduck.web.deps import face_service, text
from rubberduck.web.faces import marked_jpeg, require_consent, wants_to_keep
from rubberduck.web.formatting import file_name, indented
from rubberduck.web.responses import CACHE_NO_STORE, private_page, stored
from rubberduck.web.security_headers import content_security_policy
from rubberduck.web.sessions import known_visitor, visitor
from rubberduck.web.uploads import uploaded_picture

faces = Blueprint("faces", __name__)

SHOWN = 1600  # pixels: the longer side of a picture that the page itself holds


@faces.get("/faces")
def index() -> ResponseReturnValue:
    """Say what will happen, and take a picture from who agrees."""
    finders = face_service().finders
    visitor()
    return private_page(
        "faces.html", finder=finder_name(finders.name), with_gender=finders.with_gender
    )


@faces.post("/faces")
def send() -> ResponseReturnValue:
    """Show what the faces look like; keep nothing of it, or all with a result, as asked."""
    # Imported late: the first page needs nothing of the API.
    from rubberduck.api.face_schemas import faces_body

    service = face_service()
    require_consent()
    data = uploaded_picture()
    picture, answer = service.analyze(data)
    if wants_to_keep():
        result = service.keep(data, answer, visitor())
        address = url_for("results.show", id=result.id, _anchor="faces")
        return redirect(address, HTTPStatus.SEE_OTHER)
    # The page itself holds the picture: no file and no row of it exists that could be left behind.
    page = private_page(
        "faces_answer.html",
        picture=b64encode(marked_jpeg(picture.jpeg, answer, SHOWN)).decode(),
        size=picture.image.size,
        several_frames=picture.several_frames,
        json=indented(faces_body(picture.image.size, answer)),
        view=FaceView.of(answer),
    )
    page.headers["Content-Security-Policy"] = content_security_policy(STYLE, "data:")
    return page


@faces.get("/faces/camera")
def camera() -> ResponseReturnValue:
    """Count smiles before a camera, of who agrees: always on this server, and keeping nothing."""
    face_service()
    visitor()
    return private_page("faces_camera.html")


@faces.get("/result/<id>/faces.jpg")
def picture(id: str) -> ResponseReturnValue:
    """Return the picture of a result with its faces marked, to its owner alone."""
    result, answer = face_service().kept(id, known_visitor())
    response = Response(marked_jpeg(stored(result.picture_key), answer), mimetype=JPEG)
    response.headers["Cache-Control"] = CACHE_NO_STORE  # withdrawn, it is gone
    if "download" in request.args:
        response.headers.set("Content-Disposition", "attachment", filename=file_name(result))
    return response


@faces.post("/result/<id>/faces/delete")
def withdraw(id: str) -> ResponseReturnValue:
    """Delete what was kept of the faces; the result stays."""
    face_service().withdraw(id, known_visitor() or "")
    flash(text("Deleted: what was kept of the faces."))
    return redirect(url_for("results.show", id=id), HTTPStatus.SEE_OTHER)
