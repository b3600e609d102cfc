"""The operations on the pictures of projects as OpenAPI describes them."""

from collections.abc import Sequence

from rubberduck.api import project_schemas as schemas
from rubberduck.api.openapi.builders import (
    UPLOAD_ERRORS,
    JsonObject,
    json_body,
    parameter,
    picture_body,
    response,
)
from rubberduck.api.openapi.project_builders import (
    BINARY,
    CHANGE_ERRORS,
    NEAR,
    PICTURE_ID,
    PROJECT_ID,
    SHRINK,
    project_operation,
)
from rubberduck.api.project_pictures import MAX_LIMIT, SIDES, STATES
from rubberduck.core import errors
from rubberduck.custom_models import errors as project_errors
from rubberduck.web.errors import NotAllowed

BODIES = (
    schemas.ProjectPicturesBody,
    schemas.AddedPictureBody,
    schemas.SideRequestBody,
)


def project_pictures() -> JsonObject:
    """Return the operations by path."""
    one = response("The picture.", "ProjectPictureBody")
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}
    return {
        "/projects/{id}/pictures": {
            "parameters": [PROJECT_ID],
            "get": project_operation(
                "list_project_pictures",
                "List the pictures of a project",
                "Newest first.",
                {"200": response("A page of pictures.", "ProjectPicturesBody")},
                errors.InvalidCursor,
                errors.InvalidParameter,
            )
            | {
                "parameters": [
                    parameter("limit", "query", limit, "At most so many."),
                    parameter("cursor", "query", {"type": "string"}, "From “next”."),
                    parameter("state", "query", _one_of(STATES), "Only such pictures."),
                    parameter("split", "query", _one_of(SIDES), "Only of this side."),
                ]
            },
            "post": project_operation(
                "add_project_picture",
                "Add a picture to a project",
                "A JPEG or PNG keeps its pixels and turn and loses its metadata; other formats are "
                "converted. A picture that the project has, or one like it, is not stored again.",
                {
                    "201": response("It is stored.", "AddedPictureBody"),
                    "200": response("It is there already, or one like it.", "AddedPictureBody"),
                },
                *(NotAllowed, errors.InvalidParameter, project_errors.ProjectFull),
                errors.SiteStorageFull,
                project_errors.UnsuitablePicture,
                *UPLOAD_ERRORS,
                requestBody=picture_body("The picture."),
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
            "get": project_operation(
                "get_project_picture",
                "Read a picture of a project",
                "What is known of it. Labels and boxes are set with “Save what a picture shows”.",
                {"200": one},
            ),
            "delete": project_operation(
                "delete_project_picture",
                "Delete a picture of a project",
                "With its labels. Versions that were trained with it say so.",
                {"204": response("It is deleted.")},
                NotAllowed,
            ),
        },
        "/projects/{id}/pictures/{picture_id}/preview": {
            "parameters": [PROJECT_ID, PICTURE_ID],
            "get": project_operation(
                "get_project_preview",
                "Download a picture to look at it",
                "For labellers, too: upright, its longer side at most 1280 pixels. Boxes are in "
                "pixels of the upright picture as “width” and “height” say.",
                {
                    "200": response("The picture.")
                    | {"content": {"image/jpeg": {"schema": BINARY}}},
                    "302": response("The picture is in the bucket."),
                },
                errors.NoSuchResult,
            ),
        },
        "/projects/{id}/pictures/{picture_id}/original": {
            "parameters": [PROJECT_ID, PICTURE_ID],
            "get": project_operation(
                "get_project_original",
                "Download a picture of a project",
                "The stored file: its pixels and turn, without metadata.",
                {
                    "200": response("The file.") | {"content": {"image/*": {"schema": BINARY}}},
                    "302": response("The file is in the bucket."),
                },
                NotAllowed,
            ),
        },
        "/projects/{id}/pictures/{picture_id}/split": {
            "parameters": [PROJECT_ID, PICTURE_ID],
            "put": project_operation(
                "put_project_picture_side",
                "Put a picture on a side of the split",
                "It stays there when the project is split again.",
                {"200": one},
                *CHANGE_ERRORS,
                requestBody=json_body("SideRequestBody", {"split": "test"}),
            ),
        },
    }


def _one_of(choices: Sequence[str]) -> JsonObject:
    return {"type": "string", "enum": list(choices)}
