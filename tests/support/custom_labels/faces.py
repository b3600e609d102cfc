"""DetectFaces: the faces that the fake sees in every picture are what a test sets."""

from dataclasses import dataclass, field
from typing import Any

from tests.support.custom_labels.pictures import read_picture
from tests.support.custom_labels.world import World

MAX_FACES = 100
# Members that come without being asked for, as the reference of DetectFaces lists them.
DEFAULT = {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
MEMBERS = {
    "AGE_RANGE": "AgeRange",
    "EMOTIONS": "Emotions",
    "GENDER": "Gender",
    "SMILE": "Smile",
    "MOUTH_OPEN": "MouthOpen",
}


@dataclass
class Faces:
    """`seen` are items of FaceDetails with all their members; `billed` counts pictures."""

    seen: list[dict[str, Any]] = field(default_factory=list)
    billed: int = 0


def faces_of(world: World) -> Faces:
    world.faces = world.faces or Faces()
    return world.faces


def detect_faces(world: World, request: dict[str, Any]) -> dict[str, Any]:
    read_picture(request["Image"])
    asked = DEFAULT | {MEMBERS[name] for name in request.get("Attributes", ()) if name in MEMBERS}
    found = faces_of(world)
    found.billed += 1
    largest = sorted(found.seen, key=_area, reverse=True)[:MAX_FACES]
    # The service says nothing of their order.
    listed = [{k: v for k, v in face.items() if k in asked} for face in reversed(largest)]
    return {"FaceDetails": listed}


def _area(face: dict[str, Any]) -> float:
    return float(face["BoundingBox"]["Width"] * face["BoundingBox"]["Height"])


def face_detail(left: float, width: float = 0.2, emotion: str = "HAPPY") -> dict[str, Any]:
    """Return an item of FaceDetails with all that this project may ask for."""
    return {
        "BoundingBox": {"Left": left, "Top": 0.3, "Width": width, "Height": width * 1.3},
        "Confidence": 99.9,
        "AgeRange": {"Low": 22, "High": 30},
        "Smile": {"Value": emotion == "HAPPY", "Confidence": 96.5},
        "Gender": {"Value": "Female", "Confidence": 98.0},
        "MouthOpen": {"Value": True, "Confidence": 80.0},
        "Emotions": [
            {"Type": "CONFUSED", "Confidence": 0.7},
            {"Type": emotion, "Confidence": 90.0},
            {"Type": "SURPRISED", "Confidence": 9.3},
        ],
        "Landmarks": [{"Type": "nose", "X": left + width / 2, "Y": 0.4}],
        "Pose": {"Roll": 0.5, "Yaw": -2.0, "Pitch": 1.5},
        "Quality": {"Brightness": 71.0, "Sharpness": 89.0},
    }
