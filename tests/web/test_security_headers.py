"""What every answer tells browsers."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from rubberduck.core.settings import InvalidSettings, Settings, load_settings
from rubberduck.services.pipeline import Pipeline
from rubberduck.web.sessions import secret_key
from tests.support.pictures import encoded, form

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
    with broken.get(address, base_url="https://duck.example") as answer:
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
    cookie = client.get("/", base_url="https://duck.example").headers["Set-Cookie"]
    assert cookie.startswith("__Host-session=")
    parts = set(cookie.split("; ")[1:])
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= parts
    assert not [part for part in parts if part.startswith("Domain")]


def test_a_cookie_over_http_works_on_one_machine(client: FlaskClient) -> None:
    cookie = client.get("/").headers["Set-Cookie"]
    assert cookie.startswith("session=")
    assert "Secure" not in cookie
    assert "HttpOnly" in cookie


def test_a_cookie_lasts_as_long_as_the_pictures(settings: Settings, pipeline: Pipeline) -> None:
    settings = settings.model_copy(update={"keep_days": 2})
    client = create_app(settings, pipeline=pipeline).test_client()
    before = datetime.now(UTC)
    client.get("/")
    cookie = client.get_cookie("session")
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
    cookie = mine.get_cookie("session")
    assert cookie
    changed = settings.model_copy(update={"secret_key": "another key of the tests"})
    other = create_app(changed, pipeline=pipeline).test_client()
    other.set_cookie("session", cookie.value)
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
    told = {"X-Forwarded-Proto": "https"}
    behind = settings.model_copy(update={"proxies": 1})
    answer = create_app(behind, pipeline=pipeline).test_client().get("/", headers=told)
    assert answer.headers["Set-Cookie"].startswith("__Host-session=")
    assert "Strict-Transport-Security" in answer.headers
    # Without a proxy anybody could say so.
    alone = create_app(settings, pipeline=pipeline).test_client().get("/", headers=told)
    assert alone.headers["Set-Cookie"].startswith("session=")


def test_names_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUCK_HOSTS", "duck.example, www.duck.example")
    assert load_settings().hosts == ("duck.example", "www.duck.example")
