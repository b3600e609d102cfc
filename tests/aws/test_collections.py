"""Face collections over the wire: real boto3, and a fake held against botocore's model."""

import pytest

from aws_clients import aws_client
from rubberduck.aws import collections
from rubberduck.aws.collections import FaceCollections
from rubberduck.aws.collections_errors import (
    CollectionBusy,
    CollectionRefused,
    CollectionUnclear,
    NoFaceInPicture,
)
from rubberduck.core.errors import PictureRefused
from rubberduck.core.settings import Settings
from tests.support.custom_labels import LOSE_ANSWER, FakeCustomLabels
from tests.support.custom_labels.collections import Shown
from tests.support.pictures import encoded

HERE = "duck-staff"


@pytest.fixture
def remote(custom_labels: FakeCustomLabels, aws_settings: Settings) -> FaceCollections:
    client = aws_client(aws_settings, "rekognition", 2, signature_version="v4")
    remote = FaceCollections(client)
    custom_labels.clock.per_call = 1.0  # nothing is throttled
    remote.create(HERE)
    return remote


def test_a_collection_comes_and_goes(
    remote: FaceCollections, custom_labels: FakeCustomLabels
) -> None:
    with pytest.raises(CollectionRefused, match="a collection of this name exists already"):
        remote.create(HERE)
    remote.create("somebody-elses")
    assert remote.list() == (HERE,)
    described = remote.describe(HERE)
    assert described
    assert (described.faces, described.users, described.model_version) == (0, 0, "7.0")
    for _ in range(2):
        remote.delete(HERE)
    assert remote.describe(HERE) is None
    assert list(custom_labels.collections.by_id) == ["somebody-elses"]


def test_the_largest_face_is_stored_and_the_others_say_why_not(
    remote: FaceCollections, custom_labels: FakeCustomLabels
) -> None:
    custom_labels.collections.shown = [
        Shown("bob", 0.2),
        Shown("ada", 0.4),
        Shown("eve", 0.1, reasons=("LOW_SHARPNESS", "EXTREME_POSE")),
    ]
    indexed = remote.index(HERE, encoded(), "p1")
    (ada,) = indexed.faces
    assert (ada.person_id, ada.box.width) == ("p1", 0.4)
    assert [each.reasons for each in indexed.unindexed] == [
        ("EXCEEDS_MAX_FACES",),
        ("LOW_SHARPNESS", "EXTREME_POSE"),
    ]
    assert [face.id for face in remote.faces(HERE)] == [ada.id]


def test_the_same_picture_again_is_another_face(
    remote: FaceCollections, custom_labels: FakeCustomLabels
) -> None:
    """AWS promises no stable FaceIds, also not with an ExternalImageId (developer guide of
    IndexFaces; a vendor's note says otherwise)."""
    custom_labels.collections.shown = [Shown("ada")]
    first, second = (remote.index(HERE, encoded(), "p1").faces[0] for _ in range(2))
    assert first.id != second.id


def test_a_search_finds_the_largest_face_above_80_percent(
    remote: FaceCollections, custom_labels: FakeCustomLabels
) -> None:
    custom_labels.collections.shown = [Shown("ada")]
    stored = remote.index(HERE, encoded(), "p1").faces[0]
    custom_labels.collections.shown = [Shown("ada", 0.3), Shown("bob", 0.1)]
    (match,) = remote.search(HERE, encoded())
    assert (match.person_id, match.face_id, match.similarity) == ("p1", stored.id, 99.2)
    custom_labels.collections.shown = [Shown("ada", 0.1), Shown("bob", 0.3)]
    assert remote.search(HERE, encoded()) == ()
    _, request = custom_labels.requests[-1]
    assert (request["FaceMatchThreshold"], request["QualityFilter"]) == (80.0, "AUTO")


def test_a_search_finds_faces_that_other_programs_stored(
    remote: FaceCollections, custom_labels: FakeCustomLabels
) -> None:
    custom_labels.collections.shown = [Shown("ada")]
    remote.client.index_faces(CollectionId=HERE, Image={"Bytes": encoded()})
    (match,) = remote.search(HERE, encoded())
    assert match.person_id == ""


def test_a_search_without_a_face_says_so(remote: FaceCollections) -> None:
    """The service answers InvalidParameterException, as for any wrong parameter."""
    for search in (remote.search, remote.search_users):
        with pytest.raises(NoFaceInPicture, match="found no face to search for"):
            search(HERE, encoded())


def test_users_have_several_faces(remote: FaceCollections, custom_labels: FakeCustomLabels) -> None:
    custom_labels.collections.shown = [Shown("ada")]
    ids = [remote.index(HERE, encoded(), "p1").faces[0].id for _ in range(2)]
    custom_labels.collections.shown = [Shown("bob")]
    bob = remote.index(HERE, encoded(), "p2").faces[0].id
    for _ in range(2):  # again, it changes nothing
        remote.create_user(HERE, "p1")
    (fault,) = remote.associate(HERE, "p1", [*ids, bob])
    assert (fault.face_id, fault.reasons) == (bob, ("LOW_MATCH_CONFIDENCE",))
    assert list(remote.users(HERE)) == ["p1"]
    custom_labels.collections.shown = [Shown("ada")]
    assert [match.person_id for match in remote.search_users(HERE, encoded())] == ["p1"]
    # Faces of a user stay until it is deleted.
    with pytest.raises(CollectionRefused, match="ASSOCIATED_TO_AN_EXISTING_USER"):
        remote.delete_faces(HERE, ids)
    assert len(list(remote.faces(HERE))) == 3
    assert remote.disassociate(HERE, "p1", ids[:1]) == ()
    for _ in range(2):
        remote.delete_user(HERE, "p1")
    remote.delete_faces(HERE, [*ids, ids[0], bob])
    assert list(remote.faces(HERE)) == []


def test_lists_have_pages(
    remote: FaceCollections, custom_labels: FakeCustomLabels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collections, "PAGE_OF_FACES", 2)
    custom_labels.collections.shown = [Shown("ada")]
    stored = [remote.index(HERE, encoded(), "p1").faces[0].id for _ in range(5)]
    assert [face.id for face in remote.faces(HERE)] == stored
    assert custom_labels.calls["ListFaces"] == 3
    monkeypatch.setattr(collections, "FACES_AT_ONCE", 2)
    remote.delete_faces(HERE, stored)
    assert custom_labels.calls["DeleteFaces"] == 3


def test_errors_say_what_is_known(
    remote: FaceCollections, custom_labels: FakeCustomLabels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    custom_labels.collections.shown = [Shown("ada")]
    custom_labels.faults.order("IndexFaces", LOSE_ANSWER)
    with pytest.raises(CollectionUnclear):
        remote.index(HERE, encoded(), "p1")
    assert custom_labels.calls["IndexFaces"] == 1  # it is billed: not again
    assert [face.person_id for face in remote.faces(HERE)] == ["p1"]
    custom_labels.faults.order("IndexFaces", "ThrottlingException", times=2)
    with pytest.raises(CollectionBusy, match="request rate exceeds"):
        remote.index(HERE, encoded(), "p1")
    with pytest.raises(CollectionRefused, match="Amazon has no such collection"):
        remote.index("duck-none", encoded(), "p1")
    with pytest.raises(PictureRefused):
        remote.search(HERE, b"no picture")


def test_the_check_tries_every_right_and_leaves_nothing(
    remote: FaceCollections, custom_labels: FakeCustomLabels
) -> None:
    remote.check()
    assert set(collections._METHODS) <= set(custom_labels.calls)
    assert list(custom_labels.collections.by_id) == [HERE]
    assert custom_labels.collections.billed == 0
    custom_labels.faults.denied |= {"IndexFaces", "DeleteUser"}
    with pytest.raises(CollectionRefused, match="rekognition:IndexFaces, rekognition:DeleteUser"):
        remote.check()
