"""Face collections: consent first, found again, deleted in time, and nothing lost by a crash."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from rubberduck.aws.collections_errors import (
    CollectionRefused,
    CollectionUnclear,
    ConsentMissing,
    NoFaceInPicture,
    NoSuchCollection,
    NoSuchPerson,
)
from rubberduck.core.errors import BudgetSpent, InvalidParameter
from rubberduck.core.settings import InvalidSettings, Settings
from rubberduck.db.indexed_people import Consent, IndexedPerson
from rubberduck.services.face_collections import CollectionService
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.retention import Sweeper
from tests.support.custom_labels import LOSE_ANSWER, FakeCustomLabels
from tests.support.custom_labels.collections import Shown
from tests.support.face_collections import ON, consent, open_service, picture, today

Compose = Callable[[Settings], Pipeline]
HERE = "duck-staff"
NOW = timedelta(0)


@pytest.fixture
def service(
    settings: Settings, composed: Compose, custom_labels: FakeCustomLabels
) -> CollectionService:
    custom_labels.clock.per_call = 1.0  # nothing is throttled
    service = open_service(settings, composed)
    assert service.create("staff") == HERE
    return service


def index(
    service: CollectionService, custom_labels: FakeCustomLabels, who: str = "ada"
) -> IndexedPerson:
    custom_labels.collections.shown = [Shown(who)]
    person = service.index(HERE, who, consent(), picture(), "operator-1").person
    assert person
    return person


def stored(custom_labels: FakeCustomLabels) -> list[str | None]:
    return [face.external_id for face in custom_labels.collections.faces()]


def test_somebody_who_consented_is_found_again(
    service: CollectionService, custom_labels: FakeCustomLabels
) -> None:
    ada, bob = (index(service, custom_labels, name) for name in ("ada", "bob"))
    custom_labels.collections.shown = [Shown("ada", 0.4), Shown("bob", 0.1)]
    (found,) = service.search(HERE, picture())
    assert found.person
    assert (found.person.label, found.similarity) == ("ada", 99.2)
    assert found.person.consent == consent()
    # Amazon learns a random number of each person, and no name.
    assert stored(custom_labels) == [ada.id, bob.id]
    assert "ada" not in str(custom_labels.requests)
    custom_labels.collections.shown = []
    with pytest.raises(NoFaceInPicture):
        service.search(HERE, picture())


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (replace(consent(), given_by=" "), ConsentMissing),
        (replace(consent(), how=""), ConsentMissing),
        (replace(consent(), given_on=today() + timedelta(days=3)), ConsentMissing),
        (replace(consent(), note="x" * 501), InvalidParameter),
    ],
)
def test_without_consent_nothing_is_sent(
    service: CollectionService,
    custom_labels: FakeCustomLabels,
    given: Consent,
    kind: type[Exception],
) -> None:
    with pytest.raises(kind):
        service.index(HERE, "ada", given, picture(), "operator-1")
    assert custom_labels.calls["IndexFaces"] == 0
    assert service.people.all_in(HERE) == []


def test_a_picture_whose_face_is_not_stored_leaves_nobody(
    service: CollectionService, custom_labels: FakeCustomLabels
) -> None:
    for shown in ([], [Shown("ada", reasons=("LOW_BRIGHTNESS",))]):
        custom_labels.collections.shown = list(shown)
        outcome = service.index(HERE, "ada", consent(), picture(), "operator-1")
        assert (outcome.person, outcome.stored, len(outcome.unindexed)) == (None, 0, len(shown))
        assert service.people.all_in(HERE) == []


def test_only_the_largest_face_is_stored_for_one_consent(
    service: CollectionService, custom_labels: FakeCustomLabels
) -> None:
    custom_labels.collections.shown = [Shown("ada", 0.4), Shown("passer-by", 0.2)]
    outcome = service.index(HERE, "ada", consent(), picture(), "operator-1")
    assert outcome.stored == 1
    assert [each.reasons for each in outcome.unindexed] == [("EXCEEDS_MAX_FACES",)]


def test_several_pictures_of_somebody_make_a_user(
    service: CollectionService, custom_labels: FakeCustomLabels
) -> None:
    ada = index(service, custom_labels)
    outcome = service.add_picture(ada, picture())
    assert outcome.person
    assert len(outcome.person.faces) == 2
    assert service.make_user(outcome.person) == ()
    (found,) = service.search(HERE, picture(), users=True)
    assert found.person == service.person(HERE, ada.id)
    assert found.person.has_user
    custom_labels.collections.shown = []
    service.add_picture(found.person, picture())  # no face: the two stay
    assert len(service.person(HERE, ada.id).faces) == 2
    service.drop_user(found.person)
    assert not service.person(HERE, ada.id).has_user
    assert len(stored(custom_labels)) == 2


def test_deleting_somebody_deletes_the_faces_and_the_user(
    service: CollectionService, custom_labels: FakeCustomLabels
) -> None:
    ada, bob = (index(service, custom_labels, name) for name in ("ada", "bob"))
    service.make_user(ada)
    service.delete_person(service.person(HERE, ada.id))
    assert stored(custom_labels) == [bob.id]
    assert custom_labels.collections.by_id[HERE].users == {}
    with pytest.raises(NoSuchPerson):
        service.person(HERE, ada.id)
    assert [person.id for person in service.people.all_in(HERE)] == [bob.id]


def test_what_came_after_the_page_was_read_is_deleted_too(
    service: CollectionService, custom_labels: FakeCustomLabels
) -> None:
    as_read = index(service, custom_labels)
    outcome = service.add_picture(as_read, picture())
    assert outcome.person
    service.make_user(outcome.person)
    service.delete_person(as_read)
    assert stored(custom_labels) == []
    assert custom_labels.collections.by_id[HERE].users == {}
    service.delete_person(as_read)  # again: gone already
    with pytest.raises(NoSuchPerson):
        service.make_user(outcome.person)


def test_somebody_whose_face_stays_at_amazon_is_not_forgotten(
    service: CollectionService, custom_labels: FakeCustomLabels
) -> None:
    """DeleteFaces answers 200, and says in the answer which faces it left (API reference)."""
    ada = index(service, custom_labels)
    service.remote.create_user(HERE, "elsewhere")  # by another program
    service.remote.associate(HERE, "elsewhere", ada.faces)
    with pytest.raises(CollectionRefused, match="ASSOCIATED_TO_AN_EXISTING_USER"):
        service.delete_person(ada)
    assert [person.id for person in service.people.all_in(HERE)] == [ada.id]
    service.remote.delete_user(HERE, "elsewhere")
    assert service.sweep() == 1
    assert (stored(custom_labels), service.people.all_in(HERE)) == ([], [])


def test_deleting_a_collection_deletes_all(
    service: CollectionService, custom_labels: FakeCustomLabels
) -> None:
    index(service, custom_labels)
    custom_labels.faults.denied.add("DeleteCollection")
    with pytest.raises(CollectionRefused):
        service.delete(HERE)
    assert service.people.of_collection(HERE) == []  # hidden, and deleted later
    custom_labels.faults.denied.clear()
    service.sweep()
    assert (stored(custom_labels), service.people.all_in(HERE)) == ([], [])
    service.delete(HERE)
    assert custom_labels.collections.by_id == {}
    with pytest.raises(NoSuchCollection):
        service.get(HERE)


def test_collections_of_others_are_not_touched(
    service: CollectionService, custom_labels: FakeCustomLabels
) -> None:
    service.remote.create("payroll")
    assert [info.id for info, _ in service.collections()] == [HERE]
    for act in (service.get, service.delete):
        with pytest.raises(NoSuchCollection):
            act("payroll")
        with pytest.raises(NoSuchCollection):
            act("duck-\0")  # PostgreSQL rejects NUL
    with pytest.raises(InvalidParameter):
        service.create("Röda ankor")
    assert "payroll" in custom_labels.collections.by_id


# ---- retention


def test_faces_are_deleted_at_amazon_when_their_time_is_over(
    service: CollectionService, custom_labels: FakeCustomLabels, settings: Settings
) -> None:
    service = replace(service, keep=timedelta(days=3))
    index(service, custom_labels)
    late = datetime.now(UTC) + timedelta(days=3, hours=1)
    with time_machine.travel(late, tick=True):
        # Hidden at once, also before the sweep.
        assert service.people.of_collection(HERE) == []
        custom_labels.collections.shown = [Shown("ada")]
        assert service.search(HERE, picture()) == []
        bob = index(service, custom_labels, "bob")
        custom_labels.faults.order("DeleteFaces", "AccessDeniedException")
        with pytest.raises(CollectionRefused):
            service.sweep()
        assert len(stored(custom_labels)) == 2
        assert service.sweep() == 1
    assert stored(custom_labels) == [bob.id]


def test_the_sweep_of_the_site_does_it(
    settings: Settings, composed: Compose, custom_labels: FakeCustomLabels
) -> None:
    site = composed(settings.model_copy(update=ON))
    service = site.collections
    service.create("staff")
    index(service, custom_labels)
    sweeper = Sweeper(site.open_results, site.storage, (), site.open_collections)
    sweeper.sweep()
    assert len(stored(custom_labels)) == 1
    with time_machine.travel(datetime.now(UTC) + timedelta(days=31), tick=True):
        assert sweeper.sweep().people == 1
    assert stored(custom_labels) == []


# ---- crashes


@pytest.mark.parametrize("arrives", [True, False])
def test_a_crash_while_a_face_is_sent_leaves_nothing_unknown(
    service: CollectionService,
    custom_labels: FakeCustomLabels,
    monkeypatch: pytest.MonkeyPatch,
    arrives: bool,
) -> None:
    """The process ends before or after Amazon stores the face, and never sees the answer."""
    custom_labels.collections.shown = [Shown("ada")]
    send = service.remote.index

    def crash(*arguments: Any) -> Any:
        if arrives:
            send(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(service.remote, "index", crash)
    with pytest.raises(KeyboardInterrupt):
        service.index(HERE, "ada", consent(), picture(), "operator-1")
    (unclear,) = service.people.all_in(HERE)
    assert unclear.is_unclear
    assert stored(custom_labels) == [unclear.id] * arrives
    # Whoever sends at this moment is left alone; later, the sweep finds out.
    assert service.reconcile(HERE).completed == 0
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=20), tick=True):
        service.sweep()
    people = service.people.of_collection(HERE)
    assert [(each.id, len(each.faces)) for each in people] == [(unclear.id, 1)] * arrives


def test_an_answer_that_is_lost_is_cleared_up(
    service: CollectionService, custom_labels: FakeCustomLabels
) -> None:
    custom_labels.collections.shown = [Shown("ada")]
    custom_labels.faults.order("IndexFaces", LOSE_ANSWER)
    with pytest.raises(CollectionUnclear):
        service.index(HERE, "ada", consent(), picture(), "operator-1")
    compared = service.reconcile(HERE, patience=NOW)
    assert (compared.completed, compared.removed, compared.strangers) == (1, 0, ())
    assert service.search(HERE, picture())[0].person


def test_somebody_whose_face_is_on_its_way_can_be_deleted(
    service: CollectionService, custom_labels: FakeCustomLabels
) -> None:
    custom_labels.collections.shown = [Shown("ada")]
    custom_labels.faults.order("IndexFaces", LOSE_ANSWER)
    with pytest.raises(CollectionUnclear):
        service.index(HERE, "ada", consent(), picture(), "operator-1")
    (unclear,) = service.people.of_collection(HERE)
    service.delete_person(unclear)
    assert stored(custom_labels) == []


def test_faces_of_nobody_are_shown_and_deleted(
    service: CollectionService, custom_labels: FakeCustomLabels
) -> None:
    """As after a backup from before they were stored, or when another program stored them."""
    ada = index(service, custom_labels)
    lost = index(service, custom_labels, "lost")
    service.make_user(lost)
    service.people.forget(lost.id)
    custom_labels.collections.shown = [Shown("lost")]
    (found,) = service.search(HERE, picture())
    assert found.person is None
    (stranger,) = service.reconcile(HERE).strangers
    assert stranger.person_id == lost.id
    assert service.delete_strangers(HERE) == 1
    assert stored(custom_labels) == [ada.id]


def test_a_face_that_arrives_after_the_deletion_goes_at_once(
    service: CollectionService, custom_labels: FakeCustomLabels, monkeypatch: pytest.MonkeyPatch
) -> None:
    custom_labels.collections.shown = [Shown("ada")]
    send = service.remote.index

    def send_while_it_is_deleted(*arguments: Any) -> Any:
        (person,) = service.people.all_in(HERE)
        service.delete_person(person)
        return send(*arguments)

    monkeypatch.setattr(service.remote, "index", send_while_it_is_deleted)
    with pytest.raises(NoSuchPerson):
        service.index(HERE, "ada", consent(), picture(), "operator-1")
    assert stored(custom_labels) == []


# ---- costs


def test_calls_and_storage_are_entered(
    settings: Settings, composed: Compose, custom_labels: FakeCustomLabels
) -> None:
    service = open_service(settings, composed, daily_calls=2, face_keep_days=45)
    service.create("staff")
    index(service, custom_labels)
    ledger = service.charges.ledger
    (entry,) = ledger.newest()
    assert (entry.what, entry.microdollars) == ("one face for 2 months", 20)
    service.search(HERE, picture())
    assert ledger.totals()[0].spent == 1000 + 1000 + 20
    with pytest.raises(BudgetSpent):
        service.index(HERE, "bob", consent(), picture(), "operator-1")
    assert len(service.people.all_in(HERE)) == 1
    assert custom_labels.collections.billed == 2


@pytest.mark.parametrize("missing", [{"faces": "off"}, {"engine": "local"}])
def test_collections_take_two_more_switches(
    settings: Settings, composed: Compose, missing: dict[str, str]
) -> None:
    with pytest.raises(InvalidSettings, match="needs DUCK_FACES=1 and Amazon Rekognition"):
        composed(settings.model_copy(update={**ON, **missing}))
