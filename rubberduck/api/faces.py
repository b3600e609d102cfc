"""The game "Faces" as JSON. Nothing is kept unless the request asks for it."""

from http import HTTPStatus

from flask import url_for
from flask.typing import ResponseReturnValue

from rubberduck.api.blueprint import api
from rubberduck.api.face_schemas import faces_body
from rubberduck.api.routes import no_content
from rubberduck.web.deps import face_service
from rubberduck.web.faces import require_consent, wants_to_keep
from rubberduck.web.responses import as_json
from rubberduck.web.sessions import known_visitor, visitor
from rubberduck.web.uploads import uploaded_picture


@api.post("/faces")
def analyze_faces() -> ResponseReturnValue:
    """Return what the faces look like; with `keep`, kept with the picture's result, as 201."""
    service = face_service()
    require_consent()
    data = uploaded_picture()
    picture, answer = service.analyze(data)
    size = picture.image.size
    if not wants_to_keep():
        return as_json(faces_body(size, answer))
    result = service.keep(data, answer, visitor())
    body = faces_body(size, answer, url_for("api.get_result", id=result.id))
    address = url_for("api.get_faces", id=result.id)
    return as_json(body, HTTPStatus.CREATED, Location=address)


@api.post("/faces/frames")
def analyze_face_frame() -> ResponseReturnValue:
    """Return what the faces before a camera look like, found on this server; nothing is kept."""
    service = face_service()
    require_consent()
    picture, answer = service.analyze_frame(uploaded_picture())
    return as_json(faces_body(picture.image.size, answer))


@api.get("/pictures/<id>/faces")
def get_faces(id: str) -> ResponseReturnValue:
    """Return the faces kept with one of the visitor's own results."""
    result, answer = face_service().kept(id, known_visitor())
    address = url_for("api.get_result", id=id)
    return as_json(faces_body((result.width, result.height), answer, address))


@api.delete("/pictures/<id>/faces")
def delete_faces(id: str) -> ResponseReturnValue:
    """Delete what is kept of the faces; the result stays."""
    face_service().withdraw(id, known_visitor() or "")
    return no_content()
