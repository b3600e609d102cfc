"""DetectFaces and RecognizeCelebrities, by the embedded face finder. It knows nobody."""

from collections.abc import Callable
from typing import Any

from rubberduck.emulator.boxes import bounding_box, percent
from rubberduck.emulator.colours import box_quality
from rubberduck.emulator.images import read_image
from rubberduck.emulator.site import Site
from rubberduck.faces.models import Face

MAX_CELEBRITIES = 64
ALL = "ALL"


def detect_faces(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    """Describe the faces. Landmarks, poses and the other attributes are not known here."""
    wanted = set(given.get("Attributes", ()))
    picture = read_image(site, given["Image"])
    # What gender faces look like is said where the site says it, too.
    with_gender = site.settings.faces == "all" and bool(wanted & {ALL, "GENDER"})
    answer = site.faces.faces(picture, with_gender=with_gender)
    return {
        "FaceDetails": [
            {
                "BoundingBox": bounding_box(face.box),
                "Confidence": percent(face.box.confidence),
                "Quality": box_quality(picture.image, face.box),
                **{
                    member: describe(face)
                    for attribute, (member, describe) in ATTRIBUTES.items()
                    if wanted & {ALL, attribute}
                },
            }
            for face in answer.faces
        ]
    }


def recognize_celebrities(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    picture = read_image(site, given["Image"])
    answer = site.faces.faces(picture)
    return {
        "CelebrityFaces": [],
        "UnrecognizedFaces": [
            {
                "BoundingBox": bounding_box(face.box),
                "Confidence": percent(face.box.confidence),
                "Quality": box_quality(picture.image, face.box),
                "Emotions": _emotions(face),
                "Smile": _smile(face),
            }
            for face in answer.faces[:MAX_CELEBRITIES]
        ],
    }


def _emotions(face: Face) -> list[dict[str, Any]]:
    return [{"Type": each.name, "Confidence": percent(each.confidence)} for each in face.emotions]


def _smile(face: Face) -> dict[str, Any] | None:
    if face.smile is None:
        return None
    return {"Value": face.smile.is_smiling, "Confidence": percent(face.smile.confidence)}


def _ages(face: Face) -> dict[str, int] | None:
    return {"Low": face.ages.low, "High": face.ages.high} if face.ages else None


def _gender(face: Face) -> dict[str, Any] | None:
    if face.gender is None:
        return None
    return {"Value": face.gender.name, "Confidence": percent(face.gender.confidence)}


# Attributes of the request, the member of the answer, and what describes it.
ATTRIBUTES: dict[str, tuple[str, Callable[[Face], Any]]] = {
    "AGE_RANGE": ("AgeRange", _ages),
    "EMOTIONS": ("Emotions", _emotions),
    "GENDER": ("Gender", _gender),
    "SMILE": ("Smile", _smile),
}
