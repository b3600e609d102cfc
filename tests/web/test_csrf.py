"""Nobody changes anything in a visitor's name: tokens in forms, and where a request comes from."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, BrowserContext
from werkzeug.test import TestResponse

from app import create_app
from rubberduck.core.settings import Settings
from rubberduck.custom_models.projects import Projects
from rubberduck.services.pipeline import Pipeline
from tests.support.operators import sign_in
from tests.support.pictures import encoded, form
from tests.support.server import Site
from tests.support.visitor import token_in

CHANGES = {"POST", "PUT", "PATCH", "DELETE"}
ELSEWHERE = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "something new"},
    {"Origin": "https://evil.test"},
    {"Origin": "null"},
    {"Origin": "http://localhost:8080"},
    {"Origin": "http://localhost.evil.test"},
    {"Origin": "nonsense["},
    {"Origin": "https://evil.test", "X-Forwarded-Host": "evil.test"},
]
FROM_HERE = [
    {},  # a program
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://localhost"},
    {"Origin": "https://localhost"},  # a proxy that does not tell us of HTTPS
]


@pytest.fixture
def mine(client: FlaskClient) -> str:
    """The address of a result of the visitor's own."""
    return client.post("/", **form(encoded())).location


def changing(app: Flask) -> Iterator[tuple[str, str]]:
    """Every method and address that can change something, whatever routes there are."""
    for rule in app.url_map.iter_rules():
        for method in CHANGES & (rule.methods or set()):
            yield method, rule.rule


def send(
    client: FlaskClient, method: str, path: str, headers: dict[str, str], token: str | None
) -> TestResponse:
    data = {"right": "yes"} | ({"csrf_token": token} if token is not None else {})
    path = re.sub(r"<int:\w+>", "1", path)
    # `open`: the visitor's own `post` would bring a token.
    return client.open(path, method=method, data=data, headers=headers)


def token_of(client: FlaskClient) -> str:
    return token_in(client.get("/").text)


@pytest.mark.parametrize("headers", ELSEWHERE, ids=str)
def test_another_sites_page_changes_nothing(
    client: FlaskClient, pipeline: Pipeline, mine: str, headers: dict[str, str]
) -> None:
    id, token = mine.rsplit("/", 1)[-1], token_of(client)
    routes = list(changing(client.application))
    assert len(routes) >= 7
    for method, rule in routes:
        answer = send(client, method, rule.replace("<id>", id), headers, token)
        assert (answer.status_code, rule) == (403, rule)
        assert "Request from another site" in answer.text
    assert pipeline.results.get(id).judged_right is None


@pytest.mark.parametrize("headers", FROM_HERE, ids=str)
def test_our_own_pages_and_programs_may(
    client: FlaskClient, mine: str, headers: dict[str, str]
) -> None:
    for method, rule in changing(client.application):
        token = token_of(client)  # a new one: deleting everything ends the session
        answer = send(client, method, rule.replace("<id>", "nobody"), headers, token)
        # Refused for what it holds (415: a form is no picture; 412: it does not speak tus) or asks
        # for (409: it is switched off), not for where it comes from; or accepted, such as the
        # deletion of nothing (303).
        assert (answer.status_code in (303, 400, 401, 404, 409, 412, 415), rule) == (True, rule)


@pytest.mark.parametrize("kind", ["none", "empty", "bad", "another's", "of another key"])
def test_a_form_needs_the_token_of_its_visitor(
    client: FlaskClient, settings: Settings, pipeline: Pipeline, mine: str, kind: str
) -> None:
    changed = settings.model_copy(update={"secret_key": "another key of the tests"})
    token = {
        "none": None,
        "empty": "",
        "bad": token_of(client)[:-1] + "!",
        "another's": token_of(client.application.test_client()),
        "of another key": token_of(create_app(changed, pipeline=pipeline).test_client()),
    }[kind]
    ada = sign_in(client)
    project = Projects(pipeline.results.database).create("mugs", "boxes", ["mug"], ada.id)
    forms = [each for each in changing(client.application) if not each[1].startswith("/api/")]
    assert len(forms) >= 5
    # Said by a browser: a share menu's request comes from no page, and needs no token.
    page = {"Sec-Fetch-Site": "same-origin"}
    for method, rule in forms:
        # Who may send pictures into a project is decided before the form is read.
        id = project.id if rule.startswith("/projects/") else mine.rsplit("/", 1)[-1]
        answer = send(client, method, rule.replace("<id>", id), page, token)
        assert (answer.status_code, rule) == (403, rule)
        assert "This form has expired" in answer.text
        assert "Go back, reload the page" in answer.text
    assert client.get(mine).status_code == 200


def test_a_program_that_sends_a_form_is_told_as_json(client: FlaskClient) -> None:
    answer = client.open("/", method="POST", headers={"Accept": "application/json"})
    assert answer.status_code == 403
    assert answer.json
    assert answer.json["type"].endswith("#page-too-old")


def test_the_api_needs_neither_token_nor_cookie(app: Flask) -> None:
    client = app.test_client(use_cookies=False)
    assert client.post("/api/v1/pictures", **form(encoded())).status_code == 201


def test_every_form_that_is_sent_holds_a_token(client: FlaskClient, mine: str) -> None:
    for address in ("/", "/camera", mine, f"{mine}?min=90", "/sample/easy", "/nowhere"):
        forms = re.findall(r"<form[^>]*method=\"post\".*?</form>", client.get(address).text, re.S)
        assert forms, address
        for each in forms:
            assert token_in(each)
    assert len(re.findall("csrf_token", client.get(mine).text)) == 3  # judge, delete, ask


def test_a_token_lives_as_long_as_its_cookie(client: FlaskClient, mine: str) -> None:
    early, late = token_of(client), token_of(client)
    for token in (early, late, early):
        assert send(client, "POST", f"{mine}/judgement", {}, token).status_code == 303


def test_who_has_a_page_already_gets_a_304_and_never_anothers_token(
    client: FlaskClient, mine: str
) -> None:
    etag = client.get(mine).headers["ETag"]
    again = client.get(mine, headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    assert "Set-Cookie" not in again.headers
    # Without its cookie the token on the kept page is worth nothing: a new page has to come.
    stranger = client.application.test_client()
    fresh = stranger.get(mine, headers={"If-None-Match": etag})
    assert fresh.status_code == 200
    assert token_in(fresh.text)


@pytest.mark.parametrize("address", ["/statistics", "/privacy", "/api", "/readyz"])
def test_a_page_without_a_form_brings_no_cookie(client: FlaskClient, address: str) -> None:
    answer = client.get(address)
    assert "Set-Cookie" not in answer.headers
    assert "csrf_token" not in answer.text


EVIL = """<form method=post enctype=multipart/form-data action="{action}">
    <input name=right value=yes></form><script>document.forms[0].submit()</script>"""


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    yield context
    context.close()


@pytest.mark.enable_socket
@pytest.mark.parametrize("path", ["/", "/share", "/api/v1/pictures", "/result/nobody/delete"])
def test_a_real_browser_on_another_site(context: BrowserContext, site: Site, path: str) -> None:
    page = context.new_page()
    page.goto(site.url)  # the visitor has our cookie
    evil = EVIL.format(action=site.url + path)
    page.route(
        "http://evil.test/", lambda route: route.fulfill(body=evil, content_type="text/html")
    )
    with page.expect_response(site.url + path) as answer:
        page.goto("http://evil.test/")
    assert answer.value.status == 403
    assert "Request from another site" in answer.value.text()
