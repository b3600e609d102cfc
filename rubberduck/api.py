"""The JSON door: pictures in, results out, problems as RFC 9457 says."""

from dataclasses import asdict
from datetime import datetime
from http import HTTPStatus
from io import BytesIO
from typing import IO, Any, cast

from flask import Blueprint, Request, Response, abort, current_app, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import ClientDisconnected
from werkzeug.formparser import FormDataParser

from rubberduck.errors import NoPicture, Problem, UploadIncomplete
from rubberduck.finder import Finder
from rubberduck.model import Result

FIELD = "picture"

api = Blueprint("api", __name__, url_prefix="/api/v1")


@api.post("/pictures")
def look() -> ResponseReturnValue:
    """Take one picture and answer with its result."""
    result = finder().look(uploaded_picture())
    body = as_json(result)
    return jsonify(body), HTTPStatus.CREATED, {"Location": body["links"]["self"]}


@api.get("/results/<id>")
def result(id: str) -> ResponseReturnValue:
    return jsonify(as_json(finder().results.get(id)))


class LoudFormParser(FormDataParser):
    """Says when a form is cut off, where Werkzeug's own would hand over an empty form."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        self.silent = False
        return super().parse(*args, **kwargs)


class UploadRequest(Request):
    form_data_parser_class = LoudFormParser

    def _get_file_stream(self, *_args: Any, **_kwargs: Any) -> IO[bytes]:
        """Memory, not a temporary file: a picture is bounded, and read whole anyway."""
        return BytesIO()


def finder() -> Finder:
    return cast(Finder, current_app.extensions["finder"])


def uploaded_picture() -> bytes:
    """The bytes of the request's field `picture`; NoPicture or UploadIncomplete without them."""
    try:
        upload = request.files.get(FIELD)
    except ClientDisconnected:
        raise UploadIncomplete("The connection ended before the picture did.") from None
    except ValueError:
        if not request.mimetype_params.get("boundary"):
            abort(HTTPStatus.BAD_REQUEST)
        raise UploadIncomplete("The end of the picture is missing.") from None
    if upload is None:
        raise NoPicture(f"The request has no file in a multipart field named “{FIELD}”.")
    if not upload.filename:
        raise NoPicture("No file was chosen.")
    return cast(bytes, upload.read())


def as_json(result: Result) -> dict[str, Any]:
    """A result as the API shows it. Box sides are fractions of the upright picture."""
    verdict, answer = result.verdict, result.answer
    return {
        "id": result.id,
        "duck": verdict.found,
        "score": verdict.score,
        "boxes": [asdict(box) for box in verdict.boxes],
        "labels": [asdict(label) for label in answer.labels],
        "because": [label.name for label in verdict.because],
        "missing": verdict.missing,
        "engine": answer.engine,
        "instead_of": answer.instead_of,
        "question": result.question,
        "width": result.width,
        "height": result.height,
        "several_frames": result.several_frames,
        "created_at": rfc3339(result.created_at),
        "links": _links(result),
    }


def _links(result: Result) -> dict[str, str | None]:
    return {
        "self": url_for("api.result", id=result.id),
        "page": url_for("pages.result", id=result.id),
        "picture": url_for("pages.picture", id=result.id),
        "marked": url_for("pages.marked", id=result.id) if result.marked_key else None,
    }


def rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def problem_json(problem: Problem, request_id: str) -> Response:
    response = jsonify(
        type="about:blank",
        title=problem.happened,
        status=problem.status,
        detail=f"{problem.why} {problem.next_step}",
        instance=request.path,
        request_id=request_id,
    )
    response.status_code = problem.status
    response.mimetype = "application/problem+json"
    return response
