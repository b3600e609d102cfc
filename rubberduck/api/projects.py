"""The API of projects: their settings and their labels."""

from http import HTTPStatus

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from rubberduck.api import project_schemas as bodies
from rubberduck.api.blueprint import api
from rubberduck.api.requests import flag, parsed_body
from rubberduck.web.deps import pipeline
from rubberduck.web.operators import audit, audited, require_labeller, require_operator
from rubberduck.web.project_import import enqueue_deletion
from rubberduck.web.projects import project_pictures, projects, quota
from rubberduck.web.responses import as_json


@api.get("/projects")
def list_projects() -> ResponseReturnValue:
    require_labeller()
    listed = projects().list_all()
    counts = project_pictures().counts_of([each.id for each in listed])
    return as_json(
        bodies.ProjectsBody(
            tuple(
                bodies.project_body(each, quota(), counts[each.id], full=False) for each in listed
            )
        )
    )


@api.post("/projects")
def create_project() -> ResponseReturnValue:
    person = require_operator()
    given = parsed_body(bodies.ProjectRequestBody)
    made = projects().create(
        given.name, given.kind, given.labels, person.id, question=given.question
    )
    audit("project.create", made.name, id=made.id)
    response = _project_response(made.id)
    response.status_code = HTTPStatus.CREATED
    response.headers["Location"] = url_for("api.get_project", id=made.id)
    return response


@api.get("/projects/<id>")
def get_project(id: str) -> ResponseReturnValue:
    require_labeller()
    return _project_response(id)


@api.put("/projects/<id>")
def put_project(id: str) -> ResponseReturnValue:
    require_operator()
    given, book = parsed_body(bodies.ProjectChangeBody), projects()
    project = book.change(
        id,
        name=given.name,
        question=given.question,
        keep_days=given.keep_days,
        confirmed=flag("confirm"),
    )
    audit("project.change", project.name, id=id)
    return _project_response(id)


@api.get("/projects/<id>/deletion")
def get_project_deletion(id: str) -> ResponseReturnValue:
    """Return what would be deleted with the project."""
    from rubberduck.custom_models.project_deletion import what_goes

    require_operator()
    project, goes = projects().get(id), what_goes(pipeline().results.database, id)
    return as_json(bodies.DeletionBody(**goes, is_at_amazon=project.arn is not None))


@api.delete("/projects/<id>")
def delete_project(id: str) -> ResponseReturnValue:
    """Hide the project and queue its deletion."""
    require_operator()
    project = projects().get(id)
    with audited("project.delete", project.name, id=id):
        job_id = enqueue_deletion(project)
    return as_json(bodies.job_body(job_id), HTTPStatus.ACCEPTED)


@api.post("/projects/<id>/labels")
def add_project_labels(id: str) -> ResponseReturnValue:
    require_operator()
    project = projects().add_labels(id, parsed_body(bodies.LabelNamesBody).names)
    audit("labels.add", project.name, id=id)
    return _project_response(id)


@api.put("/projects/<id>/labels")
def order_project_labels(id: str) -> ResponseReturnValue:
    require_operator()
    project = projects().reorder_labels(id, parsed_body(bodies.LabelOrderBody).ids)
    audit("label.change", project.name, id=id)
    return _project_response(id)


@api.put("/projects/<id>/labels/<label_id>")
def rename_project_label(id: str, label_id: str) -> ResponseReturnValue:
    require_operator()
    project = projects().rename_label(id, label_id, parsed_body(bodies.LabelNameBody).name)
    audit("label.change", project.name, id=id, label=label_id)
    return _project_response(id)


@api.delete("/projects/<id>/labels/<label_id>")
def remove_project_label(id: str, label_id: str) -> ResponseReturnValue:
    """Delete a label; `into` takes its place, or `confirm` deletes its boxes."""
    from rubberduck.custom_models.label_removal import remove_label

    require_operator()
    into, confirmed = request.args.get("into") or None, flag("confirm")
    name = projects().get(id).name
    with audited("label.remove", name, id=id, label=label_id, into=into):
        remove_label(projects(), id, label_id, into=into, confirmed=confirmed)
    return _project_response(id)


def _project_response(id: str) -> Response:
    project = projects().get(id)
    counts = project_pictures().counts(id)
    return as_json(bodies.project_body(project, quota(), counts, full=True))
