"""The rows of people whose faces are stored, on both databases."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import time_machine

from rubberduck.db.indexed_people import Consent, IndexedPeople, IndexedPerson, new_id
from rubberduck.db.results import Results

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def person(label: str = "Ada", days: int = 36_500) -> IndexedPerson:
    consent = Consent("Ada Lovelace", date(2026, 1, 2), "signed form", "")
    expires = NOW + timedelta(days=days)
    return IndexedPerson(new_id(), "duck-staff", label, consent, "operator-1", NOW, expires)


def test_from_the_first_line_to_the_last(any_results: Results) -> None:
    people, ada = IndexedPeople(any_results.database), person()
    people.add(ada)
    assert people.unclear(datetime.now(UTC)) == [ada]
    assert people.finish(ada.id, ["f1", "f2"])
    assert people.finish(ada.id, ["f2"])  # again
    known = people.get("duck-staff", ada.id)
    assert known == replace(ada, status="indexed", faces=("f1", "f2"))
    assert people.begin(ada.id)
    assert not people.begin(ada.id)  # another picture is on its way
    people.set_user(ada.id, True)
    assert people.counts() == {"duck-staff": 1}
    before = people.mark_deleting(ada.id)
    assert before == replace(ada, has_user=True, faces=("f1", "f2"))
    assert people.mark_deleting("nobody") is None
    assert not people.set_user(ada.id, False)
    assert not people.finish(ada.id, ["f3"])
    assert people.get("duck-staff", ada.id) is None
    assert [each.id for each in people.due(NOW)] == [ada.id]
    people.forget(ada.id)
    assert people.all_in("duck-staff") == []


def test_only_those_whose_time_is_over_are_due(any_results: Results) -> None:
    people = IndexedPeople(any_results.database)
    early, late = person("early", days=1), person("late")
    for each in (early, late):
        people.add(each)
        people.finish(each.id, [f"face of {each.label}"])
    assert people.due(NOW) == []
    assert [each.label for each in people.due(NOW + timedelta(days=1))] == ["early"]
    people.mark_all_deleting("duck-staff")
    assert people.of_collection("duck-staff") == []
    people.forget_collection("duck-staff")
    assert people.counts() == {}


def test_what_no_database_can_hold_is_nobody(any_results: Results) -> None:
    people = IndexedPeople(any_results.database)
    assert people.get("duck-\0", "x") is None
    assert people.get("duck-staff", "\ud800") is None


def test_those_whose_deletion_failed_let_the_others_go_first(any_results: Results) -> None:
    people = IndexedPeople(any_results.database)
    for label in ("first", "second"):
        with time_machine.travel(NOW, tick=False):
            people.add(each := person(label, days=1))
            people.finish(each.id, [f"face of {label}"])
    later = NOW + timedelta(days=2)
    first, second = people.due(later)
    with time_machine.travel(later, tick=False):
        people.mark_deleting(first.id)
    assert [each.id for each in people.due(later)] == [second.id, first.id]
