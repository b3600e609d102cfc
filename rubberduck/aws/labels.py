"""Labels as Amazon Rekognition names their members, in pictures and in videos."""

from typing import Any

from rubberduck.core.models import Box, Label

# Calls of DetectLabels a second, the quota of an account: Amazon Rekognition endpoints and quotas.
FAST_REGIONS, FAST_RATE, RATE = ("us-east-1", "us-west-2", "eu-west-1"), 50, 5


def quota_of(region: str | None) -> int:
    """Return how often an account may call DetectLabels a second; None: an unknown region."""
    return FAST_RATE if region in FAST_REGIONS else RATE


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
