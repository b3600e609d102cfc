"""Named objects as OpenAPI describes them."""

from typing import Any

from rubberduck.api.named_objects import (
    NamedObjectBody,
    NamedObjectsBody,
    NamedPhotoBody,
    ObjectNameBody,
    WhichBody,
)
from rubberduck.api.openapi.builders import (
    UPLOAD_ERRORS,
    ErrorType,
    JsonObject,
    json_body,
    operation,
    parameter,
    picture_body,
    problem_responses,
    response,
)
from rubberduck.api.openapi.project_builders import FLAG, signed_in_operation
from rubberduck.core import errors
from rubberduck.named_objects.errors import (
    DuplicatePhoto,
    InvalidObject,
    NoObjectInPhoto,
    NoObjectsYet,
    NoSuchObject,
    ObjectNameTaken,
    ObjectTooSmall,
    PhotoNotTaken,
    TooManyObjects,
)
from rubberduck.web.errors import NotAllowed

BODIES: tuple[Any, ...] = (
    WhichBody,
    NamedObjectsBody,
    NamedObjectBody,
    NamedPhotoBody,
    ObjectNameBody,
)
OBJECT_ID, PHOTO_ID = (
    parameter(name, "path", {"type": "string", "format": f"{kind}-id", "maxLength": 24}, text)
    for name, kind, text in (
        ("id", "named-object", "The id of the named object."),
        ("photo_id", "named-photo", "The id of the photo."),
    )
)
WHOLE = parameter("whole", "query", FLAG, "A photo in which no object is found counts as a whole.")
NAME_ERRORS: tuple[ErrorType, ...] = (
    errors.InvalidParameter,
    errors.PictureTooLarge,
    InvalidObject,
    ObjectNameTaken,
)
SAMPLE_NAME = {"name": "Quackers"}


def named_objects() -> JsonObject:
    """Return the operations by path."""
    return {"/which": {"post": _which()}, **_all_objects(), **_one_object(), **_photos()}


def _which() -> JsonObject:
    answers = {
        "200": response("Which one it is, or none.", "WhichBody"),
        **problem_responses(*UPLOAD_ERRORS, NoObjectsYet, errors.Unavailable),
    }
    return operation(
        "ask_which",
        "Ask which named object a picture shows",
        "Compares the likeliest object in the picture with those that operators have named, on "
        "this server. Neither the picture nor the answer is kept.",
        answers,
        requestBody=picture_body("A JPEG, PNG, WebP, GIF, AVIF, HEIC, BMP or TIFF."),
    )


def _all_objects() -> JsonObject:
    return {
        "/named-objects": {
            "get": _operation(
                "list_named_objects",
                "List the named objects",
                "All of them, by name, with their photos.",
                {"200": response("The named objects.", "NamedObjectsBody")},
            ),
            "post": _operation(
                "create_named_object",
                "Name an object",
                "It is recognised once it has photos: five from all sides are enough.",
                {"201": response("It has a name.", "NamedObjectBody", ["Location"])},
                *NAME_ERRORS,
                TooManyObjects,
                requestBody=json_body("ObjectNameBody", SAMPLE_NAME),
            ),
            "delete": _operation(
                "delete_named_objects",
                "Delete all named objects",
                "Names and photos, at once.",
                {"204": response("They are deleted.")},
            ),
        }
    }


def _one_object() -> JsonObject:
    return {
        "/named-objects/{id}": {
            "parameters": [OBJECT_ID],
            "get": _operation(
                "get_named_object",
                "Read a named object",
                "Its name and its photos.",
                {"200": response("The named object.", "NamedObjectBody")},
                NoSuchObject,
            ),
            "put": _operation(
                "rename_named_object",
                "Rename a named object",
                "Its photos stay.",
                {"200": response("The named object.", "NamedObjectBody")},
                *NAME_ERRORS,
                NoSuchObject,
                requestBody=json_body("ObjectNameBody", SAMPLE_NAME),
            ),
            "delete": _operation(
                "delete_named_object",
                "Delete a named object",
                "With all its photos.",
                {"204": response("It is deleted.")},
                NoSuchObject,
            ),
        }
    }


def _photos() -> JsonObject:
    return {
        "/named-objects/{id}/photos": {
            "parameters": [OBJECT_ID],
            "post": _operation(
                "add_named_photo",
                "Add a photo of a named object",
                "An upright copy without metadata is kept until it is deleted. A photo that would "
                "not help is not taken: without an object, with a tiny one, or one that is there "
                "already.",
                {"201": response("The photo.", "NamedPhotoBody")},
                *(NoSuchObject, TooManyObjects, PhotoNotTaken, NoObjectInPhoto),
                *(ObjectTooSmall, DuplicatePhoto, errors.InvalidParameter),
                *UPLOAD_ERRORS,
                requestBody=picture_body("A photo of the object alone."),
            )
            | {"parameters": [WHOLE]},
        },
        "/named-objects/{id}/photos/{photo_id}": {
            "parameters": [OBJECT_ID, PHOTO_ID],
            "delete": _operation(
                "delete_named_photo",
                "Delete a photo of a named object",
                "The object is recognised by the others.",
                {"204": response("It is deleted.")},
                NoSuchObject,
            ),
        },
    }


def _operation(
    id: str,
    summary: str,
    description: str,
    answers: JsonObject,
    *error_types: ErrorType,
    **fields: Any,
) -> JsonObject:
    """Return an operation for operators."""
    known: tuple[ErrorType, ...] = (NotAllowed, *error_types)
    return signed_in_operation(id, summary, description, answers, *known, **fields)
