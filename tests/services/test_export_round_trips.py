"""What an export packed comes in again, and pictures that no label names come in, too."""

import json
import zipfile
from dataclasses import replace
from io import BytesIO
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rubberduck.custom_models.errors import ProjectFull
from rubberduck.custom_models.interchange.formats import FORMATS
from rubberduck.custom_models.project_export import EVERYTHING, Export
from rubberduck.custom_models.projects import Projects
from rubberduck.services.project_jobs import export_to_storage
from rubberduck.storage.base import Storage
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
from tests.support.pictures import encoded
from tests.support.scenes import scene


@pytest.mark.parametrize("format", FORMATS)
def test_an_export_with_its_pictures_comes_in_again_with_all_of_them(
    format: str, importing: Importing, storage: Storage
) -> None:
    """Of both storages: one of S3 names pictures by their objects there, if none go along."""
    site = importing.site = replace(importing.site, storage=storage)
    files = dict(zip(("a.jpg", "b c.jpg", "c.jpg"), PICTURES, strict=True))
    labels = coco({"a.jpg": BOX, "b c.jpg": BOX})
    importing.send("plain.zip", zipped(files))
    importing.send("set.json", labels.encode())
    task = Silent("a-job", lambda: site, cast(Any, SimpleNamespace()))
    exported = export_to_storage(task, importing.project.id, format, True)
    project = Projects(site.results.database).create("Again", "boxes", [], "ada")
    again = Importing(site, project)
    counts = again.send("again.zip", storage.get(exported["key"]))
    assert counts == {"added": 3, "labelled": 2}
    assert again.boxes == importing.boxes
    assert {each.sha256 for each in again.pictures if not each.is_labelled} == {sha256(PICTURES[2])}


@pytest.mark.parametrize("storage", ["s3"], indirect=True)
def test_a_manifest_without_pictures_names_the_objects_of_the_bucket(
    importing: Importing, storage: Storage
) -> None:
    """So Custom Labels can read it where it lies."""
    site = importing.site = replace(importing.site, storage=storage)
    importing.send("plain.zip", zipped({"a.jpg": PICTURES[0]}))
    (picture,) = importing.pictures
    for with_pictures, address in ((False, picture.key), (True, "a.jpg")):
        export = Export(site.results.database, storage, importing.project)
        export.write_zip(file := BytesIO(), "manifest", with_pictures)
        with zipfile.ZipFile(file) as archive:
            line = json.loads(archive.read("labels.manifest"))
        bucket = "bucket" if with_pictures else BUCKET
        assert line["source-ref"] == f"s3://{bucket}/{address}"


def test_everything_names_the_pictures_as_it_packs_them(
    importing: Importing, storage: Storage
) -> None:
    site = importing.site = replace(importing.site, storage=storage)
    importing.send("plain.zip", zipped({"a.jpg": PICTURES[0]}))
    export = Export(site.results.database, storage, importing.project)
    export.write_zip(file := BytesIO(), EVERYTHING, with_pictures=False)
    with zipfile.ZipFile(file) as archive:
        line = json.loads(archive.read("labels.manifest"))
        assert archive.read("images/a.jpg") == PICTURES[0]
    assert line["source-ref"] == "s3://bucket/a.jpg"


UNNAMED = "a picture that the labels do not name is not labelled yet (2 times, first: images/c.jpg)"


@pytest.mark.parametrize("format", ["coco", "label-studio", "manifest", "yolo"])
def test_pictures_that_no_label_names_come_in_unlabelled(format: str, importing: Importing) -> None:
    """They used to be skipped without a word. Two that look alike both come in, as listed ones."""
    labels: dict[str, dict[str, bytes | str]] = {
        "coco": {"labels.json": coco({"a.jpg": BOX})},
        "label-studio": {"labels.json": label_studio("a.jpg")},
        "manifest": {"labels.manifest": '{"source-ref": "s3://x/a.jpg"}\n'},
        "yolo": {
            "data.yaml": "names: [disc]\ntrain: train.txt\n",
            "train.txt": "images/a.jpg\n",
            "labels/a.txt": LINE,
        },
    }
    others = {"images/c.jpg": PICTURES[1], "images/d.jpg": encoded(scene(1), quality=60)}
    files = {"images/a.jpg": PICTURES[0], **others, **labels[format]}
    counts = importing.send("set.zip", zipped(files))
    assert (counts["added"], counts["labelled"]) == (3, format != "manifest")
    assert UNNAMED in importing.lines
    assert sum(picture.is_labelled for picture in importing.pictures) == (format != "manifest")


def test_masks_beside_the_pictures_of_voc_are_left_out_and_said(importing: Importing) -> None:
    files: dict[str, bytes | str] = {
        "Annotations/a.xml": VOC.format(name="a.jpg"),
        "JPEGImages/a.jpg": PICTURES[0],
        "JPEGImages/b.jpg": PICTURES[1],
        "SegmentationClass/a.png": encoded(scene(2), "PNG"),
    }
    assert importing.send("set.zip", zipped(files)) == {"added": 2, "labelled": 1}
    said = "a picture outside JPEGImages is left out (once, first: SegmentationClass/a.png)"
    assert said in importing.lines


def test_a_picture_that_no_label_names_needs_room_like_any_other(importing: Importing) -> None:
    pictures: dict[str, bytes | str] = {"a.jpg": PICTURES[0], "b.jpg": PICTURES[1]}
    files = pictures | {"labels.json": coco({"a.jpg": BOX})}
    with pytest.raises(ProjectFull):
        importing.send("set.zip", zipped(files), quota_pictures=1)
    assert importing.boxes == {sha256(PICTURES[0]): {"disc": BOX}}
