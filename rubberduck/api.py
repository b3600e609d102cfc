"""The JSON door: pictures in, results out, problems as RFC 9457 says."""

from dataclasses import asdict
from datetime import datetime
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from rubberduck.door import finder, uploaded_picture
from rubberduck.errors import Problem
from rubberduck.model import Result

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
