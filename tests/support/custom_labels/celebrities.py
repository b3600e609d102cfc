"""RecognizeCelebrities: who the fake sees in every picture is what a test sets."""

from dataclasses import dataclass, field
from typing import Any

from tests.support.custom_labels.pictures import read_picture
from tests.support.custom_labels.world import World

MAX_FACES = 64


@dataclass
class Celebrities:
    """`seen` and `unknown` are items of the answer; `billed` counts pictures."""

    seen: list[dict[str, Any]] = field(default_factory=list)
    unknown: list[dict[str, Any]] = field(default_factory=list)
    billed: int = 0


def celebrities_of(world: World) -> Celebrities:
    world.celebrities = world.celebrities or Celebrities()
    return world.celebrities


def recognize_celebrities(world: World, request: dict[str, Any]) -> dict[str, Any]:
    read_picture(request["Image"])
    found = celebrities_of(world)
    found.billed += 1
    left = max(MAX_FACES - len(found.seen), 0)
    return {"CelebrityFaces": found.seen[:MAX_FACES], "UnrecognizedFaces": found.unknown[:left]}


def celebrity(name: str, left: float, *urls: str, confidence: float = 98.5) -> dict[str, Any]:
    """Return an item of CelebrityFaces, with all that the service tells of one."""
    return {
        "Name": name,
        "Id": f"{abs(hash(name)):x}"[:7],
        "MatchConfidence": confidence,
        "Urls": list(urls),
        "KnownGender": {"Type": "Unlisted"},
        "Face": face(left),
    }


def face(left: float, width: float = 0.12) -> dict[str, Any]:
    """Return a ComparedFace."""
    return {
        "BoundingBox": {"Left": left, "Top": 0.4, "Width": width, "Height": width * 1.3},
        "Confidence": 99.9,
        "Landmarks": [{"Type": "nose", "X": left + width / 2, "Y": 0.5}],
        "Pose": {"Roll": 0.5, "Yaw": -2.0, "Pitch": 1.5},
        "Quality": {"Brightness": 71.0, "Sharpness": 89.0},
        "Emotions": [{"Type": "CALM", "Confidence": 95.0}],
        "Smile": {"Value": False, "Confidence": 90.0},
    }
