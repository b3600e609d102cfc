"""The pages for people in front of a browser; all but the camera work without JavaScript."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from flask import (
    Blueprint,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from rubberduck.door import finder, form_value, samples, sweeper, text, threshold, uploaded_picture
from rubberduck.errors import NoSuchResult, StorageFailed, WrongParameter
from rubberduck.frames import frames
from rubberduck.headers import drawing_policy
from rubberduck.model import Result
from rubberduck.openapi import document
from rubberduck.pictures import smaller
from rubberduck.representations import (
    as_json,
    expires_at,
    jpeg,
    jpeg_response,
    result_body,
    stored,
    unless_known,
)
from rubberduck.visitors import known_visitor, visitor

if TYPE_CHECKING:
    from rubberduck.tally import Tally

pages = Blueprint("pages", __name__)

A_PAGE_OF_RESULTS = 12
THUMBNAIL = 320  # pixels
KINDS = ["text/html", "application/json", "image/jpeg"]
DAYS = 30  # of statistics


@pages.get("/")
def index() -> ResponseReturnValue:
    visitor()  # so that an upload sent twice is known to be the same visitor's
    return render_template("index.html", samples=samples().all)


@pages.post("/")
def look() -> ResponseReturnValue:
    """Take one picture and show the answer, under an address that can be read again."""
    result = finder().look(uploaded_picture(), visitor())
    return redirect(url_for("pages.result", id=result.id), HTTPStatus.SEE_OTHER)


@pages.get("/camera")
def camera() -> ResponseReturnValue:
    visitor()
    return render_template("camera.html", live=finder().free is not None)


@pages.get("/result/<id>")
def result(id: str) -> ResponseReturnValue:
    """One address, several forms: a page for people, JSON for programs, the picture for `<img>`."""
    kind = request.accept_mimetypes.best_match(KINDS, default=KINDS[0])
    forms = {"application/json": result_json, "image/jpeg": result_jpeg}
    response = make_response(forms.get(kind, _result_page)(id))
    response.vary.add("Accept")
    return response


def _result_page(id: str) -> ResponseReturnValue:
    result = finder().results.get(id)
    page = render_template(
        "result.html",
        is_sample=False,
        is_mine=result.owner is not None and result.owner == known_visitor(),
        picture=finder().storage.url(result.picture_key) or url_for("pages.picture", id=id),
        marked=url_for("pages.marked", id=id),
        address=url_for("pages.result", id=id, _external=True),
        preview=url_for("pages.result_jpeg", id=id, _external=True),
        **_judged(result),
    )
    return unless_known(make_response(page))


@pages.get("/result/<id>.json")
def result_json(id: str) -> ResponseReturnValue:
    return unless_known(as_json(result_body(_judged_again(finder().results.get(id)))))


@pages.get("/result/<id>.jpg")
def result_jpeg(id: str) -> ResponseReturnValue:
    """With the boxes, if there are any."""
    result = finder().results.get(id)
    return jpeg(result, result.marked_key or result.picture_key)


@pages.get("/result/<id>/picture.jpg")
def picture(id: str) -> ResponseReturnValue:
    result = finder().results.get(id)
    return jpeg(result, result.picture_key)


@pages.get("/result/<id>/marked.jpg")
def marked(id: str) -> ResponseReturnValue:
    result = finder().results.get(id)
    return jpeg(result, result.marked_key)


@pages.get("/result/<id>/small.jpg")
def small(id: str) -> ResponseReturnValue:
    """For the list of one's own results."""
    result = finder().results.get(id)
    key = result.picture_key
    return jpeg_response(f"{key}-{THUMBNAIL}", lambda: smaller(stored(key), THUMBNAIL))


@pages.post("/result/<id>/delete")
def forget(id: str) -> ResponseReturnValue:
    try:
        sweeper().forget(id, known_visitor() or "")
    except StorageFailed:
        flash(text("Nobody can see it any more; its picture is deleted within the next hours."))
    else:
        flash(text("Gone: the picture, its boxes and the result."))
    return redirect(url_for("pages.mine"), HTTPStatus.SEE_OTHER)


@pages.post("/result/<id>/judgement")
def judge(id: str) -> ResponseReturnValue:
    """Was this right?"""
    answers = {"yes": True, "no": False}
    if (right := answers.get(form_value("right"))) is None:
        raise WrongParameter("“right” must be yes or no.")
    finder().results.judge(id, known_visitor() or "", right)
    return redirect(url_for("pages.result", id=id, _anchor="right"), HTTPStatus.SEE_OTHER)


@pages.get("/mine")
def mine() -> ResponseReturnValue:
    """The visitor's own results."""
    owner = known_visitor()
    page = owner and finder().results.of(owner, A_PAGE_OF_RESULTS, request.args.get("cursor"))
    return render_template("mine.html", page=page)


@pages.get("/sample/<file>")
def sample(file: str) -> ResponseReturnValue:
    """A picture of ours, asked about without a bill and without keeping anything."""
    judged = _judged(samples().result(file))
    picture = url_for("static", filename=f"samples/{file}.jpg")
    page = render_template(
        "result.html",
        is_sample=True,
        is_mine=False,
        picture=picture,
        marked=url_for("pages.marked_sample", file=file),
        address=url_for("pages.sample", file=file, _external=True),
        preview=urljoin(request.host_url, picture),
        **judged,
    )
    return unless_known(make_response(page))


@pages.get("/sample/<file>/marked.jpg")
def marked_sample(file: str) -> ResponseReturnValue:
    result = samples().result(file)
    name = f"{file}-{result.created_at.timestamp()}"
    return jpeg_response(name, lambda: samples().marked(file), f"{file}.jpg")


@pages.get("/statistics")
def statistics() -> ResponseReturnValue:
    return render_template("statistics.html", tally=_tally(), days=DAYS)


@pages.get("/statistics/<chart>-<scheme>.svg")
def chart(chart: str, scheme: str) -> ResponseReturnValue:
    # Not at the top: pages are shown before matplotlib is loaded.
    from rubberduck.daily_charts import SCHEMES, Words, by_day, by_score

    if chart not in ("days", "scores") or scheme not in SCHEMES:
        raise NoSuchResult
    tally, colours = _tally(), SCHEMES[scheme]
    today = datetime.now(UTC).date()
    words = Words(text("pictures"), text("yes"), text("no"), text("percent sure"))
    if chart == "days":
        svg = by_day(tally, colours, words, DAYS, today)
    else:
        svg = by_score(tally, colours, words)
    response = make_response(svg)
    response.mimetype = "image/svg+xml"
    response.headers["Content-Security-Policy"] = drawing_policy(svg.decode())
    return unless_known(response)


@pages.get("/api")
def api() -> ResponseReturnValue:
    """The API's description, to read."""
    return render_template("api.html", described=document(), host=request.host_url.rstrip("/"))


@pages.get("/privacy")
def privacy() -> ResponseReturnValue:
    return render_template("privacy.html")


def _tally() -> "Tally":
    since = datetime.now(UTC).date() - timedelta(days=DAYS - 1)
    return finder().results.tally(finder().question.title, since)


def _judged_again(result: Result) -> Result:
    limit = threshold()
    return result if limit is None else finder().judge_again(result, limit)


def _judged(result: Result) -> dict[str, Any]:
    """What the page of a result needs to know."""
    judged = _judged_again(result)
    return {
        "kept": result,
        "is_rejudged": judged.min_confidence != result.min_confidence,
        "result": judged,
        "remark": finder().remark(judged),
        "frames": frames(judged.verdict.boxes, (judged.width, judged.height)),
        "expires_at": expires_at(result),
    }
