"""The API of videos: their state, the answer, what was seen in pages and as files, their end."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from rubberduck.accounts.operators import Operators
from rubberduck.accounts.tokens import Tokens
from rubberduck.jobs.models import Run
from rubberduck.jobs.queue import JobQueue
from rubberduck.services.pipeline import Pipeline
from rubberduck.videos.models import Video
from rubberduck.videos.store import Videos
from tests.support.analysed_videos import (
    add_video,
    begin_video,
    queued_video,
    random_samples,
    swimming_ducks,
)
from tests.support.visitor import as_visitor

BASE = "/api/v1/videos"


@pytest.fixture
def ann(client: FlaskClient) -> FlaskClient:
    """The owner of the videos."""
    return as_visitor(client, "ann")


@pytest.fixture
def bob(app: Flask) -> FlaskClient:
    """Somebody who has the id."""
    return as_visitor(app.test_client(), "bob")


@pytest.fixture
def video(pipeline: Pipeline) -> Video:
    return add_video(pipeline.results.database, swimming_ducks(), owner="ann")


def get(client: FlaskClient, address: str) -> Any:
    response = client.get(address)
    assert response.status_code == 200, response.text
    return response.get_json()


def test_a_visitor_lists_ones_own_videos(
    ann: FlaskClient, bob: FlaskClient, app: Flask, pipeline: Pipeline
) -> None:
    now = datetime.now(UTC)
    for number in range(5):
        sent = now - timedelta(minutes=number // 2)  # some at the same moment
        begin_video(
            pipeline.results.database, [], owner="ann", id=f"video-{number}", created_at=sent
        )
    found, address = [], f"{BASE}?limit=2"
    while address:
        page = get(ann, address)
        assert len(page["videos"]) <= 2
        found += [each["id"] for each in page["videos"]]
        address = page["links"]["next"]
    assert found == ["video-1", "video-0", "video-3", "video-2", "video-4"]
    assert get(bob, BASE) == {"videos": [], "links": {"next": None}}
    assert get(app.test_client(), BASE)["videos"] == []
    assert ann.get(f"{BASE}?cursor=quack").status_code == 400
    assert ann.get(f"{BASE}?limit=0").status_code == 400


def test_a_running_analysis_is_a_202_until_it_is_cancelled(
    ann: FlaskClient, bob: FlaskClient, pipeline: Pipeline
) -> None:
    queue, address = JobQueue(pipeline.results.database, 3), f"{BASE}/running"
    job_id = queue.enqueue("analyse-video", "ann", video_id="running")
    videos = Videos(pipeline.results.database)
    videos.create(queued_video(id="running", owner="ann", job_id=job_id))
    response = bob.get(address)
    assert (response.status_code, response.headers["Retry-After"]) == (202, "5")
    assert response.get_json()["status"] == "queued"
    run = Run(job_id, 0, "a worker")
    queue.store.begin(run)
    assert videos.begin("running", job_id)
    queue.store.report(run, 40, "12 of 30 seconds")
    body = bob.get(address).get_json()
    shown = ("status", "progress", "progress_message", "found")
    assert [body[name] for name in shown] == ["analysing", 40, "12 of 30 seconds", None]
    assert (body["links"]["labels"], body["links"]["csv"]) == (None, None)
    for refused in ("/labels", "/tracks", ".csv", ".json"):
        assert bob.get(f"{address}{refused}").status_code == 409
    assert bob.get(address, headers={"Accept": "text/csv"}).status_code == 409
    assert bob.post(f"{address}/cancel").status_code == 404
    assert ann.post(f"{address}/cancel").get_json()["status"] == "cancelled"
    response = bob.get(address)
    assert (response.status_code, response.get_json()["status"]) == (200, "cancelled")
    assert ann.post(f"{address}/cancel").status_code == 409


def test_everybody_with_the_id_reads_the_answer(bob: FlaskClient, video: Video) -> None:
    response = bob.get(f"{BASE}/{video.id}")
    body = response.get_json()
    shown = ("status", "found", "message", "distinct", "seconds", "width", "progress", "error")
    assert [body[name] for name in shown] == [
        *("ready", True, "Rubber duck detected! :))", 2, 8.0, 640, 100, None)
    ]
    tag = {"If-None-Match": response.headers["ETag"]}
    assert bob.get(f"{BASE}/{video.id}", headers=tag).status_code == 304
    assert bob.get(f"{BASE}/nothing").status_code == 404
    links = {name for name, address in body["links"].items() if address}
    assert links == {"self", "page", "labels", "tracks", "json", "csv", "vtt", "coco"}
    for name in sorted(links - {"page"}):
        assert bob.get(body["links"][name]).status_code == 200


def test_files_by_accept_and_by_suffix(bob: FlaskClient, video: Video) -> None:
    address = f"{BASE}/{video.id}"
    by_suffix = bob.get(f"{address}.csv")
    rows = list(csv.DictReader(io.StringIO(by_suffix.text.removeprefix("\ufeff"))))
    assert [row["kind"] for row in rows] == ["object", "object", "label", "label", "label"]
    name = by_suffix.headers["Content-Disposition"]
    assert name.startswith("attachment; filename=rubber-duck-detected")
    by_accept = bob.get(address, headers={"Accept": "text/csv"})
    assert (by_accept.text, by_accept.mimetype) == (by_suffix.text, "text/csv")
    assert "Accept" in by_accept.headers["Vary"]
    chapters = bob.get(address, headers={"Accept": "text/vtt"})
    assert chapters.text.startswith("WEBVTT\n\n00:00:01.000 --> 00:00:03.000\nRubber duck 1\n")
    assert len(get(bob, f"{address}.coco")["images"]) == 40
    everything = bob.get(f"{address}.json")
    assert len(everything.get_json()["samples"]) == 40
    tag = {"If-None-Match": everything.headers["ETag"]}
    assert bob.get(f"{address}.json", headers=tag).status_code == 304
    assert bob.get(f"{address}.csv", headers=tag).status_code == 200
    again = bob.get(f"{address}.json?min=99", headers=tag)
    assert (again.status_code, again.get_json()["found"]) == (200, False)
    assert bob.get(f"{address}.exe").status_code == 404
    assert bob.get(f"{address}.csv?min=101").status_code == 400
    assert bob.get(f"{address}.csv?label=Goose").status_code == 400


@pytest.mark.parametrize("aggregate", ["timestamps", "segments"])
def test_labels_come_in_pages(bob: FlaskClient, pipeline: Pipeline, aggregate: str) -> None:
    samples = list(random_samples(1, 120, ["Bird", "Toy", "a/b?&token=c"]))
    video = add_video(pipeline.results.database, samples)
    address = f"{BASE}/{video.id}/labels?aggregate={aggregate}"
    whole = get(bob, address)
    assert whole["links"]["next"] is None
    assert len(whole[aggregate]) > 80
    for filter in ("", "&label=Bird&min=50"):
        expected = get(bob, f"{address}{filter}")[aggregate]
        found, page, pages = [], f"{address}{filter}&limit=17", 0
        while page:
            body = get(bob, page)
            found += body[aggregate]
            page, pages = body["links"]["next"], pages + 1
        assert found == expected
        assert pages > 1
    assert bob.get(f"{address}&token=quack").status_code == 400
    assert bob.get(f"{address}&limit=1001").status_code == 400
    assert bob.get(f"{BASE}/{video.id}/labels?aggregate=days").status_code == 400


def test_objects_come_in_pages_with_where_they_are(bob: FlaskClient, video: Video) -> None:
    address = f"{BASE}/{video.id}/tracks"
    first = get(bob, f"{address}?limit=1&sightings=true")
    second = get(bob, first["links"]["next"])
    assert (first["found"], first["distinct"], second["links"]["next"]) == (True, 2, None)
    (one,), (two,) = first["tracks"], second["tracks"]
    assert [(track["first_seconds"], track["end_seconds"]) for track in (one, two)] == [
        (1.0, 5.0),
        (3.0, 7.0),
    ]
    assert len(one["sightings"]) == len(two["sightings"]) == 20
    assert one["sightings"][0]["box"]["label"] == "Rubber duck"
    assert get(bob, address)["tracks"][0]["sightings"] is None
    nothing = get(bob, f"{address}?min=99")
    assert (nothing["found"], nothing["score"], nothing["tracks"]) == (False, None, [])
    water = get(bob, f"{address}?label=Water")["tracks"]
    assert [(track["label"], track["end_seconds"]) for track in water] == [("Water", 8.0)]
    assert bob.get(f"{address}?token=-1").status_code == 400
    assert bob.get(f"{address}?sightings=yes").status_code == 400


def test_only_the_owner_deletes(
    ann: FlaskClient, bob: FlaskClient, app: Flask, pipeline: Pipeline, video: Video
) -> None:
    assert bob.delete(f"{BASE}/{video.id}").status_code == 404
    assert get(bob, f"{BASE}/{video.id}")["found"] is True
    assert ann.delete(f"{BASE}/{video.id}").status_code == 204
    assert ann.get(f"{BASE}/{video.id}").status_code == 404
    assert ann.delete(f"{BASE}/{video.id}").status_code == 404
    assert not list(Videos(pipeline.results.database).samples(video.id))


def test_keys_act_for_their_owners(app: Flask, pipeline: Pipeline, video: Video) -> None:
    tokens, database = Tokens(pipeline.results.database), pipeline.results.database
    person = Operators(database).create("Ada")
    day = timedelta(days=1)
    keys = {
        "ann": tokens.create("ann", "a key", day)[0],
        "Ada": tokens.create(person.id, "a key", day, "operator")[0],
    }
    client = app.test_client()

    def of(name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {keys[name]}"}

    assert client.get(BASE, headers=of("Ada")).get_json()["videos"] == []
    assert client.delete(f"{BASE}/{video.id}", headers=of("Ada")).status_code == 404
    (mine,) = client.get(BASE, headers=of("ann")).get_json()["videos"]
    assert mine["id"] == video.id
    assert client.delete(f"{BASE}/{video.id}", headers=of("ann")).status_code == 204
    wrong = {"Authorization": "Bearer duck_wrong"}
    assert client.get(BASE, headers=wrong).status_code == 401
