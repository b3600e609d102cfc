"""The operations on projects as OpenAPI describes them."""

from collections.abc import Sequence

from rubberduck.api import project_schemas as schemas
from rubberduck.api.openapi.labelling import PICTURE_ID, PROJECT_ID, SECURITY
from rubberduck.api.openapi.operations import (
    JSON,
    UPLOAD_ERRORS,
    ErrorType,
    JsonObject,
    parameter,
    picture_body,
    problem_responses,
    ref,
    response,
)
from rubberduck.api.projects import MAX_LIMIT, SIDES, STATES
from rubberduck.core import errors
from rubberduck.custom_models import errors as project_errors
from rubberduck.web.errors import NotAllowed, NotSignedIn
from rubberduck.web.multipart import PICTURE_FIELD

BODIES = (
    schemas.ProjectsBody,
    schemas.ProjectRequestBody,
    schemas.ProjectChangeBody,
    schemas.LabelNamesBody,
    schemas.LabelOrderBody,
    schemas.LabelNameBody,
    schemas.ProjectPicturesBody,
    schemas.AddedPictureBody,
    schemas.SideRequestBody,
    schemas.ProjectJobBody,
    schemas.S3ImportBody,
    schemas.ExportRequestBody,
    schemas.ChecksBody,
    schemas.SplitBody,
    schemas.SplitRequestBody,
    schemas.CandidatesBody,
    schemas.TakeInRequestBody,
    schemas.TakenInBody,
)
BINARY: JsonObject = {"type": "string", "format": "binary"}
FLAG: JsonObject = {"type": "boolean", "default": False}
LABEL_ID, JOB_ID = (
    parameter(name, "path", {"type": "string", "format": f"{kind}-id", "maxLength": 64}, text)
    | {"required": True}
    for name, kind, text in (
        ("label_id", "project-label", "The id of the label."),
        ("job_id", "job", "The id of the job that made the export."),
    )
)
FOLDERS = parameter("folders", "query", FLAG, "The folder of a picture is its label.")
NEAR = parameter("near", "query", FLAG, "Also add pictures that look like one of the project.")
SHRINK = parameter("shrink", "query", FLAG, "Shrink pictures over the limits of Custom Labels.")
JOBS_ERRORS = (errors.TooManyJobs, errors.Unavailable)
JOB = "It is queued. Its page shows the progress."
SAMPLE_ID = "Zr8W1mHqTz2v5mJY"


def projects() -> JsonObject:
    """Return the operations by path."""
    return _project() | _labels() | _pictures() | _data()


def _project() -> JsonObject:
    new = {"name": "Our mugs", "kind": "boxes", "labels": ["red mug"], "question": ""}
    changed = {"name": "Our mugs", "question": "", "keep_days": 90}
    found = response("The project.", "ProjectBody")
    return {
        "/projects": {
            "get": _operation(
                "list_projects",
                "List the projects",
                "For everybody who has signed in, also labellers.",
                {"200": response("All projects, by name.", "ProjectsBody")},
            ),
            "post": _operation(
                "create_project",
                "Make a project",
                "A project has labels, pictures and models of its own.",
                {"201": response("The new project.", "ProjectBody", ["Location"])},
                *(NotAllowed, errors.InvalidParameter, project_errors.InvalidProject),
                *(project_errors.NameTaken, errors.PictureTooLarge),
                body=_body("ProjectRequestBody", new),
            ),
        },
        "/projects/{id}": {
            "parameters": [PROJECT_ID],
            "get": _operation(
                "get_project",
                "Read a project",
                "With the number of pictures of each label.",
                {"200": found},
                project_errors.NoSuchProject,
            ),
            "put": _operation(
                "put_project",
                "Change a project",
                "Its name, its question, and how long pictures are kept.",
                {"200": found},
                *_CHANGE,
                project_errors.NameTaken,
                body=_body("ProjectChangeBody", changed),
            ),
            "delete": _operation(
                "delete_project",
                "Delete a project",
                "With all its pictures, labels and models, as a job. It is hidden at once.",
                {"202": response(JOB, "ProjectJobBody")},
                *(NotAllowed, project_errors.NoSuchProject, *JOBS_ERRORS),
            ),
        },
    }


def _labels() -> JsonObject:
    changed = {"200": response("The project.", "ProjectBody")}
    return {
        "/projects/{id}/labels": {
            "parameters": [PROJECT_ID],
            "post": _operation(
                "add_project_labels",
                "Add labels",
                "After the others; those that exist are left as they are.",
                changed,
                *_CHANGE,
                body=_body("LabelNamesBody", {"names": ["blue mug"]}),
            ),
            "put": _operation(
                "order_project_labels",
                "Put the labels in order",
                "Name each label of the project once.",
                changed,
                *_CHANGE,
                body=_body("LabelOrderBody", {"ids": [SAMPLE_ID]}),
            ),
        },
        "/projects/{id}/labels/{label_id}": {
            "parameters": [PROJECT_ID, LABEL_ID],
            "put": _operation(
                "rename_project_label",
                "Rename a label",
                "Its boxes keep it.",
                changed,
                *_CHANGE,
                project_errors.NameTaken,
                body=_body("LabelNameBody", {"name": "cup"}),
            ),
            "delete": _operation(
                "remove_project_label",
                "Delete a label",
                "With “into” another label takes its place; otherwise its boxes are deleted, which "
                "“confirm” allows. Pictures that show nothing else are not labelled any more then.",
                changed,
                *(NotAllowed, errors.InvalidParameter, project_errors.InvalidProject),
                *(project_errors.NoSuchProject, project_errors.LabelInUse),
            )
            | {
                "parameters": [
                    parameter("into", "query", {"type": "string"}, "The id of another label."),
                    parameter("confirm", "query", FLAG, "Delete its boxes."),
                ]
            },
        },
    }


def _pictures() -> JsonObject:
    one = response("The picture.", "ProjectPictureBody")
    missing = project_errors.NoSuchProject
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}
    return {
        "/projects/{id}/pictures": {
            "parameters": [PROJECT_ID],
            "get": _operation(
                "list_project_pictures",
                "List the pictures of a project",
                "Newest first.",
                {"200": response("A page of pictures.", "ProjectPicturesBody")},
                *(missing, errors.InvalidParameter),
            )
            | {
                "parameters": [
                    parameter("limit", "query", limit, "At most so many."),
                    parameter("cursor", "query", {"type": "string"}, "From “next”."),
                    parameter("state", "query", _one_of(STATES), "Only such pictures."),
                    parameter("split", "query", _one_of(SIDES), "Only of this side."),
                ]
            },
            "post": _operation(
                "add_project_picture",
                "Add a picture to a project",
                "A JPEG or PNG keeps its pixels and turn and loses its metadata; other formats are "
                "converted. A picture that the project has, or one like it, is not stored again.",
                {
                    "201": response("It is stored.", "AddedPictureBody"),
                    "200": response("It is there already, or one like it.", "AddedPictureBody"),
                },
                *(NotAllowed, missing, errors.InvalidParameter, project_errors.ProjectFull),
                project_errors.UnsuitablePicture,
                *UPLOAD_ERRORS,
                body=picture_body("The picture."),
            )
            | {
                "parameters": [
                    NEAR,
                    SHRINK,
                    parameter("label", "query", {"type": "string"}, "Its label, by name."),
                    parameter("file_name", "query", {"type": "string"}, "For lists and exports."),
                ]
            },
        },
        "/projects/{id}/pictures/{picture_id}": {
            "parameters": [PROJECT_ID, PICTURE_ID],
            "get": _operation(
                "get_project_picture",
                "Read a picture of a project",
                "What is known of it. Labels and boxes are set with “Save what a picture shows”.",
                {"200": one},
                missing,
            ),
            "delete": _operation(
                "delete_project_picture",
                "Delete a picture of a project",
                "With its labels. Versions that were trained with it say so.",
                {"204": response("It is deleted.")},
                *(NotAllowed, missing),
            ),
        },
        "/projects/{id}/pictures/{picture_id}/original": {
            "parameters": [PROJECT_ID, PICTURE_ID],
            "get": _operation(
                "get_project_original",
                "Download a picture of a project",
                "The stored file: its pixels and turn, without metadata.",
                {
                    "200": response("The file.") | {"content": {"image/*": {"schema": BINARY}}},
                    "302": response("The file is in the bucket."),
                },
                *(NotAllowed, missing),
            ),
        },
        "/projects/{id}/pictures/{picture_id}/split": {
            "parameters": [PROJECT_ID, PICTURE_ID],
            "put": _operation(
                "put_project_picture_side",
                "Put a picture on a side of the split",
                "It stays there when the project is split again.",
                {"200": one},
                *_CHANGE,
                body=_body("SideRequestBody", {"split": "test"}),
            ),
        },
    }


def _data() -> JsonObject:
    missing, queued = project_errors.NoSuchProject, {"202": response(JOB, "ProjectJobBody")}
    file = {"type": "string", "format": "binary", "description": "A ZIP, or a file of labels."}
    form = {"type": "object", "properties": {PICTURE_FIELD: file}, "required": [PICTURE_FIELD]}
    s3 = {"address": "s3://my-bucket/mugs/", "folders": True, "near": False, "shrink": True}
    return {
        "/projects/{id}/imports": {
            "parameters": [PROJECT_ID],
            "post": _operation(
                "import_into_project",
                "Import a ZIP or a file of labels",
                "Pictures, or a data set: Custom Labels manifest, COCO, YOLO, Pascal VOC, Label "
                "Studio JSON. A file of labels alone labels pictures that are in the project.",
                queued,
                *(NotAllowed, missing, errors.InvalidParameter, errors.NoPicture),
                *(errors.UploadIncomplete, project_errors.ProjectFull, errors.PictureTooLarge),
                *(errors.NotAPicture, *JOBS_ERRORS),
                body={"required": True, "content": {"multipart/form-data": {"schema": form}}},
            )
            | {"parameters": [FOLDERS, NEAR, SHRINK]},
        },
        "/projects/{id}/imports/s3": {
            "parameters": [PROJECT_ID],
            "post": _operation(
                "import_s3_into_project",
                "Import pictures from Amazon S3",
                "All pictures below a prefix. Only of a site that stores pictures in a bucket.",
                queued,
                *(*_CHANGE, *JOBS_ERRORS),
                body=_body("S3ImportBody", s3),
            ),
        },
        "/projects/{id}/exports": {
            "parameters": [PROJECT_ID],
            "post": _operation(
                "export_project",
                "Export a project",
                "As a ZIP, which is kept for a day.",
                queued,
                *(*_CHANGE, *JOBS_ERRORS),
                body=_body("ExportRequestBody", {"format": "coco", "pictures": True}),
            ),
        },
        "/projects/{id}/exports/{job_id}": {
            "parameters": [PROJECT_ID, JOB_ID],
            "get": _operation(
                "get_project_export",
                "Download an export",
                "Once its job is done.",
                {
                    "200": response("The ZIP.")
                    | {"content": {"application/zip": {"schema": BINARY}}},
                    "302": response("The ZIP is in the bucket."),
                },
                *(NotAllowed, missing, errors.NoSuchJob, errors.JobEnded),
            ),
        },
        "/projects/{id}/checks": {
            "parameters": [PROJECT_ID],
            "get": _operation(
                "check_project",
                "Check a project",
                "By every rule of Amazon Rekognition Custom Labels, before a training costs money.",
                {"200": response("What is wrong.", "ChecksBody")},
                *(NotAllowed, missing),
            ),
        },
        "/projects/{id}/split": {
            "parameters": [PROJECT_ID],
            "get": _operation(
                "get_project_split",
                "Read the split",
                "Labelled pictures by label and side.",
                {"200": response("The split.", "SplitBody")},
                *(NotAllowed, missing),
            ),
            "post": _operation(
                "split_project",
                "Split a project",
                "Into train, validation and test: by label, with videos, bursts and pictures that "
                "look alike on one side.",
                {"200": response("The new split.", "SplitBody")},
                *_CHANGE,
                body=_body("SplitRequestBody", {"seed": 1, "again": False}),
            ),
        },
        "/projects/{id}/visitor-pictures": {
            "parameters": [PROJECT_ID],
            "get": _operation(
                "list_visitor_pictures",
                "List visitors' pictures to train with",
                "Those whose answer was wrong and whose visitors allow it.",
                {"200": response("The pictures.", "CandidatesBody")},
                *(NotAllowed, missing),
            ),
            "post": _operation(
                "take_in_visitor_pictures",
                "Take in visitors' pictures",
                "A visitor can take a picture back on “My pictures”.",
                {"200": response("How many came in.", "TakenInBody")},
                *(*_CHANGE, project_errors.ProjectFull),
                body=_body("TakeInRequestBody", {"results": [SAMPLE_ID], "label": None}),
            ),
        },
    }


_CHANGE: tuple[ErrorType, ...] = (
    NotAllowed,
    project_errors.NoSuchProject,
    errors.InvalidParameter,
    project_errors.InvalidProject,
    errors.PictureTooLarge,
)


def _operation(
    id: str,
    summary: str,
    description: str,
    answers: JsonObject,
    *error_types: ErrorType,
    body: JsonObject | None = None,
) -> JsonObject:
    return {
        "operationId": id,
        "summary": summary,
        "description": description,
        "security": SECURITY,
        **({"requestBody": body} if body else {}),
        "responses": {
            **answers,
            **problem_responses(NotSignedIn, errors.Unavailable, *error_types),
        },
    }


def _one_of(choices: Sequence[str]) -> JsonObject:
    return {"type": "string", "enum": list(choices)}


def _body(schema: str, example: JsonObject) -> JsonObject:
    content = {JSON: {"schema": ref("schemas", schema), "example": example}}
    return {"required": True, "content": content}
