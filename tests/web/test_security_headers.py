"""What every answer tells browsers."""

import re
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.robotparser import RobotFileParser

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from rubberduck.core.settings import InvalidSettings, Settings
from rubberduck.core.settings_loading import load_settings
from rubberduck.services.pipeline import Pipeline
from rubberduck.web.sessions import secret_key
from tests.support.pictures import encoded, form
from tests.support.visitor import session_cookie_name

ADDRESSES = [
    "/",
    "/camera",
    "/mine",
    "/statistics",
    "/privacy",
    "/sample/easy",
    "/nowhere",
    "/static/duck.svg",
    "/healthz",
    "/readyz",
    "/api/v1/results",
    "/api/v1/results/nobody",
    "/mistake",
]


@pytest.fixture
def broken(app: Flask) -> FlaskClient:
    """With a page of our own mistakes."""

    def mistake() -> str:
        raise ZeroDivisionError

    app.add_url_rule("/mistake", view_func=mistake)
    return app.test_client()


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_answer_is_strict(broken: FlaskClient, address: str) -> None:
    with broken.get(address, base_url="https://localhost") as answer:
        headers = answer.headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert re.fullmatch(r"'self' 'sha256-[\w+/]{43}='", policy["style-src"])
    assert policy["img-src"] == "'self' blob:"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert "camera=(self)" in headers["Permissions-Policy"]
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Strict-Transport-Security"] == "max-age=63072000"
    assert "Access-Control-Allow-Origin" not in headers


def test_over_http_nothing_is_promised_for_https(client: FlaskClient) -> None:
    assert "Strict-Transport-Security" not in client.get("/").headers


def test_a_cookie_over_https_stays_with_this_host(client: FlaskClient) -> None:
    cookie = client.get("/", base_url="https://localhost").headers["Set-Cookie"]
    assert cookie.startswith("__Host-session-")
    parts = set(cookie.split("; ")[1:])
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= parts
    assert not [part for part in parts if part.startswith("Domain")]


def test_a_cookie_over_http_works_on_one_machine(client: FlaskClient) -> None:
    cookie = client.get("/").headers["Set-Cookie"]
    assert cookie.startswith("session-")
    assert "Secure" not in cookie
    assert "HttpOnly" in cookie


def test_a_cookie_lasts_as_long_as_the_pictures(settings: Settings, pipeline: Pipeline) -> None:
    settings = settings.model_copy(update={"keep_days": 2})
    client = create_app(settings, pipeline=pipeline).test_client()
    before = datetime.now(UTC)
    client.get("/")
    cookie = client.get_cookie(session_cookie_name(client))
    assert cookie
    assert cookie.expires
    assert timedelta(days=1.9) < cookie.expires - before < timedelta(days=2.1)


@pytest.mark.parametrize("address", ["/static/duck.svg", "/healthz", "/statistics", "/api"])
def test_who_only_reads_gets_no_cookie(client: FlaskClient, address: str) -> None:
    with client.get(address) as answer:
        assert "Set-Cookie" not in answer.headers


def test_static_files_are_kept_under_an_address_that_changes_with_them(client: FlaskClient) -> None:
    address = re.search(r'src="(/static/js/ask\.js\?v=\w+)"', client.get("/").text)
    assert address
    with client.get(address[1]) as kept, client.get("/static/js/ask.js") as asked_for:
        assert "max-age=31536000" in kept.headers["Cache-Control"]
        assert asked_for.headers["Cache-Control"] == "no-cache"


def test_the_key_is_made_once_and_kept(settings: Settings, tmp_path: Path) -> None:
    settings = settings.model_copy(update={"secret_key": None})
    file = tmp_path / "instance" / "secret_key"
    key = secret_key(settings, file)
    assert len(key) >= 32
    assert secret_key(settings, file) == key
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["secret_key"]


def test_the_settings_key_wins(settings: Settings, tmp_path: Path) -> None:
    assert secret_key(settings, tmp_path / "none") == "a key of the tests"
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("place", ["/proc/nowhere/key", "empty"])
def test_a_key_that_cannot_be_had_stops_the_start(
    settings: Settings, tmp_path: Path, place: str
) -> None:
    (tmp_path / "empty").touch()
    settings = settings.model_copy(update={"secret_key": None})
    with pytest.raises(InvalidSettings, match="DUCK_SECRET_KEY"):
        secret_key(settings, tmp_path / place)


def test_another_key_makes_strangers(settings: Settings, pipeline: Pipeline) -> None:
    mine = create_app(settings, pipeline=pipeline).test_client()
    where = mine.post("/", **form(encoded())).location
    cookie = mine.get_cookie(session_cookie_name(mine))
    assert cookie
    changed = settings.model_copy(update={"secret_key": "another key of the tests"})
    other = create_app(changed, pipeline=pipeline).test_client()
    other.set_cookie(session_cookie_name(other), cookie.value)
    assert other.post(f"{where}/delete").status_code == 404


@pytest.mark.parametrize(
    "host", ["evil.example", "duck.example.evil.example", "duck.example:99999"]
)
def test_only_our_own_names_are_answered(settings: Settings, pipeline: Pipeline, host: str) -> None:
    ours = settings.model_copy(update={"hosts": ("duck.example", "localhost")})
    client = create_app(ours, pipeline=pipeline).test_client()
    where = client.post("/", **form(encoded())).location
    for address in ("/", where, "/api/v1/results", "/static/duck.svg"):
        with client.get(address, headers={"Host": host}) as answer:
            assert answer.status_code == 400
            assert b"evil" not in answer.data
    assert client.get("/healthz", headers={"Host": "10.0.0.7"}).status_code == 200
    page = client.get(where, headers={"Host": "duck.example"}).text
    assert f'content="http://duck.example{where}"' in page


def test_a_proxy_tells_that_it_was_https(settings: Settings, pipeline: Pipeline) -> None:
    https = {"X-Forwarded-Proto": "https"}
    behind = settings.model_copy(update={"proxies": 1})
    answer = create_app(behind, pipeline=pipeline).test_client().get("/", headers=https)
    assert answer.headers["Set-Cookie"].startswith("__Host-session-")
    assert "Strict-Transport-Security" in answer.headers
    # Without a proxy anybody could say so.
    alone = create_app(settings, pipeline=pipeline).test_client().get("/", headers=https)
    assert alone.headers["Set-Cookie"].startswith("session-")


def test_names_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUCK_HOSTS", "duck.example, www.duck.example")
    assert load_settings().hosts == ("duck.example", "www.duck.example")


LOCAL_NAMES = ["localhost:8000", "duck.localhost", "127.0.0.1:8000", "192.168.1.20", "[::1]:8000"]
OTHER_NAMES = ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "a b"]


def test_by_default_only_names_of_this_machine_are_answered(client: FlaskClient) -> None:
    """A foreign page whose name resolves to this machine would be same-origin with the site."""
    for host in (*LOCAL_NAMES, socket.gethostname(), f"{socket.gethostname().upper()}:80"):
        assert client.get("/", headers={"Host": host}).status_code == 200, host
    for host in OTHER_NAMES:
        answer = client.get("/", headers={"Host": host})
        assert (answer.status_code, host) == (400, host)
        assert "set DUCK_HOSTS" in answer.text
        change = {"Host": host, "Origin": f"http://{host}"}
        assert client.open("/api/v1/pictures", method="POST", headers=change).status_code == 400
    assert client.get("/healthz", headers={"Host": "evil.example"}).status_code == 200


def test_behind_a_proxy_without_host_names_any_is_answered_and_check_warns(
    settings: Settings, pipeline: Pipeline
) -> None:
    behind = create_app(settings.model_copy(update={"proxies": 1}), pipeline=pipeline)
    assert behind.test_client().get("/", headers={"Host": "duck.example"}).status_code == 200
    done = behind.test_cli_runner().invoke(args=["check"])
    assert "warn   DUCK_HOSTS" in done.output
    assert done.exit_code == 0
    named = settings.model_copy(update={"proxies": 1, "hosts": ("duck.example",)})
    done = create_app(named, pipeline=pipeline).test_cli_runner().invoke(args=["check"])
    assert "warn   DUCK_HOSTS" not in done.output


def test_search_engines_are_kept_from_results_pictures_and_json(client: FlaskClient) -> None:
    where = client.post("/", **form(encoded())).location
    private = (where, f"{where}.json", f"{where}.jpg", f"{where}/small.jpg", f"/api/v1{where}s")
    for address in (*private, "/mine", "/nowhere"):
        assert client.get(address).headers["X-Robots-Tag"] == "noindex", address
    assert "X-Robots-Tag" not in client.get("/").headers
    robots = client.get("/robots.txt")
    assert (robots.status_code, robots.mimetype) == (200, "text/plain")
    rules = RobotFileParser()
    rules.parse(robots.text.splitlines())
    assert rules.can_fetch("*", "/")
    assert rules.can_fetch("*", where)  # otherwise they never see `noindex`
    assert not rules.can_fetch("*", "/mine")
    assert not rules.can_fetch("*", "/api/v1/results")


def test_the_list_of_my_pictures_is_stored_nowhere(client: FlaskClient) -> None:
    client.post("/", **form(encoded()))
    assert client.get("/mine").headers["Cache-Control"] == "private, no-store"
