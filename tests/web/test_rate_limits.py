"""How often one visitor may ask, whoever that is behind proxies, in however many processes."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import Request

import pytest
import time_machine
from flask.testing import FlaskClient

from app import create_app
from rubberduck.core.settings import Settings
from rubberduck.services.pipeline import Pipeline
from rubberduck.web import rate_limits
from rubberduck.web.rate_limits import client as who_asks
from tests.support import redis
from tests.support.pictures import encoded, form
from tests.support.server import Site, fetch, serving

PICTURES = "/api/v1/pictures"
FALLS_BACK = "falling back to in-memory storage"
OpenSite = Callable[..., FlaskClient]


@pytest.fixture
def open_site(settings: Settings, pipeline: Pipeline) -> OpenSite:
    def open_one(**changes: object) -> FlaskClient:
        changed = settings.model_copy(update={"uploads_a_minute": 3} | changes)
        return create_app(changed, pipeline=pipeline).test_client()

    return open_one


def test_pictures_by_form_and_by_the_api_count_together(open_site: OpenSite) -> None:
    client = open_site()
    assert client.post("/", **form(encoded())).status_code == 303
    assert client.post(PICTURES, **form(encoded())).status_code == 201
    assert client.post(PICTURES).status_code == 400  # it counts, too
    for address in ("/", PICTURES):
        assert client.post(address, **form(encoded())).status_code == 429


def test_who_asks_too_often_is_told_when_to_come_back(open_site: OpenSite) -> None:
    client = open_site()
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False) as clock:
        for _ in range(3):
            client.post(PICTURES)
        clock.shift(timedelta(seconds=40))
        page, problem = client.post("/"), client.post(PICTURES)
        assert (page.status_code, page.headers["Retry-After"]) == (429, "21")
        assert "Too many requests" in page.text
        assert "Try again in 21 s." in page.text
        assert problem.headers["Retry-After"] == "21"
        assert problem.json
        assert problem.json["type"].endswith("#too-often")
        assert "Try again in 21 s." in problem.json["detail"]
        clock.shift(timedelta(seconds=int(page.headers["Retry-After"])))
        assert client.post(PICTURES).status_code == 400


def test_changes_of_jobs_are_limited(open_site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "CHANGES", 2)
    client = open_site()
    statuses = [client.post(f"/jobs/none/{what}").status_code for what in ("cancel", "retry") * 2]
    assert statuses == [404, 404, 429, 429]


def test_looking_around_is_not_limited(open_site: OpenSite) -> None:
    client = open_site(uploads_a_minute=1)
    where = client.post("/", **form(encoded())).location
    assert client.post("/").status_code == 429
    for address in ("/", where, "/healthz", "/readyz", "/api/v1/results", "/static/duck.svg"):
        for _ in range(5):
            with client.get(address) as answer:
                assert answer.status_code == 200


@pytest.mark.parametrize(
    ("limit", "method", "addresses"),
    [
        ("FRAMES", "POST", ["/api/v1/frames"]),
        (
            "CHANGES",
            "POST",
            ["/result/nobody/delete", "/result/nobody/judgement"],
        ),
        ("CHANGES", "DELETE", ["/api/v1/results/nobody"]),
        ("CHANGES", "PUT", ["/api/v1/results/nobody/judgement"]),
        ("CHANGES", "POST", ["/api/v1/jobs/none/cancel", "/api/v1/jobs/none/retry"]),
        ("CHANGES", "DELETE", ["/api/v1/sessions/none", "/api/v1/named-objects/none"]),
        ("DRAWINGS", "GET", ["/statistics/days-dark.svg", "/result/nobody/small.jpg"]),
    ],
)
def test_what_else_costs_is_limited_by_itself(
    open_site: OpenSite,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    method: str,
    addresses: list[str],
) -> None:
    monkeypatch.setattr(f"rubberduck.web.rate_limits.{limit}", 4)
    client = open_site()
    statuses = [
        client.open(addresses[turn % len(addresses)], method=method).status_code
        for turn in range(6)
    ]
    assert 429 not in statuses[:4]
    assert statuses[4:] == [429, 429]
    assert client.post(PICTURES).status_code == 400


def test_two_cameras_behind_one_address_do_not_share_a_limit(
    open_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rubberduck.web.rate_limits.FRAMES", 3)
    monkeypatch.setattr("rubberduck.web.rate_limits.FRAMES_PER_ADDRESS", 8)
    site = open_site().application
    devices = [site.test_client() for _ in range(3)]
    for device in devices:
        device.get("/camera")  # brings the cookie

    def send_frames(device: FlaskClient, count: int) -> list[int]:
        return [device.post("/api/v1/frames").status_code for _ in range(count)]

    assert send_frames(devices[0], 4) == [400, 400, 400, 429]
    assert send_frames(devices[1], 4) == [400, 400, 400, 429]
    assert 429 in send_frames(devices[2], 3)  # the address has a limit, too


def test_zero_is_no_limit(open_site: OpenSite) -> None:
    client = open_site(uploads_a_minute=0)
    assert {client.post(PICTURES).status_code for _ in range(100)} == {400}


def statuses(client: FlaskClient, *seen: str) -> list[int]:
    return [client.post(PICTURES, headers={"X-Forwarded-For": each}).status_code for each in seen]


def test_a_forged_address_does_not_help(open_site: OpenSite) -> None:
    forged = [f"1.2.3.{turn}" for turn in range(5)]
    assert statuses(open_site(), *forged) == [400, 400, 400, 429, 429]
    # The proxy adds what it saw to the end; what stood there before, the visitor wrote.
    through = [f"{each}, 203.0.113.7" for each in forged]
    assert statuses(open_site(proxies=1), *through) == [400, 400, 400, 429, 429]
    through = [f"{each}, 203.0.113.7, 10.0.0.1" for each in forged]
    assert statuses(open_site(proxies=2), *through) == [400, 400, 400, 429, 429]


@pytest.mark.parametrize(
    "seen",
    [
        [f"203.0.113.7:{port}" for port in (1, 5000, 50_000, 65_535)],
        [f"[2001:db8::7]:{port}" for port in (1, 5000, 50_000, 65_535)],
        ["[2001:db8::7]", "2001:db8::8", "[2001:db8::9]:443", "2001:db8::a"],
        [f"_hidden{turn}" for turn in range(4)],
        ["unknown", "a:b:c", "1.2.3", "[::1"],
    ],
    ids=str,
)
def test_an_address_with_a_port_or_none_at_all_is_no_new_client(
    open_site: OpenSite, seen: list[str]
) -> None:
    assert statuses(open_site(proxies=1), *seen) == [400, 400, 400, 429]


def test_two_clients_through_one_proxy_are_two(open_site: OpenSite) -> None:
    client = open_site(proxies=1)
    assert statuses(client, *["203.0.113.7"] * 4) == [400, 400, 400, 429]
    assert statuses(client, *["203.0.113.8"] * 4) == [400, 400, 400, 429]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),  # one household
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.7", "203.0.113.7", True),
        ("::ffff:203.0.113.7", "::ffff:203.0.113.8", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("unix:", "unix:", True),
        ("", "203.0.113.7", False),
    ],
)
def test_who_is_who(open_site: OpenSite, one: str, other: str, same: bool) -> None:
    def name(address: str) -> str:
        with open_site().application.test_request_context(environ_base={"REMOTE_ADDR": address}):
            return who_asks()

    assert (name(one) == name(other)) is same


def test_the_limit_is_said_in_the_apis_description(open_site: OpenSite) -> None:
    paths = open_site().get("/api/openapi.json").json["paths"]  # type: ignore[index]
    for path, method in (("/pictures", "post"), ("/frames", "post"), ("/results/{id}", "delete")):
        assert "Retry-After" in paths[path][method]["responses"]["429"]["headers"]


@pytest.fixture
def redis_server() -> Iterator[redis.Server]:
    if reason := redis.missing():
        pytest.skip(reason)
    with redis.running() as server:
        yield server


def post(site: Site) -> int:
    return fetch(Request(site.url + PICTURES, b""))[0]


def test_two_copies_of_the_site_count_as_one(tmp_path: Path, redis_server: redis.Server) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    options = {"DUCK_RATE_STORE": redis_server.url, "DUCK_UPLOADS_A_MINUTE": "20"}
    with (
        serving(tmp_path / "one", WEB_CONCURRENCY="1", **options) as one,
        serving(tmp_path / "two", WEB_CONCURRENCY="1", **options) as two,
    ):
        began = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(post, [one, two] * 30))
        took = time.monotonic() - began
        # After a minute the first of them count no more.
        assert (statuses.count(400), statuses.count(429)) == (20, 40) or took > 60

        redis_server.stop()
        statuses = [post(one) for _ in range(25)]
        assert set(statuses) == {400, 429}  # now each for itself
        assert one.get("/")[0] == 200
        assert one.log.count(FALLS_BACK) == 1
    assert "Traceback" not in one.log + two.log


def test_a_store_that_was_never_there_keeps_nobody_out(
    open_site: OpenSite, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client = open_site(rate_store=f"redis+unix://{tmp_path}/nowhere")
    assert [client.post(PICTURES).status_code for _ in range(5)] == [400, 400, 400, 429, 429]
    assert caplog.text.count(FALLS_BACK) == 1
