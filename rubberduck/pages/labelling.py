"""Labelling the pictures of a project, and the list of those who do; see static/js/label.js."""

from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rubberduck.core.errors import InvalidParameter
from rubberduck.web.operators import audit, require_operator
from rubberduck.web.responses import private_page
from rubberduck.web.security_headers import require_trusted_types
from rubberduck.web.uploads import form_value, form_values

if TYPE_CHECKING:
    from rubberduck.custom_models.labelling import Labelling

labelling = Blueprint("labelling", __name__, url_prefix="/projects/<id>")
MAX_DIGITS = 10  # Python reads no number of thousands of digits


def labelling_of(id: str) -> "Labelling":
    """Return the labelling of a project, as the API does."""
    from rubberduck.api.labelling import labelling as labelling_of_project

    return labelling_of_project(id)


@labelling.get("/label")
def label(id: str) -> ResponseReturnValue:
    """Return the page with the next picture, or with `?picture=`; without `?skip=`."""
    # Imported late: the first page needs nothing of the API.
    from rubberduck.api.labelling import progress_body, task_body

    work = labelling_of(id)
    asked = request.args.get("picture")
    task = work.open(asked) if asked else work.next(request.args.getlist("skip"))
    body = task_body(id, task) if task else None
    page = private_page(
        "label.html",
        project=work.project,
        is_operator=work.sees_truth,
        task=body,
        labelled=work.progress(),
        task_json=asdict(body) if body else None,
        progress_json=asdict(progress_body(work)),
        labels_json=[asdict(each) for each in work.project.labels],
        suggests=task is not None and _has_suggestions(work),
        api_base=url_for("api.next_labelling_task", id=id).removesuffix("/labelling/next"),
    )
    require_trusted_types()
    return page


def _has_suggestions(work: "Labelling") -> bool:
    from rubberduck.api.labelling import suggestions
    from rubberduck.custom_models.video_suggestions import has_suggestions

    if suggestions().newest_version(work.project.id) is not None:
        return True
    return has_suggestions(work.database, work.project.id)


@labelling.get("/label/<picture_id>.jpg")
def preview(id: str, picture_id: str) -> ResponseReturnValue:
    """Redirect from where the API said, until it had an address of its own, that the picture is."""
    address = url_for("api.get_project_preview", id=id, picture_id=picture_id)
    return redirect(address, HTTPStatus.PERMANENT_REDIRECT)


@labelling.post("/label/<picture_id>")
def save(id: str, picture_id: str) -> ResponseReturnValue:
    """Save the labels of a whole picture, from the form of the page without JavaScript."""
    from rubberduck.custom_models.annotations import Annotation

    work, revision = labelling_of(id), form_value("revision")
    if not revision.isdecimal() or len(revision) > MAX_DIGITS:
        raise InvalidParameter("The form has no revision of the picture.")
    labels = tuple(form_values("label"))
    if form_value("empty") == "true":
        work.save(picture_id, int(revision), Annotation())
    elif not labels:
        raise InvalidParameter("Choose a label, or “Nothing here”.")
    elif work.project.kind == "pictures":
        work.save(picture_id, int(revision), Annotation((), labels))
    else:
        work.hint(picture_id, labels)
        # Its boxes are still missing, so it is still to be labelled; not by this form.
        next = url_for("labelling.label", id=id, skip=picture_id)
        return redirect(next, HTTPStatus.SEE_OTHER)
    return redirect(url_for("labelling.label", id=id), HTTPStatus.SEE_OTHER)


@labelling.post("/label/<picture_id>/truth")
def mark_truth(id: str, picture_id: str) -> ResponseReturnValue:
    """Let labellers be rated by this picture, or no more."""
    require_operator()
    is_truth = form_value("truth") == "true"
    labelling_of(id).mark_truth(picture_id, is_truth)
    audit("picture.truth", picture_id, project=id, is_truth=is_truth)
    return redirect(url_for("labelling.label", id=id, picture=picture_id), HTTPStatus.SEE_OTHER)


@labelling.get("/labellers")
def labellers(id: str) -> ResponseReturnValue:
    """Return the figures of everybody who labelled in the project; for operators."""
    require_operator()
    work = labelling_of(id)
    return render_template("labellers.html", project=work.project, labellers=work.labellers())
