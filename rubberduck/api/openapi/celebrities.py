"""Celebrities in a picture, as OpenAPI describes them."""

from typing import Any

from rubberduck.api.celebrities import CelebritiesBody
from rubberduck.api.openapi.builders import (
    UPLOAD_ERRORS,
    JsonObject,
    operation,
    picture_body,
    problem_responses,
    required_parameter,
    response,
)
from rubberduck.aws.celebrities_errors import (
    CelebritiesNotAgreed,
    CelebritiesOff,
)
from rubberduck.core import errors

BODIES: tuple[Any, ...] = (CelebritiesBody,)
AGREE = required_parameter(
    "agree",
    "query",
    {"type": "string", "enum": ["true"]},
    "“true”: you agree that the picture is sent to Amazon, which compares the faces in it with "
    "those of celebrities.",
)


def celebrities() -> JsonObject:
    """Return the operation by its path."""
    recognize = operation(
        "recognize_celebrities",
        "Name the celebrities in a picture",
        "Sends the picture to Amazon Rekognition; nothing else can name celebrities. Neither the "
        "picture nor the answer is kept here. It may be wrong about people. Faces of others are "
        "only counted. 409 where the site does not offer it.",
        {
            "200": response("Who is in the picture.", "CelebritiesBody"),
            **problem_responses(
                *UPLOAD_ERRORS,
                CelebritiesNotAgreed,
                CelebritiesOff,
                errors.PictureRefused,
                errors.BudgetSpent,
                errors.Unavailable,
            ),
        },
        parameters=[AGREE],
        requestBody=picture_body("A JPEG, PNG, WebP, GIF, AVIF, HEIC, BMP or TIFF."),
    )
    return {"/celebrities": {"post": recognize}}
