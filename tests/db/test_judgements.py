"""On SQLite and PostgreSQL: the owner's filters and deletions, and what an export reads."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rubberduck.core.errors import NoSuchResult
from rubberduck.core.models import Correction
from rubberduck.core.rules import RUBBER_DUCK
from rubberduck.db import judgements as module
from rubberduck.db.corrections import save_correction
from rubberduck.db.judgements import judgements
from rubberduck.db.results import Results
from tests.support.stored_results import sample_result, sample_upload

IDS = ("a", "b", "c", "d")
CORRECTION = Correction((), True, datetime(2026, 11, 21, 9, 0, tzinfo=UTC))


@pytest.fixture
def book(any_results: Results) -> Results:
    """Holds four results of the visitor "me"; the answer to "d" is no, to another question."""
    any_results.keep = timedelta(days=36_500)
    for id in IDS:
        upload = sample_upload(id, owner="me")
        result = sample_result(id)
        if id == "d":
            verdict = replace(result.verdict, unmatched_groups=("a toy",))
            answer = replace(result.answer, verdict=verdict)
            result = replace(result, question="A bird?", answer=answer)
        any_results.begin(replace(upload, sha256=id * 64), "embedded detector")
        any_results.save(result)
    return any_results


def listed(book: Results, **filters: object) -> set[str]:
    return {result.id for result in book.list_for_owner("me", 9, **filters).results}  # type: ignore[arg-type]


def test_the_list_is_filtered_by_answer_and_question(book: Results) -> None:
    assert listed(book) == set(IDS)
    assert (listed(book, found=True), listed(book, found=False)) == ({"a", "b", "c"}, {"d"})
    assert listed(book, question=RUBBER_DUCK.title) == {"a", "b", "c"}
    assert listed(book, question="A bird?", found=True) == set()


def test_only_the_owners_results_are_hidden(book: Results) -> None:
    assert book.mark_owned_deleting("another") == []
    assert [item.id for item in book.mark_owned_deleting("me", ["a", "nobody", "\0"])] == ["a"]
    assert (listed(book), book.count_for_owner("me")) == ({"b", "c", "d"}, 3)
    assert {item.id for item in book.mark_owned_deleting("me")} == {"b", "c", "d"}
    assert book.count_for_owner("me") == 0
    book.delete_rows(*IDS)
    assert book.existing_ids(IDS) == set()


def test_an_export_reads_what_was_judged_or_corrected(
    book: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_SIZE", 1)
    book.judge("a", "me", True)
    book.judge("b", "me", False)
    save_correction(book, "b", "me", CORRECTION)
    save_correction(book, "d", "me", CORRECTION)
    found = {
        each.result.id: (each.result.judged_right, each.correction) for each in judgements(book)
    }
    assert found == {"a": (True, None), "b": (False, CORRECTION), "d": (None, CORRECTION)}
    book.keep = timedelta(seconds=1)  # expired, and not swept yet
    assert list(judgements(book)) == []


def test_everything_of_an_owner_includes_what_is_pending(book: Results) -> None:
    for id, owner in (("e", "me"), ("f", "another")):
        book.begin(replace(sample_upload(id, owner=owner), sha256=id * 64), "embedded detector")
    assert len(book.mark_owned_deleting("me", IDS[:1])) == 1
    assert book.find("e") is None  # still pending: it was not chosen
    assert {item.id for item in book.mark_owned_deleting("me")} == {"b", "c", "d"}
    with pytest.raises(NoSuchResult):
        book.save(sample_result("e"))
    assert book.abort_upload("e")  # its process deletes the pictures and the row
    book.save(sample_result("f"))
