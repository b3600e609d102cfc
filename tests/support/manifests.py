"""Lines of manifests of drawn pictures, as Ground Truth writes them."""

from typing import Any

from tests.support.objects import Drawn


def manifest_line(name: str, drawn: Drawn, *, bucket: str = "rubberduck") -> dict[str, Any]:
    """Return the picture's line of a manifest."""
    labels = sorted({label for label, _ in drawn.boxes})
    boxes = [
        {"class_id": labels.index(label), "left": left, "top": top, "width": wide, "height": high}
        for label, sides in drawn.boxes
        for left, top, wide, high in [map(round, sides)]
    ]
    return {
        "source-ref": f"s3://{bucket}/{name}",
        "boxes": {
            "image_size": [{"width": drawn.width, "height": drawn.height, "depth": 3}],
            "annotations": boxes,
        },
        "boxes-metadata": {
            "objects": [{"confidence": 1}] * len(boxes),
            "class-map": {str(number): label for number, label in enumerate(labels)},
            "type": "groundtruth/object-detection",
            "human-annotated": "yes",
            "creation-date": "2026-11-29T12:00:00.000000",
            "job-name": "labeling-job/mugs",
        },
    }
