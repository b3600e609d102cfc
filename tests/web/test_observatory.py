"""Every kind of answer, over HTTPS behind a proxy, as Mozilla's Observatory scores it."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse
from werkzeug.wrappers import Response

from app import create_app
from rubberduck.core.errors import StorageFailed
from rubberduck.core.settings import Settings
from rubberduck.services.pipeline import Pipeline
from tests.support.observatory import marks, score
from tests.support.pictures import encoded, form

Visit = Callable[[FlaskClient, str], TestResponse]
NO_TOKEN = {"X-CSRFToken": "none"}
VISITS: dict[str, Visit] = {
    "home": lambda client, _: client.get("/"),
    "camera": lambda client, _: client.get("/camera"),
    "many": lambda client, _: client.get("/many"),
    "the manifest": lambda client, _: client.get("/manifest.webmanifest"),
    "a shared picture": lambda client, _: client.post("/share", **form(encoded())),
    "mine": lambda client, _: client.get("/mine"),
    "videos": lambda client, _: client.get("/videos"),
    "statistics": lambda client, _: client.get("/statistics"),
    "a chart": lambda client, _: client.get("/statistics/days-dark.svg"),
    "privacy": lambda client, _: client.get("/privacy"),
    "the API's page": lambda client, _: client.get("/api"),
    "the API's document": lambda client, _: client.get("/api/openapi.json"),
    "a sample": lambda client, _: client.get("/sample/easy"),
    "an upload": lambda client, _: client.post("/", **form(encoded())),
    "a result": lambda client, where: client.get(where),
    "a result as JSON": lambda client, where: client.get(f"{where}.json"),
    "a picture": lambda client, where: client.get(f"{where}/picture.jpg"),
    "a list by the API": lambda client, _: client.get("/api/v1/results"),
    "a deletion by the API": lambda client, where: client.delete(
        where.replace("/result/", "/api/v1/results/")
    ),
    "static": lambda client, _: client.get("/static/js/ask.js"),
    "alive": lambda client, _: client.get("/healthz"),
    "ready": lambda client, _: client.get("/readyz"),
    "400": lambda client, _: client.post("/"),
    "403 another site": lambda client, _: client.post("/", headers={"Origin": "https://evil.test"}),
    "403 no token": lambda client, _: client.post("/", headers=NO_TOKEN),
    "404": lambda client, _: client.get("/nowhere"),
    "404 of the API": lambda client, _: client.get("/api/v1/nowhere"),
    "405": lambda client, _: client.put("/camera"),
    "413": lambda client, _: client.post("/", **form(bytes(15_100_000))),
    "415": lambda client, _: client.post("/", **form(b"quack")),
    "500": lambda client, _: client.get("/mistake"),
    "500 of the API": lambda client, _: client.get("/api/mistake"),
    "503": lambda client, _: client.get("/outage"),
}


@pytest.fixture
def client(settings: Settings, pipeline: Pipeline) -> FlaskClient:
    """Behind a proxy that ends the TLS."""
    settings = settings.model_copy(update={"proxies": 1, "uploads_a_minute": 1000})
    app = create_app(settings, pipeline=pipeline)

    def mistake() -> str:
        raise ZeroDivisionError

    def outage() -> str:
        raise StorageFailed("The store is closed.")

    app.add_url_rule("/mistake", view_func=mistake)
    app.add_url_rule("/api/mistake", "api_mistake", mistake)
    app.add_url_rule("/outage", view_func=outage)
    client = app.test_client()
    client.environ_base["HTTP_X_FORWARDED_PROTO"] = "https"
    return client


def scored(answer: Response) -> int:
    page = answer.get_data(as_text=True) if answer.mimetype == "text/html" else ""
    return score(answer.headers, page)


@pytest.mark.parametrize("kind", VISITS)
def test_every_answer_scores_at_least_125(client: FlaskClient, kind: str) -> None:
    where = client.post("/", **form(encoded())).location
    with VISITS[kind](client, where) as answer:
        assert kind[:3] == str(answer.status_code) or answer.status_code < 400
        assert scored(answer) >= 125, marks(answer.headers, "")


def test_so_does_the_answer_to_who_asks_too_often(settings: Settings, pipeline: Pipeline) -> None:
    settings = settings.model_copy(update={"proxies": 1, "uploads_a_minute": 1})
    client = create_app(settings, pipeline=pipeline).test_client()
    client.environ_base["HTTP_X_FORWARDED_PROTO"] = "https"
    for address in ("/", "/api/v1/pictures"):
        client.post(address)
        answer = client.post(address)
        assert answer.status_code == 429
        assert scored(answer) >= 125


def test_who_has_it_already_scores_too(client: FlaskClient) -> None:
    where = client.post("/", **form(encoded())).location
    etag = client.get(where).headers["ETag"]
    answer = client.get(where, headers={"If-None-Match": etag})
    assert answer.status_code == 304
    assert scored(answer) >= 125


STRICT = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Set-Cookie": "__Host-session=x; Secure; HttpOnly; Path=/; SameSite=Lax",
    "Content-Type": "text/html",
}


@pytest.mark.parametrize(
    ("changed", "page", "points"),
    [
        pytest.param({}, "", 135, id="all is well"),
        pytest.param({}, '<script src="/a.js" integrity="sha256-x">', 140, id="SRI"),
        pytest.param({}, '<script src="//evil.test/a.js">', 50, id="another's script"),
        pytest.param({"Content-Security-Policy": ""}, "", 55, id="no policy"),
        pytest.param(
            {"Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'"},
            "",
            130,
            id="not from none",
        ),
        pytest.param(
            {"Content-Security-Policy": "script-src 'unsafe-inline'; frame-ancestors 'none'"},
            "",
            80,
            id="inline scripts",
        ),
        pytest.param(
            {"Content-Security-Policy": "default-src 'none'; default-src 'self'"},
            "",
            55,
            id="a directive twice",
        ),
        pytest.param({"Set-Cookie": "session=x; HttpOnly"}, "", 60, id="a cookie over HTTP"),
        pytest.param({"Set-Cookie": "session=x; Secure"}, "", 70, id="a cookie for scripts"),
        pytest.param({"Strict-Transport-Security": "max-age=60"}, "", 125, id="a short promise"),
        pytest.param({"Strict-Transport-Security": ""}, "", 80, id="no promise"),
        pytest.param({"Cross-Origin-Resource-Policy": "cross-origin"}, "", 125, id="for all"),
        pytest.param(
            {
                "Access-Control-Allow-Origin": "https://evil.test",
                "Access-Control-Allow-Credentials": "true",
            },
            "",
            50,
            id="shared with its cookies",
        ),
    ],
)
def test_the_table_knows_what_is_wrong(changed: dict[str, str], page: str, points: int) -> None:
    assert score(Headers(STRICT | changed), page) == points
