"""The API of the pictures of projects."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from rubberduck.api import project_schemas as bodies
from rubberduck.api.blueprint import api
from rubberduck.api.requests import choice, flag, page_limit, parsed_body
from rubberduck.api.routes import no_content
from rubberduck.api.schemas import ListLinks
from rubberduck.core.errors import InvalidParameter
from rubberduck.web.deps import pipeline
from rubberduck.web.multipart import PICTURE_FIELD
from rubberduck.web.operators import audit, audited, require_labeller, require_operator
from rubberduck.web.projects import project_pictures, projects
from rubberduck.web.responses import as_json, stored_jpeg
from rubberduck.web.uploads import picture_from_body

if TYPE_CHECKING:
    from rubberduck.custom_models.projects import Project

DEFAULT_LIMIT, MAX_LIMIT = 50, 100
LIST_PARAMETERS = ("limit", "state", "split")
STATES, SIDES = ("unlabelled", "labelled", "nothing"), ("train", "validation", "test")


@api.get("/projects/<id>/pictures")
def list_project_pictures(id: str) -> ResponseReturnValue:
    person = require_labeller()
    projects().get(id)
    filters: Any = {"state": choice("state", STATES), "split": choice("split", SIDES)}
    filters["hides_truth"] = not person.is_operator
    limit, cursor = page_limit(DEFAULT_LIMIT, MAX_LIMIT), request.args.get("cursor")
    page = project_pictures().page(id, limit, cursor, **filters)
    given: Any = {name: value for name, value in request.args.items() if name in LIST_PARAMETERS}
    next = page.next and url_for("api.list_project_pictures", id=id, cursor=page.next, **given)
    found = tuple(map(bodies.picture_body, page.pictures))
    return as_json(bodies.ProjectPicturesBody(found, ListLinks(next)))


@api.post("/projects/<id>/pictures")
def add_project_picture(id: str) -> ResponseReturnValue:
    """Add one picture: the form's field, or the whole body."""
    from rubberduck.custom_models.project_pictures import Added, Upload

    person = require_operator()
    project, label = projects().get(id), request.args.get("label")
    if label:
        _require_label(project, label)
    data, file_name = picture_from_body(), request.args.get("file_name", "")
    if request.files and not file_name:
        file_name = request.files[PICTURE_FIELD].filename or ""
    upload = Upload(
        data,
        file_name,
        created_by=person.id,
        shrink=flag("shrink"),
        near_is_fine=flag("near"),
    )
    outcome = project_pictures().add(project, upload)
    audit("project.upload", project.name, id=id, files=1)
    picture = outcome.picture
    if label and (isinstance(outcome, Added) or outcome.is_exact):
        picture = _with_label(id, person.id, picture.id, label)
    if isinstance(outcome, Added):
        body = bodies.AddedPictureBody("added", bodies.picture_body(picture), outcome.changes)
        return as_json(body, HTTPStatus.CREATED)
    kind = "duplicate" if outcome.is_exact else "near"
    return as_json(bodies.AddedPictureBody(kind, bodies.picture_body(picture), ()))  # type: ignore[arg-type]


def _require_label(project: "Project", name: str) -> None:
    """Raise before a picture is stored whose label would be refused: InvalidProject and others."""
    from rubberduck.custom_models.projects import new_labels

    if project.kind != "pictures":
        raise InvalidParameter("This project has boxes, so “label” cannot be given.")
    new_labels(project, [name])


def _with_label(id: str, person_id: str, picture_id: str, name: str) -> Any:
    """Label a whole picture that is not labelled; a label of a new name is added."""
    from rubberduck.custom_models.dataset import Picture, Report
    from rubberduck.custom_models.project_datasets import Importer

    project = projects().add_labels(id, [name])
    importer = Importer(pipeline().results.database, project, person_id)
    known = " ".join(name.split())
    stored = project_pictures().get(id, picture_id)
    importer.annotate(stored, Picture(picture_id, labels=(known,)), Report())
    return project_pictures().get(id, picture_id)


@api.get("/projects/<id>/pictures/<picture_id>")
def get_project_picture(id: str, picture_id: str) -> ResponseReturnValue:
    hides_truth = not require_labeller().is_operator
    project = projects().get(id)  # not one that is being deleted
    picture = project_pictures().get(project.id, picture_id, hides_truth=hides_truth)
    return as_json(bodies.picture_body(picture))


@api.get("/projects/<id>/pictures/<picture_id>/preview")
def get_project_preview(id: str, picture_id: str) -> ResponseReturnValue:
    """Return the upright picture as JPEG, or a redirect to the bucket."""
    require_labeller()
    project = projects().get(id)  # not one that is being deleted
    return stored_jpeg(project_pictures().get(project.id, picture_id).preview_key)


@api.get("/projects/<id>/pictures/<picture_id>/original")
def get_project_original(id: str, picture_id: str) -> ResponseReturnValue:
    """Return the stored file, or a redirect to the bucket."""
    from rubberduck.custom_models.errors import NoSuchProject

    require_operator()
    picture, storage = project_pictures().get(id, picture_id), pipeline().storage
    if url := storage.url(picture.key):
        return redirect(url)
    try:
        return Response(storage.get(picture.key), mimetype=picture.content_type)
    except FileNotFoundError:
        raise NoSuchProject from None


@api.put("/projects/<id>/pictures/<picture_id>/split")
def put_project_picture_side(id: str, picture_id: str) -> ResponseReturnValue:
    from rubberduck.custom_models.project_sides import set_sides

    require_operator()
    given = parsed_body(bodies.SideRequestBody)
    picture = project_pictures().get(id, picture_id)
    set_sides(pipeline().results.database, id, [picture.id], given.split)
    audit("pictures.side", id, id=id, pictures=1, side=given.split)
    return as_json(bodies.picture_body(project_pictures().get(id, picture_id)))


@api.delete("/projects/<id>/pictures/<picture_id>")
def delete_project_picture(id: str, picture_id: str) -> ResponseReturnValue:
    require_operator()
    project = projects().get(id)
    picture = project_pictures().get(id, picture_id)
    with audited("pictures.delete", project.name, id=id, pictures=1):
        project_pictures().delete(id, [picture.id])
    return no_content()
