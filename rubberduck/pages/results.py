"""The page of one result: its pictures, its deletion and the visitor's feedback."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rubberduck.core.errors import InvalidParameter, StorageFailed
from rubberduck.core.models import Correction, Result
from rubberduck.core.tabs import font_size
from rubberduck.imaging.decode import smaller
from rubberduck.pages.overlay import bars, drawable_labels, is_average, marked_boxes
from rubberduck.web.deps import pipeline, sweeper, text, threshold
from rubberduck.web.formatting import indented
from rubberduck.web.questions import use_question_of
from rubberduck.web.responses import as_json, expires_at, jpeg, jpeg_response, stored, with_etag
from rubberduck.web.sessions import known_visitor
from rubberduck.web.uploads import form_value

if TYPE_CHECKING:
    from rubberduck.api.schemas import ResultBody
    from rubberduck.pages.face_view import FaceView

results = Blueprint("results", __name__)

THUMBNAIL = 320  # pixels
MEDIA_TYPES = ["text/html", "application/json", "image/jpeg"]


@results.get("/result/<id>")
def show(id: str) -> ResponseReturnValue:
    """Return the result as HTML, JSON or JPEG, by the Accept header."""
    media_type = request.accept_mimetypes.best_match(MEDIA_TYPES, default=MEDIA_TYPES[0])
    views = {"application/json": show_json, "image/jpeg": show_jpeg}
    response = make_response(views.get(media_type, _show_page)(id))
    response.vary.add("Accept")
    return response


def _show_page(id: str) -> ResponseReturnValue:
    result = pipeline().results.get(id)
    use_question_of(result)
    is_mine = result.owner is not None and result.owner == known_visitor()
    page = render_template(
        "result.html",
        is_sample=False,
        is_mine=is_mine,
        correction=_correction(result) if is_mine else None,
        face_view=_face_view(result) if is_mine else None,
        labels=drawable_labels(pipeline().question, result),
        picture=url_for("results.picture", id=id),
        marked=url_for("results.marked", id=id),
        address=url_for("results.show", id=id, _external=True),
        preview=url_for("results.show_jpeg", id=id, _external=True),
        json=indented(_body(result)),
        **result_context(result),
    )
    return with_etag(make_response(page))


def _body(result: Result) -> "ResultBody":
    """Return the result as the API does, judged with the address's threshold."""
    # Imported late: the first page needs nothing of the API.
    from rubberduck.api.schemas import result_body

    return result_body(reevaluated(result))


def _correction(result: Result) -> Correction | None:
    """Return what the owner drew, where the page offers to draw it: after the answer “No”."""
    if result.judged_right is not False:
        return None
    # Imported late: the first pages need not wait for SQLAlchemy.
    from rubberduck.db.corrections import find_corrections

    return find_corrections(pipeline().results, [result.id]).get(result.id)


def _face_view(result: Result) -> "FaceView | None":
    """Return what the faces look like, if the owner asked to keep it."""
    if pipeline().open_faces is None:
        return None
    # Imported late: most sites do not offer this.
    from rubberduck.db.face_answers import find_faces
    from rubberduck.pages.face_view import FaceView

    answer = find_faces(pipeline().results, result.id)
    return None if answer is None else FaceView.of(answer)


@results.get("/result/<id>.json")
def show_json(id: str) -> ResponseReturnValue:
    result = pipeline().results.get(id)
    use_question_of(result)
    return with_etag(as_json(_body(result)))


@results.get("/result/<id>.jpg")
def show_jpeg(id: str) -> ResponseReturnValue:
    """Return the picture with its boxes, or without if there are none."""
    result = pipeline().results.get(id)
    return jpeg(result, result.marked_key or result.picture_key)


@results.get("/result/<id>/picture.jpg")
def picture(id: str) -> ResponseReturnValue:
    result = pipeline().results.get(id)
    return jpeg(result, result.picture_key)


@results.get("/result/<id>/marked.jpg")
def marked(id: str) -> ResponseReturnValue:
    result = pipeline().results.get(id)
    return jpeg(result, result.marked_key, may_proxy=True)  # rate limited


@results.get("/result/<id>/small.jpg")
def thumbnail(id: str) -> ResponseReturnValue:
    """Return a small copy for the list of the visitor's results."""
    result = pipeline().results.get(id)
    key = result.picture_key
    return jpeg_response(f"{key}-{THUMBNAIL}", lambda: smaller(stored(key), THUMBNAIL))


@results.post("/result/<id>/delete")
def delete(id: str) -> ResponseReturnValue:
    try:
        sweeper().forget(id, known_visitor() or "")
    except StorageFailed:
        flash(text("The result is deleted. Its picture will be removed within the next few hours."))
    else:
        flash(text("Deleted: the picture and its result."))
    return redirect(url_for("mine.index"), HTTPStatus.SEE_OTHER)


@results.post("/result/<id>/judgement")
def judge(id: str) -> ResponseReturnValue:
    """Save whether the visitor says that the answer is right."""
    answers = {"yes": True, "no": False}
    if (right := answers.get(form_value("right"))) is None:
        raise InvalidParameter("“right” must be yes or no.")
    pipeline().results.judge(id, known_visitor() or "", right)
    return redirect(url_for("results.show", id=id, _anchor="checked"), HTTPStatus.SEE_OTHER)


def reevaluated(result: Result) -> Result:
    """Return the result under the threshold of the query string, if it has one."""
    limit = threshold()
    return result if limit is None else pipeline().reevaluate(result, limit)


def result_context(result: Result) -> dict[str, Any]:
    """Return the template variables of a result's page, which asks the result's question."""
    use_question_of(result)
    judged = reevaluated(result)
    return {
        "kept": result,
        # Of a project's model, each label has a threshold of its own: the result's is 0.
        "has_threshold": result.min_confidence > 0,
        "is_rejudged": judged.min_confidence != result.min_confidence,
        "result": judged,
        "remark": pipeline().remark(judged),
        "boxes": marked_boxes(judged, pipeline().question),
        "font_size": font_size((judged.width, judged.height)),
        "bars": bars(judged, pipeline().question),
        "is_average": is_average(judged),
        "expires_at": expires_at(result),
    }
