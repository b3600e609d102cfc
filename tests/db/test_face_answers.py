"""What faces look like: kept with a result for its owner, and gone with it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from rubberduck.core.errors import NoSuchResult
from rubberduck.core.faces import FaceAnswer
from rubberduck.db.face_answers import delete_faces, find_faces, save_faces
from rubberduck.db.results import Results
from tests.support.fake_faces import WOMAN, two_faces
from tests.support.stored_results import CREATED_AT, sample_result, sample_upload

FIRST = FaceAnswer(two_faces(), "Amazon Rekognition", "7")
SECOND = FaceAnswer(
    (replace(two_faces()[0], gender=WOMAN),), "embedded", None, "Amazon Rekognition", "failed"
)


@pytest.fixture
def book(any_results: Results) -> Results:
    """Holds one result, of the visitor "me"."""
    any_results.keep = timedelta(days=36_500)
    any_results.begin(sample_upload("an-id", owner="me"), "embedded detector")
    any_results.save(sample_result())
    return any_results


def test_the_newest_answer_is_kept_whole(book: Results) -> None:
    assert find_faces(book, "an-id") is None
    for answer in (FIRST, SECOND):
        save_faces(book, "an-id", "me", answer)
        assert find_faces(book, "an-id") == answer


def test_a_pending_result_can_have_faces_already(any_results: Results) -> None:
    """Two tabs sent the same picture: the other one is still at work on it."""
    any_results.begin(sample_upload("an-id", owner="me"), "embedded detector")
    save_faces(any_results, "an-id", "me", FIRST)
    assert find_faces(any_results, "an-id") == FIRST


def test_only_the_owner_keeps_and_deletes(book: Results) -> None:
    save_faces(book, "an-id", "me", FIRST)
    for id, owner in (("an-id", "another"), ("nobody", "me"), ("an\0id", "me")):
        with pytest.raises(NoSuchResult):
            save_faces(book, id, owner, SECOND)
        with pytest.raises(NoSuchResult):
            delete_faces(book, id, owner)
    assert find_faces(book, "an-id") == FIRST
    delete_faces(book, "an-id", "me")
    delete_faces(book, "an-id", "me")  # idempotent
    assert find_faces(book, "an-id") is None


def delete_one(book: Results) -> None:
    book.mark_deleting("an-id", "me")


def delete_all(book: Results) -> None:
    book.mark_owned_deleting("me")


def expire(book: Results) -> None:
    book.keep = timedelta(days=1)
    book.mark_expired_deleting(CREATED_AT + timedelta(days=2), 10)


@pytest.mark.parametrize("delete", [delete_one, delete_all, expire])
def test_a_deleted_result_takes_its_faces_along(
    book: Results, delete: Callable[[Results], None]
) -> None:
    save_faces(book, "an-id", "me", FIRST)
    delete(book)
    assert find_faces(book, "an-id") is None
