"""The first page, uploads, the camera and the sample pictures."""

from http import HTTPStatus
from urllib.parse import urljoin

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rubberduck.api.schemas import frame_body
from rubberduck.pages.results import judged_again, result_context
from rubberduck.web.deps import pipeline, samples
from rubberduck.web.responses import as_json, jpeg_response, with_etag
from rubberduck.web.sessions import visitor
from rubberduck.web.uploads import uploaded_picture

home = Blueprint("home", __name__)


@home.get("/")
def index() -> ResponseReturnValue:
    visitor()  # so that an upload sent twice is known to be the same visitor's
    return render_template("index.html", samples=samples().all)


@home.post("/")
def upload() -> ResponseReturnValue:
    """Take one picture and show the answer, under an address that can be read again."""
    result = pipeline().process_upload(uploaded_picture(), visitor())
    return redirect(url_for("results.show", id=result.id), HTTPStatus.SEE_OTHER)


@home.get("/camera")
def camera() -> ResponseReturnValue:
    visitor()
    return render_template("camera.html", live=pipeline().free_detector is not None)


@home.get("/sample/<file>")
def sample(file: str) -> ResponseReturnValue:
    """A picture of ours, asked about without a bill and without keeping anything."""
    judged = result_context(samples().result(file))
    picture = url_for("static", filename=f"samples/{file}.jpg")
    page = render_template(
        "result.html",
        is_sample=True,
        is_mine=False,
        picture=picture,
        marked=url_for("home.marked_sample", file=file),
        address=url_for("home.sample", file=file, _external=True),
        preview=urljoin(request.host_url, picture),
        **judged,
    )
    return with_etag(make_response(page))


@home.get("/sample/<id>.json")
def sample_json(id: str) -> ResponseReturnValue:
    """Return a sample's answer as the API returns a camera frame's: nothing of it is stored."""
    picture, result = samples().analyzed(id)
    return with_etag(as_json(frame_body(picture, judged_again(result).answer)))


@home.get("/sample/<file>/marked.jpg")
def marked_sample(file: str) -> ResponseReturnValue:
    result = samples().result(file)
    name = f"{file}-{result.created_at.timestamp()}"
    return jpeg_response(name, lambda: samples().marked(file), f"{file}.jpg")
