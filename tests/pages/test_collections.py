"""The operators' pages of face collections: consent first, search, deletion, the audit list."""

from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage

from rubberduck.accounts.audit import AuditLog
from rubberduck.services.pipeline import Pipeline
from tests.support.custom_labels import LOSE_ANSWER, FakeCustomLabels
from tests.support.custom_labels.collections import Shown
from tests.support.face_collections import ON
from tests.support.operators import sign_in
from tests.support.pictures import encoded
from tests.support.visitor import Visit, visible_text

HERE = "/collections/duck-staff"
CONSENT = {
    "consented": "1",
    "consent_from": "Ada Lovelace",
    "consent_on": "2026-01-02",
    "consent_how": "signed form, folder 7",
    "label": "Ada <3",
}


@pytest.fixture
def client(visit: Visit, custom_labels: FakeCustomLabels) -> FlaskClient:
    custom_labels.clock.per_call = 1.0  # nothing is throttled
    client = visit(**ON)
    site: Pipeline = client.application.extensions["pipeline"]
    site.collections.remote.pace = lambda operation: None
    sign_in(client)
    assert client.post("/collections", data={"name": "staff"}).location == HERE
    return client


def send(client: FlaskClient, path: str, **fields: Any) -> Any:
    return client.post(path, data={"picture": FileStorage(BytesIO(encoded()), "a.jpg"), **fields})


def add_ada(client: FlaskClient, custom_labels: FakeCustomLabels) -> str:
    """Return the address of the person's page."""
    custom_labels.collections.shown = [Shown("ada", 0.4), Shown("passer-by", 0.1)]
    answer = send(client, f"{HERE}/people", **CONSENT)
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def test_from_consent_to_deletion(client: FlaskClient, custom_labels: FakeCustomLabels) -> None:
    assert "GDPR, Article 9" in client.get("/collections").text
    ada = add_ada(client, custom_labels)
    page = client.get(ada).text
    assert "Ada &lt;3" in page
    text = visible_text(page)
    assert "Consent of Ada Lovelace Given on 2026-01-02 How signed form, folder 7" in text
    assert "Not stored: Another, smaller face: a consent is for one person." in text
    found = visible_text(send(client, f"{HERE}/search").text)
    assert "Ada &lt;3 99%" in found
    custom_labels.collections.shown = [Shown("ada")]
    assert send(client, f"{ada}/pictures").status_code == 303
    client.post(f"{ada}/user", data={"act": "join"})
    assert "2 faces, joined to one user" in visible_text(client.get(ada).text)
    assert "Ada &lt;3 99%" in visible_text(send(client, f"{HERE}/search", by="users").text)
    client.post(f"{ada}/user", data={"act": "drop"})
    assert client.post(f"{ada}/delete").status_code == 400  # not confirmed
    assert client.post(f"{ada}/delete", data={"sure": "1"}).location == HERE
    assert client.get(ada).status_code == 404
    assert custom_labels.collections.faces() == []


def test_without_consent_nothing_is_sent(
    client: FlaskClient, custom_labels: FakeCustomLabels
) -> None:
    custom_labels.collections.shown = [Shown("ada")]
    for name in ("consented", "consent_from", "consent_on", "consent_how", "label"):
        refused = send(client, f"{HERE}/people", **{**CONSENT, name: ""})
        assert refused.status_code == 400, name
    assert custom_labels.calls["IndexFaces"] == 0


def test_reasons_are_in_plain_words(client: FlaskClient, custom_labels: FakeCustomLabels) -> None:
    custom_labels.collections.shown = [
        Shown("ada", reasons=("EXTREME_POSE", "LOW_BRIGHTNESS")),
        Shown("bob", reasons=("SMALL_BOUNDING_BOX",)),
    ]
    refused = send(client, f"{HERE}/people", **CONSENT)
    assert refused.status_code == 422
    text = visible_text(refused.text)
    assert "The head is turned too far" in text
    assert "The face is too dark." in text
    assert "The face is too small in the picture." in text
    assert "0 people" in text
    custom_labels.collections.shown = []
    assert "There is no face in this picture." in send(client, f"{HERE}/people", **CONSENT).text
    searched = send(client, f"{HERE}/search")
    assert searched.status_code == 422
    assert "There is no face in this picture" in searched.text


def test_a_refused_search_leads_back_to_its_collection(
    client: FlaskClient, custom_labels: FakeCustomLabels
) -> None:
    """And offers no form that asks for ducks, as a picture does that is refused on any page."""
    custom_labels.collections.shown = []
    sent_from = {"Referer": f"http://localhost{HERE}"}
    data = {"picture": FileStorage(BytesIO(encoded()), "a.jpg")}
    searched = client.post(f"{HERE}/search", data=data, headers=sent_from)
    assert (searched.status_code, f'href="{HERE}">Back' in searched.text) == (422, True)
    assert 'action="/"' not in searched.text
    broken = {"picture": FileStorage(BytesIO(b"no picture"), "a.jpg")}
    asked = client.post("/", data=broken, headers=sent_from)
    assert (asked.status_code, 'action="/"' in asked.text) == (415, True)


def test_faces_of_nobody_are_found_by_a_comparison(
    client: FlaskClient, custom_labels: FakeCustomLabels
) -> None:
    add_ada(client, custom_labels)
    site: Pipeline = client.application.extensions["pipeline"]
    site.collections.people.forget_collection("duck-staff")
    compared = visible_text(client.post(f"{HERE}/compare").text)
    assert "1 face at Amazon of nobody who is listed here" in compared
    client.post(f"{HERE}/compare", data={"strangers": "delete"})
    assert custom_labels.collections.faces() == []


def test_a_lost_answer_says_what_to_do(
    client: FlaskClient, custom_labels: FakeCustomLabels
) -> None:
    custom_labels.collections.shown = [Shown("ada")]
    custom_labels.faults.order("IndexFaces", LOSE_ANSWER)
    answer = send(client, f"{HERE}/people", **CONSENT)
    assert answer.status_code == 503
    assert "compare the collection with Amazon" in answer.text
    assert "on the way to Amazon, or unclear" in client.get(HERE).text


def test_a_collection_is_deleted_by_its_name(
    client: FlaskClient, custom_labels: FakeCustomLabels
) -> None:
    add_ada(client, custom_labels)
    page = visible_text(client.get(f"{HERE}/delete").text)
    assert "1 person listed here, with the consent" in page
    assert client.post(f"{HERE}/delete", data={"name": "staff"}).status_code == 400
    assert client.post(f"{HERE}/delete", data={"name": "duck-staff"}).location == "/collections"
    assert custom_labels.collections.by_id == {}
    assert client.get(HERE).status_code == 404


def test_every_act_is_in_the_audit_list_without_names(
    client: FlaskClient, custom_labels: FakeCustomLabels
) -> None:
    """Nothing is ever deleted from that list, so it must not say whose face it was."""
    ada = add_ada(client, custom_labels)
    send(client, f"{HERE}/search")
    client.post(f"{ada}/user", data={"act": "join"})
    client.post(f"{HERE}/compare")
    client.post(f"{ada}/delete", data={"sure": "1"})
    client.post(f"{HERE}/delete", data={"name": "duck-staff"})
    site: Pipeline = client.application.extensions["pipeline"]
    entries = AuditLog(site.results.database).page()
    assert [entry.act for entry in reversed(entries)] == [
        "collection.create",
        "face.index",
        "face.search",
        "face.user",
        "collection.compare",
        "face.delete",
        "collection.delete",
    ]
    assert "Ada <3" not in str(entries)
    assert "Lovelace" not in str(entries)


def test_only_operators_come_in(visit: Visit, custom_labels: FakeCustomLabels) -> None:
    client = visit(**ON)
    assert "/sign-in" in client.get("/collections").location
    assert "/sign-in" in client.post("/collections", data={"name": "staff"}).location
    sign_in(client, "Bob", "labeller")
    for path in ("/collections", HERE, f"{HERE}/people/x", f"{HERE}/delete"):
        assert client.get(path).status_code == 403
    assert client.post(f"{HERE}/search").status_code == 403
    assert sum(custom_labels.calls.values()) == 0


def test_switched_off(visit: Visit) -> None:
    client = visit()
    sign_in(client)
    page = client.get("/collections")
    assert page.status_code == 409
    assert "DUCK_FACE_COLLECTIONS=1" in page.text
    assert "/collections" not in client.get("/account/").text


def test_privacy_and_account_tell_of_it(client: FlaskClient) -> None:
    assert "as face vectors at Amazon Rekognition" in client.get("/privacy").text
    assert 'href="/collections"' in client.get("/account/").text
