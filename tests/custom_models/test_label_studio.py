"""Label Studio's exports: turned boxes, several annotators, skipped and empty tasks."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from rubberduck.custom_models.dataset import Box, Dataset, InvalidDataset
from rubberduck.custom_models.interchange.formats import opened


def region(x: float, y: float, width: float, height: float, **more: Any) -> dict[str, Any]:
    """Return a result with a box in per cents of a picture of 1000 x 500 pixels."""
    value = {"x": x, "y": y, "width": width, "height": height, "rectanglelabels": ["duck"]}
    size = {"original_width": 1000, "original_height": 500, "image_rotation": 0}
    return {"type": "rectanglelabels", **size, "value": value | more}


def task(*annotations: dict[str, Any], image: str = "/data/upload/1/a.jpg") -> dict[str, Any]:
    return {"id": 1, "data": {"image": image}, "annotations": list(annotations)}


def read(tmp_path: Path, *tasks: dict[str, Any]) -> Dataset:
    (tmp_path / "a.json").write_text(json.dumps(tasks))
    with opened(tmp_path / "a.json") as dataset:
        dataset.pictures = list(dataset.pictures)
    return dataset


def boxes(dataset: Dataset) -> list[Box]:
    return [box for picture in dataset.pictures for box in picture.boxes]


def test_a_box_is_turned_in_pixels(tmp_path: Path) -> None:
    """HumanSignal/label-studio#2293: a box of 300 x 100 pixels turned by 90 degrees.

    Its export to YOLO gave 0.2 x 0.3, the per cents turned, which is 200 x 150 pixels.
    """
    dataset = read(tmp_path, task({"result": [region(20, 20, 30, 20, rotation=90)]}))
    assert boxes(dataset) == [Box("duck", 100, 100, 100, 300)]
    assert "turned box" in dataset.report.lines()[0]


@pytest.mark.parametrize("degrees", range(0, 360, 15))
def test_the_box_around_a_turned_one_holds_its_corners_and_touches_them(
    degrees: int, tmp_path: Path
) -> None:
    (box,) = boxes(read(tmp_path, task({"result": [region(50, 50, 20, 10, rotation=degrees)]})))
    turn = complex(math.cos(math.radians(degrees)), math.sin(math.radians(degrees)))
    corners = [complex(500, 250) + turn * complex(x, y) for x in (0, 200) for y in (0, 50)]
    across, down = [corner.real for corner in corners], [corner.imag for corner in corners]
    assert (box.left, box.right) == pytest.approx((min(across), max(across)), abs=1e-5)
    assert (box.top, box.bottom) == pytest.approx((min(down), max(down)), abs=1e-5)


def test_one_annotation_of_a_task_is_kept(tmp_path: Path) -> None:
    """label-studio-sdk 2.1 exports such a picture twice."""
    old = {"result": [region(1, 1, 1, 1)], "updated_at": "2026-01-01T00:00:00Z"}
    new = {"result": [region(2, 2, 2, 2)], "updated_at": "2026-01-02T00:00:00Z"}
    truth = {"result": [region(4, 4, 4, 4)], "ground_truth": True, "updated_at": "2025"}
    dataset = read(tmp_path, task(new, old), task(new, truth, old))
    assert [box.left for box in boxes(dataset)] == [20, 40]
    assert "several annotators" in dataset.report.lines()[0]


def test_skipped_empty_and_new_tasks_differ(tmp_path: Path) -> None:
    """In an export of an empty task nothing says how large the picture is."""
    skipped = {"result": [], "was_cancelled": True}
    pictures = list(read(tmp_path, task(skipped), task({"result": []}), task()).pictures)
    assert [picture.labelled for picture in pictures] == [False, True, False]
    assert pictures[1].is_empty
    assert pictures[1].width is None


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/data/upload/1/8f-a%20b.jpg", "data/upload/1/8f-a%20b.jpg"),
        ("/data/local-files/?d=in/a%20b.jpg", "in/a b.jpg"),
        ("https://example.org/in/a%20b.jpg?size=2", "in/a b.jpg"),
        ("s3://duck-bkt/in/a b.jpg", "s3://duck-bkt/in/a b.jpg"),
    ],
)
def test_names_of_pictures(address: str, name: str, tmp_path: Path) -> None:
    (picture,) = read(tmp_path, task(image=address)).pictures
    assert picture.name == name


def test_other_results_are_named_and_choices_are_labels_of_the_picture(tmp_path: Path) -> None:
    results = [
        {"type": "choices", "value": {"choices": ["bath", "outdoors"]}},
        {"type": "polygonlabels", "value": {"points": [[1, 2]], "polygonlabels": ["duck"]}},
        {"type": "rectangle", "value": {"x": 1, "y": 1, "width": 1, "height": 1}},
    ]
    dataset = read(tmp_path, task({"result": results}))
    assert [picture.labels for picture in dataset.pictures] == [("bath", "outdoors")]
    assert [*dataset.report.counts] == ["a result of type 'polygonlabels' is left out"]


def test_outlines_and_ellipses_are_kept_as_the_boxes_around_them(tmp_path: Path) -> None:
    """A template with one list of labels for all tools says `labels` instead of the tool's."""
    size = {"original_width": 1000, "original_height": 500}
    points = [[10, 20], [30, 40], [20, 60]]
    ellipse = {"x": 50, "y": 50, "radiusX": 10, "radiusY": 10}  # half axes: 100 and 50 pixels
    values: list[tuple[str, dict[str, Any]]] = [
        ("polygonlabels", {"points": points, "closed": True, "polygonlabels": ["duck"]}),
        ("labels", {"points": points, "labels": ["goose"]}),
        ("ellipselabels", ellipse | {"rotation": 0, "ellipselabels": ["duck"]}),
        ("ellipselabels", ellipse | {"rotation": 90, "ellipselabels": ["duck"]}),
        ("ellipselabels", ellipse | {"rotation": 45, "ellipselabels": ["duck"]}),
    ]
    results = [{"type": type, **size, "value": value} for type, value in values]
    dataset = read(tmp_path, task({"result": results}))
    *known, diagonal = boxes(dataset)
    assert known == [
        Box("duck", 100, 100, 200, 200),
        Box("goose", 100, 100, 200, 200),
        Box("duck", 400, 200, 200, 100),
        Box("duck", 450, 150, 100, 200),
    ]
    half = math.hypot(100, 50) / math.sqrt(2)
    around = (500 - half, 250 - half, 2 * half, 2 * half)
    found = (diagonal.left, diagonal.top, diagonal.width, diagonal.height)
    assert found == pytest.approx(around, abs=1e-5)
    assert dataset.report.counts == {"an outline is kept as the box around it": 5}


@pytest.mark.parametrize(
    "result",
    [
        {"type": "brushlabels", "value": {"format": "rle", "rle": [1], "brushlabels": ["duck"]}},
        {"type": "keypointlabels", "value": {"x": 1, "y": 1, "keypointlabels": ["duck"]}},
        {"type": "labels", "value": {"format": "rle", "rle": [1], "labels": ["duck"]}},
        {"type": "rectangle", "value": {"x": 1, "y": 1, "width": 1, "height": 1}},
        region(1, 1, 0, 1),
    ],
    ids=["brush", "key point", "brush with a list of labels", "no label", "no area"],
)
def test_a_picture_of_which_nothing_can_be_read_is_not_one_with_nothing_in_it(
    result: dict[str, Any], tmp_path: Path
) -> None:
    """A model would learn that there is no duck in a picture where somebody painted one."""
    dataset = read(tmp_path, task({"result": [result]}), task({"result": [region(1, 1, 1, 1)]}))
    assert [picture.labelled for picture in dataset.pictures] == [False, True]
    assert "none of its labels could be read, so it is not labelled yet" in dataset.report.counts


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"data": {"image": "a.jpg"}}, r"task\[1\]: annotations: Field required"),
        (task({"result": [region(1, 1, 1, 1) | {"original_width": None}]}), "picture's size"),
        (task({"result": [region(1, 1, float("1e400"), 1)]}), r"not JSON"),
        ({"data": {"a": "a.jpg", "b": "b.jpg"}, "annotations": []}, "no picture, or several"),
    ],
)
def test_a_fault_is_named_with_its_task(
    broken: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidDataset, match=message):
        read(tmp_path, task(), broken)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    exported = json.dumps([task({"result": [region(20, 20, 30, 20)]})])
    (tmp_path / "a.json").write_text(exported, encoding="utf-8-sig")
    with opened(tmp_path / "a.json") as dataset:
        (picture,) = dataset.pictures
    assert picture.boxes == (Box("duck", 200, 100, 300, 100),)
