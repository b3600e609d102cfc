"""COCO, judged by pycocotools, which most programs read it with."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from rubberduck.custom_models.dataset import Box, Dataset, InvalidDataset, Picture
from rubberduck.custom_models.interchange.formats import opened, write
from rubberduck.custom_models.interchange.options import WriteOptions

PICTURES = [
    Picture("a.jpg", 640, 480, (Box("duck", 10.25, 20.5, 100.125, 50), Box("goose", 5, 5, 9, 9))),
    Picture("empty.jpg", 640, 480),
    Picture("b.jpg", 640, 480, (Box("duck", 300, 40, 80, 60), Box("duck", 0, 0, 99, 70, True))),
]


def judge(file: Path, detections: list[dict[str, Any]]) -> Any:
    """Return pycocotools' evaluation of detections against the file."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(file))
        evaluation = COCOeval(truth, truth.loadRes(detections), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def detections(file: Path) -> list[dict[str, Any]]:
    """Return every box of a file as if a perfect model had found it."""
    written = json.loads(file.read_text())["annotations"]
    found = [one for one in written if not one["iscrowd"]]
    return [{**one, "score": 0.9, "segmentation": None} for one in found]


def test_pycocotools_finds_every_box_and_ignores_the_crowd(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    write(Dataset(PICTURES, ["duck", "goose"]), file, "coco", WriteOptions())
    plain = [
        {key: value for key, value in one.items() if key in {"image_id", "category_id", "bbox"}}
        | {"score": 0.9}
        for one in detections(file)
    ]
    in_the_crowd = {"image_id": 3, "category_id": 1, "bbox": [2, 2, 30, 30], "score": 0.95}
    evaluation = judge(file, [*plain, in_the_crowd])
    assert evaluation.stats[0] == pytest.approx(1)  # AP: the box in the crowd is no false alarm
    assert evaluation.stats[8] == pytest.approx(1)  # recall: no annotation is numbered 0
    assert evaluation.cocoGt.getImgIds() == [1, 2, 3]
    assert evaluation.cocoGt.getCatIds() == [1, 2]


def test_pycocotools_never_matches_an_annotation_with_id_0(tmp_path: Path) -> None:
    """pycocotools 2.0.11: a match is stored as its id, and 0 means none (cocoeval.evaluateImg).

    Label Studio numbers annotations from 0, so the first box of its exports is always "missed".
    """
    file = tmp_path / "a.json"
    write(Dataset(PICTURES[:1], ["duck", "goose"]), file, "coco", WriteOptions())
    content = json.loads(file.read_text())
    for annotation in content["annotations"]:
        annotation["id"] -= 1
    file.write_text(json.dumps(content))
    found = [
        {"image_id": 1, "category_id": one["category_id"], "bbox": one["bbox"], "score": 0.9}
        for one in content["annotations"]
    ]
    assert judge(file, found).stats[8] == pytest.approx(0.5)
    with opened(file) as dataset:
        assert len(next(iter(dataset.pictures)).boxes) == 2


def test_the_parts_may_come_in_any_order_and_ids_be_anything(tmp_path: Path) -> None:
    content = {
        "annotations": [
            {"image_id": "x", "category_id": 90, "bbox": [1, 2, 3, 4], "id": 7, "iscrowd": 1},
            {"image_id": 5, "category_id": 1, "bbox": [1, 2, 0, 4], "id": 8},
            {"image_id": 6, "category_id": 1, "bbox": [1, 2, 3, 4], "segmentation": [[1, 2]]},
        ],
        "images": [
            {"id": 5, "file_name": "a.jpg", "width": 9, "height": 9, "license": None},
            {"id": "x", "file_name": "b.jpg", "width": 9, "height": 9},
        ],
        "categories": [{"id": 90, "name": "goose"}, {"id": 1, "name": "duck"}],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    with opened(tmp_path / "a.json") as dataset:
        first, second = dataset.pictures
    assert not first.labelled
    assert second.boxes == (Box("goose", 1, 2, 3, 4, crowd=True),)
    assert dataset.labels == ["goose", "duck"]
    assert dataset.report.lines() == [
        "a box without area is left out (once, first: annotations[1])",
        "outlines and key points are left out: only the box is kept (once, first: annotations[2])",
        "none of its labels could be read, so it is not labelled yet (once, first: a.jpg)",
        "an annotation of an image that is not listed is left out (once, first: a.json)",
    ]


def test_pictures_of_one_name_in_two_parts_stay_apart(tmp_path: Path) -> None:
    """As Roboflow exports the parts, each in a folder with its pictures."""
    content = {"images": [IMAGE], "annotations": [BOX], "categories": [CATEGORY]}
    for part in ("train", "valid"):
        (tmp_path / "set" / part).mkdir(parents=True)
        file = tmp_path / "set" / part / "_annotations.coco.json"
        file.write_text(json.dumps(content))
    with opened(tmp_path / "set") as dataset:
        write(dataset, tmp_path / "voc", "voc", WriteOptions())
    with opened(tmp_path / "voc") as again:
        found = [(picture.name, picture.split) for picture in again.pictures]
    assert found == [("train/a.jpg", "train"), ("valid/a.jpg", "validation")]


IMAGE = {"id": 1, "file_name": "a.jpg", "width": 9, "height": 9}
BOX = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}
CATEGORY = {"id": 1, "name": "duck"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": [IMAGE, IMAGE]}, r"images\[1\]: the id 1 is used twice"),
        ({"images": [IMAGE | {"width": "9"}]}, r"images\[0\]: width: Input should be a valid int"),
        ({"images": [IMAGE | {"id": 2**70}]}, "integer overflow"),
        ({"annotations": [BOX | {"category_id": 3}]}, r"annotations\[0\]: the category 3 is not"),
        ({"annotations": [BOX, BOX | {"bbox": [1, 2, 3]}]}, r"annotations\[1\]: bbox"),
        ({"annotations": [BOX | {"iscrowd": 2}]}, r"annotations\[0\]: iscrowd"),
        ({"categories": [CATEGORY, CATEGORY]}, r"categories\[1\]: the id 1 is used twice"),
        ({"categories": [{"id": 1}]}, r"categories\[0\]: name: Field required"),
    ],
)
def test_a_fault_is_named_with_its_place(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    content = {"images": [IMAGE], "annotations": [BOX], "categories": [CATEGORY]}
    (tmp_path / "a.json").write_text(json.dumps(content | change))
    with pytest.raises(InvalidDataset, match=message), opened(tmp_path / "a.json") as dataset:
        list(dataset.pictures)


@pytest.mark.parametrize("tail", ["", ", ", "]}x", ', {"image_id": NaN}]}', "\udcff]}"])
def test_broken_json_is_named_with_its_place(tail: str, tmp_path: Path) -> None:
    text = '{"categories": [{"id": 1, "name": "duck"}], "annotations": [{"image_id": 1, '
    text += '"category_id": 1, "bbox": [1, 2, 3, 4]}' + tail
    (tmp_path / "a.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InvalidDataset, match="not JSON"), opened(tmp_path / "a.json") as dataset:
        list(dataset.pictures)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    """Windows PowerShell and Excel put it before UTF-8."""
    content = {"images": [IMAGE], "annotations": [BOX], "categories": [CATEGORY]}
    (tmp_path / "a.json").write_text(json.dumps(content), encoding="utf-8-sig")
    with opened(tmp_path / "a.json") as dataset:
        assert [picture.boxes for picture in dataset.pictures] == [(Box("duck", 1, 2, 3, 4),)]


def test_a_fault_ends_with_one_full_stop(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"images": [], "categories": [{"id": ä}]}', encoding="utf-8")
    with pytest.raises(InvalidDataset) as refused, opened(tmp_path / "a.json") as dataset:
        list(dataset.pictures)
    assert ".." not in str(refused.value).removeprefix(str(tmp_path))
