"""The bodies of the API of projects."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

from flask import url_for
from pydantic import FailFast, Field

from rubberduck.api.body_classes import body_class
from rubberduck.api.labelling import LabelBoxBody
from rubberduck.api.schemas import WHOLE, ListLinks, Pixels, Timestamp
from rubberduck.web.formatting import rfc3339
from rubberduck.web.problem_details import Address

if TYPE_CHECKING:
    from rubberduck.custom_models.project_counts import Counts
    from rubberduck.custom_models.project_pictures import ProjectPicture, Quota
    from rubberduck.custom_models.projects import Project
    from rubberduck.jobs.models import Job

Count = Annotated[int, Field(ge=0)]
Kind = Literal["boxes", "pictures"]
Side = Literal["train", "validation", "test"]
Format = Literal["manifest", "coco", "yolo", "voc", "label-studio", "everything"]
Text = Annotated[str, Field(max_length=255)]
Names = Annotated[tuple[Text, ...], FailFast(), Field(max_length=250)]
Ids = Annotated[tuple[Text, ...], FailFast(), Field(max_length=250)]
KeepDays = Annotated[
    int | None,
    Field(ge=1, le=3650, description="pictures are deleted after so many days; null: never"),
    WHOLE,
]


@body_class
class ProjectLabelBody:
    """A label of a project."""

    id: str
    name: str
    pictures: Annotated[int | None, Field(description="pictures that have it; null in lists")]


@body_class
class ProjectLinks:
    """The URLs of a project."""

    self: Address
    page: Address
    pictures: Address


@body_class
class ProjectBody:
    """A project, with what it holds and may hold."""

    id: str
    name: str
    kind: Annotated[Kind, Field(description="whether boxes or whole pictures are labelled")]
    question: str
    labels: tuple[ProjectLabelBody, ...]
    keep_days: KeepDays
    created_at: Timestamp
    pictures: Count
    labelled: Annotated[int | None, Field(description="labelled pictures; null in lists")]
    nothing: Annotated[
        int | None, Field(description="of these, with nothing in them; null in lists")
    ]
    bytes: Annotated[int, Field(ge=0, description="of all originals")]
    max_pictures: Count
    max_bytes: Count
    links: ProjectLinks


@body_class
class ProjectsBody:
    """All projects, by name."""

    projects: tuple[ProjectBody, ...]


@body_class
class ProjectRequestBody:
    """A new project."""

    name: Annotated[str, Field(max_length=100)]
    kind: Kind
    labels: Names
    question: Annotated[str, Field(max_length=200, description="empty: made from the labels")]


@body_class
class ProjectChangeBody:
    """What can be changed of a project; labels have operations of their own."""

    name: Annotated[str, Field(max_length=100)]
    question: Annotated[str, Field(max_length=200, description="empty: made from the labels")]
    keep_days: KeepDays


@body_class
class LabelNamesBody:
    """Labels to add."""

    names: Names


@body_class
class LabelOrderBody:
    """All labels of a project, in their new order."""

    ids: Ids


@body_class
class LabelNameBody:
    """The new name of a label."""

    name: Text


@body_class
class ProjectPictureBody:
    """A picture of a project. Boxes are pixels of the upright picture."""

    id: str
    file_name: str
    created_at: Timestamp
    source: Annotated[str, Field(description="upload, archive, s3, video or result (a visitor's)")]
    format: Annotated[str, Field(description="JPEG or PNG")]
    bytes: Count
    width: Annotated[Pixels, Field(description="of the upright picture")]
    height: Annotated[Pixels, Field(description="of the upright picture")]
    turn: Annotated[int, Field(ge=1, le=8, description="Exif's orientation of the stored file")]
    revision: Annotated[int, Field(ge=0, description="0: not labelled")]
    boxes: tuple[LabelBoxBody, ...]
    labels: Annotated[tuple[str, ...], Field(description="ids of labels of the whole picture")]
    split: Annotated[Side | None, Field(description="the side of the split; null: none yet")]
    split_is_fixed: Annotated[bool, Field(description="by hand: a new split keeps it")]
    preview: Annotated[Address, Field(description="the upright picture, at most 1280 pixels long")]
    original: Annotated[
        Address, Field(description="the stored file, without metadata; for operators")
    ]


@body_class
class ProjectPicturesBody:
    """One page of pictures, newest first."""

    pictures: tuple[ProjectPictureBody, ...]
    links: ListLinks


@body_class
class AddedPictureBody:
    """What became of a picture that was sent."""

    outcome: Annotated[
        Literal["added", "duplicate", "near"],
        Field(description="duplicate: the project has these bytes; near: it has one like it"),
    ]
    picture: Annotated[ProjectPictureBody, Field(description="the new one, or the one like it")]
    changes: Annotated[tuple[str, ...], Field(description="what was done to it, in words")]


@body_class
class SideRequestBody:
    """The side of a picture in the split."""

    split: Annotated[Side | None, Field(description="null: the next split decides")]


@body_class
class ProjectJobBody:
    """A job that was queued; its page shows the progress, and so does `status` as JSON."""

    id: str
    page: Address
    status: Address


@body_class
class S3ImportBody:
    """Objects of a bucket to import."""

    address: Annotated[str, Field(max_length=1000, pattern=r"^s3://")]
    folders: Annotated[bool, Field(description="the folder of a picture is its label")]
    near: Annotated[bool, Field(description="also add pictures that look like one of the project")]
    shrink: Annotated[bool, Field(description="shrink pictures over the limits of Custom Labels")]


@body_class
class ExportRequestBody:
    """What to export."""

    format: Annotated[Format, Field(description="everything: all that is kept of the project")]
    pictures: Annotated[bool, Field(description="with the originals")]


@body_class
class ExportBody:
    """An export that is done, and kept for a day."""

    job: str
    format: str
    pictures: Annotated[bool, Field(description="with the originals")]
    bytes: Count
    ended_at: Timestamp
    download: Address


@body_class
class ExportsBody:
    """The newest exports of a project."""

    exports: Annotated[tuple[ExportBody, ...], Field(description="at most 5, newest first")]


@body_class
class DeletionBody:
    """What would be deleted with a project."""

    pictures: Count
    annotations: Annotated[int, Field(ge=0, description="versions of pictures' labels")]
    versions: Annotated[int, Field(ge=0, description="of its model; they are stopped first")]
    is_at_amazon: Annotated[bool, Field(description="and what Custom Labels has of it")]


@body_class
class FindingBody:
    """A rule of Custom Labels that is broken."""

    code: str
    effect: Annotated[str, Field(description="such as “silently dropped”")]
    message: str
    advice: str
    count: Count
    examples: tuple[str, ...]


@body_class
class ChecksBody:
    """What Custom Labels would say of the labelled pictures."""

    ok: bool
    findings: tuple[FindingBody, ...]
    unused_labels: tuple[str, ...]
    no_test: Annotated[bool, Field(description="no picture is on the test side")]
    labelled: Count
    unlabelled: Annotated[int, Field(ge=0, description="pictures that are left out")]
    nothing: Annotated[
        int, Field(ge=0, description="labelled with nothing in them; Custom Labels ignores them")
    ]
    lines: Annotated[int, Field(ge=0, description="of the manifests that were checked")]
    dropped: Annotated[int, Field(ge=0, description="lines that would be dropped silently")]


@body_class
class SideCountsBody:
    """Labelled pictures of one label on each side; the label "" stands for nothing in it."""

    label: str
    train: Count
    validation: Count
    test: Count


@body_class
class CrossingPictureBody:
    """A picture of a group that is on two sides."""

    id: str
    file_name: str
    split: Annotated[Side | None, Field(description="null: none yet")]
    split_is_fixed: Annotated[bool, Field(description="by hand: a new split keeps it")]


@body_class
class CrossingBody:
    """Pictures that belong together and are on two sides: the test is not honest."""

    train: Annotated[int, Field(ge=0, description="pictures of the group on this side")]
    validation: Count
    test: Count
    pictures: Annotated[
        tuple[CrossingPictureBody, ...],
        Field(description="at most 100, those that were fixed by hand first"),
    ]


@body_class
class SplitBody:
    """The stored split."""

    counts: tuple[SideCountsBody, ...]
    train: Annotated[int, Field(ge=0, description="labelled pictures on this side")]
    validation: Count
    test: Count
    without: Annotated[int, Field(ge=0, description="labelled pictures that have no side yet")]
    groups: Annotated[
        int, Field(ge=0, description="videos, bursts and look-alikes; others count alone")
    ]
    groups_on_two_sides: Annotated[int, Field(ge=0, description="more than 0: split by hand")]
    crossings: Annotated[
        tuple[CrossingBody, ...], Field(description="at most 100 of the groups on two sides")
    ]


@body_class
class SplitRequestBody:
    """How to split."""

    seed: Annotated[int, Field(ge=0, le=1_000_000), WHOLE]
    again: Annotated[bool, Field(description="all again but those fixed by hand; else new ones")]


@body_class
class CandidateBody:
    """A visitor's picture that may be trained with."""

    result_id: str
    answer: Annotated[str, Field(description="what the visitor was told")]
    created_at: Timestamp
    boxes: Annotated[int, Field(ge=0, description="boxes that the visitor drew")]


@body_class
class CandidatesBody:
    """Visitors' pictures with consent that are not in the project."""

    candidates: tuple[CandidateBody, ...]


@body_class
class TakeInRequestBody:
    """Visitors' pictures to take in."""

    results: Ids
    label: Annotated[
        str | None, Field(max_length=24, description="for boxes without a label of the project")
    ]


@body_class
class LeftOutBody:
    """A visitor's picture that did not come in."""

    result: str
    reason: str


@body_class
class TakenInBody:
    """How many pictures came in, and why the others did not."""

    taken: Count
    refused: tuple[LeftOutBody, ...]


def project_body(
    project: "Project", quota: "Quota", counts: "Counts", *, full: bool
) -> ProjectBody:
    """Return the body of a project; with `full`, `counts` has those of labels."""
    by_label = counts.by_label
    address = url_for("api.get_project", id=project.id)
    return ProjectBody(
        id=project.id,
        name=project.name,
        kind=project.kind,
        question=project.question,
        labels=tuple(
            ProjectLabelBody(each.id, each.name, by_label.get(each.id, 0) if full else None)
            for each in project.labels
        ),
        keep_days=project.keep_days,
        created_at=rfc3339(project.created_at),
        pictures=counts.pictures,
        labelled=counts.labelled if full else None,
        nothing=counts.nothing if full else None,
        bytes=counts.bytes,
        max_pictures=quota.pictures,
        max_bytes=quota.bytes,
        links=ProjectLinks(
            self=address,
            page=url_for("projects.show", id=project.id),
            pictures=url_for("api.list_project_pictures", id=project.id),
        ),
    )


def picture_body(picture: "ProjectPicture") -> ProjectPictureBody:
    address: Any = {"id": picture.project_id, "picture_id": picture.id}
    fields: dict[str, Any] = {
        name: getattr(picture, name)
        for name in ProjectPictureBody.__dataclass_fields__
        if hasattr(picture, name)
    }
    fields |= {
        "created_at": rfc3339(picture.created_at),
        "boxes": tuple(LabelBoxBody(**asdict(box)) for box in picture.boxes),
        "preview": url_for("api.get_project_preview", **address),
        "original": url_for("api.get_project_original", **address),
    }
    return ProjectPictureBody(**fields)


def export_body(job: "Job") -> ExportBody:
    """Return the body of an export that is done."""
    assert job.ended_at
    assert job.result
    project_id = job.arguments["project_id"]
    return ExportBody(
        job=job.id,
        format=job.arguments["format"],
        pictures=job.arguments["with_pictures"],
        bytes=job.result["bytes"],
        ended_at=rfc3339(job.ended_at),
        download=url_for("api.get_project_export", id=project_id, job_id=job.id),
    )


def job_body(job_id: str) -> ProjectJobBody:
    page = url_for("jobs.show", id=job_id)
    return ProjectJobBody(job_id, page, url_for("api.get_job", id=job_id))
