"""Corrections: kept with their result, the owner's only, counted, and gone with it."""

from datetime import UTC, datetime, timedelta

import pytest

from rubberduck.core.errors import NoSuchResult
from rubberduck.core.models import Correction, DrawnBox
from rubberduck.core.rules import RUBBER_DUCK
from rubberduck.db.corrections import find_corrections, save_correction, withdraw_correction
from rubberduck.db.results import Results
from tests.support.stored_results import CREATED_AT, sample_result, sample_upload

MISSED = DrawnBox(0.25, 0.5, 0.125, 0.25, "Rubber duck")
DRAWN = Correction((MISSED,), True, datetime(2026, 11, 21, 9, 0, tzinfo=UTC))
EMPTY = Correction((), False, datetime(2026, 11, 22, 9, 0, tzinfo=UTC))


@pytest.fixture
def book(any_results: Results) -> Results:
    """Holds one result, of the visitor "me"."""
    any_results.keep = timedelta(days=36_500)
    any_results.begin(sample_upload("an-id", owner="me"), "embedded detector")
    any_results.save(sample_result())
    return any_results


def corrected(book: Results) -> int:
    return book.daily_stats(RUBBER_DUCK.title, CREATED_AT.date()).totals.corrected


def test_what_is_drawn_is_kept_and_the_newest_version_counts_once(book: Results) -> None:
    save_correction(book, "an-id", "me", DRAWN)
    assert find_corrections(book, ["an-id", "another"]) == {"an-id": DRAWN}
    save_correction(book, "an-id", "me", EMPTY)
    assert find_corrections(book, ["an-id"]) == {"an-id": EMPTY}
    assert corrected(book) == 1


def test_what_is_withdrawn_is_gone_and_not_counted(book: Results) -> None:
    save_correction(book, "an-id", "me", DRAWN)
    withdraw_correction(book, "an-id", "me")
    withdraw_correction(book, "an-id", "me")  # idempotent
    assert find_corrections(book, ["an-id"]) == {}
    assert corrected(book) == 0


def test_only_the_owner_corrects(book: Results) -> None:
    save_correction(book, "an-id", "me", DRAWN)
    with pytest.raises(NoSuchResult):
        save_correction(book, "an-id", "another", EMPTY)
    with pytest.raises(NoSuchResult):
        withdraw_correction(book, "an-id", "another")
    with pytest.raises(NoSuchResult):
        save_correction(book, "nobody", "me", EMPTY)
    assert find_corrections(book, ["an-id"]) == {"an-id": DRAWN}


def test_a_deleted_result_takes_its_correction_along(book: Results) -> None:
    save_correction(book, "an-id", "me", DRAWN)
    book.mark_deleting("an-id", "me")
    assert find_corrections(book, ["an-id"]) == {}
    assert corrected(book) == 1  # the totals outlive what they count


def test_an_expired_result_takes_its_correction_along(book: Results) -> None:
    save_correction(book, "an-id", "me", DRAWN)
    book.keep = timedelta(days=1)
    book.mark_expired_deleting(CREATED_AT + timedelta(days=2), 10)
    assert find_corrections(book, ["an-id"]) == {}
