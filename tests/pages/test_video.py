"""The page of a video: its states, who may do what, filters, and the files that it links to."""

import json
import re
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from rubberduck.jobs.models import Run
from rubberduck.jobs.queue import JobQueue
from rubberduck.services.pipeline import Pipeline
from rubberduck.videos.keys import copy_key
from rubberduck.videos.models import CANCELLED, FAILED
from rubberduck.videos.store import Videos
from tests.support.ready_videos import clip, sample_video, samples, store_video
from tests.support.visitor import visible_text

ID = "a-video-of-22-letters_"
PAGE = f"/videos/{ID}"


@pytest.fixture
def ann(client: FlaskClient) -> FlaskClient:
    """The owner of the videos."""
    return as_visitor(client, "ann")


@pytest.fixture
def bob(app: Flask) -> FlaskClient:
    """Somebody who has the link."""
    return as_visitor(app.test_client(), "bob")


def as_visitor(client: FlaskClient, name: str) -> FlaskClient:
    with client.session_transaction() as session:
        session["visitor"] = name
    return client


def queued(pipeline: Pipeline) -> tuple[JobQueue, str]:
    """Store a video that waits for its analysis; return the queue and the job's id."""
    queue = JobQueue(pipeline.results.database, 3)
    job_id = queue.enqueue("analyse-video", "ann", video_id=ID)
    Videos(pipeline.results.database).create(sample_video(ID, job_id=job_id))
    return queue, job_id


def test_the_analysis_is_followed_and_cancelled(
    ann: FlaskClient, bob: FlaskClient, pipeline: Pipeline
) -> None:
    queue, job_id = queued(pipeline)
    page = ann.get(PAGE).text
    assert 'id="waits">No worker is running' in page
    assert '<noscript><meta http-equiv="refresh" content="10"></noscript>' in page
    queue.executors.beat("a worker")
    run = Run(job_id, 0, "a worker")
    queue.store.begin(run)
    assert Videos(pipeline.results.database).begin(ID, job_id)
    queue.store.report(run, 40, "12 of 30 seconds")
    assert ann.get(f"{PAGE}/status.json").get_json() == {
        "state": "analysing",
        "progress": 40,
        "message": "12 of 30 seconds",
        "waits": False,
    }
    assert "12 of 30 seconds" in bob.get(PAGE).text
    assert "Cancel" not in bob.get(PAGE).text
    assert bob.post(f"{PAGE}/cancel").status_code == 404
    page = ann.post(f"{PAGE}/cancel", follow_redirects=True).text
    assert "Cancelled." in page
    assert ("Try again" in page, "Delete this video" in page) == (False, True)
    assert Videos(pipeline.results.database).get(ID).status == CANCELLED
    assert ann.get(f"{PAGE}/tracks.json").status_code == 409


def test_a_failed_analysis_says_why(ann: FlaskClient, pipeline: Pipeline) -> None:
    _, job_id = queued(pipeline)
    reason = "Not one frame of it could be read: it is incomplete or damaged."
    Videos(pipeline.results.database).fail(ID, job_id, reason)
    page = ann.get(PAGE).text
    assert reason in page
    assert Videos(pipeline.results.database).get(ID).status == FAILED


def test_the_page_says_whether_how_sure_how_many_and_when(
    ann: FlaskClient, pipeline: Pipeline
) -> None:
    store_video(pipeline, ID)
    page = ann.get(PAGE)
    said = visible_text(page.text)
    assert "Rubber duck detected! :)) 92% confidence Different ones 2 Seen" in said
    assert "Seen 0:00.0–0:04.0 , 0:06.0–0:07.6 In all 0:05.6 of 0:08.0" in said
    assert "Rubber duck 1 0:00.0–0:04.0 92% Rubber duck 2 0:06.0–0:07.6 92%" in said
    assert "counts anew" in said
    assert "Duck 70%" in said
    # Without JavaScript a moment is a link to the page, whose player begins there.
    moment = re.search(r'href="([^"]+)" data-seconds="6.0"', page.text)
    assert moment
    assert moment[1] == f"{PAGE}?t=6.0#player"
    assert f'src="{PAGE}/copy#t=6.0"' in ann.get(f"{PAGE}?t=6.0").text
    assert ann.get(f"{PAGE}?t=quack").status_code == 400


def test_a_video_without_a_duck(ann: FlaskClient, pipeline: Pipeline) -> None:
    one_false_frame = [
        each if each.seconds == 2 else replace(each, labels=()) for each in samples()
    ]
    store_video(pipeline, ID, one_false_frame)
    page = ann.get(PAGE).text
    assert "No rubber duck detected :(" in page
    assert 'id="timeline"' not in page


def test_filters_judge_again_and_store_nothing(ann: FlaskClient, pipeline: Pipeline) -> None:
    store_video(pipeline, ID)
    stricter = visible_text(ann.get(f"{PAGE}?confidence=95").text)
    assert "No rubber duck detected :(" in stricter
    assert "The stored answer is: Rubber duck detected! :))" in stricter
    only = visible_text(ann.get(f"{PAGE}?confidence=50&label=Toy").text)
    assert "“Toy” is seen" in only
    assert "Toy 1 0:00.0–0:04.0" in only
    tracks = ann.get(f"{PAGE}/tracks.json?label=Toy").get_json()["tracks"]
    assert [track["name"] for track in tracks] == ["Toy 1", "Toy 2"]
    assert ann.get(f"{PAGE}/tracks.json?confidence=95").get_json() == {"tracks": []}
    for wrong in ("confidence=101", "confidence=high", "label=Quack"):
        assert ann.get(f"{PAGE}?{wrong}").status_code == 400
    assert Videos(pipeline.results.database).get(ID).score == 92


def test_the_tracks_are_sent_once(ann: FlaskClient, pipeline: Pipeline) -> None:
    store_video(pipeline, ID)
    first = ann.get(f"{PAGE}/tracks.json")
    assert len(json.loads(first.text)["tracks"][0]["sightings"]) == 20
    same = {"If-None-Match": first.headers["ETag"]}
    assert ann.get(f"{PAGE}/tracks.json", headers=same).status_code == 304
    assert ann.get(f"{PAGE}/tracks.json?label=Duck", headers=same).status_code == 200


def test_who_has_the_link_sees_it_and_only_its_owner_deletes_it(
    ann: FlaskClient, bob: FlaskClient, pipeline: Pipeline
) -> None:
    store_video(pipeline, ID)
    page = bob.get(PAGE).text
    assert "Rubber duck detected!" in page
    assert "Delete this video" not in page
    assert bob.get(PAGE).headers["X-Robots-Tag"] == "noindex"
    for address in ("copy", "poster.jpg", "frames/0.jpg"):
        with bob.get(f"{PAGE}/{address}") as answer:
            assert answer.status_code == 200
    assert bob.post(f"{PAGE}/delete").status_code == 404
    assert "Delete this video" in ann.get(PAGE).text
    answer = ann.post(f"{PAGE}/delete", follow_redirects=True)
    assert "Deleted: the video and its result." in answer.text
    for address in ("", "/copy", "/tracks.json", "/poster.jpg", "/status.json", "/frames/0.jpg"):
        assert bob.get(f"{PAGE}{address}").status_code == 404
    local = pipeline.storage.local_path(copy_key(ID, "video/mp4"))
    assert local
    assert not local.exists()


def test_the_video_is_played_and_saved(ann: FlaskClient, pipeline: Pipeline) -> None:
    store_video(pipeline, ID)
    with ann.get(f"{PAGE}/copy", headers={"Range": "bytes=0-"}) as answer:
        assert (answer.status_code, answer.mimetype) == (206, "video/mp4")
        assert answer.data == clip()
    with ann.get(f"{PAGE}/copy?download") as answer:
        assert re.fullmatch(
            r"attachment; filename=rubber-duck-detected-\d{4}-\d\d-\d\d.mp4",
            answer.headers["Content-Disposition"],
        )
    assert ann.get(f"{PAGE}/marked").status_code == 404
    assert ann.get(f"{PAGE}/frames/7.jpg").status_code == 404


@pytest.mark.parametrize("address", ["/videos/nobody", "/videos/a%00b/copy", "/videos/ä"])
def test_a_video_that_nobody_sent(ann: FlaskClient, address: str) -> None:
    assert ann.get(address).status_code == 404


def test_everything_of_a_visitor_includes_the_videos(
    ann: FlaskClient, bob: FlaskClient, pipeline: Pipeline
) -> None:
    store_video(pipeline, ID)
    store_video(pipeline, "another-of-somebody", owner="bob")
    assert 'href="/videos">My videos</a>' in ann.get("/mine").text
    assert "1 video with its result will be deleted." in ann.get("/mine/delete-all").text
    assert ann.post("/mine/delete-all").status_code == 303
    assert bob.get(PAGE).status_code == 404
    assert bob.get("/videos/another-of-somebody").status_code == 200
    local = pipeline.storage.local_path(copy_key(ID, "video/mp4"))
    assert local
    assert not local.exists()


def test_what_was_seen_is_saved_under_the_filters(ann: FlaskClient, pipeline: Pipeline) -> None:
    store_video(pipeline, ID)
    links = re.findall(rf'href="({PAGE}\.[^"]+)"', ann.get(f"{PAGE}?label=Toy&confidence=50").text)
    assert len(links) == 4
    saved = [ann.get(link.replace("&amp;", "&")) for link in links]
    assert [answer.status_code for answer in saved] == [200] * 4
    seen, table, chapters, _ = saved
    assert [track["label"] for track in seen.get_json()["tracks"]] == ["Toy", "Toy"]
    assert '"object","Toy","1","00:00:00.000","00:00:04.000"' in table.text
    assert "00:00:06.000 --> 00:00:07.600\nToy 2" in chapters.text
