"""Recorded answers of the real service judge the emulator's, as they judge the product's parser.

A scripted detector says what was recorded; the emulator writes it, boto3 reads it.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rubberduck.core.models import Label
from rubberduck.core.settings import ROOT
from rubberduck.emulator.labels import CATEGORIES
from tests.support.emulator import rekognition
from tests.support.pictures import encoded
from tests.support.recordings import DETECT_LABELS, recorded, recorded_labels
from tests.support.rekognition_endpoint import KEYS, RekognitionEndpoint

IMAGE = {"Bytes": encoded()}
EMULATOR = sorted((ROOT / "rubberduck" / "emulator").glob("*.py"))
PARSERS = (ROOT / "rekognition.py", *sorted((ROOT / "rubberduck" / "aws").glob("*.py")))


def answer_about(endpoint: RekognitionEndpoint, labels: list[Label], **more: Any) -> Any:
    endpoint.detector.answer = labels
    ((id, secret),) = KEYS.items()
    client = rekognition(endpoint.url, id=id, secret=secret)
    answer = client.detect_labels(Image=IMAGE, **more)
    del answer["ResponseMetadata"]
    return answer


def without(members: set[str], labels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in label.items() if k not in members} for label in labels]


@pytest.mark.parametrize("name", DETECT_LABELS)
def test_what_was_recorded_is_answered_again(eyes: RekognitionEndpoint, name: str) -> None:
    """Aliases and most categories are the service's own; two recordings lack their parents."""
    found = answer_about(eyes, recorded_labels(name), MinConfidence=0)
    wanted = recorded(name)
    own = {"Aliases", "Categories"}
    named = {label["Name"] for label in wanted["Labels"]}
    again = [label for label in found["Labels"] if label["Name"] in named]

    def by_name(labels: list[dict[str, Any]]) -> Any:
        return sorted(without(own, labels), key=lambda label: label["Name"])

    assert by_name(again) == by_name(wanted["Labels"])
    assert set(found) == set(wanted)
    added = {label["Name"] for label in found["Labels"]} - named
    assert added <= {parent["Name"] for each in wanted["Labels"] for parent in each["Parents"]}


def _recent() -> Iterator[Any]:
    """Yield labels of the recordings of the model that is answered for, 3.0."""
    for name in DETECT_LABELS:
        for label in recorded(name)["Labels"]:
            if "Categories" in label:
                yield label


def test_every_label_has_the_members_that_were_recorded(
    eyes: RekognitionEndpoint, client: Any, duck: Path
) -> None:
    """Also those of the embedded detector: lists are there when they are empty."""
    scripted = answer_about(eyes, recorded_labels("detect_labels_electronics"))["Labels"]
    embedded = client.detect_labels(Image={"Bytes": duck.read_bytes()})["Labels"]
    (wanted,) = {frozenset(label) for label in _recent()}
    assert {frozenset(label) for label in [*scripted, *embedded]} == {wanted}
    boxes = [box for label in [*_recent(), *scripted, *embedded] for box in label["Instances"]]
    assert {frozenset(box) for box in boxes} == {frozenset({"BoundingBox", "Confidence"})}
    (sides,) = {frozenset(box["BoundingBox"]) for box in boxes}
    assert sides == {"Width", "Height", "Left", "Top"}


def test_categories_are_those_that_were_recorded() -> None:
    recorded_ones = {
        label["Name"]: category["Name"] for label in _recent() for category in label["Categories"]
    }
    assert {name: recorded_ones.get(name, category) for name, category in CATEGORIES.items()} == (
        CATEGORIES
    )
    assert len(set(CATEGORIES) & set(recorded_ones)) >= 3


def complete_answers(eyes: RekognitionEndpoint) -> Iterator[tuple[str, Any]]:
    """Yield the recordings that were not filtered, and the emulator's answers to the others."""
    yield "recorded", recorded("detect_labels_electronics")["Labels"]
    for name in DETECT_LABELS:
        yield name, answer_about(eyes, recorded_labels(name), MinConfidence=0)["Labels"]


def test_the_rules_of_the_recordings_hold_for_all_answers(
    eyes: RekognitionEndpoint, client: Any, duck: Path
) -> None:
    """Parents are labels too, as sure as their children; the surest first, then by name."""
    embedded = client.detect_labels(Image={"Bytes": duck.read_bytes()}, MinConfidence=0)["Labels"]
    for name, labels in [*complete_answers(eyes), ("embedded", embedded)]:
        sure = {label["Name"]: label["Confidence"] for label in labels}
        assert list(sure.items()) == sorted(sure.items(), key=lambda each: (-each[1], each[0])), (
            name
        )
        for label in labels:
            parents = [parent["Name"] for parent in label["Parents"]]
            assert all(sure[parent] >= label["Confidence"] for parent in parents), (name, label)
            boxes = [box["Confidence"] for box in label["Instances"]]
            assert boxes == sorted(boxes, reverse=True), (name, label)
            assert all(box <= label["Confidence"] for box in boxes), (name, label)


def test_the_emulator_and_the_product_share_no_parser() -> None:
    """Neither may be right only because the other one is wrong in the same way."""
    for file in EMULATOR:
        for module in _imports(file):
            assert module != "rekognition", file
            assert not module.startswith("rubberduck.aws"), file
    for file in PARSERS:
        assert not [each for each in _imports(file) if each.startswith("rubberduck.emulator")]


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
