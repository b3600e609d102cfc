"""DetectLabels, by the embedded detector."""

from dataclasses import replace
from typing import Any

from rubberduck.core.models import Label
from rubberduck.emulator.boxes import bounding_box, named, percent
from rubberduck.emulator.colours import image_properties
from rubberduck.emulator.errors import invalid_parameter
from rubberduck.emulator.images import read_image
from rubberduck.emulator.site import Site

# Of the service's answers: the recorded ones have these categories.
CATEGORIES = {
    "Animal": "Animals and Pets",
    "Bird": "Animals and Pets",
    "Duck": "Animals and Pets",
    "Toy": "Hobbies and Interests",
}
MODEL_VERSION = "3.0"  # of the service's vocabulary, which the detector's labels belong to
MAX_LABELS, MIN_CONFIDENCE = 1000, 55.0
GENERAL_LABELS, IMAGE_PROPERTIES = "GENERAL_LABELS", "IMAGE_PROPERTIES"


def detect_labels(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    features = set(given.get("Features") or (GENERAL_LABELS,))
    settings = given.get("Settings", {})
    if not {_feature_of(name) for name in settings} <= features:
        raise invalid_parameter()
    picture = read_image(site, given["Image"])
    answer: dict[str, Any] = {"Labels": [], "LabelModelVersion": MODEL_VERSION}
    labels: list[Label] = []
    if GENERAL_LABELS in features:
        found = with_parents(site.detector.labels(picture))
        least = given.get("MinConfidence", MIN_CONFIDENCE)
        chosen = filtered(found, settings.get("GeneralLabels", {}))
        labels = [label for label in chosen if label.confidence >= least]
        labels = labels[: given.get("MaxLabels", MAX_LABELS)]
        answer["Labels"] = [describe(label) for label in labels]
    if IMAGE_PROPERTIES in features:
        most = settings.get("ImageProperties", {}).get("MaxDominantColors")
        answer["ImageProperties"] = image_properties(picture.image, labels, most)
    return answer


def _feature_of(setting: str) -> str:
    return GENERAL_LABELS if setting == "GeneralLabels" else IMAGE_PROPERTIES


def with_parents(labels: list[Label]) -> list[Label]:
    """Return the labels with their ancestors as labels of their own.

    The surest come first, then by name, as in recorded answers of the service.

    >>> [label.name for label in with_parents([Label("Bird", 70.0, (), ("Animal",))])]
    ['Animal', 'Bird']
    """
    by_name = {label.name: label for label in labels}
    for label in labels:
        for name in label.parents:
            known = by_name.get(name) or Label(name, 0.0)
            by_name[name] = replace(known, confidence=max(known.confidence, label.confidence))
    return sorted(by_name.values(), key=lambda label: (-label.confidence, label.name))


def filtered(labels: list[Label], settings: dict[str, list[str]]) -> list[Label]:
    """Return the labels that the filters of a request leave."""
    names = set(settings.get("LabelInclusionFilters", ()))
    categories = set(settings.get("LabelCategoryInclusionFilters", ()))
    no_names = set(settings.get("LabelExclusionFilters", ()))
    no_categories = set(settings.get("LabelCategoryExclusionFilters", ()))
    return [
        label
        for label in labels
        if (
            not (names or categories)
            or label.name in names
            or CATEGORIES.get(label.name) in categories
        )
        and label.name not in no_names
        and CATEGORIES.get(label.name) not in no_categories
    ]


def describe(label: Label) -> dict[str, Any]:
    category = CATEGORIES.get(label.name)
    return {
        "Name": label.name,
        "Confidence": percent(label.confidence),
        "Instances": [
            {"BoundingBox": bounding_box(box), "Confidence": percent(box.confidence)}
            for box in label.boxes
        ],
        "Parents": named(*label.parents),
        "Aliases": [],
        "Categories": named(category) if category else [],
    }
