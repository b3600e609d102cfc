"""Custom Labels manifests: the documented lines, Ground Truth's own output, faults, memory."""

import json
import tracemalloc
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from rubberduck.custom_models.dataset import Box, Dataset, InvalidDataset, Picture
from rubberduck.custom_models.interchange.formats import opened, write
from rubberduck.custom_models.interchange.options import ReadOptions, WriteOptions

PROVENANCE = {
    "job-name": "labeling-job/duck",
    "human-annotated": "yes",
    "creation-date": "2026-11-28T20:00:00.000000",
}
BOXES: dict[str, Any] = {
    "source-ref": "s3://duck-bkt/in/a b.jpg",
    "duck": {
        "image_size": [{"width": 640, "height": 480, "depth": 3}],
        "annotations": [
            {"class_id": 0, "left": 86, "top": 65, "width": 220, "height": 334},
            {"class_id": 1, "left": 399, "top": 251, "width": 155, "height": 101},
        ],
    },
    "duck-metadata": {
        "objects": [{"confidence": 1}, {"confidence": 1}],
        "class-map": {"0": "rubber duck", "1": "real duck"},
        "type": "groundtruth/object-detection",
        **PROVENANCE,
    },
}


def classified(number: int, name: str) -> dict[str, Any]:
    details = {"class-name": name, "confidence": 1, "type": "groundtruth/image-classification"}
    return {f"kind{number}": 1, f"kind{number}-metadata": details | PROVENANCE}


def read(tmp_path: Path, *lines: object, options: ReadOptions | None = None) -> list[Picture]:
    file = tmp_path / "a.manifest"
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    with opened(file, options=options) as dataset:
        return list(dataset.pictures)


def test_the_documented_line_of_boxes(tmp_path: Path) -> None:
    (picture,) = read(tmp_path, BOXES)
    assert picture == Picture(
        "s3://duck-bkt/in/a b.jpg",
        640,
        480,
        (Box("rubber duck", 86, 65, 220, 334), Box("real duck", 399, 251, 155, 101)),
    )


def test_the_documented_line_of_several_labels_and_what_the_service_adds(tmp_path: Path) -> None:
    line = {"source-ref": "s3://duck-bkt/in/b.jpg", **classified(0, "bath")}
    line |= classified(1, "outdoors") | {"cl-metadata": {"is_labeled": True}, "cl-errors": []}
    (picture,) = read(tmp_path, line)
    assert picture == Picture("s3://duck-bkt/in/b.jpg", labels=("bath", "outdoors"))


def test_the_output_of_a_multi_label_job_is_converted(tmp_path: Path) -> None:
    """As it is, Custom Labels refuses it: the type must not be …-multilabel."""
    line = {
        "source-ref": "s3://duck-bkt/a.jpg",
        "kind": [1, 0],
        "kind-metadata": {
            "class-map": {"0": "bath", "1": "outdoors"},
            "confidence-map": {"0": 0.77, "1": 0.95},
            "type": "groundtruth/image-classification-multilabel",
            **PROVENANCE,
        },
    }
    pictures = read(tmp_path, line)
    write(Dataset(pictures), tmp_path / "b.manifest", "manifest", WriteOptions())
    (written,) = (tmp_path / "b.manifest").read_text().splitlines()
    assert "multilabel" not in written
    entry = json.loads(written)
    kept = {key: value["class-name"] for key, value in entry.items() if "-metadata" in key}
    assert kept == {"label0-metadata": "outdoors", "label1-metadata": "bath"}


def test_a_line_without_attributes_is_not_the_same_as_one_without_boxes(tmp_path: Path) -> None:
    nothing = json.loads(json.dumps(BOXES))
    nothing["duck"]["annotations"] = nothing["duck-metadata"]["objects"] = []
    new, empty = read(tmp_path, {"source-ref": "s3://b/a.jpg"}, nothing)
    assert not new.labelled
    assert empty.is_empty


def test_a_prefix_is_put_before_names_and_taken_off_again(tmp_path: Path) -> None:
    prefix = "s3://duck-bkt/in/"
    write(
        Dataset([Picture("sub/a b.jpg", labels=("bath",))]),
        tmp_path / "a.manifest",
        "manifest",
        WriteOptions(prefix=prefix),
    )
    assert "s3://duck-bkt/in/sub/a b.jpg" in (tmp_path / "a.manifest").read_text()
    with opened(tmp_path / "a.manifest", options=ReadOptions(prefix=prefix)) as dataset:
        assert [picture.name for picture in dataset.pictures] == ["sub/a b.jpg"]


def changed(path: str, value: object) -> dict[str, Any]:
    """Return BOXES with one value replaced; `path` is keys separated by slashes."""
    line: dict[str, Any] = json.loads(json.dumps(BOXES))
    *steps, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    target: Any = line
    for step in steps:
        target = target[step]
    target[last] = value
    return line


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"", "line 2: it is empty"),
        (b"{", "line 2: it is not JSON"),
        (b"[]", "line 2: it is not a JSON object"),
        (b'{"a": NaN}', "line 2: it holds NaN"),
        (b"\xff\xfe", "line 2: it is not UTF-8"),
        (b'{"source-ref": "s3://b/\\uD800.jpg"}', "line 2: it is not UTF-8"),
        (changed("duck-metadata/type", []), "line 2, duck: the type [] is unknown"),
        (b"[" * 90_000, "line 2: it is nested too deeply"),
        (b'{"a": "' + b"a" * 500_000 + b'"}', "line 2: it is longer than 100,000 characters"),
        ({"a": 1}, "line 2: source-ref is missing"),
        (changed("duck/annotations/1/class_id", 7), "line 2, duck: the class '7' is not in its"),
        (changed("duck/annotations/1/left", "9"), "line 2, duck: annotations.1.left"),
        (changed("duck/annotations/0/width", 0), "line 2, duck: annotations.0.width"),
        (changed("duck/image_size", []), "line 2, duck: image_size"),
        (changed("duck-metadata/type", "groundtruth/x"), "line 2, duck: the type 'groundtruth/x'"),
        (changed("duck-metadata/class-map", {"0": 1}), "line 2, duck: class-map.0"),
    ],
)
def test_a_fault_is_named_with_its_line(
    line: dict[str, Any] | bytes, message: str, tmp_path: Path
) -> None:
    written = line if isinstance(line, bytes) else json.dumps(line).encode()
    file = tmp_path / "a.manifest"
    file.write_bytes(json.dumps(BOXES).encode() + b"\n" + written + b"\n")
    with pytest.raises(InvalidDataset) as raised, opened(file) as dataset:
        list(dataset.pictures)
    assert message in str(raised.value)
    assert "flask dataset check" in raised.value.advice


def test_the_memory_does_not_grow_with_the_lines(tmp_path: Path) -> None:
    """250,000 lines to COCO and back: docs/datasets.md has the peaks; here 2,500 against 250.

    Buffers of reading and writing fill up in between: up to 450,000 bytes more at any length.
    2,250 pictures with three boxes each would be 1,500,000 bytes and more.
    """

    def peak(lines: int) -> int:
        picture = Picture("s3://duck-bkt/in/a.jpg", 640, 480, (Box("duck", 1, 2, 3, 4),) * 3)
        source, target = tmp_path / f"{lines}.manifest", tmp_path / f"{lines}.json"
        write(Dataset(repeat(picture, lines)), source, "manifest", WriteOptions())
        tracemalloc.start()
        with opened(source) as dataset:
            write(dataset, target, "coco", WriteOptions())
        with opened(target) as dataset:
            assert sum(1 for _ in chain(dataset.pictures)) == lines
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)  # the first call fills caches
    assert peak(2_500) < peak(250) + 800_000
