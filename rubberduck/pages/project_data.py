"""The data set of a project: import, export, checks, split, visitors' pictures."""

import tempfile
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Blueprint, Response, flash, redirect, send_file, url_for
from flask.typing import ResponseReturnValue

from rubberduck.core.errors import InvalidParameter
from rubberduck.core.sentences import translated
from rubberduck.pages.projects import NAMED_REFUSALS, THUMBNAIL_SIDE, side_names, stored_object
from rubberduck.web.deps import job_queue, pipeline, text
from rubberduck.web.forms import keep_typed
from rubberduck.web.operators import audit, require_operator
from rubberduck.web.project_exports import export_response, finished_exports
from rubberduck.web.project_import import (
    FORMATS,
    enqueue_export,
    enqueue_s3_import,
)
from rubberduck.web.projects import project_pictures, projects
from rubberduck.web.responses import jpeg_response, private_page
from rubberduck.web.uploads import form_value, form_values

if TYPE_CHECKING:
    from rubberduck.custom_models.projects import Project
    from rubberduck.custom_models.visitors_pictures import TakenIn

project_data = Blueprint("project_data", __name__, url_prefix="/projects/<id>")
DIRECT_PICTURES = 2000  # labels of more pictures are exported by a job
FORMAT_TITLES = {
    "manifest": "Custom Labels manifest",
    "coco": "COCO",
    "yolo": "YOLO",
    "voc": "Pascal VOC",
    "label-studio": "Label Studio JSON",
}
MAX_NOTES = 5
MAX_SEED, MAX_DIGITS = 1_000_000, 10


@project_data.get("/data")
def index(id: str) -> ResponseReturnValue:
    """Return the page to import and export."""
    from rubberduck.storage.s3 import S3Storage

    require_operator()
    project, storage = projects().get(id), pipeline().storage
    return private_page(
        "project_data.html",
        project=project,
        formats=formats_for(project),
        bucket=storage.bucket if isinstance(storage, S3Storage) else None,
        exports=finished_exports(id),
    )


@project_data.post("/s3")
@keep_typed("bucket", index)
def import_from_bucket(id: str) -> ResponseReturnValue:
    """Queue the import of the objects below a prefix."""
    require_operator()
    project, address = projects().get(id), form_value("address").strip()
    options = {name: form_value(name) == "1" for name in ("folders", "near", "shrink")}
    job_id = enqueue_s3_import(project, address, options)
    audit("project.import", project.name, id=id, address=address)
    return redirect(url_for("jobs.show", id=job_id), HTTPStatus.SEE_OTHER)


@project_data.post("/export")
def export(id: str) -> ResponseReturnValue:
    """Return the labels of a small project; otherwise queue a job that makes a ZIP."""
    require_operator()
    project, format = projects().get(id), form_value("format")
    with_pictures = form_value("pictures") == "1"
    audit("project.export", project.name, id=id, format=format)
    is_small = project_pictures().counts(id).pictures <= DIRECT_PICTURES
    if format in FORMATS and is_small and not with_pictures:
        return labels_response(project, format)
    job_id = enqueue_export(project, format, with_pictures)
    return redirect(url_for("jobs.show", id=job_id), HTTPStatus.SEE_OTHER)


def formats_for(project: "Project") -> dict[str, str]:
    """Return the formats that have a place for the project's kind of labels, with their titles."""
    names = FORMATS if project.kind == "boxes" else ("manifest", "label-studio")
    return {name: FORMAT_TITLES[name] for name in names}


def labels_response(project: "Project", format: str) -> Response:
    """Return the labels of a project as a file; of formats of many files, as a ZIP."""
    from rubberduck.custom_models.project_export import FILES, Export

    site = pipeline()
    export = Export(site.results.database, site.storage, project)
    with tempfile.TemporaryDirectory() as folder:
        if format in FILES:
            path, notes = export.labels_file(Path(folder), format)
            name = f"{project.name}.{path.suffix[1:]}"
        else:
            path, name = Path(folder) / "labels.zip", f"{project.name}.zip"
            with path.open("wb") as target:
                notes = export.write_zip(target, format, with_pictures=False)
        content = BytesIO(path.read_bytes())
    for note in notes[:MAX_NOTES]:  # shown on the next page: the response is the file
        flash(note)
    return send_file(content, _media_type(path), as_attachment=True, download_name=name)


def _media_type(path: Path) -> str:
    types = {".zip": "application/zip", ".json": "application/json"}
    return types.get(path.suffix, "application/jsonl")


@project_data.get("/exports/<job_id>.zip")
def download_export(id: str, job_id: str) -> ResponseReturnValue:
    """Return the ZIP that an export made."""
    from rubberduck.custom_models.errors import NoSuchProject

    require_operator()
    project, job = projects().get(id), job_queue().get(job_id, f"project:{id}")
    if job.kind != "export-project" or not job.result:
        raise NoSuchProject
    return export_response(id, project.name, job.id)


@project_data.get("/checks")
def checks(id: str) -> ResponseReturnValue:
    """Return what Custom Labels would refuse, and the split."""
    from rubberduck.custom_models.project_checks import check_project
    from rubberduck.custom_models.project_sides import split_groups, split_table

    require_operator()
    project = projects().get(id)
    pictures = list(project_pictures().each(id, labelled_only=True))
    groups = split_groups(pictures)
    return private_page(
        "project_checks.html",
        project=project,
        sides=side_names(),
        check=check_project(project, pictures, pipeline().storage),
        unlabelled=project_pictures().counts(id).pictures - len(pictures),
        table=split_table(project, pictures),
        groups=groups.number,
        crossing=len(groups.crossing),
    )


@project_data.post("/split")
def split(id: str) -> ResponseReturnValue:
    """Give labelled pictures a side: new ones only, or all again with a seed."""
    from rubberduck.custom_models.project_sides import plan_sides, save_sides

    require_operator()
    project, seed = projects().get(id), form_value("seed") or "0"
    if not seed.isdecimal() or len(seed) > MAX_DIGITS or int(seed) > MAX_SEED:
        raise InvalidParameter("The seed must be a number from 0 to {most}.", most=MAX_SEED)
    again = form_value("again") == "1"
    pictures = list(project_pictures().each(id, labelled_only=True))
    planned = plan_sides(pictures, int(seed), again=again)
    sides = {picture_id: side for picture_id, (side, _) in planned.items()}
    save_sides(pipeline().results.database, id, sides)
    audit("project.split", project.name, id=id, seed=int(seed), again=again)
    flash(text("The pictures are split."))
    return redirect(url_for("project_data.checks", id=id), HTTPStatus.SEE_OTHER)


@project_data.get("/visitors")
def visitors(id: str) -> ResponseReturnValue:
    """Return visitors' pictures that were judged wrong and may be used for training."""
    from rubberduck.custom_models.visitors_pictures import candidates

    require_operator()
    project = projects().get(id)
    found = candidates(pipeline().results, id)
    return private_page("project_visitors.html", project=project, candidates=found)


@project_data.post("/visitors")
def take_visitors_pictures(id: str) -> ResponseReturnValue:
    """Take the selected pictures in; their boxes get a label if one is chosen."""
    from rubberduck.custom_models.project_datasets import Importer
    from rubberduck.custom_models.visitors_pictures import VisitorsPictures

    person = require_operator()
    project, label = projects().get(id), form_value("label") or None
    ids = form_values("result")
    if not ids:
        flash(text("Select pictures first."))
        return redirect(url_for("project_data.visitors", id=id), HTTPStatus.SEE_OTHER)
    site = pipeline()
    importer = Importer(site.results.database, project, person.id)
    visitors_pictures = VisitorsPictures(site.results, project_pictures(), importer)
    taken = visitors_pictures.take_in(ids, label, near_is_fine=form_value("near") == "1")
    audit("project.collect", project.name, id=id, pictures=taken.number)
    flash(_taken_in_words(taken))
    return redirect(url_for("project_data.visitors", id=id), HTTPStatus.SEE_OTHER)


def _taken_in_words(taken: "TakenIn") -> str:
    from rubberduck.custom_models.visitors_pictures import name_of

    said = [text("Pictures taken in: {number}.").format(number=taken.number)]
    if taken.refused:
        said.append(text("Refused: {number}.").format(number=len(taken.refused)))
    for result_id, why in list(taken.refused.items())[:NAMED_REFUSALS]:
        said.append(f"{name_of(result_id)}: {translated(why.to_json(), text)}")
    return " ".join(said)


@project_data.get("/visitors/<result_id>.jpg")
def visitors_thumbnail(id: str, result_id: str) -> ResponseReturnValue:
    """Return a small copy of a picture that its visitor allowed to train with."""
    from rubberduck.custom_models.visitors_pictures import consented_result
    from rubberduck.imaging.decode import smaller

    require_operator()
    key = consented_result(pipeline().results, result_id)[0].picture_key
    return jpeg_response(f"{result_id}-small", lambda: smaller(stored_object(key), THUMBNAIL_SIDE))
