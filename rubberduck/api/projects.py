"""The API of projects: all that their pages do."""

from collections import Counter
from http import HTTPStatus
from typing import Any, TypeVar

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import TypeAdapter, ValidationError
from werkzeug.datastructures import FileStorage

from rubberduck.api import project_schemas as bodies
from rubberduck.api.routes import api, no_content
from rubberduck.api.schemas import ListLinks
from rubberduck.core.errors import InvalidParameter, NoPicture
from rubberduck.web.deps import job_queue, pipeline
from rubberduck.web.formatting import rfc3339
from rubberduck.web.multipart import PICTURE_FIELD
from rubberduck.web.operators import audit, require_labeller, require_operator
from rubberduck.web.project_import import (
    enqueue_deletion,
    enqueue_export,
    enqueue_import,
    enqueue_s3_import,
)
from rubberduck.web.projects import project_pictures, projects, quota
from rubberduck.web.responses import as_json
from rubberduck.web.uploads import json_body, picture_from_body, upload_errors

Body = TypeVar("Body")
DEFAULT_LIMIT, MAX_LIMIT = 50, 100
LIST_PARAMETERS = ("limit", "state", "split")
STATES, SIDES = ("unlabelled", "labelled", "nothing"), ("train", "validation", "test")


@api.get("/projects")
def list_projects() -> ResponseReturnValue:
    require_labeller()
    listed = tuple(
        bodies.project_body(each, quota(), project_pictures().size(each.id), full=False)
        for each in projects().list_all()
    )
    return as_json(bodies.ProjectsBody(listed))


@api.post("/projects")
def create_project() -> ResponseReturnValue:
    person = require_operator()
    given = _parsed(bodies.ProjectRequestBody)
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
    given, book = _parsed(bodies.ProjectChangeBody), projects()
    book.rename(id, given.name)
    book.set_question(id, given.question)
    project = book.set_keep_days(id, given.keep_days)
    audit("project.change", project.name, id=id)
    return _project_response(id)


@api.delete("/projects/<id>")
def delete_project(id: str) -> ResponseReturnValue:
    """Hide the project and queue its deletion."""
    require_operator()
    project = projects().get(id)
    job_id = enqueue_deletion(project)
    audit("project.delete", project.name, id=id)
    return as_json(bodies.job_body(job_id), HTTPStatus.ACCEPTED)


@api.post("/projects/<id>/labels")
def add_project_labels(id: str) -> ResponseReturnValue:
    require_operator()
    project = projects().add_labels(id, _parsed(bodies.LabelNamesBody).names)
    audit("labels.add", project.name, id=id)
    return _project_response(id)


@api.put("/projects/<id>/labels")
def order_project_labels(id: str) -> ResponseReturnValue:
    require_operator()
    project = projects().reorder_labels(id, _parsed(bodies.LabelOrderBody).ids)
    audit("label.change", project.name, id=id)
    return _project_response(id)


@api.put("/projects/<id>/labels/<label_id>")
def rename_project_label(id: str, label_id: str) -> ResponseReturnValue:
    require_operator()
    project = projects().rename_label(id, label_id, _parsed(bodies.LabelNameBody).name)
    audit("label.change", project.name, id=id, label=label_id)
    return _project_response(id)


@api.delete("/projects/<id>/labels/<label_id>")
def remove_project_label(id: str, label_id: str) -> ResponseReturnValue:
    """Delete a label; `into` takes its place, or `confirm` deletes its boxes."""
    from rubberduck.custom_models.label_removal import remove_label

    require_operator()
    into, confirmed = request.args.get("into") or None, _flag("confirm")
    project = remove_label(projects(), id, label_id, into=into, confirmed=confirmed)
    audit("label.remove", project.name, id=id, label=label_id, into=into)
    return _project_response(id)


@api.get("/projects/<id>/pictures")
def list_project_pictures(id: str) -> ResponseReturnValue:
    person = require_labeller()
    projects().get(id)
    limit = request.args.get("limit", str(DEFAULT_LIMIT))
    if not limit.isdecimal() or not 1 <= int(limit) <= MAX_LIMIT:
        raise InvalidParameter("“limit” must be a number from 1 to {most}.", most=MAX_LIMIT)
    filters: Any = {"state": _choice("state", STATES), "split": _choice("split", SIDES)}
    filters["hides_truth"] = not person.is_operator
    page = project_pictures().page(id, int(limit), request.args.get("cursor"), **filters)
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
    data, file_name = picture_from_body(), request.args.get("file_name", "")
    if request.files and not file_name:
        file_name = request.files[PICTURE_FIELD].filename or ""
    upload = Upload(
        data,
        file_name,
        created_by=person.id,
        shrink=_flag("shrink"),
        near_is_fine=_flag("near"),
    )
    outcome = project_pictures().add(project, upload)
    picture = outcome.picture
    if label and (isinstance(outcome, Added) or outcome.is_exact):
        picture = _with_label(id, person.id, picture.id, label)
    if isinstance(outcome, Added):
        body = bodies.AddedPictureBody("added", bodies.picture_body(picture), outcome.changes)
        return as_json(body, HTTPStatus.CREATED)
    kind = "duplicate" if outcome.is_exact else "near"
    return as_json(bodies.AddedPictureBody(kind, bodies.picture_body(picture), ()))  # type: ignore[arg-type]


def _with_label(id: str, person_id: str, picture_id: str, name: str) -> Any:
    """Label a whole picture that is not labelled; a label of a new name is added."""
    from rubberduck.custom_models.dataset import Picture, Report
    from rubberduck.custom_models.project_datasets import Importer

    project = projects().get(id)
    if project.kind != "pictures":
        raise InvalidParameter("This project has boxes, so “label” cannot be given.")
    project = projects().add_labels(id, [name])
    importer = Importer(pipeline().results.database, project, person_id)
    known = " ".join(name.split())
    stored = project_pictures().get(id, picture_id)
    importer.annotate(stored, Picture(picture_id, labels=(known,)), Report())
    return project_pictures().get(id, picture_id)


@api.get("/projects/<id>/pictures/<picture_id>")
def get_project_picture(id: str, picture_id: str) -> ResponseReturnValue:
    hides_truth = not require_labeller().is_operator
    picture = project_pictures().get(id, picture_id, hides_truth=hides_truth)
    return as_json(bodies.picture_body(picture))


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
    given = _parsed(bodies.SideRequestBody)
    picture = project_pictures().get(id, picture_id)
    set_sides(pipeline().results.database, id, [picture.id], given.split)
    audit("pictures.side", id, id=id, pictures=1, side=given.split)
    return as_json(bodies.picture_body(project_pictures().get(id, picture_id)))


@api.delete("/projects/<id>/pictures/<picture_id>")
def delete_project_picture(id: str, picture_id: str) -> ResponseReturnValue:
    require_operator()
    project = projects().get(id)
    picture = project_pictures().get(id, picture_id)
    project_pictures().delete(id, [picture.id])
    audit("pictures.delete", project.name, id=id, pictures=1)
    return no_content()


@api.post("/projects/<id>/imports")
def import_into_project(id: str) -> ResponseReturnValue:
    """Queue the import of a ZIP or of a file of labels: the form's field `picture`."""
    require_operator()
    project = projects().get(id)
    with upload_errors():
        files: list[FileStorage] = request.files.getlist(PICTURE_FIELD)
    if not files or not files[0].filename:
        raise NoPicture(
            "The request has no file in a multipart field named “{field}”.", field=PICTURE_FIELD
        )
    options = {name: _flag(name) for name in ("folders", "near", "shrink")}
    job_id = enqueue_import(project, files[0], options)
    audit("project.import", project.name, id=id)
    return as_json(bodies.job_body(job_id), HTTPStatus.ACCEPTED)


@api.post("/projects/<id>/imports/s3")
def import_s3_into_project(id: str) -> ResponseReturnValue:
    require_operator()
    project, given = projects().get(id), _parsed(bodies.S3ImportBody)
    options = {"folders": given.folders, "near": given.near, "shrink": given.shrink}
    job_id = enqueue_s3_import(project, given.address, options)
    audit("project.import", project.name, id=id, address=given.address)
    return as_json(bodies.job_body(job_id), HTTPStatus.ACCEPTED)


@api.post("/projects/<id>/exports")
def export_project(id: str) -> ResponseReturnValue:
    require_operator()
    project, given = projects().get(id), _parsed(bodies.ExportRequestBody)
    job_id = enqueue_export(project, given.format, given.pictures)
    audit("project.export", project.name, id=id, format=given.format)
    return as_json(bodies.job_body(job_id), HTTPStatus.ACCEPTED)


@api.get("/projects/<id>/exports/<job_id>")
def get_project_export(id: str, job_id: str) -> ResponseReturnValue:
    """Return the ZIP that an export made; 409 while its job has not ended."""
    from rubberduck.core.errors import JobEnded, NoSuchJob

    require_operator()
    project, job = projects().get(id), job_queue().get(job_id, f"project:{id}")
    if job.kind != "export-project":
        raise NoSuchJob
    if job.state != "done":
        raise JobEnded("The export is {state}.", state=job.state)
    return export_response(project.id, project.name, job.id)


def export_response(project_id: str, name: str, job_id: str) -> ResponseReturnValue:
    """Return the ZIP of an export, or a redirect to the bucket. Raises NoSuchProject."""
    from flask import send_file

    from rubberduck.custom_models.errors import NoSuchProject
    from rubberduck.custom_models.project_keys import export_key

    storage, key = pipeline().storage, export_key(project_id, job_id)
    if url := storage.url(key, f"{job_id}.zip"):
        return redirect(url)
    path = storage.local_path(key)
    if path is None or not path.is_file():
        raise NoSuchProject
    return send_file(path, "application/zip", as_attachment=True, download_name=f"{name}.zip")


@api.get("/projects/<id>/checks")
def check_project(id: str) -> ResponseReturnValue:
    from rubberduck.custom_models import project_checks

    require_operator()
    project = projects().get(id)
    pictures = list(project_pictures().each(id, labelled_only=True))
    check = project_checks.check_project(project, pictures, pipeline().storage)
    findings = tuple(
        bodies.FindingBody(
            code=finding.code,
            effect=finding.rule.effect,
            message=finding.rule.means,
            advice=finding.rule.advice,
            count=finding.count,
            examples=tuple(": ".join(filter(None, each)) for each in finding.examples),
        )
        for finding in check.check.findings.values()
    )
    body = bodies.ChecksBody(
        check.is_ok, findings, check.unused_labels, check.no_test, len(pictures)
    )
    return as_json(body)


@api.get("/projects/<id>/split")
def get_project_split(id: str) -> ResponseReturnValue:
    require_operator()
    return _split_response(id)


@api.post("/projects/<id>/split")
def split_project(id: str) -> ResponseReturnValue:
    from rubberduck.custom_models.project_sides import plan_sides, save_sides

    require_operator()
    project, given = projects().get(id), _parsed(bodies.SplitRequestBody)
    pictures = list(project_pictures().each(id, labelled_only=True))
    planned = plan_sides(pictures, given.seed, again=given.again)
    sides = {picture: side for picture, (side, _) in planned.items()}
    save_sides(pipeline().results.database, id, sides)
    audit("project.split", project.name, id=id, seed=given.seed, again=given.again)
    return _split_response(id)


@api.get("/projects/<id>/visitor-pictures")
def list_visitor_pictures(id: str) -> ResponseReturnValue:
    from rubberduck.custom_models.visitors_pictures import candidates

    require_operator()
    projects().get(id)
    found = tuple(
        bodies.CandidateBody(each.result_id, each.said, rfc3339(each.created_at), len(each.boxes))
        for each in candidates(pipeline().results, id)
    )
    return as_json(bodies.CandidatesBody(found))


@api.post("/projects/<id>/visitor-pictures")
def take_in_visitor_pictures(id: str) -> ResponseReturnValue:
    from rubberduck.custom_models.project_datasets import Importer
    from rubberduck.custom_models.visitors_pictures import take_in

    person, project = require_operator(), projects().get(id)
    given, results = _parsed(bodies.TakeInRequestBody), pipeline().results
    importer = Importer(results.database, project, person.id)
    number = take_in(results, project_pictures(), importer, given.results, given.label)
    audit("project.collect", project.name, id=id, pictures=number)
    return as_json(bodies.TakenInBody(number))


def _project_response(id: str) -> Response:
    project = projects().get(id)
    counts = project_pictures().counts(id)
    return as_json(bodies.project_body(project, quota(), counts, full=True))


def _split_response(id: str) -> Response:
    from rubberduck.custom_models.project_sides import split_table

    project = projects().get(id)
    table = split_table(project, project_pictures().each(id, labelled_only=True))
    rows = {each.name: table.counts.get(each.id, Counter()) for each in project.labels}
    counts = tuple(
        bodies.SideCountsBody(label, **{side: sides[side] for side in SIDES})
        for label, sides in (rows | {"": table.nothing}).items()
    )
    return as_json(bodies.SplitBody(counts, table.without))


def _flag(name: str) -> bool:
    given = request.args.get(name, "false")
    if given not in ("true", "false"):
        raise InvalidParameter("“{name}” must be true or false.", name=name)
    return given == "true"


def _choice(name: str, choices: tuple[str, ...]) -> str | None:
    given = request.args.get(name)
    if given is not None and given not in choices:
        named = ", ".join(choices)
        raise InvalidParameter("“{name}” must be one of {choices}.", name=name, choices=named)
    return given


def _parsed(kind: type[Body]) -> Body:
    try:
        return TypeAdapter(kind).validate_json(json_body(), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidParameter(
            "The request is not valid at “{place}”: {problem}.",
            place="/".join(map(str, first["loc"])),
            problem=first["msg"],
        ) from None
