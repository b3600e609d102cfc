"""Checks before a training: each rule with a manifest that keeps it and one that breaks it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image

from rubberduck.custom_models import rules
from rubberduck.custom_models.checks import Check, check_dataset
from tests.support.command_line import run_command

PROVENANCE = {"job-name": "a", "human-annotated": "yes", "creation-date": "2026-11-28T20:00:00"}
Entry = dict[str, Any]


def boxes(number: int = 0, label: str = "duck", **box: int) -> Entry:
    """Return a line with one box."""
    sides = {"class_id": 0, "left": 86, "top": 65, "width": 220, "height": 334} | box
    details = {"objects": [{"confidence": 1}], "class-map": {"0": label}}
    return {
        "source-ref": f"s3://bucket/{number}.jpg",
        "a": {
            "image_size": [{"width": 640, "height": 480, "depth": 3}],
            "annotations": [sides],
        },
        "a-metadata": {**details, "type": "groundtruth/object-detection", **PROVENANCE},
    }


def labels(number: int, *names: str) -> Entry:
    """Return a line with labels of the whole picture."""
    kind = {"confidence": 1, "type": "groundtruth/image-classification", **PROVENANCE}
    line: Entry = {"source-ref": f"s3://bucket/{number}.jpg"}
    for index, name in enumerate(names):
        line |= {f"k{index}": 1, f"k{index}-metadata": kind | {"class-name": name}}
    return line


GOOD = [boxes(number) for number in range(12)]


def run(tmp_path: Path, lines: list[Any], name: str = "a.manifest", **more: Any) -> Check:
    written = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (tmp_path / name).write_text("".join(f"{line}\n" for line in written))
    return check_dataset(tmp_path / name, format="manifest", **more)


def test_a_good_manifest_has_no_findings(tmp_path: Path) -> None:
    check = run(tmp_path, GOOD)
    assert check.findings == {}
    assert check.is_ok
    assert check.use_case == "OBJECT_LOCALIZATION"
    assert check.pictures_by_label() == {"duck": 12}


def test_a_good_manifest_of_labels_has_no_findings(tmp_path: Path) -> None:
    check = run(tmp_path, [labels(number, "bath", "sea") for number in range(12)])
    assert check.findings == {}
    assert check.use_case == "IMAGE_LEVEL_LABELS"


def changed(change: Callable[[Entry], Any]) -> Entry:
    line = boxes(99)
    change(line)
    return line


def of(attribute: str, **values: Any) -> Entry:
    """Return a line in which values of "a" or "a-metadata" are replaced."""
    return changed(lambda line: line[attribute].update(values))


SIZE = {"width": 640, "height": 480, "depth": 3}
# One bad line among twelve good ones: the code, the line, whether it counts as wrong.
LINES: list[tuple[str, Any]] = [
    ("ERROR_INVALID_JSON_LINE", "{"),
    ("ERROR_INVALID_JSON_LINE", ""),
    ("ERROR_INVALID_JSON_LINE", '{"source-ref": NaN}'),
    ("LINE_TOO_LONG", json.dumps(boxes(99) | {"long": "x" * 100_000})),
    ("ERROR_MISSING_SOURCE_REF", changed(lambda line: line.pop("source-ref"))),
    ("ERROR_INVALID_SOURCE_REF_FORMAT", boxes(99) | {"source-ref": "https://bucket/a.jpg"}),
    ("ERROR_INVALID_SOURCE_REF_FORMAT", boxes(99) | {"source-ref": "s3://bucket"}),
    ("DUPLICATE_SOURCE_REF", boxes(3)),
    ("ERROR_NO_LABEL_ATTRIBUTES", changed(lambda line: line.pop("a"))),
    ("ERROR_NO_LABEL_ATTRIBUTES", changed(lambda line: line.pop("a-metadata"))),
    ("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", of("a", image_size=SIZE)),
    ("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", boxes(99, left="9")),  # type: ignore[arg-type]
    ("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", boxes(99, left=9.5)),  # type: ignore[arg-type]
    ("ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", of("a-metadata", objects=None)),
    ("ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", boxes(99) | {"a-metadata": 1}),
    ("ERROR_NO_VALID_LABEL_ATTRIBUTES", of("a-metadata", objects=None)),
    ("ERROR_UNSUPPORTED_USE_CASE_TYPE", of("a-metadata", type="groundtruth/text")),
    ("ERROR_MISSING_BOUNDING_BOX_CONFIDENCE", of("a-metadata", objects=[])),
    ("ERROR_MISSING_CLASS_MAP_ID", boxes(99, class_id=1)),
    ("ERROR_INVALID_BOUNDING_BOX", boxes(99, left=-1)),
    ("ERROR_INVALID_BOUNDING_BOX", boxes(99, left=500)),
    ("ERROR_INVALID_BOUNDING_BOX", boxes(99, width=0)),
    ("ERROR_BOUNDING_BOX_TOO_SMALL", boxes(99, width=1)),
    ("ERROR_NO_VALID_ANNOTATIONS", boxes(99, width=1)),
    (
        "ERROR_TOO_MANY_BOUNDING_BOXES",
        of("a", annotations=boxes()["a"]["annotations"] * 51),
    ),
    ("TOO_MANY_LABELS_OF_A_PICTURE", labels(99, *[f"label {i}" for i in range(51)])),
    ("ERROR_INVALID_IMAGE_DIMENSION", of("a", image_size=[SIZE | {"width": 4097}])),
    ("ERROR_INVALID_IMAGE_DIMENSION", of("a", image_size=[SIZE | {"height": 63}])),
    ("ERROR_INVALID_IMAGE_DIMENSION", of("a", image_size=[SIZE | {"width": 2000, "height": 100}])),
    ("ERROR_INVALID_LABEL_NAME_LENGTH", boxes(99, label="")),
    ("ERROR_INVALID_LABEL_NAME_LENGTH", boxes(99, label="x" * 256)),
    ("WARNING_UNANNOTATED_RECORD", {"source-ref": "s3://bucket/99.jpg"}),
    ("WARNING_NO_ANNOTATIONS", of("a", annotations=[])),
    (
        "WARNING_NO_ATTRIBUTE_ANNOTATIONS",
        boxes(99)
        | {"b": {"image_size": [SIZE], "annotations": []}, "b-metadata": boxes()["a-metadata"]},
    ),
    ("OTHER_KIND_OF_LABELS", labels(99, "bath")),
]


@pytest.mark.parametrize(
    ("code", "line"), LINES, ids=[f"{i}-{code}" for i, (code, _) in enumerate(LINES)]
)
def test_a_bad_line_is_found(code: str, line: Any, tmp_path: Path) -> None:
    check = run(tmp_path, [*GOOD[:5], line, *GOOD[5:]])
    finding = check.findings[code]
    harmless = finding.rule.effect in {rules.IGNORED, rules.ADVICE}
    assert finding.count == 1
    assert code == "OTHER_KIND_OF_LABELS" or finding.examples[0][0] == "line 6"
    assert check.is_ok == harmless
    assert check.bad == (not harmless)
    assert check.total == 13
    assert check.dropped == (finding.rule.effect == rules.DROPPED)


# Boxes that are just right: 2 x 2 px after shrinking, 64 and 4,096 px, 50 boxes, 255 characters.
@pytest.mark.parametrize(
    "line",
    [
        boxes(99, width=2, height=2),
        boxes(99, left=0, top=0, width=640, height=480),
        of("a", image_size=[SIZE | {"width": 4096, "height": 4096}]),
        of("a", annotations=boxes()["a"]["annotations"] * 50)
        | {"a-metadata": boxes()["a-metadata"] | {"objects": [{"confidence": 1}] * 50}},
        boxes(99, label="x" * 255),
        boxes(99) | {"cl-metadata": {"is_labeled": True}, "cl-errors": []},
    ],
)
def test_a_line_at_the_limit_is_good(line: Entry, tmp_path: Path) -> None:
    check = run(tmp_path, [*GOOD, line])
    assert set(check.findings) <= {
        "FEW_PICTURES",
        "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_AUTOSPLIT",
    }


def test_a_box_is_measured_after_the_picture_was_shrunk(tmp_path: Path) -> None:
    """A box of 3 x 3 pixels in a picture of 4,000 is less than one pixel of 1,280."""
    line = of("a", image_size=[SIZE | {"width": 4000, "height": 4000}])
    line["a"]["annotations"][0] |= {"width": 3, "height": 3}
    assert "ERROR_BOUNDING_BOX_TOO_SMALL" in run(tmp_path, [*GOOD, line]).findings


def test_one_bad_box_drops_only_itself(tmp_path: Path) -> None:
    line = boxes(99)
    line["a"]["annotations"].append(line["a"]["annotations"][0] | {"left": -5})
    line["a-metadata"]["objects"].append({"confidence": 1})
    check = run(tmp_path, [*GOOD, line])
    assert list(check.findings) == ["ERROR_INVALID_BOUNDING_BOX"]
    assert check.pictures_by_label() == {"duck": 13}


@pytest.mark.parametrize(
    ("bad", "total", "fails"), [(2, 10, False), (3, 10, True), (1, 5, False), (2, 9, True)]
)
def test_more_than_a_fifth_of_bad_lines_fails(
    bad: int, total: int, fails: bool, tmp_path: Path
) -> None:
    """Blank lines count, ignored ones are not bad: 2 of 10 are allowed, 3 are not."""
    good: list[Any] = [boxes(number) for number in range(total - bad)]
    good[0] = {"source-ref": "s3://bucket/new.jpg"}
    check = run(tmp_path, [*good, *["", "{"][: bad - 1], *[boxes(1)] * (bad - min(bad - 1, 2))])
    assert check.total == total
    assert ("ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST" in check.findings) == fails


def test_what_is_wrong_with_the_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(run(tmp_path, []).findings) == {"ERROR_EMPTY_MANIFEST"}
    no_suffix = run(tmp_path, GOOD, name="manifest").findings
    assert set(no_suffix) == {"ERROR_MANIFEST_INACCESSIBLE_OR_UNSUPPORTED_FORMAT"}
    elsewhere = run(tmp_path, [*GOOD, boxes(1) | {"source-ref": "s3://other/a.jpg"}]).findings
    assert set(elsewhere) == {"ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS"}
    one = run(tmp_path, [labels(number, "bath") for number in range(12)]).findings
    assert set(one) == {"ERROR_MANIFEST_TOO_FEW_LABELS"}
    unusable = [boxes(number, left=-1) for number in range(12)]
    assert "ERROR_MANIFEST_TOO_FEW_USABLE_LABELS" in run(tmp_path, unusable).findings
    many = [boxes(number, label=f"label {number}") for number in range(251)]
    assert "ERROR_MANIFEST_TOO_MANY_LABELS" in run(tmp_path, many).findings
    assert "ERROR_MANIFEST_TOO_MANY_LABELS" not in run(tmp_path, many[:250]).findings
    few = run(tmp_path, [*GOOD, boxes(99, label="goose")]).findings
    assert set(few) == {"FEW_PICTURES", "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_AUTOSPLIT"}
    monkeypatch.setattr(rules, "MAX_BYTES", 100)
    monkeypatch.setattr(rules, "MAX_LINES", 11)
    too_large = {"ERROR_MANIFEST_SIZE_TOO_LARGE", "ERROR_MANIFEST_ROWS_EXCEEDS_MAXIMUM"}
    assert set(run(tmp_path, GOOD).findings) == too_large


def test_a_test_set_needs_the_labels_of_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = [boxes(i, label) for i in range(12) for label in [("duck", "goose", "swan")[i % 3]]]
    test = tmp_path / "test.manifest"
    test.write_text(json.dumps(boxes(50)) + "\n")
    assert "ERROR_INSUFFICIENT_LABEL_OVERLAP" in run(tmp_path, train, test=test).findings
    test.write_text(f"{json.dumps(boxes(50))}\n{json.dumps(boxes(51, 'goose'))}\n")
    assert set(run(tmp_path, train, test=test).findings) == {"FEW_PICTURES"}
    test.write_text(f"{json.dumps(boxes(50))}\n{json.dumps(boxes(51, 'goose', left=-1))}\n")
    unusable = run(tmp_path, train, test=test).findings
    assert "ERROR_INSUFFICIENT_USABLE_LABEL_OVERLAP" in unusable
    assert unusable["ERROR_INVALID_BOUNDING_BOX"].examples[0][0] == "test.manifest, line 2"
    monkeypatch.setattr(rules, "MAX_TEST_PICTURES", 0)
    assert "TOO_MANY_TEST_PICTURES" in run(tmp_path, train, test=test).findings


def test_the_picture_files_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(12):
        Image.new("L", (640, 480)).save(folder / f"{number}.jpg")
    Image.new("L", (640, 480)).save(folder / "5.jpg", "WEBP")
    (folder / "6.jpg").write_bytes(b"no picture")
    Image.new("L", (480, 640)).save(folder / "7.jpg")
    Image.new("L", (640, 32)).save(folder / "8.jpg")
    (folder / "9.jpg").unlink()
    findings = run(tmp_path, GOOD, pictures=folder).findings
    assert findings["ERROR_INVALID_IMAGE"].count == 2
    assert findings["ERROR_INVALID_IMAGE_DIMENSION"].examples == [("line 9", "640 x 32")]
    assert findings["IMAGE_SIZE_DIFFERS"].count == 2
    assert findings["PICTURE_NOT_FOUND"].examples == [("line 10", "s3://bucket/9.jpg")]
    monkeypatch.setattr(rules, "MAX_PICTURE_BYTES", 100)
    assert run(tmp_path, GOOD, pictures=folder).findings["ERROR_INVALID_IMAGE"].count == 11


def test_every_rule_was_broken_above() -> None:
    source = Path(__file__).read_text()
    assert [code for code in rules.RULES if f'"{code}"' not in source] == []


def test_the_command_prints_codes_lines_and_advice(app: Flask, tmp_path: Path) -> None:
    run(tmp_path, [*GOOD, boxes(99, left=-1), "{"])
    result = run_command(app, "dataset", "check", str(tmp_path / "a.manifest"))
    assert result.exit_code == 1
    assert "ERROR_INVALID_BOUNDING_BOX (an error)" in result.output
    assert "line 13: a, annotation 0: 220 x 334 at (-1, 65) in 640 x 480" in result.output
    assert "Clip it to the picture." in result.output
    assert "ERROR_INVALID_JSON_LINE (silently dropped)" in result.output
    assert "14 lines: 12 usable, 2 wrong (1 of them silently dropped), 0 ignored" in result.output


def test_the_command_prints_json(app: Flask, tmp_path: Path) -> None:
    run(tmp_path, [*GOOD, {"source-ref": "s3://bucket/new.jpg"}])
    result = run_command(app, "dataset", "check", "--json", str(tmp_path / "a.manifest"))
    assert result.exit_code == 0
    printed = json.loads(result.output)
    assert printed["statistics"] == {
        "use_case": "OBJECT_LOCALIZATION",
        "total_json_lines": 13,
        "valid_json_lines": 12,
        "invalid_json_lines": 0,
        "ignored_json_lines": 1,
        "silently_dropped_json_lines": 0,
    }
    assert [finding["code"] for finding in printed["findings"]] == ["WARNING_UNANNOTATED_RECORD"]


def test_another_format_is_checked_as_the_manifest_it_would_become(
    app: Flask, tmp_path: Path
) -> None:
    run(tmp_path, [*GOOD, boxes(99, left=-1)])
    source, target = str(tmp_path / "a.manifest"), str(tmp_path / "a.json")
    converted = run_command(app, "dataset", "convert", "--to", "coco", source, target)
    assert converted.exit_code == 0, converted.output
    result = run_command(app, "dataset", "check", target)
    assert result.exit_code == 1
    assert "images[12]: boxes, annotation 0: 220 x 334 at (-1, 65) in 640 x 480" in result.output


def test_a_file_that_cannot_be_read_is_named(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"images": [')
    result = run_command(app, "dataset", "check", str(tmp_path / "a.json"))
    assert result.exit_code == 1
    assert "a.json, categories[0]: it is not JSON" in result.output
