"""My pictures: filters, and the deletion of one, of several and of everything."""

import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from rubberduck.core.errors import StorageFailed
from rubberduck.core.models import Label
from rubberduck.core.settings import Settings
from rubberduck.db.tables import duck_results
from rubberduck.imaging.decode import Picture
from rubberduck.services import retention
from rubberduck.services.pipeline import Pipeline
from tests.support.fake_detector import FakeDetector
from tests.support.pictures import corners, encoded, form
from tests.support.visitor import bearer, make_key, visible_text

EVERYTHING = "/api/v1/results?confirm=everything"
CHECKBOX_RE = re.compile(r'<input type="checkbox" name="id" value="([^"]+)"')


def upload(client: FlaskClient, number: int = 0) -> str:
    """Return the id of a new result; another number is another picture."""
    location = client.post("/", **form(encoded(corners(160 + number, 120)))).location
    return location.rpartition("/")[2]


def listed(client: FlaskClient, query: str = "") -> list[str]:
    return CHECKBOX_RE.findall(client.get(f"/mine{query}").text)


def pictures(settings: Settings) -> list[Path]:
    return [file for file in settings.uploads.rglob("*") if file.is_file()]


def test_the_filter_shows_only_one_answer(client: FlaskClient, detector: FakeDetector) -> None:
    yes = upload(client)
    detector.answer = [Label("Bird", 99.0)]
    no = upload(client, 1)
    assert listed(client) == [no, yes]
    assert (listed(client, "?found=true"), listed(client, "?found=false")) == ([yes], [no])
    assert client.get("/mine?found=quack").status_code == 400


def test_an_answer_to_a_question_that_is_not_offered_names_it(
    client: FlaskClient, pipeline: Pipeline
) -> None:
    upload(client)
    assert pipeline.question.title not in visible_text(client.get("/mine").text.partition("<ul")[2])
    with pipeline.results.database.transaction(writing=True) as connection:
        connection.execute(duck_results.update().values(question="Is there a mug?"))
    assert "Is there a mug?" in visible_text(client.get("/mine").text)


def test_an_empty_filter_can_be_left(client: FlaskClient) -> None:
    upload(client)
    page = client.get("/mine?found=false").text
    assert "No pictures with this answer." in page
    assert 'href="/mine?found=true"' in page


def test_older_pictures_are_filtered_too(client: FlaskClient) -> None:
    ids = [upload(client, number) for number in range(13)]
    page = client.get("/mine?found=true").text
    older = re.search(r'href="(/mine\?[^"]*cursor=[^"]+)"', page)
    assert older
    assert "found=true" in older[1]
    assert CHECKBOX_RE.findall(client.get(older[1].replace("&amp;", "&")).text) == ids[:1]


def test_several_are_deleted_after_a_confirmation(client: FlaskClient, settings: Settings) -> None:
    ids = [upload(client, number) for number in range(4)]
    page = client.post("/mine/delete", data={"id": ids[:2]})
    assert "Delete these 2 pictures? There is no undo." in visible_text(page.text)
    assert len(listed(client)) == 4
    assert [f'name="id" value="{id}"' in page.text for id in ids] == [True, True, False, False]
    confirmed = client.post("/mine/delete", data={"id": ids[:2], "confirmed": "yes"})
    assert confirmed.status_code == 303
    assert "Deleted: the pictures and their results." in client.get("/mine").text
    assert listed(client) == ids[:1:-1]
    left = " ".join(file.name for file in pictures(settings))
    assert [id in left for id in ids] == [False, False, True, True]


def test_one_is_deleted_from_the_list(client: FlaskClient) -> None:
    first, second, third = (upload(client, number) for number in range(3))
    data = {"only": second, "id": [first]}  # its own button counts, not what is selected
    page = client.post("/mine/delete", data=data)
    assert "Delete this picture?" in page.text
    assert f'value="{second}"' in page.text
    assert f'value="{first}"' not in page.text
    client.post("/mine/delete", data={"id": second, "confirmed": "yes"})
    assert listed(client) == [third, first]


def test_nothing_selected_is_told_so(client: FlaskClient) -> None:
    upload(client)
    assert client.post("/mine/delete").status_code == 303
    assert "Select the pictures to delete first." in client.get("/mine").text
    assert len(listed(client)) == 1


@pytest.mark.parametrize("id", ["nobody", "a\0b", "ä", "x" * 300])
def test_ids_of_nobody_and_of_others_are_left_alone(
    app: Flask, client: FlaskClient, id: str
) -> None:
    own, other = upload(client), app.test_client()
    foreign = upload(other, 1)
    answer = client.post("/mine/delete", data={"id": [id, foreign], "confirmed": "yes"})
    assert answer.status_code == 303
    assert (listed(client), listed(other)) == ([own], [foreign])


def test_everything_is_deleted_after_a_confirmation(
    app: Flask, client: FlaskClient, settings: Settings
) -> None:
    for number in range(14):  # more than a page
        upload(client, number)
    client.post("/mine/keys", data={"name": "script", "days": "30"})
    other = app.test_client()
    foreign = upload(other, 99)
    page = visible_text(client.get("/mine/delete-all").text)
    assert "14 pictures with their results will be deleted. 1 API key will be revoked." in page
    assert len(listed(client)) == 12
    assert client.post("/mine/delete-all").status_code == 303
    page = client.get("/mine").text
    assert "Deleted: the pictures and their results." in page
    assert "No pictures yet." in page
    assert "script</strong>" not in page
    assert listed(other) == [foreign]
    assert {foreign in file.name for file in pictures(settings)} == {True}


@pytest.mark.parametrize("with_key", [False, True])
def test_pictures_still_being_processed_are_deleted_with_everything(
    app: Flask,
    client: FlaskClient,
    settings: Settings,
    pipeline: Pipeline,
    detector: FakeDetector,
    monkeypatch: pytest.MonkeyPatch,
    with_key: bool,
) -> None:
    """A program, or /many in another tab, is sending pictures when the visitor confirms."""
    key = bearer(make_key(client))
    upload(client)
    labels, put, stored = detector.labels, pipeline.storage.put, []

    def delete_meanwhile(picture: Picture) -> list[Label]:
        answer = client.delete(EVERYTHING, headers=key) if with_key else delete_all()
        assert answer.status_code == (200 if with_key else 303)
        return labels(picture)

    def delete_all() -> TestResponse:
        return client.post("/mine/delete-all")

    def note(_: object, name: str, jpeg: bytes) -> None:
        stored.append(name)
        put(name, jpeg)

    monkeypatch.setattr(detector, "labels", delete_meanwhile)
    monkeypatch.setattr(type(pipeline.storage), "put", note)
    script = app.test_client(use_cookies=False)
    sent = script.post("/api/v1/pictures", **form(encoded(corners(170, 120))), headers=key)
    assert sent.status_code == 404
    assert len(stored) == 2
    assert pictures(settings) == []
    with pipeline.results.database.transaction() as connection:
        assert connection.execute(duck_results.select()).all() == []
    assert script.get("/api/v1/results", headers=key).status_code == 401


def test_everything_of_nobody_is_nothing(client: FlaskClient) -> None:
    assert "0 pictures" in client.get("/mine/delete-all").text
    assert client.post("/mine/delete-all").status_code == 303


def test_more_than_a_batch_is_hidden_at_once_and_left_to_the_sweep(
    app: Flask, client: FlaskClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH_SIZE", 2)
    ids = [upload(client, number) for number in range(5)]
    client.post("/mine/delete-all")
    assert "within the next few hours" in client.get("/mine").text
    assert {client.get(f"/result/{id}").status_code for id in ids} == {404}
    assert len(pictures(settings)) == 2 * 3
    app.extensions["sweeper"].sweep()
    assert pictures(settings) == []


def test_a_storage_that_fails_hides_the_results_and_the_sweep_goes_on(
    app: Flask,
    client: FlaskClient,
    settings: Settings,
    pipeline: Pipeline,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = [upload(client, number) for number in range(2)]
    with monkeypatch.context() as broken:

        def fail(_: object, key: str) -> None:
            raise StorageFailed("The storage is unavailable.", cause=f"cannot delete {key}")

        broken.setattr(type(pipeline.storage), "delete", fail)
        client.post("/mine/delete", data={"id": ids, "confirmed": "yes"})
    assert "within the next few hours" in client.get("/mine").text
    assert listed(client) == []
    app.extensions["sweeper"].sweep()
    assert pictures(settings) == []


def test_times_are_in_utc_for_everybody_without_a_script(client: FlaskClient) -> None:
    upload(client)
    time = re.search(r'<time datetime="([^"]+)">([^<]+)</time>', client.get("/mine").text)
    assert time
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time[1])
    assert time[2] == f"{time[1][:10]}, {time[1][11:16]} UTC"
