"""Labels as Amazon Rekognition names their members, in pictures and in videos."""

from typing import Any

from rubberduck.core.models import Box, Label


def label_from(item: Any) -> Label:
    """Return the Label of one item of DetectLabels' `Labels`, or of a video's `Label`.

    Raises LookupError and TypeError for an item of another shape.
    """
    name = item["Name"]
    return Label(
        name=name,
        confidence=item["Confidence"],
        boxes=tuple(_box_from(name, instance) for instance in item.get("Instances", ())),
        parents=tuple(parent["Name"] for parent in item.get("Parents", ())),
    )


def _box_from(name: str, instance: Any) -> Box:
    side = instance["BoundingBox"]
    return Box(
        side["Left"], side["Top"], side["Width"], side["Height"], name, instance["Confidence"]
    )
