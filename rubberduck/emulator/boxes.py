"""Boxes, labels and confidences as the service writes them."""

from typing import Any

from rubberduck.core.models import Box


def bounding_box(box: Box) -> dict[str, float]:
    return {"Width": box.width, "Height": box.height, "Left": box.left, "Top": box.top}


def percent(value: float) -> float:
    return min(max(value, 0.0), 100.0)


def named(*names: str) -> list[dict[str, Any]]:
    return [{"Name": name} for name in names]
