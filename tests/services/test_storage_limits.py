"""How much is stored for a visitor and for the site, and what happens at the limits."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from PIL import Image

from app import create_app
from rubberduck.core.errors import (
    NoSuchResult,
    SiteStorageFull,
    StorageFailed,
    VisitorStorageFull,
)
from rubberduck.core.models import Label, Result, StorageLimits
from rubberduck.core.settings import Settings
from rubberduck.db.results import Results
from rubberduck.db.storage_usage import bytes_of_site, bytes_of_visitor
from rubberduck.db.tables import duck_results, visitor_storage
from rubberduck.jobs.queue import JobQueue
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.retention import Sweeper
from rubberduck.services.videos import VideoService
from rubberduck.storage.base import Storage
from tests.support.fake_detector import FakeDetector
from tests.support.operators import sign_in
from tests.support.pictures import corners, encoded, form
from tests.support.visitor import visible_text

OWNERS = ("ann", "bob", None)
ACTS = 60
numbers = count()


@pytest.fixture
def site(pipeline: Pipeline, storage: Storage, any_results: Results) -> Pipeline:
    return replace(pipeline, storage=storage, open_results=lambda: any_results)


def picture() -> bytes:
    """Return a picture that was not there before."""
    return encoded(corners(160 + next(numbers), 120))


def stored(site: Pipeline, owner: str | None) -> int:
    """Return the bytes in the storage of an owner's pictures, as the storage has them."""
    of_owner = duck_results.select().where(duck_results.c.owner == owner)
    with site.results.database.transaction() as connection:
        rows = connection.execute(of_owner).all()
    keys = [key for row in rows for key in (row.s3_key, row.marked_key) if key]
    return sum(len(site.storage.get(key)) for key in keys)


def owners(site: Pipeline) -> dict[str, int]:
    with site.results.database.transaction() as connection:
        rows = connection.execute(visitor_storage.select()).all()
    return {row.owner: row.bytes for row in rows}


def send(site: Pipeline, owner: str | None, data: bytes | None = None) -> Result:
    result = site.process_upload(data or picture(), owner)
    assert isinstance(result, Result)
    return result


def test_what_is_counted_is_what_is_stored_whatever_happens(
    site: Pipeline, detector: FakeDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, sweeper = random.Random(1), Sweeper(site.open_results, site.storage)
    yes, put = detector.answer, site.storage.put
    acts, kept = Counter[str](), [send(site, owner) for owner in OWNERS]
    for _ in range(ACTS):
        act = chance.choice(("send", "send", "no", "again", "fail", "forget", "forget all"))
        owner = chance.choice(OWNERS)
        acts[act] += 1
        if act == "send":
            kept.append(send(site, owner))
        elif act == "no":  # has no marked copy
            detector.answer = [Label("Bird", 99.0)]
            kept.append(send(site, owner))
            detector.answer = yes
        elif act == "again":
            data = picture()
            kept += [send(site, owner, data), send(site, owner, data)]
        elif act == "fail":

            def fail(*_: Any) -> None:
                raise StorageFailed("full")

            monkeypatch.setattr(site.storage, "put", fail)
            with pytest.raises(StorageFailed):
                send(site, owner)
            monkeypatch.setattr(site.storage, "put", put)
        elif act == "forget":
            gone = kept.pop(chance.randrange(len(kept)))
            try:
                sweeper.forget(gone.id, None)
            except NoSuchResult:
                acts["was gone"] += 1
        elif owner:
            sweeper.forget_owned(owner)
        if not kept:
            kept.append(send(site, owner))
    assert all(acts[act] for act in ("send", "no", "again", "fail", "forget", "forget all"))
    for owner in OWNERS:
        assert owners(site).get(owner or "", 0) == stored(site, owner)
    assert bytes_of_site(site.results.database) == sum(stored(site, owner) for owner in OWNERS)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=40)):
        sweeper.sweep()
    assert (owners(site), bytes_of_site(site.results.database)) == ({}, 0)


def test_many_at_once_are_counted_once_each(site: Pipeline) -> None:
    """And none waits for another that waits for it, which PostgreSQL would end as a deadlock."""
    sweeper = Sweeper(site.open_results, site.storage)

    def act(number: int) -> None:
        owner = ("ann", "bob")[number % 2]
        with suppress(NoSuchResult):  # another thread forgets all of this owner's
            result = send(site, owner)
            if number % 3 == 0:
                sweeper.forget(result.id, owner)
        if number % 7 == 0:
            sweeper.forget_owned(owner)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(act, range(40)))
    for owner in OWNERS:
        assert owners(site).get(owner or "", 0) == stored(site, owner)


def test_a_visitor_without_room_is_refused_and_keeps_everything(
    site: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    data = picture()
    first = send(site, "ann", data)
    used = bytes_of_visitor(site.results.database, "ann")
    full = replace(site, storage_limits=StorageLimits(visitor=used + 1000))
    with pytest.raises(VisitorStorageFull, match="there is no room for this one"):
        send(full, "ann")
    assert bytes_of_visitor(site.results.database, "ann") == used == stored(site, "ann")
    assert set(site.storage.keys_older_than(datetime.now(UTC) + timedelta(days=1))) == {
        first.picture_key,
        first.marked_key,
    }
    assert send(full, "ann", data) == first  # what is there already takes no more room
    send(full, "bob")
    send(full, None)
    Sweeper(site.open_results, site.storage).forget(first.id, "ann")
    send(full, "ann")


def test_a_full_site_takes_nothing_more_of_anybody(
    site: Pipeline, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    send(site, None)
    used = bytes_of_site(site.results.database)
    full = replace(site, storage_limits=StorageLimits(site=used + 1000))
    for owner in OWNERS:
        with pytest.raises(SiteStorageFull) as error:
            send(full, owner)
        assert "raise DUCK_SITE_BYTES" in error.value.operator_message
    (video := tmp_path / "video").write_bytes(bytes(2000))
    videos = VideoService(full, JobQueue(site.results.database, 20), settings)
    for owner in OWNERS:
        with pytest.raises(SiteStorageFull):
            videos.receive(video, owner, 2000)
    assert bytes_of_site(site.results.database) == used
    kept = videos.receive(video, "ann", 500)
    assert bytes_of_site(site.results.database) == used + 500
    with pytest.raises(SiteStorageFull):
        videos.require_room("bob", 501)
    assert kept.stored_bytes == 500


def client_with(settings: Settings, pipeline: Pipeline, limits: StorageLimits) -> FlaskClient:
    return create_app(settings, pipeline=replace(pipeline, storage_limits=limits)).test_client()


def test_a_visitor_sees_what_is_used_and_is_told_what_to_do(
    settings: Settings, pipeline: Pipeline
) -> None:
    client = client_with(settings, pipeline, StorageLimits(visitor=20_000))
    assert "Your pictures take" not in visible_text(client.get("/mine").text)
    while (answer := client.post("/", **form(picture()))).status_code == 303:
        assert "of the 0.0 MB that this site keeps for you" in visible_text(
            client.get("/mine").text
        )
    assert answer.status_code == 413
    text = visible_text(answer.text)
    assert "You have no room for another picture" in text
    assert "Delete some on “My pictures”, then send this one again." in text
    refused = client.post("/api/v1/pictures", **form(picture()))
    assert (refused.status_code, refused.get_json()["type"].rpartition("#")[2]) == (
        413,
        "visitor-storage-full",
    )
    mine = client.get("/api/v1/storage").get_json()
    # The marked copy of so small a picture is larger than the picture.
    assert 10_000 < mine["pictures"]["bytes"] <= 22_000
    assert (mine["pictures"]["limit"], mine["videos"]["bytes"]) == (20_000, 0)
    assert mine["site"] is None


def test_an_operator_sees_what_the_site_stores(settings: Settings, pipeline: Pipeline) -> None:
    client = client_with(settings, pipeline, StorageLimits(site=500_000))
    sign_in(client)
    page = client.post("/projects/", data={"name": "Mugs", "kind": "boxes", "labels": "mug"})
    client.post(f"{page.location}/pictures", **form(picture()))
    send(pipeline, "ann")
    used = client.get("/api/v1/storage").get_json()["site"]
    assert used == {"bytes": bytes_of_site(pipeline.results.database), "limit": 500_000}
    assert used["bytes"] > bytes_of_visitor(pipeline.results.database, "ann") > 0
    shown = visible_text(client.get("/projects/").text)
    assert "All pictures and videos of this site take 0.0 of the 0.5 MB that it may keep." in shown
    large = encoded(Image.frombytes("RGB", (1200, 1200), random.Random(1).randbytes(3 * 1200**2)))
    refused = client.post(f"{page.location}/pictures", **form(large))
    assert refused.status_code == 503
    assert "This site has no room at the moment" in visible_text(refused.text)


def test_results_of_code_before_are_not_counted(results: Results, pipeline: Pipeline) -> None:
    old = send(pipeline, "ann")
    nothing = duck_results.update().values(stored_bytes=None)
    with results.database.transaction(writing=True) as connection:
        connection.execute(nothing)
    assert bytes_of_visitor(results.database, "ann") == 0
    send(pipeline, "ann")
    Sweeper(pipeline.open_results, pipeline.storage).forget(old.id, "ann")
    assert bytes_of_visitor(results.database, "ann") == stored(pipeline, "ann")
