"""The operations on projects and their labels as OpenAPI describes them."""

from rubberduck.api import project_schemas as schemas
from rubberduck.api.openapi.builders import JsonObject, json_body, parameter, response
from rubberduck.api.openapi.project_builders import (
    CHANGE_ERRORS,
    FLAG,
    JOB,
    JOB_ERRORS,
    PROJECT_ID,
    SAMPLE_ID,
    project_operation,
    signed_in_operation,
)
from rubberduck.core import errors
from rubberduck.custom_models import errors as project_errors
from rubberduck.web.errors import NotAllowed

BODIES = (
    schemas.ProjectsBody,
    schemas.ProjectRequestBody,
    schemas.ProjectChangeBody,
    schemas.LabelNamesBody,
    schemas.LabelOrderBody,
    schemas.LabelNameBody,
    schemas.ProjectJobBody,
    schemas.DeletionBody,
)
LABEL_ID = parameter(
    "label_id",
    "path",
    {"type": "string", "format": "project-label-id", "maxLength": 64},
    "The id of the label.",
)


def projects() -> JsonObject:
    """Return the operations by path."""
    return _project() | _labels()


def _project() -> JsonObject:
    new = {"name": "Our mugs", "kind": "boxes", "labels": ["red mug"], "question": ""}
    changed = {"name": "Our mugs", "question": "", "keep_days": 90}
    found = response("The project.", "ProjectBody")
    return {
        "/projects": {
            "get": signed_in_operation(
                "list_projects",
                "List the projects",
                "For everybody who has signed in, also labellers.",
                {"200": response("All projects, by name.", "ProjectsBody")},
            ),
            "post": signed_in_operation(
                "create_project",
                "Make a project",
                "A project has labels, pictures and models of its own.",
                {"201": response("The new project.", "ProjectBody", ["Location"])},
                *(NotAllowed, errors.InvalidParameter, project_errors.InvalidProject),
                *(project_errors.NameTaken, errors.PictureTooLarge),
                requestBody=json_body("ProjectRequestBody", new),
            ),
        },
        "/projects/{id}/deletion": {
            "parameters": [PROJECT_ID],
            "get": project_operation(
                "get_project_deletion",
                "Read what a deletion would delete",
                "For operators. Deletes nothing.",
                {"200": response("What would be deleted.", "DeletionBody")},
                NotAllowed,
            ),
        },
        "/projects/{id}": {
            "parameters": [PROJECT_ID],
            "get": project_operation(
                "get_project",
                "Read a project",
                "With the number of pictures of each label.",
                {"200": found},
            ),
            "put": project_operation(
                "put_project",
                "Change a project",
                "Its name, its question, and how long pictures are kept. What would delete older "
                "pictures is refused without “confirm”, with their number.",
                {"200": found},
                *CHANGE_ERRORS,
                *(project_errors.NameTaken, project_errors.PicturesWouldGo),
                requestBody=json_body("ProjectChangeBody", changed),
                parameters=[
                    parameter("confirm", "query", FLAG, "Delete the pictures that are older.")
                ],
            ),
            "delete": project_operation(
                "delete_project",
                "Delete a project",
                "With all its pictures, labels and models, as a job. It is hidden at once.",
                {"202": response(JOB, "ProjectJobBody")},
                NotAllowed,
                *JOB_ERRORS,
            ),
        },
    }


def _labels() -> JsonObject:
    changed = {"200": response("The project.", "ProjectBody")}
    return {
        "/projects/{id}/labels": {
            "parameters": [PROJECT_ID],
            "post": project_operation(
                "add_project_labels",
                "Add labels",
                "After the others; those that exist are left as they are.",
                changed,
                *CHANGE_ERRORS,
                requestBody=json_body("LabelNamesBody", {"names": ["blue mug"]}),
            ),
            "put": project_operation(
                "order_project_labels",
                "Put the labels in order",
                "Name each label of the project once.",
                changed,
                *CHANGE_ERRORS,
                requestBody=json_body("LabelOrderBody", {"ids": [SAMPLE_ID]}),
            ),
        },
        "/projects/{id}/labels/{label_id}": {
            "parameters": [PROJECT_ID, LABEL_ID],
            "put": project_operation(
                "rename_project_label",
                "Rename a label",
                "Its boxes keep it.",
                changed,
                *CHANGE_ERRORS,
                project_errors.NameTaken,
                requestBody=json_body("LabelNameBody", {"name": "cup"}),
            ),
            "delete": project_operation(
                "remove_project_label",
                "Delete a label",
                "With “into” another label takes its place; otherwise its boxes are deleted, which "
                "“confirm” allows. Pictures that show nothing else are not labelled any more then.",
                changed,
                *(NotAllowed, errors.InvalidParameter, project_errors.InvalidProject),
                project_errors.LabelInUse,
            )
            | {
                "parameters": [
                    parameter("into", "query", LABEL_ID["schema"], "The id of another label."),
                    parameter("confirm", "query", FLAG, "Delete its boxes."),
                ]
            },
        },
    }
