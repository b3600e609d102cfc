"""Recorded answers of the real service, the judge of what reads and of what writes such answers.

They are read here by neither the product's parser nor the emulator's serialiser.
"""

import json
from typing import Any

from rubberduck.core.models import Box, Label
from rubberduck.core.settings import ROOT

RECORDED = ROOT / "tests" / "recorded"
DETECT_LABELS = (
    "detect_labels_electronics",
    "detect_labels_five_dogs",
    "detect_labels_giant_duck_boxes",
    "detect_labels_giant_duck_no_box",
)


def recorded(name: str) -> dict[str, Any]:
    """Return a real answer of DetectLabels, by its file's name."""
    text = (RECORDED / f"{name}.json").read_text()
    # Some recordings show absent members as null; on the wire they are absent.
    answer = json.loads(text, object_hook=lambda o: {k: v for k, v in o.items() if v is not None})
    return {"Labels": answer.get("Labels") or answer["FilteredLabels"], "LabelModelVersion": "3.0"}


def recorded_labels(name: str) -> list[Label]:
    """Return what a recorded answer says, for a detector to say again."""
    return [_label(item) for item in recorded(name)["Labels"]]


def _label(item: Any) -> Label:
    parents = tuple(parent["Name"] for parent in item["Parents"])
    boxes = tuple(_box(item["Name"], each) for each in item["Instances"])
    return Label(item["Name"], item["Confidence"], boxes, parents)


def _box(label: str, item: Any) -> Box:
    sides = {side.lower(): length for side, length in item["BoundingBox"].items()}
    return Box(**sides, label=label, confidence=item["Confidence"])
