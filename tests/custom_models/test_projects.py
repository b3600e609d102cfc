"""Projects and their pictures: what an operator stores, on both databases and storages."""

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps
from sqlalchemy import func, select

from rubberduck.core.errors import StorageFailed
from rubberduck.custom_models.dataset import Box, Picture, Report
from rubberduck.custom_models.errors import (
    InvalidProject,
    NameTaken,
    NoSuchProject,
    ProjectFull,
    UnsuitablePicture,
)
from rubberduck.custom_models.interchange.formats import opened
from rubberduck.custom_models.interchange.options import ReadOptions
from rubberduck.custom_models.project_datasets import Importer
from rubberduck.custom_models.project_export import Export
from rubberduck.custom_models.project_pictures import (
    Added,
    Duplicate,
    ProjectPictures,
    Quota,
    Upload,
)
from rubberduck.custom_models.projects import Project, Projects
from rubberduck.custom_models.tables import project_pictures
from rubberduck.custom_models.training_set import Previews
from rubberduck.db.results import Results
from rubberduck.storage.base import Storage
from rubberduck.storage.folder import FolderStorage
from tests.support.pictures import (
    RED,
    encoded,
    exif,
    is_close,
    looks_like_corners,
    turned_corners,
)
from tests.support.scenes import scene


def mugs_of(results: Results) -> Project:
    labels = ["red mug", "blue mug"]
    return Projects(results.database).create("Our mugs", "boxes", labels, "an-operator")


def pictures_of(results: Results, storage: Storage) -> ProjectPictures:
    return ProjectPictures(results.database, storage, 15_000_000, Quota(100, 50_000_000))


@pytest.fixture
def mugs(results: Results) -> Project:
    return mugs_of(results)


@pytest.fixture
def folder(tmp_path: Path) -> Storage:
    return FolderStorage(tmp_path / "folder")


@pytest.fixture
def pictures(results: Results, folder: Storage) -> ProjectPictures:
    return pictures_of(results, folder)


def test_labels_make_the_question_until_somebody_writes_one(any_results: Results) -> None:
    projects = Projects(any_results.database)
    made = projects.create(" Our  mugs ", "boxes", ["mug", "", "mug"], "an-operator")
    assert made.name == "Our mugs"
    assert made.question == "Is there a mug in this image?"
    two = projects.add_labels(made.id, ["apple", "mug"])
    assert [label.name for label in two.labels] == ["mug", "apple"]
    assert two.question == "Is there a mug or an apple in this image?"
    turned = projects.reorder_labels(made.id, [label.id for label in reversed(two.labels)])
    assert turned.question == "Is there an apple or a mug in this image?"
    projects.change(made.id, name="Our mugs", question="Whose is this?", keep_days=None)
    renamed = projects.rename_label(made.id, two.labels[0].id, "cup")
    assert renamed.question == "Whose is this?"
    changed = projects.change(made.id, name="Our mugs", question="", keep_days=None)
    assert changed.question == "Is there an apple or a cup in this image?"
    with pytest.raises(NameTaken):
        projects.rename_label(made.id, two.labels[0].id, "apple")
    with pytest.raises(NameTaken):
        projects.create("Our mugs", "pictures", [], "an-operator")
    for name, kind, labels in (("", "boxes", []), ("x", "videos", []), ("x", "boxes", ["a" * 256])):
        with pytest.raises(InvalidProject):
            projects.create(name, kind, labels, "an-operator")
    with pytest.raises(InvalidProject):
        projects.add_labels(made.id, map(str, range(249)))
    projects.mark_deleting(made.id)
    with pytest.raises(NoSuchProject):
        projects.get(made.id)
    assert projects.list_all() == ()
    assert projects.deleting() == [made.id]
    projects.create("Our mugs", "pictures", [], "an-operator")  # the name is free again


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_a_picture_keeps_its_pixels_and_turn(
    results: Results, mugs: Project, storage: Storage, turn: int, format: str
) -> None:
    """In Pillow 13.0.0 the mirroring that undoes turn 2 is 0, which counts as false."""
    pictures = pictures_of(results, storage)
    data = encoded(turned_corners(turn), format, exif=exif(turn))
    added = pictures.add(mugs, Upload(data, "C:\\photos\\a b.jpg", created_by="an-operator"))
    assert isinstance(added, Added)
    picture = pictures.get(mugs.id, added.picture.id)
    assert picture == added.picture
    assert picture.file_name == "a b.jpg"
    assert (picture.width, picture.height) == (160, 120)
    assert (picture.turn, picture.format, picture.is_labelled) == (turn, format, False)
    stored = storage.get(picture.key)
    assert b"Canary" not in stored
    with Image.open(BytesIO(stored)) as after, Image.open(BytesIO(data)) as before:
        assert after.tobytes() == before.tobytes()
        assert looks_like_corners(ImageOps.exif_transpose(after))
    with Image.open(BytesIO(storage.get(picture.preview_key))) as preview:
        assert preview.size == (160, 120)
        assert looks_like_corners(preview)


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_training_and_an_export_have_the_same_thing_in_a_box(
    results: Results, mugs: Project, folder: Storage, turn: int, tmp_path: Path
) -> None:
    pictures = pictures_of(results, folder)
    added = pictures.add(mugs, Upload(encoded(turned_corners(turn), exif=exif(turn)), "a.jpg"))
    assert isinstance(added, Added)
    red = Picture("a.jpg", boxes=(Box("red mug", 10, 10, 60, 40),))
    Importer(results.database, mugs, "an-operator").annotate(added.picture, red, Report())
    labelled = list(pictures.each(mugs.id))
    (box,) = labelled[0].boxes
    area = (box.left, box.top, box.left + box.width, box.top + box.height)
    previews = Previews(folder, tmp_path)
    previews.fetch(labelled, lambda *_: None, 0, 100)
    assert previews.scale(labelled[0]) == (1, 1)
    assert is_one_colour(previews.load(labelled[0]).crop(area), RED)
    with (tmp_path / "export.zip").open("wb") as file:
        Export(results.database, folder, mugs).write_zip(file, "yolo", with_pictures=True)
    with zipfile.ZipFile(tmp_path / "export.zip") as archive:
        archive.extractall(tmp_path / "export")
    with opened(tmp_path / "export", "yolo", ReadOptions(tmp_path / "export")) as dataset:
        (exported,) = dataset.pictures
    assert exported.turn == turn
    (again,) = exported.boxes
    assert (again.left, again.top, again.right, again.bottom) == area
    assert exported.file
    with Image.open(exported.file) as original:
        assert is_one_colour(ImageOps.exif_transpose(original).crop(area), RED)


def is_one_colour(image: Image.Image, colour: tuple[int, int, int]) -> bool:
    return all(is_close(image.getpixel(place), colour) for place in ((0, 0), (30, 20), (59, 39)))


def test_duplicates_are_shown_and_skipped(any_results: Results, folder: Storage) -> None:
    mugs, pictures = mugs_of(any_results), pictures_of(any_results, folder)
    photo, again = scene(1), scene(1).resize((300, 225))
    first = pictures.add(mugs, Upload(encoded(photo, "PNG")))
    assert isinstance(first, Added)
    assert pictures.add(mugs, Upload(encoded(photo, "PNG"))) == Duplicate(first.picture, True)
    near = Upload(encoded(again))
    assert pictures.add(mugs, near) == Duplicate(first.picture, is_exact=False)
    anyway = pictures.add(mugs, Upload(encoded(again), near_is_fine=True))
    assert isinstance(anyway, Added)
    assert anyway.near == first.picture
    assert isinstance(pictures.add(mugs, Upload(encoded(scene(2)))), Added)
    assert pictures.counts(mugs.id).pictures == 3
    shown = pictures.page(mugs.id, 2)
    rest = pictures.page(mugs.id, 2, shown.next)
    assert [*pictures.each(mugs.id, batch=2)] == [*reversed(shown.pictures + rest.pictures)]
    assert pictures.page(mugs.id, 9, state="labelled").pictures == ()
    assert pictures.page(mugs.id, 9, state="nothing").pictures == ()


def test_the_limits_of_custom_labels_are_told(mugs: Project, pictures: ProjectPictures) -> None:
    told = {
        (63, 400): "at least 64",
        (64, 1280): "less than 20 times",
        (4097, 300): "Shrink it first",
    }
    for size, says in told.items():
        data = encoded(scene(1).resize(size), "PNG")
        with pytest.raises(UnsuitablePicture, match=says):
            pictures.add(mugs, Upload(data))
    assert pictures.counts(mugs.id).stored == 0


def test_other_formats_are_converted_and_that_is_said(
    mugs: Project, pictures: ProjectPictures, folder: Storage
) -> None:
    for number, (format, becomes) in enumerate({"WEBP": "JPEG", "BMP": "PNG"}.items(), 1):
        added = pictures.add(mugs, Upload(encoded(scene(number), format)))
        assert isinstance(added, Added)
        assert added.changes == (f"{format} was saved as {becomes}",)
        with Image.open(BytesIO(folder.get(added.picture.key))) as stored:
            assert (stored.format, stored.size) == (becomes, (400, 300))
    large = encoded(scene(3).resize((4100, 300)), "JPEG")
    shrunk = pictures.add(mugs, Upload(large, shrink=True))
    assert isinstance(shrunk, Added)
    assert max(shrunk.picture.width, shrunk.picture.height) <= 4096
    assert "4100 × 300 pixels were shrunk" in shrunk.changes[0]


def test_a_quota_is_told_before_anything_is_stored(
    results: Results, folder: Storage, mugs: Project
) -> None:
    def add(quota: Quota) -> object:
        book = ProjectPictures(results.database, folder, 15_000_000, quota)
        return book.add(mugs, Upload(encoded(scene(1))))

    for quota in (Quota(0, 1_000_000), Quota(10, 100)):
        with pytest.raises(ProjectFull):
            add(quota)
    assert isinstance(add(Quota(1, 1_000_000)), Added)


def test_a_failed_or_deleted_picture_leaves_nothing(
    any_results: Results, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    mugs, pictures = mugs_of(any_results), pictures_of(any_results, storage)
    put = storage.put

    def full(key: str, *rest: Any) -> None:
        if "preview" in key:
            raise StorageFailed("full")
        put(key, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(storage, "put", full)
        with pytest.raises(StorageFailed):
            pictures.add(mugs, Upload(encoded(scene(1))))
    added = pictures.add(mugs, Upload(encoded(scene(1))))
    assert isinstance(added, Added)
    assert pictures.delete(mugs.id, [added.picture.id, "unknown", "\0"]) == 1
    for key in (added.picture.key, added.picture.preview_key):
        with pytest.raises(FileNotFoundError):
            storage.get(key)
    with pictures.database.transaction() as connection:
        assert connection.scalar(select(func.count()).select_from(project_pictures)) == 0


def test_two_uploads_of_the_same_bytes_at_once_add_one_picture(
    any_results: Results, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    mugs, pictures = mugs_of(any_results), pictures_of(any_results, storage)
    put, upload = storage.put, Upload(encoded(scene(1)))
    first: list[Added | Duplicate] = []

    def late(key: str, *rest: Any) -> None:
        monkeypatch.setattr(storage, "put", put)
        first.append(pictures.add(mugs, upload))
        put(key, *rest)

    monkeypatch.setattr(storage, "put", late)
    assert isinstance(pictures.add(mugs, upload), Duplicate)
    assert isinstance(first[0], Added)
    (stored,) = pictures.each(mugs.id)
    assert storage.get(stored.key)
    assert storage.get(stored.preview_key)


def test_an_upload_that_fails_leaves_the_picture_that_another_one_has_added(
    any_results: Results, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    mugs, pictures = mugs_of(any_results), pictures_of(any_results, storage)
    put, upload = storage.put, Upload(encoded(scene(1)))

    def full(_key: str, *_: Any) -> None:
        monkeypatch.setattr(storage, "put", put)
        assert isinstance(pictures.add(mugs, upload), Added)
        raise StorageFailed("full")

    monkeypatch.setattr(storage, "put", full)
    with pytest.raises(StorageFailed):
        pictures.add(mugs, upload)
    (stored,) = pictures.each(mugs.id)
    assert storage.get(stored.key)
    assert storage.get(stored.preview_key)


def test_what_is_there_already_fits_into_a_full_project(
    results: Results, folder: Storage, mugs: Project
) -> None:
    """As when an import that had come to its end was killed, and runs again."""
    book = ProjectPictures(results.database, folder, 15_000_000, Quota(1, 1_000_000))
    assert isinstance(book.add(mugs, Upload(encoded(scene(1)))), Added)
    assert isinstance(book.add(mugs, Upload(encoded(scene(1)))), Duplicate)
    with pytest.raises(ProjectFull):
        book.add(mugs, Upload(encoded(scene(2))))


def test_a_picture_that_alone_is_too_much_for_a_project_is_named_with_its_size(
    results: Results, folder: Storage, mugs: Project
) -> None:
    book = ProjectPictures(results.database, folder, 15_000_000, Quota(9, 1_000_000))
    words = "take 0 MB, what is sent takes 1.3 MB, and all may take 1 MB"
    with pytest.raises(ProjectFull, match=words):
        book.require_room(mugs.id, 1, 1_234_567)
