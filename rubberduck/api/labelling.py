"""The API of labelling: the next picture of a project, what it shows, and who said so."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import FailFast, Field

from rubberduck.api.blueprint import api
from rubberduck.api.body_classes import body_class
from rubberduck.api.requests import parsed_body
from rubberduck.api.routes import no_content
from rubberduck.api.schemas import WHOLE, Timestamp
from rubberduck.core.errors import InvalidParameter
from rubberduck.web.deps import pipeline, shared
from rubberduck.web.formatting import rfc3339
from rubberduck.web.logging import request_id
from rubberduck.web.operators import audit, require_labeller, require_operator
from rubberduck.web.problem_details import PROBLEM, Address, ProblemBody, problem_body
from rubberduck.web.responses import as_json
from rubberduck.web.uploads import json_body

if TYPE_CHECKING:
    from rubberduck.custom_models.annotations import Annotation
    from rubberduck.custom_models.labelling import Labelling, Lease, Task
    from rubberduck.custom_models.suggestions import Suggestions

MAX_LABELS, MAX_SENT_BOXES, MAX_SKIPPED = 250, 1000, 100
MAX_SIDE = 100_000
Id = Annotated[str, Field(max_length=24, pattern=r"^[ -~]+$")]
Place = Annotated[float, Field(ge=0, le=MAX_SIDE, allow_inf_nan=False)]
Side = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]


@body_class
class LabelBoxBody:
    """A rectangle in pixels of the upright picture."""

    label: Annotated[Id, Field(description="the id of a label of the project")]
    left: Place
    top: Place
    width: Place
    height: Place
    crowd: Annotated[bool, Field(description="many things in one box, as COCO's iscrowd")]


Boxes = Annotated[
    tuple[LabelBoxBody, ...],
    FailFast(),  # one error is enough
    Field(max_length=MAX_SENT_BOXES, description="everything in the picture that has a label"),
]
LabelIds = Annotated[
    tuple[Id, ...],
    FailFast(),
    Field(max_length=MAX_LABELS, description="ids of the labels of the whole picture"),
]
Revision = Annotated[
    int, Field(ge=0, le=2**31 - 2, description="counts what was saved; 0: not labelled"), WHOLE
]


@body_class
class LabelsRequestBody:
    """What a picture shows. Without boxes and labels: nothing that the project looks for."""

    revision: Annotated[Revision, Field(description="the one that you saw")]
    boxes: Boxes
    labels: LabelIds


@body_class
class HintRequestBody:
    """Which labels a picture shows whose boxes are still to be drawn."""

    labels: LabelIds


@body_class
class NextRequestBody:
    """Which pictures not to give, because they were skipped."""

    skip: Annotated[tuple[Id, ...], FailFast(), Field(max_length=MAX_SKIPPED)]


@body_class
class LeaseBody:
    """Whether the picture is yours at the moment, for a few minutes."""

    is_held: bool
    holder: Annotated[str | None, Field(description="the name of another person who has it")]
    revision: Revision


@body_class
class TaskBody:
    """A picture to label, with what it was said to show so far."""

    id: str
    file_name: str
    width: Annotated[Side, Field(description="width of the upright picture in pixels")]
    height: Annotated[Side, Field(description="height of the upright picture in pixels")]
    preview: Annotated[Address, Field(description="the upright picture, at most 1280 pixels long")]
    revision: Revision
    boxes: Boxes
    labels: LabelIds
    labelled_by: Annotated[str | None, Field(description="who labelled it last; null: nobody")]
    labelled_at: Annotated[Timestamp | None, Field(description="when; null: never")]
    is_truth: Annotated[bool, Field(description="labellers are rated by it")]
    lease: LeaseBody


@body_class
class LabellingProgressBody:
    """How far the labelling of the project is."""

    pictures: Annotated[int, Field(ge=0)]
    labelled: Annotated[int, Field(ge=0)]


@body_class
class NextBody:
    """The next picture to label."""

    task: Annotated[TaskBody | None, Field(description="null if none is left for you")]
    progress: LabellingProgressBody


@body_class
class HistoryEntryBody:
    """An annotation that was saved."""

    revision: Revision
    labelled_by: str
    labelled_at: Timestamp
    boxes: Boxes
    labels: LabelIds


@body_class
class HistoryBody:
    """Every annotation of a picture, the newest first."""

    entries: tuple[HistoryEntryBody, ...]


@body_class
class SuggestedBoxBody(LabelBoxBody):
    """A box that a model suggests."""

    score: Share


@body_class
class SuggestionsBody:
    """What came with a picture, or what the newest embedded model sees in it."""

    version: Annotated[
        int | None, Field(description="the number of the version; null: it came so, or none yet")
    ]
    boxes: tuple[SuggestedBoxBody, ...]
    labels: LabelIds


@body_class
class LabellerBody:
    """A person's figures in a project."""

    name: str
    pictures: Annotated[int, Field(ge=0, description="pictures labelled")]
    truth_pictures: Annotated[int, Field(ge=0, description="answers compared with the truth")]
    agreement: Annotated[Share | None, Field(description="mean F1 with the truth; null: none yet")]
    last_at: Timestamp


@body_class
class LabellersBody:
    """Everybody who labelled in the project, by name."""

    labellers: tuple[LabellerBody, ...]


@dataclass(frozen=True)  # as its base is
class LabelsConflictBody(ProblemBody):
    """Somebody else saved the picture; `current` is what they saved."""

    current: TaskBody


@api.post("/projects/<id>/labelling/next")
def next_labelling_task(id: str) -> ResponseReturnValue:
    """Lease the next picture to label to the caller."""
    work, data = labelling(id), json_body()
    task = work.next(parsed_body(NextRequestBody, data).skip if data else ())
    return as_json(NextBody(task_body(id, task) if task else None, progress_body(work)))


@api.get("/projects/<id>/pictures/<picture_id>/labels")
def get_picture_labels(id: str, picture_id: str) -> ResponseReturnValue:
    return as_json(task_body(id, labelling(id).get(picture_id)))


@api.post("/projects/<id>/pictures/<picture_id>/labels/open")
def open_picture_labels(id: str, picture_id: str) -> ResponseReturnValue:
    """Return one picture, leased to the caller unless another person has it."""
    return as_json(task_body(id, labelling(id).open(picture_id)))


@api.put("/projects/<id>/pictures/<picture_id>/labels")
def put_picture_labels(id: str, picture_id: str) -> ResponseReturnValue:
    """Save what the picture shows, unless somebody did since `revision`."""
    from rubberduck.custom_models.errors import PictureChanged

    work = labelling(id)
    given = parsed_body(LabelsRequestBody)
    try:
        work.save(picture_id, given.revision, _annotation(given))
    except PictureChanged as error:
        problem = problem_body(error.problem, request.path, request_id())
        current = task_body(id, work.get(picture_id))
        response = as_json(LabelsConflictBody(**asdict(problem), current=current), problem.status)
        response.mimetype = PROBLEM
        return response
    return as_json(progress_body(work))


@api.put("/projects/<id>/pictures/<picture_id>/labels/hint")
def put_picture_hint(id: str, picture_id: str) -> ResponseReturnValue:
    """Note which labels an unlabelled picture shows, for whoever draws the boxes."""
    work = labelling(id)
    given = parsed_body(HintRequestBody)
    if work.project.kind == "pictures":
        raise InvalidParameter("This project labels whole pictures: save the labels instead.")
    work.hint(picture_id, given.labels)
    return no_content()


@api.post("/projects/<id>/pictures/<picture_id>/lease")
def renew_picture_lease(id: str, picture_id: str) -> ResponseReturnValue:
    """Extend the caller's lease of the picture, or take it again if nobody did."""
    return as_json(_lease_body(labelling(id).renew(picture_id)))


@api.get("/projects/<id>/pictures/<picture_id>/labels/history")
def get_picture_history(id: str, picture_id: str) -> ResponseReturnValue:
    """Return every annotation of the picture."""
    entries = [
        HistoryEntryBody(
            entry.revision, entry.labelled_by, rfc3339(entry.labelled_at), **_said(entry.annotation)
        )
        for entry in labelling(id).history(picture_id)
    ]
    return as_json(HistoryBody(tuple(entries)))


@api.get("/projects/<id>/pictures/<picture_id>/suggestions")
def get_picture_suggestions(id: str, picture_id: str) -> ResponseReturnValue:
    """Return what came with the picture or the newest model suggests; nothing is saved."""
    from rubberduck.custom_models.video_suggestions import stored_suggestion

    work = labelling(id)
    task = work.get(picture_id)
    found = stored_suggestion(work.database, work.project, task)
    try:
        found = found or suggestions().suggest(work.project, task)
    except FileNotFoundError:  # deleted in the same second
        found = None
    if found is None:
        return as_json(SuggestionsBody(None, (), ()))
    pairs = zip(found.annotation.boxes, found.scores, strict=True)
    boxes = tuple(SuggestedBoxBody(**asdict(box), score=score) for box, score in pairs)
    return as_json(SuggestionsBody(found.version, boxes, found.annotation.labels))


@api.put("/projects/<id>/pictures/<picture_id>/truth")
def put_picture_truth(id: str, picture_id: str) -> Response:
    return _mark_truth(id, picture_id, is_truth=True)


@api.delete("/projects/<id>/pictures/<picture_id>/truth")
def delete_picture_truth(id: str, picture_id: str) -> Response:
    return _mark_truth(id, picture_id, is_truth=False)


@api.get("/projects/<id>/labellers")
def list_labellers(id: str) -> ResponseReturnValue:
    """Return the figures of everybody who labelled in the project; for operators."""
    require_operator()
    found = [
        LabellerBody(**{**asdict(each), "last_at": rfc3339(each.last_at)})
        for each in labelling(id).labellers()
    ]
    return as_json(LabellersBody(tuple(found)))


def _mark_truth(id: str, picture_id: str, *, is_truth: bool) -> Response:
    require_operator()
    labelling(id).mark_truth(picture_id, is_truth)
    audit("picture.truth", picture_id, project=id, is_truth=is_truth)
    return no_content()


def labelling(project_id: str) -> "Labelling":
    """Return the labelling of a project by the person of this request.

    Raises NotSignedIn, NoSuchProject.
    """
    person = require_labeller()
    # Imported late, as all of custom_models: visitors' requests need none of it.
    from rubberduck.custom_models.labelling import Labelling
    from rubberduck.custom_models.projects import Projects

    database = pipeline().results.database
    project = Projects(database).get(project_id)
    return Labelling(database, project, person.id, sees_truth=person.is_operator)


def suggestions() -> "Suggestions":
    """Return the models that suggest labels; the last one stays in memory."""
    from rubberduck.custom_models.suggestions import Suggestions
    from rubberduck.custom_models.versions import Versions

    return shared(
        "suggestions",
        lambda: Suggestions(Versions(pipeline().results.database), pipeline().storage),
    )


def task_body(project_id: str, task: "Task") -> TaskBody:
    return TaskBody(
        id=task.picture_id,
        file_name=task.file_name,
        width=task.width,
        height=task.height,
        preview=url_for("api.get_project_preview", id=project_id, picture_id=task.picture_id),
        revision=task.revision,
        labelled_by=task.labelled_by,
        labelled_at=rfc3339(task.labelled_at) if task.labelled_at else None,
        is_truth=task.is_truth,
        lease=_lease_body(task.lease),
        **_said(task.annotation),
    )


def progress_body(work: "Labelling") -> LabellingProgressBody:
    return LabellingProgressBody(**asdict(work.progress()))


def _lease_body(lease: "Lease") -> LeaseBody:
    return LeaseBody(**asdict(lease))


def _said(annotation: "Annotation") -> dict[str, Any]:
    boxes = tuple(LabelBoxBody(**asdict(box)) for box in annotation.boxes)
    return {"boxes": boxes, "labels": annotation.labels}


def _annotation(given: LabelsRequestBody) -> "Annotation":
    from rubberduck.custom_models.annotations import Annotation
    from rubberduck.custom_models.dataset import Box

    def box(body: LabelBoxBody) -> Box:
        left, top, width, height = map(_plain, (body.left, body.top, body.width, body.height))
        return Box(body.label, left, top, width, height, body.crowd)

    return Annotation(tuple(map(box, given.boxes)), given.labels)


def _plain(value: float) -> float:
    """Return whole pixels as an integer, as they were sent."""
    return int(value) if value.is_integer() else value
