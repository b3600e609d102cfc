"""The operations that fill, check, split and export projects as OpenAPI describes them."""

from rubberduck.api import project_schemas as schemas
from rubberduck.api.openapi.builders import JsonObject, json_body, parameter, response
from rubberduck.api.openapi.project_builders import (
    BINARY,
    CHANGE_ERRORS,
    FLAG,
    JOB,
    JOB_ERRORS,
    NEAR,
    PROJECT_ID,
    SAMPLE_ID,
    SHRINK,
    project_operation,
)
from rubberduck.api.video_frames import FramesRequestBody
from rubberduck.core import errors
from rubberduck.custom_models import errors as project_errors
from rubberduck.videos.errors import NoSuchVideo, NotYourVideo, VideoNotReady
from rubberduck.videos.upload_errors import StorageFull
from rubberduck.web.errors import NotAllowed
from rubberduck.web.multipart import PICTURE_FIELD

BODIES = (
    FramesRequestBody,
    schemas.S3ImportBody,
    schemas.ExportRequestBody,
    schemas.ExportsBody,
    schemas.ChecksBody,
    schemas.SplitBody,
    schemas.SplitRequestBody,
    schemas.CandidatesBody,
    schemas.TakeInRequestBody,
    schemas.LeftOutBody,
    schemas.TakenInBody,
)
JOB_ID = parameter(
    "job_id",
    "path",
    {"type": "string", "format": "job-id", "maxLength": 64},
    "The id of the job that made the export.",
)
FOLDERS = parameter("folders", "query", FLAG, "The folder of a picture is its label.")


def project_data() -> JsonObject:
    """Return the operations by path."""
    queued = {"202": response(JOB, "ProjectJobBody")}
    file = {"type": "string", "format": "binary", "description": "A ZIP, or a file of labels."}
    form = {"type": "object", "properties": {PICTURE_FIELD: file}, "required": [PICTURE_FIELD]}
    content = {"multipart/form-data": {"schema": form}}
    frames = {"video": "Zr8W1mHqTz2v5mJYx0cK3A", "every_seconds": 5, "most": 100}
    s3 = {"address": "s3://my-bucket/mugs/", "folders": True, "near": False, "shrink": True}
    return {
        "/projects/{id}/imports": {
            "parameters": [PROJECT_ID],
            "post": project_operation(
                "import_into_project",
                "Import a ZIP or a file of labels",
                "Pictures, or a data set: Custom Labels manifest, COCO, YOLO, Pascal VOC, Label "
                "Studio JSON. A file of labels alone labels pictures that are in the project.",
                queued,
                *(NotAllowed, errors.InvalidParameter, errors.NoPicture),
                *(errors.UploadIncomplete, project_errors.ProjectFull, errors.PictureTooLarge),
                errors.SiteStorageFull,
                *(errors.NotAPicture, StorageFull),
                *JOB_ERRORS,
                requestBody={"required": True, "content": content},
            )
            | {"parameters": [FOLDERS, NEAR, SHRINK]},
        },
        "/projects/{id}/imports/s3": {
            "parameters": [PROJECT_ID],
            "post": project_operation(
                "import_s3_into_project",
                "Import pictures from Amazon S3",
                "All pictures below a prefix. Only of a site that stores pictures in a bucket.",
                queued,
                *(*CHANGE_ERRORS, *JOB_ERRORS),
                requestBody=json_body("S3ImportBody", s3),
            ),
        },
        "/projects/{id}/exports": {
            "parameters": [PROJECT_ID],
            "get": project_operation(
                "list_project_exports",
                "List the exports of a project",
                "Those that are done and not yet deleted.",
                {"200": response("The exports.", "ExportsBody")},
                NotAllowed,
            ),
            "post": project_operation(
                "export_project",
                "Export a project",
                "As a ZIP, which is kept for a day.",
                queued,
                *(*CHANGE_ERRORS, *JOB_ERRORS),
                requestBody=json_body("ExportRequestBody", {"format": "coco", "pictures": True}),
            ),
        },
        "/projects/{id}/exports/{job_id}": {
            "parameters": [PROJECT_ID, JOB_ID],
            "get": project_operation(
                "get_project_export",
                "Download an export",
                "Once its job is done.",
                {
                    "200": response("The ZIP.")
                    | {"content": {"application/zip": {"schema": BINARY}}},
                    "302": response("The ZIP is in the bucket."),
                },
                *(NotAllowed, errors.NoSuchJob, errors.JobEnded),
            ),
        },
        "/projects/{id}/checks": {
            "parameters": [PROJECT_ID],
            "get": project_operation(
                "check_project",
                "Check a project",
                "By every rule of Amazon Rekognition Custom Labels, before a training costs money.",
                {"200": response("What is wrong.", "ChecksBody")},
                NotAllowed,
            ),
        },
        "/projects/{id}/split": {
            "parameters": [PROJECT_ID],
            "get": project_operation(
                "get_project_split",
                "Read the split",
                "Labelled pictures by label and side, and the groups that are on two sides since "
                "somebody moved pictures by hand.",
                {"200": response("The split.", "SplitBody")},
                NotAllowed,
            ),
            "post": project_operation(
                "split_project",
                "Split a project",
                "Into train, validation and test: by label, with videos, bursts and pictures that "
                "look alike on one side.",
                {"200": response("The new split.", "SplitBody")},
                *CHANGE_ERRORS,
                requestBody=json_body("SplitRequestBody", {"seed": 1, "again": False}),
            ),
        },
        "/projects/{id}/video-frames": {
            "parameters": [PROJECT_ID],
            "post": project_operation(
                "take_in_video_frames",
                "Take in frames of a video",
                "As a job, of one of your own videos. What was seen in a frame is suggested as its "
                "labels. Objects whose name is no label of the project get “label_id”, or "
                "the project's only label; without either, nothing is suggested for them.",
                queued,
                *CHANGE_ERRORS,
                *(NoSuchVideo, VideoNotReady, NotYourVideo, project_errors.ProjectFull),
                errors.SiteStorageFull,
                *JOB_ERRORS,
                requestBody=json_body("FramesRequestBody", frames),
            ),
        },
        "/projects/{id}/visitor-pictures": {
            "parameters": [PROJECT_ID],
            "get": project_operation(
                "list_visitor_pictures",
                "List visitors' pictures to train with",
                "Those whose answer was wrong and whose visitors allow it.",
                {"200": response("The pictures.", "CandidatesBody")},
                NotAllowed,
            ),
            "post": project_operation(
                "take_in_visitor_pictures",
                "Take in visitors' pictures",
                "A visitor can take a picture back on “My pictures”. One that the project has, or "
                "that looks like one of it, is left out, and so is one without consent.",
                {"200": response("How many came in, and why others did not.", "TakenInBody")},
                *(*CHANGE_ERRORS, project_errors.ProjectFull, errors.SiteStorageFull),
                requestBody=json_body("TakeInRequestBody", {"results": [SAMPLE_ID], "label": None}),
            )
            | {"parameters": [NEAR]},
        },
    }
