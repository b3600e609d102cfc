"""Metrics for Prometheus: whole over all workers, and only for whom they are meant."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import Request

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from app import create_app
from rubberduck.core.settings import Settings
from rubberduck.services.pipeline import Pipeline
from tests.support.pictures import encoded, tiny
from tests.support.server import Site, fetch, serving, until

TOKEN = "a token of the tests"
WORKERS, UPLOADS = 4, 100


def total(page: str, name: str, **labels: str) -> float:
    """The sum of the samples of this name that have these labels."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


@pytest.fixture(scope="module")
def metered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("metered")
    left = folder / "metrics" / "counter_1.db"
    left.parent.mkdir()
    left.write_bytes(b"of an earlier start, and broken")
    more = {"DUCK_METRICS": "1", "PROMETHEUS_MULTIPROC_DIR": str(left.parent)}
    with serving(folder, WEB_CONCURRENCY=str(WORKERS), DUCK_UPLOADS_A_MINUTE="0", **more) as site:
        yield site


def scrape(site: Site) -> str:
    status, body = site.get("/metrics")
    assert status == 200, body
    return body.decode()


def test_one_scrape_counts_what_four_workers_did_and_a_dead_one_had_done(metered: Site) -> None:
    until(lambda: len(metered.workers) == WORKERS)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: metered.post(tiny(n))[0], range(UPLOADS)))
    assert answers == [201] * UPLOADS
    page = scrape(metered)
    assert total(page, "duck_pictures_total") == UPLOADS
    assert total(page, "duck_pictures_total", verdict="no", duplicate="false") == UPLOADS
    assert total(page, "duck_picture_bytes_count") == UPLOADS
    for step in ("decode", "detect", "store", "save"):
        assert total(page, "duck_step_seconds_count", step=step) == UPLOADS
    uploads = {"method": "POST", "endpoint": "api.upload", "status": "201"}
    assert total(page, "duck_request_seconds_count", **uploads) == UPLOADS
    killed = metered.workers[0]
    os.kill(killed, signal.SIGTERM)
    until(lambda: killed not in metered.workers and len(metered.workers) == WORKERS)
    assert total(scrape(metered), "duck_pictures_total") == UPLOADS


@pytest.fixture
def scraper(
    settings: Settings, pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., FlaskClient]:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "metrics"))

    def open_site(**changes: object) -> FlaskClient:
        changed = settings.model_copy(update={"metrics": True, **changes})
        return create_app(changed, pipeline=pipeline).test_client()

    return open_site


def test_off_unless_switched_on(client: FlaskClient) -> None:
    assert client.get("/metrics").status_code == 404


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1"])
def test_this_machine_needs_no_token(scraper: Callable[..., FlaskClient], address: str) -> None:
    client = scraper(hosts=("duck.example",))
    answer = client.get("/metrics", environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.mimetype == "text/plain"


def test_a_page_of_a_rebound_name_cannot_read_them(scraper: Callable[..., FlaskClient]) -> None:
    """A browser on this machine is a local peer, also for a page with a rebound name."""
    for client in (scraper(), scraper(hosts=("duck.example",))):
        assert client.get("/metrics", headers={"Host": "evil.test"}).status_code == 400


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        pytest.param("203.0.113.7", {}, id="another machine"),
        pytest.param("", {}, id="no address"),
        pytest.param("127.0.0.1", {"X-Forwarded-For": "203.0.113.7"}, id="through a proxy"),
        pytest.param("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, id="who says it is local"),
        pytest.param("203.0.113.7", {"X-Forwarded-For": "127.0.0.1"}, id="forged address"),
        pytest.param("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, id="RFC 7239"),
        pytest.param("127.0.0.1", {"X-Real-IP": "127.0.0.1"}, id="nginx's own header"),
        pytest.param("127.0.0.1", {"x-forwarded-proto": "https"}, id="any of the family"),
    ],
)
@pytest.mark.parametrize("proxies", [0, 1])
def test_everybody_else_needs_the_token(
    scraper: Callable[..., FlaskClient], peer: str, headers: dict[str, str], proxies: int
) -> None:
    client = scraper(metrics_token=TOKEN, proxies=proxies)

    def status(**more: str) -> int:
        environ = {"REMOTE_ADDR": peer}
        return client.get("/metrics", headers=headers | more, environ_base=environ).status_code

    assert status() == 401
    for wrong in ("", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ", "Bearer größer"):
        assert status(Authorization=wrong) == 401
    assert status(Authorization=f"Bearer {TOKEN}") == 200


def test_without_a_token_no_token_is_right(scraper: Callable[..., FlaskClient]) -> None:
    answer = scraper().get(
        "/metrics",
        headers={"Authorization": "Bearer "},
        environ_base={"REMOTE_ADDR": "203.0.113.7"},
    )
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_nothing_that_visitors_make_up_becomes_a_label(metered: Site) -> None:
    metered.get("/made-up-by-a-visitor")
    fetch(Request(metered.url, method="MADE-UP"))
    metered.post(encoded())
    page = scrape(metered)
    assert total(page, "duck_request_seconds_count", method="other") == 1
    assert "made-up" not in page.lower()
    assert "/result" not in page
