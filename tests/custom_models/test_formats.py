"""All formats: what each can express comes back as it was; what it cannot is named."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from rubberduck.custom_models.dataset import Box, Dataset, InvalidDataset, Picture
from rubberduck.custom_models.interchange.formats import FORMATS, opened, recognise, write
from rubberduck.custom_models.interchange.options import ReadOptions, WriteOptions
from tests.support.datasets import convert, datasets, write_pictures

SUFFIX = {"manifest": ".manifest", "coco": ".json", "label-studio": ".json"}


def expected(picture: Picture, format: str) -> Picture | None:
    """Return what is left of a picture in a format, None if it has to be left out."""
    boxes_only = format in {"coco", "yolo", "voc"}
    if format == "voc" and not picture.labelled:  # listed by its file alone
        return replace(picture, group=None, split=None)
    if boxes_only and (not picture.labelled or (picture.labels and not picture.boxes)):
        return None
    if boxes_only:
        picture = replace(picture, labels=())
    if format != "coco":
        picture = replace(picture, boxes=tuple(replace(b, crowd=False) for b in picture.boxes))
    if format in {"manifest", "yolo", "voc"}:
        picture = replace(picture, group=None)
    if format == "manifest":
        picture = replace(picture, split=None)
    return picture


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=15)
@given(pictures=datasets())
def test_what_a_format_expresses_comes_back(format: str, pictures: list[Picture]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pictures(folder / "pictures", pictures)
        writing = WriteOptions(pictures=folder / "pictures")
        # YOLO's and VOC's own copies serve as the pictures.
        beside = None if format in {"yolo", "voc"} else folder / "pictures"
        target = folder / f"set{SUFFIX.get(format, '')}"
        first, again = convert(pictures, target, format, writing, ReadOptions(pictures=beside))
    kept = [left for picture in pictures if (left := expected(picture, format))]
    if format == "yolo":  # pictures without a split are listed with those to train on
        kept = [replace(picture, split=picture.split or "train") for picture in kept]
        if len({picture.split for picture in kept}) < 2:
            kept = [replace(picture, split=None) for picture in kept]
    in_order = sorted(again.pictures, key=lambda picture: picture.name)
    assert in_order == sorted(kept, key=lambda picture: picture.name)
    if sorted(kept, key=str) != sorted(pictures, key=str):
        assert first.report.lines()


@pytest.mark.parametrize("format", ["coco", "yolo", "label-studio"])
@settings(max_examples=15)
@given(pictures=datasets(fractions=True))
def test_fractions_of_pixels_come_back(format: str, pictures: list[Picture]) -> None:
    plain = [
        replace(p, turn=1, labels=(), group=None, split=None, labelled=True)
        for p in pictures
        if p.boxes
    ]
    if format != "coco":
        plain = [replace(p, boxes=tuple(replace(b, crowd=False) for b in p.boxes)) for p in plain]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pictures(folder / "pictures", plain)
        options = ReadOptions(pictures=folder / "pictures")
        _, again = convert(plain, folder / "set", format, None, options)
    assert list(again.pictures) == plain


@pytest.mark.parametrize("format", ["manifest", "voc"])
@settings(max_examples=15)
@given(pictures=datasets(fractions=True))
def test_formats_of_whole_pixels_round_and_say_so(format: str, pictures: list[Picture]) -> None:
    plain = [replace(p, turn=1, labels=(), split=None) for p in pictures if p.boxes]
    with tempfile.TemporaryDirectory() as name:
        first, again = convert(plain, Path(name) / "set", format)
    by_name = {picture.name: picture for picture in again.pictures}
    for picture in plain:
        for before, after in zip(picture.boxes, by_name[picture.name].boxes, strict=True):
            assert abs(before.left - after.left) <= 1 >= abs(before.top - after.top)
            if before.width >= 1 <= before.height:
                assert abs(before.right - after.right) <= 1 >= abs(before.bottom - after.bottom)
    whole = all(
        float(side).is_integer()
        for picture in plain
        for box in picture.boxes
        for side in (box.left, box.top, box.right, box.bottom)
    )
    assert whole != any("rounded" in line for line in first.report.lines())


ODD = Picture("a.jpg", 60, 40, (Box("duck", 3, 4, 5, 6, crowd=True),), ("bath",), group="clip")


@pytest.mark.parametrize(
    ("format", "lost"),
    [
        ("manifest", ["iscrowd", "groups", "boxes and labels of whole pictures in one"]),
        ("coco", ["labels of whole pictures"]),
        ("yolo", ["iscrowd", "labels of whole pictures", "groups", "one list"]),
        ("voc", ["iscrowd", "labels of whole pictures", "groups"]),
        ("label-studio", ["iscrowd"]),
    ],
)
def test_the_report_names_each_loss(format: str, lost: list[str], tmp_path: Path) -> None:
    report = write(Dataset([ODD]), tmp_path / "set", format, WriteOptions())
    assert len(report.lines()) == len(lost)
    for words, line in zip(lost, report.lines(), strict=True):
        assert words in line


@pytest.mark.parametrize("format", ["coco", "yolo", "voc"])
def test_a_picture_that_nobody_labelled_is_not_written_as_an_empty_one(
    format: str, tmp_path: Path
) -> None:
    pictures = [Picture("new.jpg", 60, 40, labelled=False), Picture("empty.jpg", 60, 40)]
    write_pictures(tmp_path / "pictures", pictures)
    options = ReadOptions(pictures=tmp_path / "pictures")
    first, again = convert(pictures, tmp_path / "set", format, None, options)
    empty = [picture.name for picture in again.pictures if picture.is_empty]
    assert empty == ["empty.jpg"]
    assert "not labelled yet" in first.report.lines()[0]


@pytest.mark.parametrize("format", FORMATS)
def test_a_format_is_recognised(format: str, tmp_path: Path) -> None:
    target = tmp_path / f"set{SUFFIX.get(format, '')}"
    write(Dataset([ODD]), target, format, WriteOptions())
    assert recognise(target) == format


def test_labels_that_no_picture_has_are_kept_or_named(tmp_path: Path) -> None:
    for format in FORMATS:
        dataset = Dataset([replace(ODD, labels=())], ["goose", "duck"])
        report = write(dataset, tmp_path / format, format, WriteOptions())
        with opened(tmp_path / format, format, ReadOptions(pixels="upright")) as again:
            kept = again.labels == ["goose", "duck"]
        assert kept or any("list of labels" in line for line in report.lines())


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "set.json").write_text("precious")
    with pytest.raises(InvalidDataset, match=r"set\.json: it exists already"):
        write(Dataset([ODD]), tmp_path / "set.json", "coco", WriteOptions())
    assert (tmp_path / "set.json").read_text() == "precious"


@pytest.mark.parametrize(("format", "name"), [("coco", "set.json"), ("yolo", "set")])
def test_what_could_not_be_completed_is_not_left_behind(
    format: str, name: str, tmp_path: Path
) -> None:
    """Half a folder looked like a data set, and stood in the way of the next try."""
    unknown = Picture("b.jpg", boxes=(Box("duck", 3, 4, 5, 6),))
    with pytest.raises(InvalidDataset, match=r"size of b\.jpg is not known.*--pictures"):
        write(Dataset([ODD, unknown]), tmp_path / name, format, WriteOptions())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", ["yolo", "voc"])
@pytest.mark.parametrize("name", ["../a.jpg", "/etc/a.jpg", "a/../../b.jpg", "s3://b/../a.jpg"])
def test_a_name_never_leaves_the_folder(format: str, name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidDataset, match="cannot be a path"):
        write(Dataset([replace(ODD, name=name)]), tmp_path / "set", format, WriteOptions())


@pytest.mark.parametrize("format", ["yolo", "voc"])
def test_two_pictures_never_share_a_file_of_boxes(format: str, tmp_path: Path) -> None:
    pictures = [ODD, replace(ODD, name="a.png")]
    with pytest.raises(InvalidDataset, match="would share"):
        write(Dataset(pictures), tmp_path / "set", format, WriteOptions())


def test_a_picture_of_another_size_is_refused(tmp_path: Path) -> None:
    write_pictures(tmp_path, [replace(ODD, width=61)])
    with pytest.raises(InvalidDataset, match="60x40 here, and 61x40 in"):
        convert([ODD], tmp_path / "set.json", "coco", None, ReadOptions(pictures=tmp_path))
