"""The visitor's own things: history, deletion, thresholds, judgements, samples, statistics."""

import re
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from app import create_app
from rubberduck.core.errors import DetectorFailed, ResultsUnavailable, StorageFailed
from rubberduck.core.models import Label, Result
from rubberduck.core.question_file import load_question
from rubberduck.core.settings import ROOT, Settings
from rubberduck.detectors.embedded import OnnxDetector
from rubberduck.imaging.decode import Picture
from rubberduck.services.observation import Swept
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.retention import Sweeper
from rubberduck.storage.folder import FolderStorage
from tests.support.ducks import duck_photo
from tests.support.fake_detector import FakeDetector, duck_labels
from tests.support.pictures import corners, encoded, exif, form
from tests.support.visitor import (
    post_and_open,
    post_picture,
    session_cookie_name,
    visible_text,
    without_token,
)


def other_visitor(client: FlaskClient) -> FlaskClient:
    return client.application.test_client()


def pictures(settings: Settings) -> list[str]:
    return sorted(path.parent.name for path in settings.uploads.rglob("*.jpg"))


def some(number: int) -> bytes:
    """Another picture for each number."""
    return encoded(corners(160 + number, 120))


# The same picture again


def test_the_same_bytes_again_are_the_same_result_and_no_second_call(
    client: FlaskClient, detector: FakeDetector, settings: Settings
) -> None:
    first, second = (post_picture(client, encoded()).location for _ in range(2))
    assert first == second
    assert detector.calls == 1
    assert pictures(settings) == ["marked", "uploads"]


def test_where_answers_are_shared_another_visitor_gets_a_result_without_a_second_call(
    settings: Settings, pipeline: Pipeline, detector: FakeDetector
) -> None:
    client = create_app(settings, pipeline=replace(pipeline, share_answers=True)).test_client()
    mine = post_picture(client, encoded()).location
    theirs = post_picture(other_visitor(client), encoded()).location
    assert mine != theirs
    assert detector.calls == 1
    assert client.post(f"{mine}/delete").status_code == 303
    assert client.get(theirs).status_code == 200


def test_what_a_stand_in_said_is_asked_again(settings: Settings, pipeline: Pipeline) -> None:
    class Tired(FakeDetector):
        def labels(self, picture: Picture) -> list[Label]:
            if not self.calls:
                self.calls += 1
                raise DetectorFailed("Too tired.")
            return super().labels(picture)

    tired = Tired(*duck_labels())
    pipeline = replace(
        pipeline, detector=tired, fallback_detector=FakeDetector(Label("Bird", 99.0))
    )
    client = create_app(settings, pipeline=pipeline).test_client()
    assert "No rubber duck" in post_and_open(client, encoded())
    assert "Rubber duck detected!" in post_and_open(client, encoded())


def test_twenty_at_once_are_one_result_and_one_call(
    settings: Settings, pipeline: Pipeline, detector: FakeDetector, client: FlaskClient
) -> None:
    client.get("/")  # a cookie
    cookie = client.get_cookie(session_cookie_name(client))
    assert cookie
    locations, all_there = [], threading.Barrier(20)

    def post() -> None:
        each = other_visitor(client)
        each.set_cookie(session_cookie_name(each), cookie.value)
        all_there.wait()
        locations.append(post_picture(each, encoded()).location)

    threads = [threading.Thread(target=post) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(locations) == 20
    assert len(set(locations)) == 1
    assert detector.calls == 1


# History


def test_my_pictures_are_mine_alone(client: FlaskClient) -> None:
    where = post_picture(client, encoded()).location
    assert where in client.get("/mine").text
    page = other_visitor(client).get("/mine").text
    assert where not in page
    assert "No pictures yet" in page


def test_my_pictures_are_paged_newest_first(client: FlaskClient) -> None:
    given = [post_picture(client, some(number)).location for number in range(15)]
    first = client.get("/mine").text
    listed = re.findall(r'href="(/result/[\w-]{22})"', first)
    assert listed == given[:2:-1]
    older = re.search(r'href="(/mine\?cursor=[\w-]+)"', first)
    assert older
    assert re.findall(r'href="(/result/[\w-]{22})"', client.get(older[1]).text) == given[2::-1]


def test_a_cursor_that_we_never_gave(client: FlaskClient) -> None:
    post_picture(client, encoded())
    answer = client.get("/mine?cursor=quack")
    assert answer.status_code == 400
    assert "This cursor is not valid" in answer.text


def old_cookie(client: FlaskClient) -> str:
    """Move the visitor's cookie to the name that all sites shared before; return its value."""
    cookie = client.get_cookie(session_cookie_name(client))
    assert cookie
    client.delete_cookie(session_cookie_name(client))
    client.set_cookie("session", cookie.value)
    return cookie.value


def test_a_visitor_with_a_cookie_of_the_old_name_loses_nothing(client: FlaskClient) -> None:
    where = post_picture(client, encoded()).location
    old_cookie(client)
    with client.get("/static/duck.svg") as answer:
        assert "Set-Cookie" not in answer.headers  # public, and kept by caches
    assert where in client.get("/mine").text
    assert client.get_cookie(session_cookie_name(client))  # issued anew
    client.delete_cookie("session")
    assert where in client.get("/mine").text
    assert client.post(f"{where}/delete").status_code == 303


def test_a_cookie_of_the_old_name_is_read_for_as_long_as_pictures_are_kept(
    client: FlaskClient, settings: Settings
) -> None:
    where = post_picture(client, encoded()).location
    value = old_cookie(client)
    for days, is_known in ((settings.keep_days - 1, True), (settings.keep_days + 1, False)):
        with time_machine.travel(datetime.now(UTC) + timedelta(days=days)):
            later = other_visitor(client)
            later.set_cookie("session", value)
            assert (where in later.get("/mine").text) == is_known


def test_two_sites_on_one_host_keep_their_visitors_apart(
    client: FlaskClient, settings: Settings, pipeline: Pipeline
) -> None:
    """Cookies ignore ports: a browser sends them to both, and each site sets its own only."""
    where = post_picture(client, encoded()).location
    changed = settings.model_copy(update={"secret_key": "another key of the tests"})
    other = create_app(changed, pipeline=pipeline).test_client()
    name = session_cookie_name(client)
    assert name != session_cookie_name(other)
    cookie = client.get_cookie(name)
    assert cookie
    other.set_cookie(name, cookie.value)
    other.set_cookie("session", cookie.value)  # signed by another key
    assert other.get("/").status_code == 200
    kept = other.get_cookie(name)
    assert kept
    assert kept.value == cookie.value
    assert where not in other.get("/mine").text


def test_a_forged_cookie_is_nobodys(client: FlaskClient) -> None:
    post_picture(client, encoded())
    cookie = client.get_cookie(session_cookie_name(client))
    assert cookie
    thief = other_visitor(client)
    thief.set_cookie(session_cookie_name(thief), cookie.value[:-2] + "xx")
    assert "No pictures yet" in thief.get("/mine").text


def test_small_pictures_for_the_list(client: FlaskClient) -> None:
    where = post_picture(client, encoded(corners(1600, 1200))).location
    small = client.get(f"{where}/small.jpg")
    assert Image.open(BytesIO(small.data)).size == (320, 240)


# Deletion


def test_deleted_is_gone_at_once(client: FlaskClient, settings: Settings) -> None:
    where = post_picture(client, encoded()).location
    etag = client.get(f"{where}.jpg").headers["ETag"]
    answer = client.post(f"{where}/delete", follow_redirects=True)
    assert "Deleted: the picture and its result." in answer.text
    assert where not in answer.text
    assert pictures(settings) == []
    for address in ("", ".json", ".jpg", "/picture.jpg", "/marked.jpg", "/small.jpg"):
        assert client.get(where + address, headers={"If-None-Match": etag}).status_code == 404
    assert client.get("/api/v1/results/" + where.split("/")[-1]).status_code == 404


def test_only_its_owner_deletes(client: FlaskClient, settings: Settings) -> None:
    where = post_picture(client, encoded()).location
    without_cookies = client.application.test_client(use_cookies=False)
    for stranger, status in ((other_visitor(client), 404), (without_cookies, 403)):
        foreign, missing = stranger.post(f"{where}/delete"), stranger.post("/result/nobody/delete")
        assert foreign.status_code == missing.status_code == status
        assert without_token(foreign.text) == without_token(missing.text)
    assert "Delete this picture" not in other_visitor(client).get(where).text
    assert pictures(settings) == ["marked", "uploads"]


def test_after_deletion_the_same_picture_is_a_new_one(
    client: FlaskClient, detector: FakeDetector
) -> None:
    where = post_picture(client, encoded()).location
    client.post(f"{where}/delete")
    assert post_picture(client, encoded()).location != where
    assert detector.calls == 2


class Stuck(FolderStorage):
    """Can store, but not delete."""

    def delete(self, key: str) -> None:
        raise StorageFailed("It does not answer.", cause="stuck")


def test_what_cannot_be_deleted_now_is_hidden_and_swept_later(
    settings: Settings, pipeline: Pipeline
) -> None:
    stuck = replace(pipeline, storage=Stuck(settings.uploads))
    client = create_app(settings, pipeline=stuck).test_client()
    where = post_picture(client, encoded()).location
    answer = client.post(f"{where}/delete", follow_redirects=True)
    assert "The result is deleted. Its picture will be removed" in answer.text
    assert client.get(where).status_code == 404
    assert Sweeper(pipeline.open_results, pipeline.storage).sweep() == Swept(results=1)
    assert pictures(settings) == []


def test_an_upload_that_fails_leaves_nothing(settings: Settings, pipeline: Pipeline) -> None:
    class Broken(FakeDetector):
        def labels(self, picture: Picture) -> list[Label]:
            raise DetectorFailed("It rests.")

    client = create_app(settings, pipeline=replace(pipeline, detector=Broken())).test_client()
    assert post_picture(client, encoded()).status_code == 503
    assert pictures(settings) == []
    assert pipeline.results.mark_expired_deleting(datetime.now(UTC) + timedelta(days=99), 9) == []


# Retention


def test_pictures_are_kept_for_as_long_as_we_say(
    app: Flask, client: FlaskClient, settings: Settings, pipeline: Pipeline
) -> None:
    where = post_picture(client, encoded()).location
    sweep = app.test_cli_runner().invoke
    with time_machine.travel(datetime.now(UTC) + timedelta(days=29, hours=23)):
        assert sweep(args=["sweep"]).output == "Nothing to delete.\n"
        assert client.get(where).status_code == 200
    with time_machine.travel(datetime.now(UTC) + timedelta(days=30, hours=1)):
        assert sweep(args=["sweep"]).output == "Deleted 1 result.\n"
        assert client.get(where).status_code == 404
        assert sweep(args=["sweep"]).output == "Nothing to delete.\n"
    assert pictures(settings) == []
    assert (
        pipeline.results.daily_stats(pipeline.question.title, datetime.now(UTC).date()).totals.asked
        == 1
    )


@pytest.mark.parametrize(("days", "period"), [(1, "1 day"), (7, "7 days")])
def test_the_note_beside_the_button_says_where_and_how_long(
    settings: Settings, pipeline: Pipeline, days: int, period: str
) -> None:
    changed = settings.model_copy(update={"keep_days": days})
    page = visible_text(create_app(changed, pipeline=pipeline).test_client().get("/").text)
    assert f"Kept for {period} in a folder on this server, for people with the link only." in page


def test_the_site_sweeps_by_itself(
    client: FlaskClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rubberduck.services.retention.FIRST_SWEEP_DELAY", 0.0)
    monkeypatch.setattr("rubberduck.services.retention.SWEEP_INTERVAL", 0.0)
    post_picture(client, encoded())
    _let_sweeps_end()
    assert pictures(settings) == ["marked", "uploads"]
    with time_machine.travel(datetime.now(UTC) + timedelta(days=31)):
        client.get("/healthz")
        _let_sweeps_end()
    assert pictures(settings) == []


def _let_sweeps_end() -> None:
    for thread in threading.enumerate():
        if thread.name == "sweep":
            thread.join()


# Another threshold


def test_another_threshold_judges_the_kept_labels(
    client: FlaskClient, detector: FakeDetector
) -> None:
    where = post_picture(client, encoded()).location
    stricter = client.get(f"{where}?min=95")
    assert "<h1>No rubber duck detected :(</h1>" in stricter.text
    assert "Toy 90% below the threshold" in visible_text(stricter.text)
    assert 'value="95"' in stricter.text
    assert "<rect" not in stricter.text.split("boxes")[1].split("</svg>")[0]
    assert "<h1>Rubber duck detected! :))</h1>" in client.get(where).text
    assert client.get(f"{where}.json?min=95").json["found"] is False  # type: ignore[index]
    assert detector.calls == 1


def test_a_lower_threshold_finds_what_was_a_near_miss(
    client: FlaskClient, detector: FakeDetector
) -> None:
    detector.answer = list(duck_labels(toy=20.0))
    where = post_picture(client, encoded()).location
    assert "That is a real duck." in client.get(where).text
    looser = client.get(f"{where}?min=15")
    assert "Rubber duck detected!" in looser.text
    assert looser.text.count('<g id="box-') == 1


@pytest.mark.parametrize("wrong", ["", "duck", "-1", "101", "nan", "inf", "1e999"])
def test_a_threshold_that_is_none(client: FlaskClient, wrong: str) -> None:
    where = post_picture(client, encoded()).location
    answer = client.get(where, query_string={"min": wrong})
    assert answer.status_code == 400
    assert "must be a number from 0 to 100" in answer.text


# Was this right?


def test_was_this_right(client: FlaskClient, pipeline: Pipeline) -> None:
    where = post_picture(client, encoded()).location
    for judgement, kept in [("yes", True), ("no", False)]:
        page = client.post(f"{where}/judgement", data={"right": judgement}, follow_redirects=True)
        assert "Thank you" in page.text
        assert pipeline.results.get(where.split("/")[-1]).judged_right is kept
    whole = pipeline.results.daily_stats(pipeline.question.title, datetime.now(UTC).date()).totals
    assert (whole.right, whole.wrong) == (0, 1)


def test_only_its_owner_judges(client: FlaskClient) -> None:
    where = post_picture(client, encoded()).location
    stranger = other_visitor(client)
    assert stranger.post(f"{where}/judgement", data={"right": "no"}).status_code == 404
    assert "Was this right?" not in stranger.get(where).text
    assert client.post(f"{where}/judgement", data={"right": "maybe"}).status_code == 400


# Taking it along


def test_the_marked_picture_is_saved_under_a_sensible_name(client: FlaskClient) -> None:
    where = post_picture(client, encoded(exif=exif(6))).location
    saved = client.get(f"{where}/marked.jpg?download")
    name = f"rubber-duck-detected-{datetime.now(UTC):%Y-%m-%d}.jpg"
    assert saved.headers["Content-Disposition"] == f"attachment; filename={name}"
    image = Image.open(BytesIO(saved.data))
    assert not image.getexif()
    assert "comment" not in image.info


def test_what_others_see_of_a_shared_link(client: FlaskClient) -> None:
    where = post_picture(client, encoded()).location
    page = other_visitor(client).get(where).text
    assert '<meta name="robots" content="noindex">' in page
    image = re.search(r'property="og:image" content="http://localhost(.*?)"', page)
    assert image
    assert client.get(image[1]).mimetype == "image/jpeg"
    assert f'value="http://localhost{where}"' in page
    assert 'property="og:title" content="Rubber duck detected! :))"' in page


def test_one_address_several_forms(client: FlaskClient) -> None:
    where = post_picture(client, encoded()).location
    kinds = {
        "text/html,application/xhtml+xml,*/*;q=0.8": "text/html",
        "*/*": "text/html",
        "application/json": "application/json",
        "image/avif,image/webp,image/*,*/*;q=0.8": "image/jpeg",
    }
    for accept, kind in kinds.items():
        answer = client.get(where, headers={"Accept": accept})
        assert answer.mimetype == kind
        assert "Accept" in answer.headers["Vary"]
    assert client.get(f"{where}.json").json["links"]["page"] == where  # type: ignore[index]
    assert client.get(f"{where}.jpg").mimetype == "image/jpeg"
    missing = client.get("/result/nobody", headers={"Accept": "application/json"})
    assert (missing.status_code, missing.mimetype) == (404, "application/problem+json")


def test_who_has_it_already_gets_a_304(client: FlaskClient) -> None:
    where = post_picture(client, encoded()).location
    for address in (".json", ".jpg", "/picture.jpg", ""):
        first = client.get(where + address)
        again = client.get(where + address, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        assert first.headers["Cache-Control"] == "private, no-cache"


# Samples


def test_every_sample_is_one_click_away_and_keeps_nothing(
    settings: Settings, pipeline: Pipeline
) -> None:
    costly = FakeDetector(*duck_labels())
    costly.cost_per_call_usd = 0.001
    pipeline = replace(pipeline, detector=costly, fallback_detector=OnnxDetector())
    client = create_app(settings, pipeline=pipeline).test_client()
    samples = re.findall(r'href="(/sample/\w+)"', client.get("/").text)
    assert len(samples) >= 6
    pages = {where: client.get(where).text for where in samples}
    assert {where for where, page in pages.items() if "No rubber duck detected :(" in page} == {
        "/sample/real",
        "/sample/none",
    }
    assert "That is a real duck." in pages["/sample/real"]
    assert client.get("/sample/easy/marked.jpg?download").mimetype == "image/jpeg"
    assert costly.calls == 0
    assert pictures(settings) == []
    assert "No pictures yet" in client.get("/mine").text


def test_where_only_money_could_answer_there_are_no_samples(
    settings: Settings, pipeline: Pipeline, detector: FakeDetector
) -> None:
    detector.cost_per_call_usd = 0.001
    client = create_app(settings, pipeline=pipeline).test_client()
    assert "Try one of ours" not in client.get("/").text
    assert client.get("/sample/easy").status_code == 404


@pytest.mark.parametrize("name", ["nobody", "../style", "easy-small", "%2e%2e"])
def test_no_such_sample(client: FlaskClient, name: str) -> None:
    assert client.get(f"/sample/{name}").status_code == 404


# Other questions


# All questions that ship, but the one about real ducks.
OTHER_QUESTIONS = sorted(set(ROOT.glob("questions/*.toml")) - {ROOT / "questions/real-duck.toml"})


@pytest.mark.parametrize("file", OTHER_QUESTIONS, ids=lambda f: f.stem)
def test_nothing_speaks_of_ducks_when_the_question_does_not(
    settings: Settings, pipeline: Pipeline, detector: FakeDetector, file: Path
) -> None:
    detector.cost_per_call_usd = 0.001
    detector.answer = [Label("Cat", 90.0), Label("Person", 90.0), Label("Hardhat", 80.0)]
    question = load_question(file)
    client = create_app(settings, pipeline=replace(pipeline, question=question)).test_client()
    where = post_picture(client, encoded()).location
    pages = [
        "/",
        where,
        "/mine",
        "/statistics",
        "/camera",
        "/privacy",
        "/api",
        "/nowhere",
        f"{where}?min=99",
    ]
    for page in pages:
        # The API keeps a field that its first clients knew.
        text = re.sub(
            r'<code>duck</code>|("|&#34;)duck\1: (true|false)|(?i:duck_)', "", client.get(page).text
        )
        seen = visible_text(text)
        assert question.title in seen
        assert "duck" not in seen.lower()
        assert "duck.svg" not in client.get(page).text
    assert question.yes in client.get(where).text


# Statistics


def test_the_statistics_of_a_day(client: FlaskClient, detector: FakeDetector) -> None:
    assert "No pictures have been checked yet" in client.get("/statistics").text
    where = post_picture(client, some(1)).location
    client.post(f"{where}/judgement", data={"right": "yes"})
    detector.answer = [Label("Bird", 99.0)]
    post_picture(client, some(2))
    page = visible_text(client.get("/statistics").text)
    assert "checked 2 answered yes 50% rated right 1 rated wrong 0" in page
    assert f"{datetime.now(UTC).date()} 2 1 1 0" in page
    assert "90–100 1" in page
    assert "fake detector 2 1 1 0" in page


@pytest.mark.parametrize("chart", ["days", "scores"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_charts_are_svg(client: FlaskClient, chart: str, scheme: str) -> None:
    post_picture(client, encoded())
    answer = client.get(f"/statistics/{chart}-{scheme}.svg")
    assert answer.mimetype == "image/svg+xml"
    assert b"<text" in answer.data
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    again = client.get(answer.request.path, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("name", ["days-pink", "years-light", "x-y-light"])
def test_no_such_chart(client: FlaskClient, name: str) -> None:
    assert client.get(f"/statistics/{name}.svg").status_code == 404


# Every way up


def test_all_eight_ways_up_give_the_same_boxes(settings: Settings, pipeline: Pipeline) -> None:
    client = create_app(settings, pipeline=replace(pipeline, detector=OnnxDetector())).test_client()
    image = Image.open(BytesIO(duck_photo()))
    turned = {
        1: image,
        2: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: image.transpose(Image.Transpose.ROTATE_180),
        4: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: image.transpose(Image.Transpose.TRANSPOSE),
        6: image.transpose(Image.Transpose.ROTATE_90),
        7: image.transpose(Image.Transpose.TRANSVERSE),
        8: image.transpose(Image.Transpose.ROTATE_270),
    }
    boxes = []
    for orientation, each in turned.items():
        where = post_picture(client, encoded(each, quality=95, exif=exif(orientation))).location
        body: Any = client.get(f"{where}.json").json
        boxes.append([body["boxes"][0][side] for side in ("left", "top", "width", "height")])
    for box in boxes:
        assert box == pytest.approx(boxes[0], abs=0.02)


# What must not go wrong


def test_expired_is_gone_also_before_the_sweep(client: FlaskClient) -> None:
    where = post_picture(client, encoded()).location
    with time_machine.travel(datetime.now(UTC) + timedelta(days=30, minutes=1)):
        for address in (where, f"{where}.json", f"{where}.jpg"):
            assert client.get(address).status_code == 404
        assert post_picture(client, encoded()).location != where


def test_one_picture_that_stays_does_not_keep_the_others(
    settings: Settings, pipeline: Pipeline, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rubberduck.services.retention.BATCH_SIZE", 2)
    ids = [post_picture(client, some(number)).location.split("/")[-1] for number in range(7)]

    class Holds(FolderStorage):
        def delete(self, key: str) -> None:
            if sorted(ids)[1] in key:
                raise StorageFailed("It is held.", cause="a legal hold")
            super().delete(key)

    with time_machine.travel(datetime.now(UTC) + timedelta(days=31)):
        sweeper = Sweeper(pipeline.open_results, Holds(settings.uploads))
        with pytest.raises(StorageFailed):
            sweeper.sweep()
    assert pictures(settings) == ["marked", "uploads"]


def test_a_result_whose_commit_was_not_confirmed_is_returned_when_the_picture_is_sent_again(
    settings: Settings,
    pipeline: Pipeline,
    detector: FakeDetector,
    monkeypatch: pytest.MonkeyPatch,
    client: FlaskClient,
) -> None:
    save = pipeline.results.save

    def save_and_lose(result: Result) -> None:
        save(result)
        raise ResultsUnavailable("The connection is gone.", cause="after the commit")

    monkeypatch.setattr(pipeline.results, "save", save_and_lose)
    sent = encoded()
    assert post_picture(client, sent).status_code == 503
    monkeypatch.undo()
    stored = pictures(settings)
    where = post_picture(client, sent).location
    assert client.get(f"{where}.jpg").status_code == 200
    assert (pictures(settings), detector.calls) == (stored, 1)


def test_another_question_is_another_answer(
    settings: Settings, pipeline: Pipeline, detector: FakeDetector, client: FlaskClient
) -> None:
    post_picture(client, encoded())
    other = replace(pipeline, question=replace(pipeline.question, title="A bird?"))
    post_picture(create_app(settings, pipeline=other).test_client(), encoded())
    assert detector.calls == 2


def test_another_engine_is_asked_anew(
    settings: Settings, pipeline: Pipeline, client: FlaskClient
) -> None:
    post_picture(client, encoded())
    other = FakeDetector()
    other.name = "another detector"
    changed = create_app(settings, pipeline=replace(pipeline, detector=other)).test_client()
    assert "No rubber duck" in post_and_open(changed, encoded())
    assert other.calls == 1


def test_a_known_picture_is_judged_by_the_rule_of_today(
    settings: Settings, pipeline: Pipeline, detector: FakeDetector, client: FlaskClient
) -> None:
    post_picture(client, encoded())
    stricter = replace(pipeline, question=replace(pipeline.question, min_confidence=95.0))
    stricter = replace(stricter, share_answers=True)
    stranger = create_app(settings, pipeline=stricter).test_client()
    assert "No rubber duck" in post_and_open(stranger, encoded())
    assert detector.calls == 1


CUT_OFF = b'--x\r\nContent-Disposition: form-data; name="right"\r\n\r\ny'


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff=1", "application/x-www-form-urlencoded"),
        (
            b'--x\r\nContent-Disposition: form-data; name="right"\r\n\r\ny',
            "multipart/form-data; boundary=x",
        ),
    ],
)
def test_a_malformed_form_is_no_mistake_of_ours(
    client: FlaskClient, body: bytes, kind: str
) -> None:
    answer = client.post("/result/nobody/judgement", data=body, content_type=kind)
    assert answer.status_code == 400


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_sites_page_changes_nothing(
    client: FlaskClient, settings: Settings, site: str
) -> None:
    where = post_picture(client, encoded()).location
    elsewhere = {"Sec-Fetch-Site": site}
    for address in ("/", f"{where}/delete", f"{where}/judgement", "/api/v1/pictures"):
        answer = client.application.test_client().post(
            address, headers=elsewhere, **form(encoded(corners(200, 100)))
        )
        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers
    assert len(pictures(settings)) == 2
    assert client.get(where, headers=elsewhere).status_code == 200  # a link leads here


def test_a_missing_file_is_not_kept_for_a_year(client: FlaskClient) -> None:
    for address in ("/static/nope.js?v=1", "/static/style.css?v=wrong"):
        with client.get(address) as answer:
            assert "max-age=31536000" not in answer.headers["Cache-Control"]
