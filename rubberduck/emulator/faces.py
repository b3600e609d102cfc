"""DetectFaces and RecognizeCelebrities, by the embedded face finder. It knows nobody."""

from collections.abc import Callable
from typing import Any

from rubberduck.emulator.boxes import bounding_box, percent
from rubberduck.emulator.colours import box_quality
from rubberduck.emulator.images import read_image
from rubberduck.emulator.site import Site
from rubberduck.faces.models import Face
from rubberduck.imaging.decode import Picture

MAX_CELEBRITIES = 64
ALL = "ALL"


def detect_faces(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    """Describe the faces. Beards, glasses and what else is not in ATTRIBUTES is not known here."""
    wanted = set(given.get("Attributes", ()))
    picture = read_image(site, given["Image"])
    # What gender faces look like is said where the site says it, too.
    with_gender = site.settings.faces == "all" and bool(wanted & {ALL, "GENDER"})
    answer = site.faces.faces(picture, with_gender=with_gender)
    return {
        "FaceDetails": [
            {
                **_place(site, picture, face),
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
                **_place(site, picture, face),
                "Emotions": _emotions(face),
                "Smile": _smile(face),
            }
            for face in answer.faces[:MAX_CELEBRITIES]
        ],
    }


def _place(site: Site, picture: Picture, face: Face) -> dict[str, Any]:
    """Return the members that come unasked; of the pose only how far the head is turned."""
    found = site.faces.landmarks(picture, face.box)
    points = {
        "eyeLeft": found and found.eye_left,
        "eyeRight": found and found.eye_right,
        "nose": found and found.nose,
    }
    return {
        "BoundingBox": bounding_box(face.box),
        "Confidence": percent(face.box.confidence),
        "Landmarks": [
            {"Type": name, "X": point[0], "Y": point[1]} for name, point in points.items() if point
        ],
        "Pose": {"Roll": found.roll(picture.image.size)} if found else None,
        "Quality": box_quality(picture.image, face.box),
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
