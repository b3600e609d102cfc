"""Imports into projects: ZIPs as other programs pack them, prefixes of a bucket, manifests."""

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rubberduck.custom_models.errors import InvalidArchive
from rubberduck.custom_models.project_keys import import_key
from rubberduck.custom_models.project_pictures import ProjectPictures, Quota
from rubberduck.custom_models.projects import Projects
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.project_imports import (
    import_page,
    import_pictures,
    import_s3,
)
from rubberduck.services.project_jobs import delete_objects, export_to_storage
from rubberduck.storage.base import Storage
from rubberduck.storage.s3 import S3Storage
from tests.support.archives import zipped
from tests.support.aws import BUCKET
from tests.support.importing import (
    BOX,
    LINE,
    PICTURES,
    VOC,
    Importing,
    Silent,
    coco,
    label_studio,
    sha256,
)
from tests.support.job_steps import JobSteps
from tests.support.pictures import encoded
from tests.support.scenes import scene

YOLO_CLASH: dict[str, bytes | str] = {
    "set/data.yaml": "names: [disc]\ntrain: images/x\nval: images/y\n",
    "set/images/x/a.jpg": PICTURES[0],
    "set/labels/x/a.txt": "0 0.05 0.1 0.1 0.2",
    "set/images/y/a.jpg": PICTURES[1],
    "set/labels/y/a.txt": "0 0.55 0.6 0.1 0.2",
}


COCO_CLASH: dict[str, bytes | str] = {
    "set/labels.json": coco({"x/a.jpg": (0, 0, 40, 60), "y/a.jpg": (200, 150, 40, 60)}),
    "set/images/x/a.jpg": PICTURES[0],
    "set/images/y/a.jpg": PICTURES[1],
}


@pytest.mark.parametrize("files", [YOLO_CLASH, COCO_CLASH], ids=["yolo", "coco"])
def test_pictures_of_one_name_in_two_folders_get_their_own_boxes(
    files: dict[str, bytes | str], importing: Importing
) -> None:
    """A picture of the project has the name, too, and is left alone."""
    importing.send("here.zip", zipped({"a.jpg": PICTURES[2]}))
    assert importing.send("set.zip", zipped(files)) == {"added": 2, "labelled": 2}
    assert importing.boxes == {
        sha256(PICTURES[0]): {"disc": (0, 0, 40, 60)},
        sha256(PICTURES[1]): {"disc": (200, 150, 40, 60)},
        sha256(PICTURES[2]): {},
    }


YOLO: dict[str, bytes | str] = {
    "coco8/images/train/a.jpg": PICTURES[0],
    "coco8/labels/train/a.txt": LINE,
    "coco8/images/val/b.jpg": PICTURES[1],
    "coco8/labels/val/b.txt": LINE,
}


ULTRALYTICS = "path: ../datasets/coco8\ntrain: images/train\nval: images/val\nnames:\n  0: disc\n"


LAYOUTS: dict[str, dict[str, bytes | str]] = {
    "COCO of CVAT": {
        "annotations/instances_default.json": coco({"a.jpg": BOX, "b.jpg": BOX}),
        "images/default/a.jpg": PICTURES[0],
        "images/default/b.jpg": PICTURES[1],
    },
    "COCO of Roboflow": {
        "README.roboflow.txt": "Thank you",
        "train/_annotations.coco.json": coco({"a.jpg": BOX}),
        "train/a.jpg": PICTURES[0],
        "valid/_annotations.coco.json": coco({"a.jpg": BOX}),
        "valid/a.jpg": PICTURES[1],
    },
    "COCO as published": {
        "annotations/captions_train2017.json": '{"annotations": [{"caption": "a disc"}]}',
        "annotations/instances_train2017.json": coco({"a.jpg": BOX}),
        "annotations/instances_val2017.json": coco({"b.jpg": BOX}),
        "train2017/a.jpg": PICTURES[0],
        "val2017/b.jpg": PICTURES[1],
    },
    "VOC of Roboflow": {
        "train/a.jpg": PICTURES[0],
        "train/a.xml": VOC.format(name="a.jpg"),
        "valid/a.jpg": PICTURES[1],
        "valid/a.xml": VOC.format(name="a.jpg"),
    },
    "YOLO of ultralytics": {"coco8/coco8.yaml": ULTRALYTICS, **YOLO},
    "YOLO with its YAML file beside": {"coco8.yaml": ULTRALYTICS, **YOLO},
    "YOLO 1.1 of CVAT": {
        "obj.data": "classes = 1\ntrain = data/train.txt\nvalid = data/valid.txt\n"
        "names = data/obj.names\nbackup = backup/\n",
        "obj.names": "disc\n",
        "train.txt": "data/obj_train_data/a.jpg\n",
        "valid.txt": "data/obj_valid_data/b.jpg\n",
        "obj_train_data/a.jpg": PICTURES[0],
        "obj_train_data/a.txt": LINE,
        "obj_valid_data/b.jpg": PICTURES[1],
        "obj_valid_data/b.txt": LINE,
    },
}


YOLO_OF_LABEL_STUDIO: dict[str, bytes | str] = {
    "classes.txt": "disc\n",
    "notes.json": '{"categories": [{"id": 0, "name": "disc"}], "info": {"version": "1.0"}}',
    "images/a.jpg": PICTURES[0],
    "labels/a.txt": LINE,
    "images/b.jpg": PICTURES[1],
    "labels/b.txt": LINE,
}


CLASSES: dict[str, bytes | str] = {"meta/classes.txt": "disc\n", "classes.txt": "disc\n"}


LISTED: dict[str, dict[str, bytes | str]] = {
    "COCO": {"annotations.json": coco({"a.jpg": BOX}), "images/a.jpg": PICTURES[0], **CLASSES},
    "VOC": {
        "Annotations/a.xml": VOC.format(name="a.jpg"),
        "JPEGImages/a.jpg": PICTURES[0],
        **CLASSES,
    },
}


@pytest.mark.parametrize("format", LISTED)
def test_a_list_of_classes_makes_no_yolo_of_another_format(
    format: str, importing: Importing
) -> None:
    counts = importing.send("set.zip", zipped(LISTED[format]))
    assert counts == {"added": 1, "labelled": 1}
    assert importing.boxes == {sha256(PICTURES[0]): {"disc": BOX}}


def test_a_picture_that_is_missing_gets_no_other_of_its_name(importing: Importing) -> None:
    files: dict[str, bytes | str] = {
        "train/_annotations.coco.json": coco({"a.jpg": (0, 0, 20, 30), "b.jpg": BOX}),
        "train/b.jpg": PICTURES[1],
        "valid/_annotations.coco.json": coco({"a.jpg": BOX}),
        "valid/a.jpg": PICTURES[0],
    }
    assert importing.send("set.zip", zipped(files)) == {"added": 2, "labelled": 2, "refused": 1}
    assert importing.boxes == {sha256(data): {"disc": BOX} for data in PICTURES[:2]}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_other_programs_come_in_with_labels_and_parts(
    layout: str, importing: Importing
) -> None:
    counts = importing.send("set.zip", zipped(LAYOUTS[layout]))
    assert counts == {"added": 2, "labelled": 2}
    assert importing.boxes == {sha256(data): {"disc": BOX} for data in PICTURES[:2]}
    expected = {None} if layout == "COCO of CVAT" else {"train", "validation"}
    assert {picture.split for picture in importing.pictures} == expected


def test_a_list_of_classes_counts_before_notes_beside_it(importing: Importing) -> None:
    assert importing.send("set.zip", zipped(YOLO_OF_LABEL_STUDIO)) == {"added": 2, "labelled": 2}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels/a.txt", LINE),
        ("a.json", '{"version": "5.4", "shapes": [], "imagePath": "a.jpg"}'),
        ("annotations.xml", '<?xml version="1.0"?><annotations><image id="0"/></annotations>'),
        ("annotations.csv", "filename,width,height,class,xmin,ymin,xmax,ymax\n"),
    ],
    ids=["yolo without names", "labelme", "cvat", "tensorflow"],
)
def test_labels_that_cannot_be_read_are_refused_and_not_dropped(
    name: str, text: str, importing: Importing
) -> None:
    with pytest.raises(InvalidArchive, match=f"^{name} looks like labels.*We read .*COCO, YOLO"):
        importing.send("set.zip", zipped({"a.jpg": PICTURES[0], name: text}))
    assert importing.boxes == {}


def test_other_files_beside_pictures_are_left_out_and_said(importing: Importing) -> None:
    others = {"a.jpg.json": '{"title": "a.jpg", "url": ""}', "readme.txt": "1 picture\n"}
    assert importing.send("set.zip", zipped({"a.jpg": PICTURES[0], **others})) == {"added": 1}
    assert any(line.startswith("not a picture: left out (2 times") for line in importing.lines)


@pytest.mark.parametrize("storage", ["s3"], indirect=True)
def test_an_object_that_is_gone_costs_its_own_line_of_a_manifest(
    importing: Importing, storage: Storage
) -> None:
    """So does one of a bucket that is not there; each is counted once, with its reason."""
    importing.site = replace(importing.site, storage=storage)
    storage.put("photos/here.jpg", PICTURES[0])
    addresses = [f"s3://{BUCKET}/photos/gone.jpg", "s3://not-ours/a.jpg"]
    addresses.append(f"s3://{BUCKET}/photos/here.jpg")
    manifest = "".join(json.dumps({"source-ref": address}) + "\n" for address in addresses)
    counts = importing.send("set.manifest", manifest.encode())
    assert (counts["added"], counts["refused"]) == (1, 2)
    gone, other = (line for line in importing.lines if line.startswith("s3://"))
    assert gone.startswith(f"{addresses[0]}: there is no such object")
    assert (addresses[1] in other, "NoSuchBucket" in other) == (True, True)


UPLOADED = label_studio("/data/upload/1/8f3a2b1c-a%20b.jpg")


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param({"set.json": UPLOADED}, id="alone"),
        pytest.param({"set.json": UPLOADED, "pictures/a b.jpg": PICTURES[0]}, id="with pictures"),
    ],
)
def test_label_studio_labels_the_pictures_that_were_uploaded_to_it(
    labels: dict[str, bytes | str], importing: Importing
) -> None:
    """It puts eight random digits before their names."""
    importing.send("here.zip", zipped({"a b.jpg": PICTURES[0]}))
    importing.send("set.zip", zipped(labels))
    assert importing.boxes == {sha256(PICTURES[0]): {"disc": BOX}}


@pytest.mark.parametrize("name", ["a", "a.jpeg", "C:\\\\set\\\\a.bmp", "", "..", "/"])
@pytest.mark.parametrize("folders", [("", ""), ("Annotations/", "JPEGImages/")], ids=str)
def test_a_voc_file_without_the_name_of_its_picture_goes_by_its_own(
    name: str, folders: tuple[str, str], importing: Importing
) -> None:
    files: dict[str, bytes | str] = {
        f"{folders[0]}a.xml": VOC.format(name=name),
        f"{folders[1]}a.png": PICTURES[0],
    }
    assert importing.send("set.zip", zipped(files)) == {"added": 1, "labelled": 1}
    assert importing.boxes == {sha256(PICTURES[0]): {"disc": BOX}}


def test_a_picture_that_a_zip_lacks_is_not_taken_from_the_project(importing: Importing) -> None:
    """The project's picture of that name may be another one."""
    importing.send("here.zip", zipped({"a.jpg": PICTURES[0]}))
    labels = coco({"a.jpg": (0, 0, 40, 60), "b.jpg": (0, 0, 40, 60)})
    counts = importing.send("set.zip", zipped({"labels.json": labels, "b.jpg": PICTURES[1]}))
    assert counts == {"added": 1, "labelled": 1, "refused": 1}
    assert any(line.startswith("a.jpg: the picture is not among") for line in importing.lines)
    importing.send("labels.zip", zipped({"labels.json": labels}))  # without pictures
    assert importing.boxes[sha256(PICTURES[0])] == {"disc": (0, 0, 40, 60)}


@pytest.mark.parametrize(
    ("picture", "says"),
    [
        (
            encoded(scene(0).resize((480, 360))),
            r"^labels.json, images\[0\]: a.jpg: the size is 400x300 here, and 480x360 in "
            r"images/a.jpg. Correct the size, or put the pictures that were labelled beside the "
            r"labels\.$",
        ),
        (b"GIF89a", r"^images/a.jpg: it cannot be read as a picture \(.*'images/a.jpg'\)"),
    ],
    ids=["another size", "no picture"],
)
def test_an_import_names_no_folder_of_the_server_and_no_option_of_the_terminal(
    picture: bytes, says: str, importing: Importing
) -> None:
    files: dict[str, bytes | str] = {"labels.json": coco({"a.jpg": BOX}), "images/a.jpg": picture}
    with pytest.raises(InvalidArchive) as refused:
        importing.send("set.zip", zipped(files))
    assert re.search(says, refused.value.operator_message), refused.value.operator_message
    with pytest.raises(InvalidArchive) as refused:
        importing.send("notes.json", b"hello")
    assert refused.value.operator_message.endswith("Export it again as one of these.")


def test_boxes_that_reach_out_of_a_picture_are_cut_and_counted(importing: Importing) -> None:
    labels = coco({"a.jpg": (-20, 250, 60, 100), "b.jpg": (390, 0, 40, 60), "c.jpg": BOX})
    files = zip(("a.jpg", "b.jpg", "c.jpg"), PICTURES, strict=True)
    importing.send("set.zip", zipped({"labels.json": labels, **dict(files)}))
    assert importing.boxes == {
        sha256(PICTURES[0]): {"disc": (0, 250, 40, 50)},
        sha256(PICTURES[1]): {"disc": (390, 0, 10, 60)},
        sha256(PICTURES[2]): {"disc": BOX},
    }
    noted = "a box that reached out of the picture was clipped (2 times, first: a.jpg)"
    assert noted in importing.lines
    outside = coco({"d.jpg": (400, 0, 40, 60)})
    counts = importing.send("d.zip", zipped({"d.json": outside, "d.jpg": encoded(scene(9))}))
    assert counts == {"added": 1, "labelled": 0}
    assert "a box outside the picture was left out (once, first: d.jpg)" in importing.lines


def test_a_label_with_two_spaces_is_the_one_with_a_single_space(importing: Importing) -> None:
    """Names of labels are stored so; its boxes used to be left out as outside the picture."""
    labels = coco({"a.jpg": BOX}, "red  disc")
    counts = importing.send("set.zip", zipped({"labels.json": labels, "a.jpg": PICTURES[0]}))
    assert counts == {"added": 1, "labelled": 1}
    assert importing.boxes == {sha256(PICTURES[0]): {"red disc": BOX}}


def test_labels_of_a_picture_of_another_size_are_refused(importing: Importing) -> None:
    """They would lie beside what was labelled: the project's picture is not that one."""
    importing.send("here.zip", zipped({"a.jpg": encoded(scene(0).resize((480, 360)))}))
    importing.send("more.zip", zipped({"b.jpg": PICTURES[1]}))
    counts = importing.send("set.json", coco({"a.jpg": BOX, "b.jpg": BOX}).encode())
    assert counts == {"refused": 1, "labelled": 1}
    (line,) = (line for line in importing.lines if line.startswith("a.jpg: "))
    assert "400 × 300 pixels in the file and 480 × 360 in the project" in line
    assert importing.boxes[sha256(PICTURES[1])] == {"disc": BOX}
    assert sum(picture.is_labelled for picture in importing.pictures) == 1


def test_boxes_of_a_picture_that_was_shrunk_are_scaled_if_it_is_sent_along(
    importing: Importing,
) -> None:
    """Labels alone are refused: nothing tells any more how large the picture was."""
    large = encoded(scene(0).resize((8192, 2048)))
    importing.send("here.zip", zipped({"a.jpg": large}), shrink=True)
    assert [(each.width, each.height) for each in importing.pictures] == [(4096, 1024)]
    labels = coco({"a.jpg": (800, 400, 160, 320)})
    labels = labels.replace('"width": 400, "height": 300', '"width": 8192, "height": 2048')
    with pytest.raises(InvalidArchive, match="of 1, none could be taken"):
        importing.send("set.json", labels.encode())
    counts = importing.send("set.zip", zipped({"a.jpg": large, "labels.json": labels}))
    assert counts == {"duplicates": 1, "labelled": 1}
    assert importing.boxes == {sha256(large): {"disc": (400, 200, 80, 160)}}


@pytest.mark.parametrize("storage", ["s3"], indirect=True)
def test_labels_of_an_object_of_another_size_are_refused(
    importing: Importing, storage: Storage
) -> None:
    importing.site = replace(importing.site, storage=storage)
    storage.put("photos/a.jpg", PICTURES[0])
    line = {
        "source-ref": f"s3://{BUCKET}/photos/a.jpg",
        "boxes": {
            "image_size": [{"width": 800, "height": 600, "depth": 3}],
            "annotations": [{"class_id": 0, "left": 0, "top": 0, "width": 80, "height": 120}],
        },
        "boxes-metadata": {
            "objects": [{"confidence": 1}],
            "class-map": {"0": "disc"},
            "type": "groundtruth/object-detection",
            "human-annotated": "yes",
            "creation-date": "2026-11-01T00:00:00",
            "job-name": "labelling",
        },
    }
    counts = importing.send("set.manifest", json.dumps(line).encode())
    assert counts == {"added": 1, "refused": 1}
    assert importing.boxes == {sha256(PICTURES[0]): {}}


def test_an_import_of_which_all_was_refused_has_failed(importing: Importing) -> None:
    """It used to end as done, which the list of jobs showed like one that had worked."""
    tiny = encoded(scene(0).resize((20, 20)))
    with pytest.raises(InvalidArchive, match="of 2, none could be taken"):
        importing.send("set.zip", zipped({"a.jpg": tiny, "b.jpg": b"no picture"}))
    assert [line.partition(":")[0] for line in importing.lines] == ["a.jpg", "b.jpg", "refused"]
    assert importing.send("set.zip", zipped({"a.jpg": tiny, "c.jpg": PICTURES[0]})) == {
        "refused": 1,
        "added": 1,
    }


@pytest.mark.parametrize("storage", ["s3"], indirect=True)
def test_a_prefix_without_pictures_is_no_import(pipeline: Pipeline, storage: Storage) -> None:
    storage.put("photos/readme.txt", b"hello")
    storage.put("tiny/a.png", encoded(scene(0).resize((20, 20)), "PNG"))
    project = Projects(pipeline.results.database).create("Shapes", "boxes", [], "ada")
    steps = JobSteps(replace(pipeline, storage=storage))
    options = {"quota_pictures": 1, "quota_bytes": 10**9}
    for prefix, why in (("photos", "No picture was found at s3://"), ("tiny", "of 1, none")):
        address = f"s3://{BUCKET}/{prefix}/"
        with pytest.raises(InvalidArchive, match=why):
            import_s3(cast(Any, steps), project.id, "ada", address, options)


@pytest.mark.parametrize("storage", ["folder"], indirect=True)
def test_an_archive_is_kept_until_its_import_is_recorded(
    pipeline: Pipeline, storage: Storage
) -> None:
    """A step that was killed when it had come to its end finds the archive again."""
    site = replace(pipeline, storage=storage)
    project = Projects(pipeline.results.database).create("Shapes", "pictures", [], "ada")
    storage.put(key := import_key(project.id, "sent.zip"), zipped({"1.jpg": encoded(scene(1))}))
    steps = JobSteps(site, twice=frozenset({"import", "delete"}))
    options = {"quota_pictures": 1, "quota_bytes": 10**9}
    counts = import_pictures(cast(Any, steps), project.id, "ada", key, options)
    assert counts == {"duplicates": 1}
    with pytest.raises(FileNotFoundError):
        storage.get(key)


@pytest.mark.parametrize("storage", ["s3"], indirect=True)
def test_a_prefix_is_imported_with_its_folders_as_labels(
    pipeline: Pipeline, storage: Storage, tmp_path: Path
) -> None:
    s3_bucket = cast(S3Storage, storage)
    site = replace(pipeline, storage=s3_bucket)
    for number in range(4):
        folder = "disc" if number % 2 else "square"
        s3_bucket.put(f"photos/{folder}/{number}.png", encoded(scene(number), "PNG"))
    s3_bucket.put("photos/readme.txt", b"hello")
    s3_bucket.put("uploads/a-visitors.jpg", encoded(scene(9)))
    projects = Projects(pipeline.results.database)
    project = projects.create("Shapes", "pictures", [], "ada")
    task = Silent("a-job", lambda: site, cast(Any, SimpleNamespace()))
    options = {"quota_pictures": 100, "quota_bytes": 10**9, "folders": True}
    address, ids = f"s3://{BUCKET}/photos/", [project.id, "ada"]
    page = import_page(task, ids, address, options, None)
    assert page == {"counts": {"added": 4, "labelled": 4}, "next": None}
    again = import_page(task, ids, f"s3://{BUCKET}/", options, None)
    assert again["counts"]["duplicates"] == 4  # and no visitor's picture
    assert {label.name for label in projects.get(project.id).labels} == {"disc", "square"}
    exported = export_to_storage(task, project.id, "manifest", True)
    s3_bucket.fetch(exported["key"], tmp_path / "export.zip")
    assert (tmp_path / "export.zip").stat().st_size == exported["bytes"]
    book = ProjectPictures(pipeline.results.database, s3_bucket, 10**7, Quota(100, 10**9))
    keys = [key for each in book.each(project.id) for key in (each.key, each.preview_key)]
    assert delete_objects(task, project.id) == len(keys) + 1
    left, _ = s3_bucket.list_keys(BUCKET, "projects/")
    assert left == []
