"""The first page, uploads, the camera and the sample pictures."""

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rubberduck.imaging.decode import to_jpeg
from rubberduck.pages.results import reevaluated, result_context
from rubberduck.services.samples import AnalyzedSample
from rubberduck.storage.base import JPEG
from rubberduck.web.deps import pipeline, samples
from rubberduck.web.formatting import indented
from rubberduck.web.responses import CACHE_NO_STORE, as_json, jpeg_response, with_etag
from rubberduck.web.sessions import visitor
from rubberduck.web.uploads import uploaded_picture

if TYPE_CHECKING:
    from rubberduck.api.schemas import FrameBody

home = Blueprint("home", __name__)

PREVIEW = 640  # pixels


@home.get("/")
def index() -> ResponseReturnValue:
    visitor()  # sets the cookie, by which a repeated upload is recognised
    return render_template("index.html", samples=samples().all)


@home.post("/")
def upload() -> ResponseReturnValue:
    """Analyse one picture and redirect to its result."""
    result = pipeline().process_upload(uploaded_picture(), visitor())
    return redirect(url_for("results.show", id=result.id), HTTPStatus.SEE_OTHER)


@home.post("/preview")
def preview() -> ResponseReturnValue:
    """Return a small JPEG of a picture that the browser cannot show. Nothing is stored."""
    image = pipeline().read(uploaded_picture()).image
    image.thumbnail((PREVIEW, PREVIEW))
    response = make_response(to_jpeg(image))
    response.mimetype = JPEG
    response.headers["Cache-Control"] = CACHE_NO_STORE
    return response


@home.get("/camera")
def camera() -> ResponseReturnValue:
    visitor()
    return render_template("camera.html", live=pipeline().free_detector is not None)


@home.get("/sample/<file>")
def sample(file: str) -> ResponseReturnValue:
    """Return the result page of a sample picture. Costs no detector call and stores nothing."""
    analyzed = samples().analyzed(file)
    picture = url_for("static", filename=f"samples/{file}.jpg")
    page = render_template(
        "result.html",
        is_sample=True,
        is_mine=False,
        face_view=None,
        picture=picture,
        marked=url_for("home.marked_sample", file=file),
        address=url_for("home.sample", file=file, _external=True),
        preview=urljoin(request.host_url, picture),
        json=indented(_body(analyzed)),
        **result_context(analyzed.result),
    )
    return with_etag(make_response(page))


@home.get("/sample/<id>.json")
def sample_json(id: str) -> ResponseReturnValue:
    """Return a sample's answer as the API returns a camera frame's: nothing of it is stored."""
    return with_etag(as_json(_body(samples().analyzed(id))))


def _body(analyzed: AnalyzedSample) -> "FrameBody":
    """Return a sample's answer as the API's of a camera frame."""
    # Imported late: the first page needs nothing of the API.
    from rubberduck.api.schemas import frame_body

    return frame_body(analyzed.picture, reevaluated(analyzed.result).answer)


@home.get("/sample/<file>/marked.jpg")
def marked_sample(file: str) -> ResponseReturnValue:
    result = samples().result(file)
    name = f"{file}-{result.created_at.timestamp()}"
    return jpeg_response(name, lambda: samples().marked(file), f"{file}.jpg")
