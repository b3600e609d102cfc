"""Which duck is it: photos of named ducks are added, and a picture is asked about."""

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from rubberduck.core.errors import StorageFailed
from rubberduck.db.results import Results
from rubberduck.imaging.decode import decode_picture
from rubberduck.named_objects.errors import (
    DuplicatePhoto,
    InvalidObject,
    NoObjectInPhoto,
    NoObjectsYet,
    NoSuchObject,
    ObjectNameTaken,
    ObjectTooSmall,
    TooManyObjects,
)
from rubberduck.named_objects.store import VECTOR_TYPE, NamedObjects
from rubberduck.named_objects.tables import named_object_photos, named_objects
from rubberduck.services.named_objects import NamedObjectService
from rubberduck.services.retention import Sweeper
from rubberduck.storage.base import Storage
from rubberduck.storage.folder import FolderStorage
from tests.support.ducks import gradient, rendered_duck
from tests.support.named_ducks import QUACKERS, STRANGER, VIOLET, asked, enrolled
from tests.support.pictures import block_pattern, encoded, exif

ME = "an-operator"


def blocks(seed: int, **options: Any) -> bytes:
    """A picture without a duck; each seed another one."""
    return encoded(block_pattern(seed), **options)


def service_of(results: Results, storage: Storage) -> NamedObjectService:
    read = partial(decode_picture, max_bytes=15_000_000, max_side=2048)
    return NamedObjectService(results.database, storage, read)


@pytest.fixture
def folder(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "folder")


@pytest.fixture
def service(results: Results, folder: FolderStorage) -> NamedObjectService:
    return service_of(results, folder)


def files(folder: FolderStorage) -> list[str]:
    found = (p for p in folder.folder.rglob("*") if p.is_file())
    return sorted(path.relative_to(folder.folder).as_posix() for path in found)


def test_a_known_duck_is_named_and_a_stranger_is_not(
    service: NamedObjectService, folder: FolderStorage
) -> None:
    with pytest.raises(NoObjectsYet):
        service.ask(asked(QUACKERS))
    names = {"Quackers": QUACKERS, "Violet": VIOLET}
    for name, duck in names.items():
        made = service.objects.create(name, ME)
        outcomes = service.add_photos(made.id, enrolled(duck), ME)
        assert [outcome.error for outcome in outcomes] == [None] * 5
    before = files(folder)
    assert len(before) == 10
    for name, duck in names.items():
        picture, answer = service.ask(asked(duck))
        assert answer.match
        assert answer.match.name == name
        assert answer.box
        assert answer.box.corners(picture.image.size) != (0, 0, *picture.image.size)
        assert service.objects.photo(answer.match.photo_id).object_id == answer.match.object_id
    _, answer = service.ask(asked(STRANGER))
    assert answer.match is None
    assert len(answer.candidates) == 2  # the most similar ones are told all the same
    assert files(folder) == before  # nothing of what was asked is kept


def test_photos_that_would_not_help_are_refused_with_the_reason(
    service: NamedObjectService,
) -> None:
    made = service.objects.create("Quackers", ME)
    other = service.objects.create("Violet", ME)
    small, tiny = gradient(), rendered_duck(15, 40)
    small.paste(tiny, (300, 200), tiny)
    (_, photo), *_ = enrolled(QUACKERS, 1)
    sent = [
        ("duck.jpg", photo),
        ("again.jpg", photo),
        ("text.jpg", b"no picture"),
        ("nothing.jpg", blocks(1)),
        ("far.jpg", encoded(small)),
    ]
    outcomes = service.add_photos(made.id, sent, ME)
    assert outcomes[0].photo
    refused = [type(outcome.error).__name__ for outcome in outcomes[1:]]
    assert refused == ["DuplicatePhoto", "NotAPicture", "NoObjectInPhoto", "ObjectTooSmall"]
    with pytest.raises(DuplicatePhoto, match="Quackers"):
        service.add_photo(other.id, photo, ME)
    whole = service.add_photo(other.id, blocks(1), ME, whole=True)
    assert whole.box is None
    with pytest.raises(DuplicatePhoto):  # other bytes that look the same
        service.add_photo(other.id, blocks(1, quality=60), ME, whole=True)
    with pytest.raises(NoObjectInPhoto):
        service.add_photo(other.id, blocks(2), ME)
    with pytest.raises(ObjectTooSmall):
        service.add_photo(other.id, encoded(small), ME, whole=True)


def test_what_is_stored_of_a_photo_is_its_pixels_alone(
    service: NamedObjectService, folder: FolderStorage
) -> None:
    made = service.objects.create("Quackers", ME)
    data = blocks(1, exif=exif(1))
    photo = service.add_photo(made.id, data, ME, whole=True)
    stored = folder.get(photo.key)
    assert b"Canary Cameras" in data
    assert b"Canary Cameras" not in stored
    assert b"Exif" not in stored
    assert photo.key == f"objects/{made.id}/{photo.id}.jpg"


def test_names_are_single_and_free_again_after_deletion(any_results: Results) -> None:
    objects = NamedObjects(any_results.database)
    made = objects.create("  Quackers\n the duck ", ME)
    assert made.name == "Quackers the duck"
    with pytest.raises(ObjectNameTaken):
        objects.create("Quackers the duck", ME)
    other = objects.create("Violet", ME)
    with pytest.raises(ObjectNameTaken):
        objects.rename(other.id, "Quackers the duck")
    assert objects.rename(made.id, "Quackers").name == "Quackers"
    for name in ("", " ", "x" * 101, "a\0b"):
        with pytest.raises(InvalidObject):
            objects.create(name, ME)
    for id in ("nobody", "\0", "ü"):
        with pytest.raises(NoSuchObject):
            objects.get(id)
    assert [each.name for each in objects.all()] == ["Quackers", "Violet"]


def test_deletion_leaves_nothing_and_ends_after_a_failure(
    service: NamedObjectService,
    results: Results,
    folder: FolderStorage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = service.objects.create("Quackers", ME)
    first, second = (service.add_photo(made.id, blocks(seed), ME, whole=True) for seed in (1, 2))
    service.delete_photo(made.id, first.id)
    assert files(folder) == [second.key]
    with pytest.raises(NoSuchObject):
        service.stored_photo(first.id)
    with monkeypatch.context() as patched:
        failure = StorageFailed("The storage is unavailable.")
        patched.setattr(folder, "delete_all", lambda keys: dict.fromkeys(keys, failure))
        with pytest.raises(StorageFailed):
            service.objects.delete(made.id, folder)
    assert service.objects.all() == ()
    assert service.objects.create("Quackers", ME)  # the name is free at once
    Sweeper(lambda: results, folder).sweep()
    assert files(folder) == []
    with service.objects.database.transaction() as connection:
        assert connection.execute(select(named_object_photos)).all() == []
        assert len(connection.execute(select(named_objects)).all()) == 1
    assert service.objects.delete_all(folder) == 1


def test_an_upload_that_was_interrupted_is_swept(
    service: NamedObjectService, folder: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = service.objects.create("Quackers", ME)
    with monkeypatch.context() as patched:
        patched.setattr(service.objects, "finish_photo", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            service.add_photo(made.id, blocks(1), ME, whole=True)
    assert len(files(folder)) == 1
    assert service.objects.get(made.id).photos == ()
    service.objects.hide_interrupted(datetime.now(UTC))
    service.objects.delete_hidden(folder)
    assert len(files(folder)) == 1  # it may still be going on
    service.objects.hide_interrupted(datetime.now(UTC) + timedelta(hours=1))
    service.objects.delete_hidden(folder)
    assert files(folder) == []


@pytest.mark.parametrize("verb", ["put", "delete_all"])
def test_a_photo_can_be_sent_again_after_a_failure_of_the_storage(
    service: NamedObjectService, folder: FolderStorage, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    made = service.objects.create("Quackers", ME)
    failure = StorageFailed("The storage is unavailable.")

    def fail(*_: object) -> None:
        raise failure

    with monkeypatch.context() as patched:
        if verb == "put":
            patched.setattr(folder, "put", fail)
            with pytest.raises(StorageFailed):
                service.add_photo(made.id, blocks(1), ME, whole=True)
        else:
            photo = service.add_photo(made.id, blocks(1), ME, whole=True)
            patched.setattr(folder, "delete_all", lambda keys: dict.fromkeys(keys, failure))
            with pytest.raises(StorageFailed):
                service.delete_photo(made.id, photo.id)
    again = service.add_photo(made.id, blocks(1), ME, whole=True)
    service.objects.delete_hidden(folder)
    assert files(folder) == [again.key]


def _interrupted(_id: str) -> bool:
    raise KeyboardInterrupt


def test_a_photo_whose_object_goes_meanwhile_goes_with_it(
    service: NamedObjectService, folder: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = service.objects.create("Quackers", ME)
    put = folder.put

    def put_while_deleted(key: str, data: bytes) -> None:
        service.objects.delete(made.id, folder)
        put(key, data)

    monkeypatch.setattr(folder, "put", put_while_deleted)
    with pytest.raises(NoSuchObject):
        service.add_photo(made.id, blocks(1), ME, whole=True)
    assert files(folder) == []


def test_there_is_a_limit_of_objects_and_of_photos(
    service: NamedObjectService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rubberduck.named_objects.store.MAX_OBJECTS", 2)
    monkeypatch.setattr("rubberduck.named_objects.store.MAX_PHOTOS", 1)
    made = service.objects.create("Quackers", ME)
    service.objects.create("Violet", ME)
    with pytest.raises(TooManyObjects):
        service.objects.create("Another", ME)
    service.add_photo(made.id, blocks(1), ME, whole=True)
    with pytest.raises(TooManyObjects):
        service.add_photo(made.id, blocks(2), ME, whole=True)


def test_vectors_of_another_embedding_are_made_again_from_the_photos(
    service: NamedObjectService, results: Results
) -> None:
    made = service.objects.create("Quackers", ME)
    photos = [service.add_photo(made.id, blocks(seed), ME, whole=True) for seed in (1, 2)]
    older = named_object_photos.update().values(embedding="older", vector=b"\0" * 8)
    with results.database.transaction(writing=True) as connection:
        connection.execute(older)
    assert service.refresh(seconds=0) == 0
    _, answer = service.ask(blocks(3))
    assert answer.pending_photos == 0
    for photo in photos:  # nearly the same: what is stored was compressed once more
        again = np.frombuffer(service.objects.photo(photo.id).vector, VECTOR_TYPE)
        assert again @ np.frombuffer(photo.vector, VECTOR_TYPE) > 0.9


def test_a_stored_photo_that_cannot_be_read_stops_no_answer(
    service: NamedObjectService, results: Results, folder: FolderStorage
) -> None:
    made = service.objects.create("Quackers", ME)
    damaged, good = (service.add_photo(made.id, blocks(seed), ME, whole=True) for seed in (1, 2))
    folder.put(damaged.key, b"no picture")
    older = named_object_photos.update().values(embedding="older", vector=b"\0" * 8)
    with results.database.transaction(writing=True) as connection:
        connection.execute(older)
    _, answer = service.ask(blocks(3))
    assert answer.pending_photos == 1
    assert [each.photo_id for each in answer.candidates] == [good.id]
