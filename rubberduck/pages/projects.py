"""Projects: their list, the page of one with its pictures, and pictures in."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import Blueprint, flash, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from rubberduck.core.errors import DuckError, InvalidParameter, NoPicture, Unavailable
from rubberduck.web.deps import pipeline, settings, text
from rubberduck.web.forms import keep_typed
from rubberduck.web.multipart import PICTURE_FIELD
from rubberduck.web.numbers import numbers
from rubberduck.web.operators import audit, audited, require_labeller, require_operator
from rubberduck.web.project_import import enqueue_import, is_archive
from rubberduck.web.projects import active_project_jobs, project_pictures, projects, quota
from rubberduck.web.responses import jpeg_response, private_page
from rubberduck.web.uploads import form_value, form_values, upload_errors

if TYPE_CHECKING:
    from rubberduck.custom_models.project_counts import Counts
    from rubberduck.custom_models.project_pictures import ProjectPicture
    from rubberduck.custom_models.projects import Project

projects_pages = Blueprint("projects", __name__, url_prefix="/projects")
PICTURES_PER_PAGE, THUMBNAIL_SIDE = 48, 320
STATES = ("unlabelled", "labelled", "nothing")
MIN_PICTURES = 10  # with boxes or a label, of each label: fewer teach little
LABELLERS_STEP = "label"  # the only one of `next_steps` that takes no operator
NAMED_REFUSALS = 3  # the flashed message is in a cookie


@projects_pages.get("/")
def index() -> ResponseReturnValue:
    """Return the list of projects, each with its counts."""
    person = require_labeller()
    listed = projects().list_all()
    counts = project_pictures().counts_of([each.id for each in listed])
    return private_page(
        "projects.html",
        projects=listed,
        counts=counts,
        person=person,
        used=_bytes_of_site() if person.is_operator else None,
        most=pipeline().storage_limits.site,
    )


def _bytes_of_site() -> int:
    from rubberduck.db.storage_usage import bytes_of_site

    return bytes_of_site(pipeline().results.database)


@projects_pages.get("/new")
def new() -> ResponseReturnValue:
    require_operator()
    return private_page("project_new.html")


@projects_pages.post("/")
@keep_typed("new", new)
def create() -> ResponseReturnValue:
    """Make a project; its labels are one a line."""
    person = require_operator()
    labels = form_value("labels").splitlines()
    made = projects().create(
        form_value("name"), form_value("kind"), labels, person.id, question=form_value("question")
    )
    audit("project.create", made.name, id=made.id)
    return redirect(url_for("projects.show", id=made.id), HTTPStatus.SEE_OTHER)


@projects_pages.get("/<id>")
def show(id: str) -> ResponseReturnValue:
    """Return the project with its counts, the next steps and a page of its pictures."""
    person = require_labeller()
    project = projects().get(id)
    state = request.args.get("show")
    if state is not None and state not in STATES:
        raise InvalidParameter("“show” must be unlabelled, labelled or nothing.")
    pictures = project_pictures()
    counts = pictures.counts(id)
    page = pictures.page(
        id,
        PICTURES_PER_PAGE,
        request.args.get("cursor"),
        state=state,
        hides_truth=not person.is_operator,
    )
    return private_page(
        "project.html",
        project=project,
        person=person,
        counts=counts,
        page=page,
        state=state,
        quota=quota(),
        steps=[
            step
            for step in next_steps(project, counts)
            if person.is_operator or step == LABELLERS_STEP
        ],
        jobs=active_project_jobs(id),
        sides=side_names(),
        max_archive=numbers().plain(settings().archive_bytes / 1e6),
    )


def side_names() -> dict[str, str]:
    return {"train": text("Training"), "validation": text("Validation"), "test": text("Test")}


def next_steps(project: "Project", counts: "Counts") -> list[str]:
    """Return what is still to be done before a training, as the template's keys."""
    few = [each for each in project.labels if counts.by_label.get(each.id, 0) < MIN_PICTURES]
    conditions = {
        "labels": not project.labels,
        "pictures": counts.pictures < MIN_PICTURES,
        "label": bool(counts.unlabelled),
        "few": bool(project.labels and few and not counts.unlabelled and counts.pictures),
        "train": bool(counts.labelled and not counts.unlabelled and not few),
    }
    return [name for name, applies in conditions.items() if applies]


@projects_pages.post("/<id>/pictures")
def upload(id: str) -> ResponseReturnValue:
    """Add the pictures of a form; a ZIP becomes a job."""
    require_operator()
    project = projects().get(id)
    with upload_errors():
        files = [file for file in request.files.getlist(PICTURE_FIELD) if file.filename]
    if not files:
        raise NoPicture("No file was chosen.")
    archives = [file for file in files if is_archive(file)]
    # Pictures first: the labels in a file beside them are of these.
    if pictures := [file for file in files if file not in archives]:
        audit("project.upload", project.name, id=id, files=len(pictures))
        _flash_outcomes(*_add_all(project, pictures))
    job_id = None
    for archive in archives:
        job_id = enqueue_import(project, archive, _options())
        # Noted at once: the next one may be refused.
        audit("project.upload", project.name, id=id, files=1)
    if job_id:
        return redirect(url_for("jobs.show", id=job_id), HTTPStatus.SEE_OTHER)
    return redirect(url_for("projects.show", id=id), HTTPStatus.SEE_OTHER)


def _options() -> dict[str, Any]:
    return {name: form_value(name) == "1" for name in ("folders", "near", "shrink")}


def _add_all(
    project: "Project", files: Sequence[FileStorage]
) -> tuple[Counter[str], list[tuple[str, str]]]:
    """Add pictures; return the counts, and the names of refused ones with the reasons."""
    from rubberduck.custom_models.project_pictures import Added, Upload

    person, options = require_operator(), _options()
    counts: Counter[str] = Counter()
    refused: list[tuple[str, str]] = []
    for file in files:
        picture = Upload(
            file.read(),
            file.filename or "",
            created_by=person.id,
            shrink=options["shrink"],
            near_is_fine=options["near"],
        )
        try:
            outcome = project_pictures().add(project, picture)
        except Unavailable:
            raise
        except DuckError as error:
            why = text(error.reason).format(**error.values)
            refused.append((picture.file_name, f"{text(error.title)}. {why}"))
            continue
        if isinstance(outcome, Added):
            counts["added"] += 1
        else:
            counts["exact" if outcome.is_exact else "near"] += 1
    return counts, refused


def _flash_outcomes(counts: "Counter[str]", refused: list[tuple[str, str]]) -> None:
    sentences = {
        "added": text("Pictures added: {number}."),
        "exact": text("Already in the project, so skipped: {number}."),
        "near": text("They look like a picture of the project, so skipped: {number}."),
    }
    said = [
        sentence.format(number=counts[name]) for name, sentence in sentences.items() if counts[name]
    ]
    if refused:
        said.append(text("Refused: {number}.").format(number=len(refused)))
        said += [f"{name[-40:]}: {why}" for name, why in refused[:NAMED_REFUSALS]]
    if said:
        flash(" ".join(said))


@projects_pages.post("/<id>/pictures/change")
def change_pictures(id: str) -> ResponseReturnValue:
    """Delete the selected pictures, or put them on a side of the split."""
    from rubberduck.custom_models.project_sides import set_sides

    require_operator()
    project, ids, what = projects().get(id), form_values("picture"), form_value("do")
    back = redirect(url_for("projects.show", id=id), HTTPStatus.SEE_OTHER)
    if not ids:
        flash(text("Select pictures first."))
    elif what == "delete" and not form_value("confirmed"):
        found = project_pictures().find(id, ids)
        return private_page("project_pictures_delete.html", project=project, pictures=found)
    elif what == "delete":
        with audited("pictures.delete", project.name, id=id, pictures=len(ids)):
            number = project_pictures().delete(id, ids)
        flash(text("Pictures deleted: {number}.").format(number=number))
    else:
        number = set_sides(pipeline().results.database, id, ids, what or None)
        audit("pictures.side", project.name, id=id, pictures=number, side=what or None)
        flash(text("Pictures moved: {number}.").format(number=number))
    return back


@projects_pages.get("/<id>/pictures/<picture_id>/preview.jpg")
def preview(id: str, picture_id: str) -> ResponseReturnValue:
    """Return the upright picture, its longer side at most 1280 pixels."""
    require_labeller()
    picture = project_pictures().get(id, picture_id)
    return _object(picture, picture.preview_key)


@projects_pages.get("/<id>/pictures/<picture_id>/thumbnail.jpg")
def thumbnail(id: str, picture_id: str) -> ResponseReturnValue:
    """Return the picture for the grid."""
    from rubberduck.imaging.decode import smaller

    require_labeller()
    key = project_pictures().get(id, picture_id).preview_key
    return jpeg_response(f"{picture_id}-small", lambda: smaller(stored_object(key), THUMBNAIL_SIDE))


@projects_pages.get("/<id>/pictures/<picture_id>/original")
def original(id: str, picture_id: str) -> ResponseReturnValue:
    """Return the stored original: its pixels and turn, without metadata."""
    require_operator()
    picture = project_pictures().get(id, picture_id)
    response = make_response(_object(picture, picture.key))
    if response.status_code == HTTPStatus.OK:
        response.mimetype = picture.content_type
    return response


def _object(picture: "ProjectPicture", key: str) -> ResponseReturnValue:
    if url := pipeline().storage.url(key):
        return redirect(url)
    return jpeg_response(key.rpartition("/")[2], partial(stored_object, key))


def stored_object(key: str) -> bytes:
    """Return an object. Raises NoSuchProject if it was deleted meanwhile."""
    from rubberduck.custom_models.errors import NoSuchProject

    try:
        return pipeline().storage.get(key)
    except FileNotFoundError:
        raise NoSuchProject from None
