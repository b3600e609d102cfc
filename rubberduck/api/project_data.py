"""The API of what goes into projects and comes out of them: data sets, checks, the split."""

from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Response, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from rubberduck.api import project_schemas as bodies
from rubberduck.api.blueprint import api
from rubberduck.api.project_pictures import SIDES
from rubberduck.api.requests import flag, parsed_body
from rubberduck.core.errors import JobEnded, NoPicture, NoSuchJob
from rubberduck.web.deps import job_queue, pipeline
from rubberduck.web.formatting import rfc3339
from rubberduck.web.multipart import PICTURE_FIELD
from rubberduck.web.operators import audit, require_operator
from rubberduck.web.project_exports import export_response, finished_exports
from rubberduck.web.project_import import (
    enqueue_export,
    enqueue_import,
    enqueue_s3_import,
)
from rubberduck.web.projects import project_pictures, projects
from rubberduck.web.responses import as_json
from rubberduck.web.uploads import upload_errors

if TYPE_CHECKING:
    from rubberduck.custom_models.project_pictures import ProjectPicture

MAX_CROSSINGS = MAX_CROSSING_PICTURES = 100


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
    options = {name: flag(name) for name in ("folders", "near", "shrink")}
    job_id = enqueue_import(project, files[0], options)
    audit("project.import", project.name, id=id)
    return as_json(bodies.job_body(job_id), HTTPStatus.ACCEPTED)


@api.post("/projects/<id>/imports/s3")
def import_s3_into_project(id: str) -> ResponseReturnValue:
    require_operator()
    project, given = projects().get(id), parsed_body(bodies.S3ImportBody)
    options = {"folders": given.folders, "near": given.near, "shrink": given.shrink}
    job_id = enqueue_s3_import(project, given.address, options)
    audit("project.import", project.name, id=id, address=given.address)
    return as_json(bodies.job_body(job_id), HTTPStatus.ACCEPTED)


@api.post("/projects/<id>/exports")
def export_project(id: str) -> ResponseReturnValue:
    require_operator()
    project, given = projects().get(id), parsed_body(bodies.ExportRequestBody)
    job_id = enqueue_export(project, given.format, given.pictures)
    audit("project.export", project.name, id=id, format=given.format)
    return as_json(bodies.job_body(job_id), HTTPStatus.ACCEPTED)


@api.get("/projects/<id>/exports")
def list_project_exports(id: str) -> ResponseReturnValue:
    """Return the exports that can be downloaded, newest first."""
    require_operator()
    projects().get(id)
    return as_json(bodies.ExportsBody(tuple(map(bodies.export_body, finished_exports(id)))))


@api.get("/projects/<id>/exports/<job_id>")
def get_project_export(id: str, job_id: str) -> ResponseReturnValue:
    """Return the ZIP that an export made; 409 while its job has not ended."""
    require_operator()
    project, job = projects().get(id), job_queue().get(job_id, f"project:{id}")
    if job.kind != "export-project":
        raise NoSuchJob
    if job.state != "done":
        raise JobEnded("The export is {state}.", state=job.state)
    return export_response(project.id, project.name, job.id)


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
    return as_json(
        bodies.ChecksBody(
            ok=check.is_ok,
            findings=findings,
            unused_labels=check.unused_labels,
            no_test=check.no_test,
            labelled=len(pictures),
            unlabelled=project_pictures().counts(id).pictures - len(pictures),
            nothing=check.nothing,
            lines=check.lines,
            dropped=check.dropped,
        )
    )


@api.get("/projects/<id>/split")
def get_project_split(id: str) -> ResponseReturnValue:
    require_operator()
    return _split_response(id)


@api.post("/projects/<id>/split")
def split_project(id: str) -> ResponseReturnValue:
    from rubberduck.custom_models.project_sides import plan_sides, save_sides

    require_operator()
    project, given = projects().get(id), parsed_body(bodies.SplitRequestBody)
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
    from rubberduck.custom_models.visitors_pictures import VisitorsPictures

    person, project = require_operator(), projects().get(id)
    given, results = parsed_body(bodies.TakeInRequestBody), pipeline().results
    importer = Importer(results.database, project, person.id)
    pictures = VisitorsPictures(results, project_pictures(), importer)
    taken = pictures.take_in(given.results, given.label, near_is_fine=flag("near"))
    audit("project.collect", project.name, id=id, pictures=taken.number)
    refused = tuple(bodies.LeftOutBody(each, str(why)) for each, why in taken.refused.items())
    return as_json(bodies.TakenInBody(taken.number, refused))


def _split_response(id: str) -> Response:
    from rubberduck.custom_models.project_sides import split_groups, split_table

    project = projects().get(id)
    pictures = list(project_pictures().each(id, labelled_only=True))
    table, groups = split_table(project, pictures), split_groups(pictures)
    rows = {each.name: table.counts.get(each.id, Counter()) for each in project.labels}
    counts = tuple(
        bodies.SideCountsBody(label, **{side: sides[side] for side in SIDES})
        for label, sides in (rows | {"": table.nothing}).items()
    )
    return as_json(
        bodies.SplitBody(
            counts=counts,
            without=table.without,
            groups=groups.number,
            groups_on_two_sides=len(groups.crossing),
            crossings=tuple(map(_crossing_body, groups.crossing[:MAX_CROSSINGS])),
            **{side: table.totals[side] for side in SIDES},
        )
    )


def _crossing_body(group: "Sequence[ProjectPicture]") -> bodies.CrossingBody:
    sides = Counter(picture.split for picture in group)
    shown = sorted(group, key=lambda picture: not picture.split_is_fixed)[:MAX_CROSSING_PICTURES]
    pictures = tuple(
        bodies.CrossingPictureBody(each.id, each.file_name, each.split, each.split_is_fixed)  # type: ignore[arg-type]
        for each in shown
    )
    return bodies.CrossingBody(pictures=pictures, **{side: sides[side] for side in SIDES})
