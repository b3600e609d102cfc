"""YOLO's folders as ultralytics, Roboflow and labelImg write them."""

from pathlib import Path

import pytest
from PIL import Image

from rubberduck.custom_models.dataset import Box, Dataset, InvalidDataset, Picture
from rubberduck.custom_models.interchange.formats import opened, write
from rubberduck.custom_models.interchange.options import ReadOptions, WriteOptions
from tests.support.datasets import write_pictures


def folder(root: Path, files: dict[str, str], size: tuple[int, int] = (200, 100)) -> Path:
    """Write text files, and a picture for each name that ends in .jpg."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".jpg"):
            Image.new("L", size).save(root / name)
        else:
            (root / name).write_text(text, encoding="utf-8")
    return root


def read(root: Path, options: ReadOptions | None = None) -> Dataset:
    with opened(root, options=options) as dataset:
        dataset.pictures = list(dataset.pictures)
    return dataset


YAML = "names:\n  0: duck\n  1: goose\ntrain: images\n"


def one(tmp_path: Path, text: str, yaml: str = YAML) -> Dataset:
    """Read a data set of one picture, 200 x 100, whose boxes are `text`."""
    files = {"data.yaml": yaml, "images/a.jpg": "", "labels/a.txt": text}
    return read(folder(tmp_path, files))


def test_the_documented_layout(tmp_path: Path) -> None:
    """As docs.ultralytics.com/datasets/detect shows it, with folders for train and val."""
    files = {
        "data.yaml": f"path: ../datasets/duck\n{YAML}".replace("images", "images/train")
        + "val: images/val\ntest:\n",
        "images/train/a.jpg": "",
        "labels/train/a.txt": "1 0.5 0.5 0.25 0.5\n0 0.1 0.1 0.2 0.2\n",
        "images/val/empty.jpg": "",
        "labels/val/empty.txt": "",
        "images/val/new.jpg": "",
    }
    dataset = read(folder(tmp_path, files))
    assert dataset.labels == ["duck", "goose"]
    assert dataset.pictures == [
        Picture(
            "train/a.jpg",
            200,
            100,
            (Box("goose", 75, 25, 50, 50), Box("duck", 0, 0, 40, 20)),
            split="train",
        ),
        Picture("val/empty.jpg", 200, 100, split="validation"),
        Picture("val/new.jpg", 200, 100, split="validation", labelled=False),
    ]


def test_the_layouts_of_roboflow_and_labelimg(tmp_path: Path) -> None:
    """Roboflow's data.yaml says ../train/images for a folder beside it."""
    roboflow = {
        "data.yaml": "names: ['duck']\nnc: 1\ntrain: ../train/images\nval: ../valid/images\n",
        "train/images/a.jpg": "",
        "train/labels/a.txt": "0 0.5 0.5 1 1",
        "valid/images/b.jpg": "",
        "valid/labels/b.txt": "",
    }
    first, second = read(folder(tmp_path / "roboflow", roboflow)).pictures
    assert (first.boxes, first.split) == ((Box("duck", 0, 0, 200, 100),), "train")
    assert second.is_empty
    labelimg = {"classes.txt": "duck\ngoose\n", "a.jpg": "", "a.txt": "1 0.5 0.5 1 1\n"}
    (picture,) = read(folder(tmp_path / "labelimg", labelimg)).pictures
    assert picture == Picture("a.jpg", 200, 100, (Box("goose", 0, 0, 200, 100),))


@pytest.mark.parametrize(
    "path", ["/home/ada/sets/duck", "sets/duck", "../sets/duck", "C:\\\\sets\\\\duck"]
)
@pytest.mark.parametrize("file", ["duck.yaml", "config/duck.yml"])
def test_the_path_of_another_machine_leads_as_far_as_it_can(
    path: str, file: str, tmp_path: Path
) -> None:
    yaml = f'path: "{path}"\nnames: [duck]\ntrain: images/train\n'
    files = {file: yaml, "duck/images/train/a.jpg": "", "duck/labels/train/a.txt": "0 .5 .5 1 1"}
    (picture,) = read(folder(tmp_path, files)).pictures
    assert picture.boxes == (Box("duck", 0, 0, 200, 100),)


def test_a_list_of_classes_among_the_labels(tmp_path: Path) -> None:
    """LabelImg writes it into the folder that it saves to."""
    files = {"labels/classes.txt": "duck\n", "images/a.jpg": "", "labels/a.txt": "0 .5 .5 1 1"}
    (picture,) = read(folder(tmp_path, files)).pictures
    assert picture == Picture("a.jpg", 200, 100, (Box("duck", 0, 0, 200, 100),))


@pytest.mark.parametrize("turn", range(1, 9))
def test_fractions_are_of_the_upright_picture(turn: int, tmp_path: Path) -> None:
    """ultralytics 8.4 opens pictures with cv2, which turns them by Exif; so labels are upright."""
    write_pictures(tmp_path / "images", [Picture("a.jpg", 60, 40, turn=turn)])
    folder(tmp_path, {"data.yaml": YAML, "labels/a.txt": "0 0.25 0.5 0.5 1"})
    (picture,) = read(tmp_path).pictures
    assert picture == Picture("a.jpg", 60, 40, (Box("duck", 0, 0, 30, 40),), turn=turn)


def test_outlines_confidences_and_boxes_without_area(tmp_path: Path) -> None:
    text = "0 0.1 0.2 0.5 0.2 0.5 0.8 0.1 0.6\n1 0.5 0.5 0.5 0.5 0.93\n0 0.5 0.5 0 0.5\n"
    dataset = one(tmp_path, text)
    (picture,) = dataset.pictures
    assert picture.boxes == (Box("duck", 20, 20, 80, 60), Box("goose", 50, 25, 100, 50))
    assert dataset.report.lines() == [
        "an outline is kept as the box around it (once, first: a.txt, line 1)",
        "a box without area is left out (once, first: a.txt, line 3)",
    ]


@pytest.mark.parametrize("point", ["0.1 0.9", "0.1 0.9 2"], ids=["places", "with visibility"])
def test_key_points_are_left_out_and_said(point: str, tmp_path: Path) -> None:
    """As docs.ultralytics.com/datasets/pose shows it: an even number of values is no outline."""
    steps = len(point.split())
    yaml = f"kpt_shape: [4, {steps}]\n{YAML}"
    dataset = one(tmp_path, "1 0.5 0.5 0.25 0.5 " + " ".join([point] * 4), yaml)
    assert [picture.boxes for picture in dataset.pictures] == [(Box("goose", 75, 25, 50, 50),)]
    assert dataset.report.lines() == [
        "key points are left out: only the box is kept (once, first: a.txt, line 1)"
    ]


@pytest.mark.parametrize("name", ["no", "1", "null", "on", "1e3", "ü: #x"])
def test_a_class_of_any_name_stays_a_text(name: str, tmp_path: Path) -> None:
    """PyYAML's safe_load, and so ultralytics, makes `names: [no, 1]` False and a number."""
    picture = Picture("a.jpg", 60, 40, (Box(name, 1, 2, 3, 4),))
    write_pictures(tmp_path / "pictures", [picture])
    options = WriteOptions(pictures=tmp_path / "pictures")
    write(Dataset([picture]), tmp_path / "set", "yolo", options)
    assert read(tmp_path / "set").pictures == [picture]
    if name.isalnum():
        assert one(
            tmp_path / "plain", "0 0.5 0.5 1 1", f"names: [{name}]\ntrain: images"
        ).labels == [name]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2 0.5 0.5 1 1", r"labels/a\.txt, line 1: the class 2 has no name"),
        ("0 0.5 0.5 1 1\n0 100 50 200 100", r"a\.txt, line 2: a number is not between 0 and 1"),
        ("0 -0.1 0.5 1 1", "a number is not between 0 and 1"),
        ("0 nan 0.5 1 1", "a number is not between 0 and 1"),
        ("0 0.5 0.5 1", "4 numbers instead of class, center, width and height"),
        ("0 0.1 0.1 0.1 0.1 0.1 0.1 0.1", "8 numbers instead"),
        ("duck 0.5 0.5 1 1", "not a class and numbers"),
    ],
)
def test_a_fault_is_named_with_file_and_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidDataset, match=message):
        one(tmp_path, text)


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("names: [duck", r"data\.yaml: it is not YAML"),
        ("train: images", r"data\.yaml: names: Field required"),
        ("- a", r"data\.yaml: "),
        ("names: {duck: 0}\ntrain: images", r"data\.yaml: names"),
        ("names: [duck]\ntrain: ../../etc", "lies outside the folder"),
        ("names: [duck]\ntrain: /etc", "lies outside the folder"),
        ("names: [duck]\ntrain: missing", "the folder 'missing' does not exist"),
        ("names: [duck]\ntrain: missing.txt", r"missing\.txt: it cannot be read"),
        ("names: [duck]\ntrain: list.txt", r"list\.txt, line 2: '\.\./a\.jpg' lies outside"),
        ("[" * 600, r"data\.yaml: it is not YAML"),
    ],
)
def test_a_broken_data_yaml_is_named(yaml: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("./images/a.jpg\n../a.jpg\n")
    with pytest.raises(InvalidDataset, match=message):
        one(tmp_path, "", yaml)


def test_boxes_that_reach_out_are_clipped_and_named(tmp_path: Path) -> None:
    """Ultralytics skips a picture with a single number above 1."""
    boxes = (Box("duck", -5, 10, 20, 20), Box("duck", 300, 10, 5, 5))
    picture = Picture("a.jpg", 200, 100, boxes)
    write_pictures(tmp_path / "pictures", [picture])
    options = WriteOptions(pictures=tmp_path / "pictures")
    report = write(Dataset([picture]), tmp_path / "set", "yolo", options)
    (again,) = read(tmp_path / "set").pictures
    assert again.boxes == (Box("duck", 0, 10, 15, 20),)
    assert "clipped" in report.lines()[0]
    assert "outside the picture was left out" in report.lines()[1]


@pytest.mark.parametrize("stated", ["{outside}", "../outside.names", ".."])
def test_darknet_names_are_read_from_the_data_set_only(tmp_path: Path, stated: str) -> None:
    outside = tmp_path / "outside.names"
    outside.write_text("secret\n", encoding="utf-8")
    files = {
        "obj.data": f"names = {stated.format(outside=outside)}\n",
        "outside.names": "duck\n",
        "a.jpg": "",
        "a.txt": "0 0.5 0.5 0.5 0.5\n",
    }
    root = folder(tmp_path / "set", files)
    if stated == "..":
        with pytest.raises(InvalidDataset, match=r"'\.\.' lies outside the folder"):
            read(root)
    else:
        assert read(root).labels == ["duck"]


@pytest.mark.parametrize(
    ("text", "labelled"), [("0 .5 .5 0 1", False), ("\n", True), ("0 .5 .5 0 1\n0 .5 .5 1 1", True)]
)
def test_a_picture_whose_boxes_have_no_area_is_not_one_with_nothing_in_it(
    text: str, labelled: bool, tmp_path: Path
) -> None:
    dataset = one(tmp_path, text)
    assert [picture.labelled for picture in dataset.pictures] == [labelled]
    what = "none of its labels could be read, so it is not labelled yet"
    assert dataset.report.counts[what] == (not labelled)


@pytest.mark.parametrize("text", ["0 0.5 0.5 1.0000001 1", "0 .5 .5 1 1.001", "0.0 0.5 0.5 1 1"])
def test_rounding_and_a_class_written_as_a_fraction_are_no_faults(
    text: str, tmp_path: Path
) -> None:
    """numpy's savetxt writes all columns as floats."""
    (picture,) = one(tmp_path, text).pictures
    assert picture.boxes == (Box("duck", 0, 0, 200, 100),)
