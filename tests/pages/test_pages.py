"""The visitor's story: a picture in, a verdict out, and every way it can go wrong."""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask, abort
from flask.testing import FlaskClient
from jinja2 import UndefinedError
from PIL import Image
from werkzeug.test import TestResponse

from app import create_app
from rubberduck.core.errors import DetectorFailed, StorageFailed
from rubberduck.core.models import Label
from rubberduck.core.settings import Settings
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.readiness import Readiness
from rubberduck.storage.base import JPEG
from rubberduck.storage.folder import FolderStorage
from tests.support.fake_detector import FakeDetector, duck_labels
from tests.support.pictures import corners, encoded, form
from tests.support.visitor import post_and_open, post_picture, visible_text, without_token


def test_the_first_page_asks_for_a_picture(client: FlaskClient) -> None:
    page = client.get("/").text
    assert "<h1>Is there a rubber duck in this image?</h1>" in page
    assert 'name="picture"' in page
    assert (
        "Up to 15 MB. Kept for 30 days in a folder on this server, for people with the link only."
        in visible_text(page)
    )
    assert "Detector: fake detector. Storage: a folder on this server." in page


def test_the_facts_of_privacy_are_one_click_away(client: FlaskClient) -> None:
    assert 'href="/privacy"' in client.get("/").text
    page = visible_text(client.get("/privacy").text)
    for fact in (
        "JPEG, PNG, WebP, GIF, AVIF, HEIC, BMP or TIFF, up to 15 MB.",
        "at most 2048 pixels on its longer side, without metadata",
        "The pictures are stored in a folder on this server",
        "deleted after 30 days",
        "The picture is analysed by fake detector.",
        "Only people with the link to a result can see it.",
    ):
        assert fact in page


def test_a_preview_is_small_and_stores_nothing(client: FlaskClient, settings: Settings) -> None:
    answer = client.post("/preview", **form(encoded(corners(1600, 900), "HEIF"), "duck.heic"))
    assert answer.mimetype == "image/jpeg"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert Image.open(BytesIO(answer.data)).size == (640, 360)
    assert not settings.uploads.exists()
    assert client.post("/preview", **form(b"quack")).status_code == 415


def test_a_duck_is_a_yes_with_score_labels_and_boxes(client: FlaskClient) -> None:
    page = post_and_open(client, encoded())
    assert "<h1>Rubber duck detected! :))</h1>" in page
    text = visible_text(page)
    assert "94% confidence, the average of these: Duck 98% Toy 90% 35% needed" in text
    assert (
        "We saw Duck and Toy with at least 35% confidence, and that makes the answer yes." in text
    )
    assert "marked.jpg" in page


def test_no_duck_is_a_no(client: FlaskClient, detector: FakeDetector) -> None:
    detector.answer = [Label("Bird", 99.0, (), ("Animal",))]
    page = post_and_open(client, encoded())
    assert "<h1>No rubber duck detected :(</h1>" in page
    assert "We saw Bird. To say yes, we would also need to see a toy." in visible_text(page)
    assert "marked.jpg" not in page
    assert "picture.jpg" in page


def test_a_real_duck_is_called_one(client: FlaskClient, detector: FakeDetector) -> None:
    detector.answer = [Label("Bird", 99.0), Label("Duck", 98.0), Label("Toy", 20.0)]
    page = visible_text(post_and_open(client, encoded()))
    assert "That is a real duck. Bird 99% Toy 20% 35% needed" in page
    assert "We saw Bird. To say yes, we would also need to see a toy." in page


@pytest.mark.parametrize(
    "labels",
    [
        [Label("Bird", 99.0)],
        [Label("Bird", 99.0), Label("Duck", 30.0)],
        [Label("Bird", 99.0), Label("Duck", 98.0), Label("Toy", 90.0)],
        [],
    ],
)
def test_nothing_else_is_called_a_real_duck(
    client: FlaskClient, detector: FakeDetector, labels: list[Label]
) -> None:
    detector.answer = labels
    assert "real duck" not in visible_text(post_and_open(client, encoded()))


def test_a_near_miss_is_shown_as_one(client: FlaskClient, detector: FakeDetector) -> None:
    detector.answer = [Label("Duck", 99.0), Label("Toy", 20.0)]
    page = visible_text(post_and_open(client, encoded()))
    assert "Toy 20% below the threshold" in page
    assert "Duck 99% too" not in page


def test_nothing_seen_is_a_no(client: FlaskClient, detector: FakeDetector) -> None:
    detector.answer = []
    page = visible_text(post_and_open(client, encoded()))
    assert "To say yes, we would need to see a bird and a toy." in page
    assert "Nothing relevant was seen." in page


def test_reloading_asks_no_detector_again(client: FlaskClient, detector: FakeDetector) -> None:
    where = post_picture(client, encoded()).location
    assert without_token(client.get(where).text) == without_token(client.get(where).text)
    assert detector.calls == 1


def test_the_pictures_are_the_upright_bare_one_and_the_marked_one(client: FlaskClient) -> None:
    where = post_picture(client, encoded(comment=b"my secret")).location
    plain = client.get(f"{where}/picture.jpg")
    marked = client.get(f"{where}/marked.jpg")
    assert plain.mimetype == marked.mimetype == "image/jpeg"
    assert b"my secret" not in plain.data
    assert Image.open(BytesIO(plain.data)).size == Image.open(BytesIO(marked.data)).size
    assert plain.data != marked.data


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP"])
def test_an_animation_is_mentioned(client: FlaskClient, format: str) -> None:
    frames = encoded(format=format, save_all=True, append_images=[Image.new("RGB", (160, 120))])
    words = "The picture is animated; only its first frame was checked."
    assert words in visible_text(post_and_open(client, frames, "dance"))
    assert words not in visible_text(post_and_open(client, encoded(format=format), "still"))


def test_a_missing_end_is_mentioned_also_by_the_api(client: FlaskClient) -> None:
    words = "The end of the file is missing; what could be read was checked."
    assert words in visible_text(post_and_open(client, encoded()[:-2]))
    assert words not in visible_text(post_and_open(client, encoded(quality=80)))
    results = client.get("/api/v1/results").get_json()["results"]
    assert [result["is_truncated"] for result in results] == [False, True]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "утка.jpg", "a\0b.jpg", "x" * 5000, "<script>.jpg", ".."]
)
def test_the_files_name_means_nothing(client: FlaskClient, settings: Settings, name: str) -> None:
    page = post_and_open(client, encoded(), name)
    assert "<script>.jpg" not in page
    assert "passwd" not in page
    kept = sorted(path.parent.name for path in settings.uploads.rglob("*") if path.is_file())
    assert kept == ["marked", "uploads"]


def test_two_uploads_of_one_name_are_two_results(client: FlaskClient) -> None:
    first, second = (post_picture(client, encoded(quality=q)).location for q in (80, 90))
    assert first != second


def big(client: FlaskClient) -> TestResponse:
    return post_picture(client, bytes(16_000_000))


def no_field(client: FlaskClient) -> TestResponse:
    return client.post("/", **form(encoded(), field="photo"))


def no_choice(client: FlaskClient) -> TestResponse:
    return client.post("/", **form(b"", name=""))


def no_form(client: FlaskClient) -> TestResponse:
    return client.post("/", data=b"quack", content_type="text/plain")


def no_boundary(client: FlaskClient) -> TestResponse:
    return client.post("/", data=b"quack", content_type="multipart/form-data")


def cut_off(client: FlaskClient) -> TestResponse:
    head = b'--x\r\nContent-Disposition: form-data; name="picture"; filename="a.jpg"\r\n\r\n'
    body = head + encoded()[:500]
    return client.post("/", data=body, content_type="multipart/form-data; boundary=x")


def sends(data: bytes) -> Callable[[FlaskClient], TestResponse]:
    return lambda client: post_picture(client, data)


@pytest.mark.parametrize(
    ("request_", "status", "happened", "why"),
    [
        pytest.param(no_field, 400, "No picture received", "no file in a", id="no field"),
        pytest.param(no_choice, 400, "No picture received", "No file was chosen", id="no choice"),
        pytest.param(no_form, 400, "No picture received", "no file in a", id="no form"),
        pytest.param(no_boundary, 400, "Invalid request", "names no boundary", id="no boundary"),
        pytest.param(cut_off, 400, "The upload was interrupted", "end of the", id="cut off"),
        pytest.param(sends(b""), 400, "No picture received", "The file is empty", id="empty"),
        pytest.param(big, 413, "This file is too large", "larger than", id="too big"),
        pytest.param(sends(bytes(15_000_001)), 413, "too large", "15 MB", id="just too big"),
        pytest.param(sends(b"<svg/>"), 415, "not a picture", "something else", id="no picture"),
        pytest.param(
            sends(encoded()[:700]), 422, "is damaged", "incomplete or damaged", id="broken"
        ),
        pytest.param(sends(encoded(corners(60, 90))), 422, "too small", "60 × 90", id="small"),
        pytest.param(
            sends(encoded(Image.new("L", (6000, 5000)), "PNG")),
            422,
            "too many pixels",
            "25",
            id="huge",
        ),
        pytest.param(lambda c: c.get("/nowhere"), 404, "Page not found", "", id="no page"),
        pytest.param(lambda c: c.get("/result/nobody"), 404, "Page not found", "", id="no result"),
        pytest.param(lambda c: c.put("/"), 405, "Method not allowed", "", id="wrong method"),
    ],
)
def test_what_goes_wrong_is_said_with_why_and_what_next(
    client: FlaskClient,
    settings: Settings,
    request_: Callable[[FlaskClient], TestResponse],
    status: int,
    happened: str,
    why: str,
) -> None:
    answer = request_(client)
    assert answer.status_code == status
    assert answer.mimetype == "text/html"
    heading = re.search(r"<h1>(.*)</h1>", answer.text)
    assert heading
    assert happened in heading[1]
    assert why in answer.text
    assert "<strong>" in answer.text  # the next step
    assert not settings.uploads.exists()


def test_nobodys_ids_all_get_the_same_page(client: FlaskClient) -> None:
    ids = ["nobody", "a" * 22, "%00", "..%2f..", "ü", "x/picture.jpg", "a" * 3000]
    pages = {without_token(client.get(f"/result/{id}").text) for id in ids}
    assert len(pages) == 1
    assert {client.get(f"/result/{id}").status_code for id in ids} == {404}


def test_a_marked_picture_that_was_never_drawn_is_not_here(
    client: FlaskClient, detector: FakeDetector
) -> None:
    detector.answer = []
    where = post_picture(client, encoded()).location
    assert client.get(f"{where}/marked.jpg").status_code == 404


def test_a_picture_that_went_missing_is_not_here(client: FlaskClient, settings: Settings) -> None:
    where = post_picture(client, encoded()).location
    for file in settings.uploads.rglob("*.jpg"):
        file.unlink()
    assert client.get(f"{where}/picture.jpg").status_code == 404


def test_405_says_what_is_allowed(client: FlaskClient) -> None:
    assert set(client.put("/").headers["Allow"].split(", ")) >= {"GET", "POST"}


class Broken(FakeDetector):
    def labels(self, picture: Any) -> list[Label]:
        raise DetectorFailed("The detector rests.", cause="a cause for the operator")


def site(settings: Settings, pipeline: Pipeline, **changes: Any) -> FlaskClient:
    return create_app(settings, pipeline=replace(pipeline, **changes)).test_client()


def test_a_detector_that_fails_is_a_503(
    settings: Settings, pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    answer = post_picture(site(settings, pipeline, detector=Broken()), encoded())
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "60"
    assert "We cannot check pictures at the moment" in answer.text
    assert "a cause for the operator" not in answer.text
    assert "a cause for the operator" in caplog.text
    assert answer.headers["X-Request-ID"] in answer.text


def test_a_stand_in_answers_and_the_page_says_so(
    settings: Settings, pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    client = site(
        settings, pipeline, detector=Broken(), fallback_detector=FakeDetector(*duck_labels())
    )
    page = visible_text(post_and_open(client, encoded()))
    assert "Rubber duck detected!" in page
    assert "fake detector was unavailable, so fake detector answered instead." in page
    assert "a cause for the operator" in caplog.text


class FullStorage(FolderStorage):
    def put(self, key: str, data: bytes, content_type: str = JPEG) -> None:
        raise StorageFailed("Picture storage is unavailable.", cause="full")


def test_a_storage_that_fails_is_a_503(settings: Settings, pipeline: Pipeline) -> None:
    answer = post_picture(
        site(settings, pipeline, storage=FullStorage(settings.uploads)), encoded()
    )
    assert answer.status_code == 503
    assert "Picture storage is unavailable." in answer.text


def test_a_database_that_fails_is_a_503_and_keeps_no_picture(
    client: FlaskClient, settings: Settings, tmp_path: Path
) -> None:
    post_and_open(client, encoded())
    kept = sorted(settings.uploads.rglob("*"))
    (tmp_path / "duck.db").rename(tmp_path / "elsewhere.db")
    answer = post_picture(client, encoded())
    assert answer.status_code == 503
    assert "The results database is unavailable" in answer.text
    assert sorted(settings.uploads.rglob("*")) == kept
    (tmp_path / "elsewhere.db").rename(tmp_path / "duck.db")
    post_and_open(client, encoded())  # and it recovers by itself


@pytest.mark.parametrize("status", [400, 404, 405, 409, 413, 415, 422, 429, 500, 503])
def test_every_error_page_says_what_why_and_what_next(app: Flask, status: int) -> None:
    app.add_url_rule("/trouble", view_func=lambda: abort(status))
    answer = app.test_client().get("/trouble")
    assert answer.status_code == status
    assert re.search(r"<h1>.+</h1>\s*<p>.+</p>\s*<p><strong>.+</strong></p>", answer.text)
    assert ("Retry-After" in answer.headers) is (status in {429, 503})


def test_a_mistake_of_ours_is_a_page_and_a_line_in_the_log(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    def mistake() -> str:
        raise ZeroDivisionError("our secret")

    app.add_url_rule("/mistake", view_func=mistake)
    answer = app.test_client().get("/mistake")
    assert answer.status_code == 500
    assert "our mistake, not yours" in answer.text
    assert "our secret" not in answer.text
    assert "our secret" in caplog.text
    assert answer.headers["X-Request-ID"] in answer.text


def test_alive_and_ready(client: FlaskClient) -> None:
    assert client.get("/healthz").data == b"ok"
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json == {"ready": True, "database": "ok", "storage": "ok", "detector": "ok"}


def test_not_ready_names_the_part_and_the_log_the_cause(
    client: FlaskClient, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.uploads.write_text("a file stands where the folder should be")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json == {
        "ready": False,
        "database": "ok",
        "storage": "not ready",
        "detector": "ok",
    }
    assert "make it writable" in caplog.text
    assert client.get("/healthz").status_code == 200


def test_readiness_is_checked_once_a_minute_and_sooner_after_a_failure(
    client: FlaskClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each check writes a file and a row, and anybody may ask."""
    started = time.monotonic()
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        monkeypatch.setattr(
            "rubberduck.services.readiness.time.monotonic", lambda: started + time.time()
        )
        assert client.get("/readyz").status_code == 200
        settings.uploads.rename(settings.uploads.with_name("moved"))
        settings.uploads.write_text("")
        clock.shift(59)
        assert client.get("/readyz").status_code == 200
        clock.shift(1.1)
        assert client.get("/readyz").status_code == 503
        settings.uploads.unlink()
        assert client.get("/readyz").status_code == 503
        clock.shift(5.1)
        assert client.get("/readyz").status_code == 200


def test_one_of_all_processes_writes_and_the_others_know_its_outcome(
    settings: Settings, pipeline: Pipeline
) -> None:
    class Counted(FolderStorage):
        checks = 0

        def check(self) -> None:
            self.checks += 1
            super().check()

    storage = Counted(settings.uploads)
    workers = [Readiness(replace(pipeline, storage=storage)) for _ in range(5)]
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        assert all(all(worker.parts().values()) for worker in workers)
        assert storage.checks == 1
        settings.uploads.rename(settings.uploads.with_name("moved"))
        settings.uploads.write_text("")
        clock.shift(61)
        others = [Readiness(replace(pipeline, storage=storage)) for _ in range(5)]
        assert [other.parts()["storage"] for other in others] == [False] * 5
        assert [other.parts()["database"] for other in others] == [True] * 5
        assert storage.checks == 2


def test_the_site_is_not_ready_before_its_model_is_loaded(
    client: FlaskClient, detector: FakeDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise DetectorFailed("The embedded detector cannot be loaded.", cause="no file")

    monkeypatch.setattr(detector, "check", fail)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json
    assert answer.json["detector"] == "not ready"


def test_a_misspelt_name_in_a_template_is_no_silence(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(UndefinedError, match="quack"):
        app.jinja_env.from_string("{{ quack }}").render()


def test_an_old_result_keeps_its_words(
    client: FlaskClient, settings: Settings, pipeline: Pipeline
) -> None:
    where = post_picture(client, encoded()).location
    other = replace(pipeline.question, title="A bird?", yes="A bird!", min_confidence=95.0)
    page = visible_text(site(settings, pipeline, question=other).get(where).text)
    assert "Rubber duck detected! :)) 94% confidence" in page
    assert "The question was: Is there a rubber duck" in page
    assert "A bird!" not in page
    assert "below the threshold" not in page


def test_nearly_sure_is_not_called_sure(client: FlaskClient, detector: FakeDetector) -> None:
    detector.answer = [Label("Duck", 99.7), Label("Toy", 99.9)]
    assert "99% confidence" in visible_text(post_and_open(client, encoded()))


def test_a_slow_check_keeps_nobody_waiting(settings: Settings, pipeline: Pipeline) -> None:
    arrived, answer_now = threading.Event(), threading.Event()

    class Slow(FolderStorage):
        def check(self) -> None:
            arrived.set()
            answer_now.wait(60)

    client = site(settings, pipeline, storage=Slow(settings.uploads))
    first = threading.Thread(target=client.get, args=("/readyz",))
    first.start()
    assert arrived.wait(60)
    assert client.get("/readyz").status_code == 503  # not known to be ready yet
    assert first.is_alive()  # it still checks: the second did not wait for it
    answer_now.set()
    first.join()
    assert client.get("/readyz").status_code == 200


def test_a_folder_that_cannot_be_made(settings: Settings, pipeline: Pipeline) -> None:
    client = site(settings, pipeline, storage=FolderStorage(Path("/proc/nowhere")))
    assert post_picture(client, encoded()).status_code == 503
    assert client.get("/readyz").status_code == 503


def test_a_threshold_with_a_fraction_is_shown_as_it_is(
    client: FlaskClient, detector: FakeDetector
) -> None:
    detector.answer = [Label("Duck", 99.95), Label("Toy", 99.8)]
    where = post_picture(client, encoded()).location
    page = client.get(f"{where}?min=99.9").text
    assert "with at least 99.9% confidence" in page
    assert 'step="any" value="99.9"' in page
    assert '<output for="min">99.9%</output>' in page
    assert "Toy 99% below the threshold" in visible_text(page)


def test_an_invalid_cursor_is_an_error_for_everybody(client: FlaskClient) -> None:
    stranger = client.application.test_client()
    for address in ("/mine?cursor=zz", "/api/v1/results?cursor=zz"):
        assert stranger.get(address).status_code == 400, address


def test_a_picture_is_found_where_it_was_created(client: FlaskClient) -> None:
    made = client.post("/api/v1/pictures", **form(encoded()))
    assert made.json
    found = client.get(f"/api/v1/pictures/{made.json['id']}")
    only_at_creation = {"delete_token", "idempotency_key_ignored"}
    expected = {name: value for name, value in made.json.items() if name not in only_at_creation}
    assert (found.status_code, found.json) == (200, expected)


def test_a_program_with_a_wrong_method_is_told_which_are_right(client: FlaskClient) -> None:
    answer = client.delete("/api/v1/pictures")
    assert answer.status_code == 405
    assert answer.json
    assert "Use a method that the Allow header names" in answer.json["detail"]
    assert "POST" in answer.headers["Allow"]


def test_a_sample_has_json_and_no_time_of_an_answer(client: FlaskClient) -> None:
    page = client.get("/sample/easy").text
    assert "<time" not in page
    assert 'href="/sample/easy.json"' in page
    body = client.get("/sample/easy.json").json
    assert body
    assert (body["found"], body["engine"]) == (True, "fake detector")
    assert client.get("/sample/easy.json?min=99").json != body
    assert client.get("/sample/nothing.json").status_code == 404
