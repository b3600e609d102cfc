"""What faces look like, as OpenAPI describes it."""

from typing import Any

from rubberduck.api.face_schemas import FacesBody
from rubberduck.api.openapi.builders import (
    UPLOAD_ERRORS,
    JsonObject,
    operation,
    problem_responses,
    response,
)
from rubberduck.api.openapi.operations import CHANGE_ERRORS, RESULT_ID
from rubberduck.core import errors
from rubberduck.faces.errors import ConsentMissing
from rubberduck.web.multipart import PICTURE_FIELD

BODIES: tuple[Any, ...] = (FacesBody,)
LOOKS = (
    "It says what faces look like, not what people feel, and is often wrong: open mouths pass for "
    "happy, looking down for sad, ages are wrong by ten years and more. Nobody is identified. "
)
OFF = "404 where the site does not offer it."
CONSENT = {
    "type": "string",
    "enum": ["yes"],
    "description": "you, and the people in the picture, agree that their faces are analysed",
}
KEEP = {
    "type": "string",
    "enum": ["yes", "no"],
    "description": "“yes”: check the picture as any other, and keep the faces with its result",
}


def faces() -> JsonObject:
    """Return the operations by path."""
    refused = (
        *UPLOAD_ERRORS,
        ConsentMissing,
        errors.PictureRefused,
        errors.NoSuchResult,
        errors.Unavailable,
    )
    return {
        "/faces": {
            "post": operation(
                "analyze_faces",
                "Say what the faces in a picture look like",
                f"{LOOKS}Neither the picture nor the answer is kept unless “keep” is “yes”. {OFF}",
                {
                    "200": response("The faces. Nothing is kept.", "FacesBody"),
                    "201": response("The faces, kept with a result.", "FacesBody", ["Location"]),
                    **problem_responses(*refused, errors.BudgetSpent),
                },
                requestBody=_form("A JPEG, PNG, WebP, GIF, AVIF, HEIC, BMP or TIFF.", keep=KEEP),
            )
        },
        "/faces/frames": {
            "post": operation(
                "analyze_face_frame",
                "Say what the faces before a camera look like",
                f"Fast, always on this server, and keeps nothing. {LOOKS}{OFF}",
                {
                    "200": response("The faces.", "FacesBody"),
                    **problem_responses(*refused),
                },
                requestBody=_form("One frame, preferably a small JPEG."),
            )
        },
        "/pictures/{id}/faces": {
            "parameters": [RESULT_ID],
            "get": operation(
                "get_faces",
                "Read the faces kept with your result",
                "Only for your own results. 404 if nothing is kept of the faces.",
                {
                    "200": response("The faces.", "FacesBody"),
                    **problem_responses(errors.NoSuchResult, errors.Unavailable),
                },
            ),
            "delete": operation(
                "delete_faces",
                "Delete the faces kept with your result",
                "Only for your own results. The result itself stays.",
                {
                    "204": response("Nothing is kept of the faces."),
                    **problem_responses(*CHANGE_ERRORS),
                },
            ),
        },
    }


def _form(description: str, **more: JsonObject) -> JsonObject:
    file = {"type": "string", "format": "binary", "description": description}
    form = {
        "type": "object",
        "properties": {PICTURE_FIELD: file, "consent": CONSENT, **more},
        "required": [PICTURE_FIELD, "consent"],
    }
    encoding = {PICTURE_FIELD: {"contentType": "image/*"}}
    return {
        "required": True,
        "content": {"multipart/form-data": {"schema": form, "encoding": encoding}},
    }
