"""The settings of a project: name, question, labels, retention, deletion."""

from http import HTTPStatus

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue

from rubberduck.core.errors import InvalidParameter
from rubberduck.web.deps import pipeline, text
from rubberduck.web.forms import keep_typed
from rubberduck.web.operators import audit, audited, require_operator
from rubberduck.web.project_import import enqueue_deletion
from rubberduck.web.projects import project_pictures, projects, quota
from rubberduck.web.responses import private_page
from rubberduck.web.uploads import form_value

project_settings = Blueprint("project_settings", __name__, url_prefix="/projects/<id>")
MAX_DIGITS = 10


@project_settings.get("/settings")
def show(id: str) -> ResponseReturnValue:
    require_operator()
    counts = project_pictures().counts(id)
    return private_page(
        "project_settings.html", project=projects().get(id), counts=counts, quota=quota()
    )


@project_settings.post("/settings")
@keep_typed("settings", show)
def save(id: str) -> ResponseReturnValue:
    """Store name, question and retention; an empty question is made from the labels.

    Where a shorter retention would delete pictures, ask first.
    """
    # Imported late: the wings stay shut until used.
    from rubberduck.custom_models.errors import PicturesWouldGo

    require_operator()
    days = form_value("keep_days").strip()
    if days and (not days.isdecimal() or len(days) > MAX_DIGITS):
        raise InvalidParameter("The days to keep pictures must be a whole number.")
    book = projects()
    before = book.get(id)
    typed = {"name": form_value("name"), "question": form_value("question")}
    try:
        after = book.change(
            id,
            **typed,
            keep_days=int(days) if days else None,
            confirmed=form_value("confirmed") == "1",
        )
    except PicturesWouldGo as error:
        typed |= {"keep_days": days}
        return private_page(
            "project_keep_days.html", project=before, typed=typed, goes=error.values
        )
    if before != after:
        audit("project.change", after.name, id=id)
    flash(text("Saved."))
    return _back(id)


@project_settings.post("/labels")
@keep_typed("labels", show)
def add_labels(id: str) -> ResponseReturnValue:
    """Add labels, one a line."""
    require_operator()
    project = projects().add_labels(id, form_value("labels").splitlines())
    audit("labels.add", project.name, id=id)
    return _back(id)


@project_settings.post("/labels/<label_id>")
@keep_typed("label {label_id}", lambda id, label_id: show(id))
def change_label(id: str, label_id: str) -> ResponseReturnValue:
    """Rename a label, or move it up or down."""
    require_operator()
    book, what = projects(), form_value("do")
    project = book.get(id)
    if what == "rename":
        project = book.rename_label(id, label_id, form_value("name"))
    elif what in ("up", "down"):
        order = [label.id for label in project.labels]
        at = order.index(project.label(label_id).id)
        to = max(0, min(len(order) - 1, at + (1 if what == "down" else -1)))
        order[at], order[to] = order[to], order[at]
        project = book.reorder_labels(id, order)
    else:
        raise InvalidParameter("“do” must be rename, up or down.")
    audit("label.change", project.name, id=id, label=label_id)
    return _back(id)


@project_settings.get("/labels/<label_id>/remove")
def confirm_remove_label(id: str, label_id: str) -> ResponseReturnValue:
    """Return the page that says what becomes of the label's boxes."""
    from rubberduck.custom_models.label_removal import count_pictures_with

    require_operator()
    project = projects().get(id)
    number = count_pictures_with(projects(), id, label_id)
    return private_page(
        "project_label_remove.html", project=project, label=project.label(label_id), number=number
    )


@project_settings.post("/labels/<label_id>/remove")
def remove_label(id: str, label_id: str) -> ResponseReturnValue:
    from rubberduck.custom_models.label_removal import remove_label as remove

    require_operator()
    into = form_value("into") or None
    confirmed = form_value("confirmed") == "1"
    name = projects().get(id).name
    with audited("label.remove", name, id=id, label=label_id, into=into):
        remove(projects(), id, label_id, into=into, confirmed=confirmed)
    flash(text("The label is deleted."))
    return _back(id)


@project_settings.get("/delete")
def confirm_delete(id: str) -> ResponseReturnValue:
    """Return the page that names what goes with the project."""
    from rubberduck.custom_models.project_deletion import what_goes

    require_operator()
    project = projects().get(id)
    goes = what_goes(pipeline().results.database, id)
    return private_page("project_delete.html", project=project, goes=goes)


@project_settings.post("/delete")
def delete(id: str) -> ResponseReturnValue:
    """Hide the project and queue its deletion."""
    require_operator()
    project = projects().get(id)
    if form_value("name").strip() != project.name:
        flash(text("Write the project's name to confirm: nothing was deleted."))
        return redirect(url_for("project_settings.confirm_delete", id=id), HTTPStatus.SEE_OTHER)
    with audited("project.delete", project.name, id=id):
        job_id = enqueue_deletion(project)
    return redirect(url_for("jobs.show", id=job_id), HTTPStatus.SEE_OTHER)


def _back(id: str) -> ResponseReturnValue:
    return redirect(url_for("project_settings.show", id=id), HTTPStatus.SEE_OTHER)
