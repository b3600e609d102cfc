"""Sign-in at an OpenID provider: a real one in a thread, and what can go wrong on the way."""

import gc
import json
import re
import runpy
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from threading import Event, Semaphore
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
import requests
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from rubberduck.accounts import oidc
from rubberduck.accounts.oidc import MAX_WAITING, Provider
from rubberduck.accounts.operators import Operators
from rubberduck.accounts.sessions import Sessions
from rubberduck.core.settings import ROOT, InvalidSettings, Settings
from rubberduck.db.results import Results
from rubberduck.services.pipeline import Pipeline
from rubberduck.web.sessions import site_id
from tests.support.openid import PEOPLE, OpenId, local, openid_provider, sign_in_at
from tests.support.operators import sign_in
from tests.support.server import PATIENCE

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.filterwarnings("ignore:get_jwt_config"),
]
Site = Callable[..., Flask]


@pytest.fixture(scope="module")
def _provider() -> Iterator[OpenId]:
    with openid_provider() as provider:
        yield provider


@pytest.fixture
def provider(_provider: OpenId) -> Iterator[OpenId]:
    yield _provider
    _provider.instead = _provider.before_userinfo = _provider.discovery = None
    _provider.token_requests.clear()


@pytest.fixture
def site(settings: Settings, pipeline: Pipeline, provider: OpenId) -> Site:
    def make(**changes: Any) -> Flask:
        given = {"oidc_issuer": provider.url, "oidc_client_id": "duck"}
        given |= {"oidc_client_secret": "a secret of the tests", **changes}
        return create_app(settings.model_copy(update=given), pipeline=pipeline)

    return make


@pytest.fixture
def client(site: Site) -> FlaskClient:
    return site().test_client()


def account(client: FlaskClient) -> str:
    return client.get("/account/").text


def test_an_operator_signs_in_with_pkce_and_comes_back_to_where_she_was(
    client: FlaskClient, provider: OpenId, results: Results
) -> None:
    assert "next=/account/audit" in client.get("/account/audit").location
    assert 'href="/sign-in/provider"' in client.get("/sign-in?next=/account/audit?before=9").text
    begun = client.get("/sign-in/provider")
    asked = parse_qs(urlsplit(begun.location).query)
    assert asked["redirect_uri"] == ["http://localhost/sign-in/callback"]
    assert (asked["code_challenge_method"], len(asked["nonce"][0]) >= 20) == (["S256"], True)
    assert "HttpOnly" in begun.headers["Set-Cookie"]
    back = local(provider.agree(begun.location, "1"))
    signed_in = client.get(back)
    assert (signed_in.status_code, signed_in.location) == (303, "/account/audit?before=9")
    (sent,) = provider.token_requests
    assert [create_s256_code_challenge(sent["code_verifier"][0])] == asked["code_challenge"]
    assert "You are an operator of this site." in account(client)
    assert "sign-in" in client.get("/account/audit").text
    (ada,) = Operators(results.database).list()
    assert (ada.name, ada.subject) == ("Ada", f"{provider.url} 1")
    again = client.get(back)  # the browser's Back button
    assert (again.status_code, "finished already" in again.text) == (400, True)
    assert "You are an operator" in account(client)


def test_the_groups_say_who_labels_and_who_may_not_come_in(
    site: Site, provider: OpenId, results: Results
) -> None:
    app = site()
    bob, eve, namesake = (app.test_client() for _ in range(3))
    assert sign_in_at(provider, bob, "2").status_code == 303
    assert "You label pictures" in account(bob)
    assert bob.get("/account/audit").status_code == 403
    refused = sign_in_at(provider, eve, "3")
    assert (refused.status_code, "Eve is neither" in refused.text) == (403, True)
    nobody = site(oidc_labellers=("others",)).test_client()  # Bob has left the labellers
    assert sign_in_at(provider, nobody, "2").status_code == 403
    assert bob.get("/account/").status_code == 303
    Operators(results.database).create("Ada")
    sign_in_at(provider, namesake, "4")  # the same name is not the same person
    assert [person.name for person in Operators(results.database).list()] == ["Ada", "Ada 2", "Bob"]
    Operators(results.database).remove("Bob")
    assert bob.get("/account/").status_code == 303
    assert sign_in_at(provider, bob, "2").status_code == 403
    promoted = site(oidc_operators=("labellers",)).test_client()
    Operators(results.database).create("Bob", "labeller")
    sign_in_at(provider, promoted, "2")
    assert "You are an operator" in account(promoted)


def test_groups_may_come_from_userinfo_and_addresses_must_be_verified(
    site: Site, provider: OpenId, monkeypatch: pytest.MonkeyPatch
) -> None:
    eve = site().test_client()
    provider.before_userinfo = lambda: monkeypatch.setitem(
        PEOPLE["3"].claims, "groups", "labellers"
    )
    assert sign_in_at(provider, eve, "3").status_code == 303
    assert "You label pictures" in account(eve)
    addresses = ("cleo@duck.example", "dan@duck.example")
    cleo, dan = (site(oidc_claim="email", oidc_operators=addresses).test_client() for _ in range(2))
    assert sign_in_at(provider, cleo, "5").status_code == 303
    assert sign_in_at(provider, dan, "dan@duck.example").status_code == 403


def test_a_session_of_before_ends_and_its_cookie_is_worth_nothing(
    client: FlaskClient, provider: OpenId, results: Results
) -> None:
    sign_in_at(provider, client, "1")
    (ada,) = Operators(results.database).list()
    (first,) = Sessions(results.database).list(ada.id)
    sign_in_at(provider, client, "1")
    (second,) = Sessions(results.database).list(ada.id)
    assert first.id != second.id


def with_state_of(begun: str, back: str) -> str:
    """Return the address that the provider sent back to, with the state of another sign-in."""
    path, _, query = back.partition("?")
    (state,) = parse_qs(urlsplit(begun).query)["state"]
    return f"{path}?{urlencode(dict(parse_qsl(query)) | {'state': state})}"


def test_what_was_tampered_with_is_a_400_in_plain_words(
    site: Site, client: FlaskClient, provider: OpenId
) -> None:
    def refused(address: str) -> str:
        answer = client.get(address)
        assert answer.status_code == 400, answer.text
        return answer.text

    assert "not begun in this browser" in refused("/sign-in/callback?code=1&state=1")
    first = client.get("/sign-in/provider").location
    back = local(provider.agree(first, "1"))
    other = local(provider.agree(site().test_client().get("/sign-in/provider").location, "1"))
    assert "was not begun in this browser" in refused(other)  # somebody else's state
    assert "denied the request" in refused(local(provider.deny(first)))
    assert "incomplete" in refused(back.split("code=")[0] + back[back.index("state=") :])
    second = client.get("/sign-in/provider").location
    assert "cannot be verified" in refused(with_state_of(second, back))  # a nonce of another one
    assert "used before" in refused(with_state_of(second, back))  # a replayed code
    assert client.get("/account/").status_code == 303


def test_a_token_for_another_site_is_refused(client: FlaskClient, provider: OpenId) -> None:
    begun = client.get("/sign-in/provider").location
    back = local(provider.agree(begun, "1"))
    asked = dict(parse_qsl(urlsplit(begun).query)) | {"client_id": "another site"}
    code = parse_qs(
        urlsplit(provider.agree(f"{begun.split('?')[0]}?{urlencode(asked)}", "1")).query
    )
    form = {"grant_type": "authorization_code", "code": code["code"][0]}
    form["redirect_uri"] = asked["redirect_uri"]
    credentials = (asked["client_id"], "its secret")
    url = f"{provider.url}/oauth2/token"
    foreign = requests.post(url, form, auth=credentials, timeout=20).json()
    assert foreign["id_token"]

    def answer(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(foreign).encode()]

    provider.instead = answer
    refused = client.get(back)
    assert (refused.status_code, "cannot be verified" in refused.text) == (400, True)


def test_a_provider_that_fails_is_a_502_and_pictures_go_on(
    site: Site, client: FlaskClient, provider: OpenId, caplog: pytest.LogCaptureFixture
) -> None:
    down = site(oidc_issuer="http://127.0.0.1:9").test_client()
    answer = down.get("/sign-in/provider")
    assert (answer.status_code, answer.headers["Retry-After"]) == (502, "60")
    assert "ConnectionError" in caplog.text
    assert "does not answer as it should" in answer.text
    assert [down.get(page).status_code for page in ("/", "/sign-in")] == [200, 200]
    back = local(provider.agree(client.get("/sign-in/provider").location, "1"))

    def fail(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("500 Oops", [("Content-Type", "text/html")])
        return [b"<h1>Oops</h1>"]

    provider.instead = fail
    assert client.get(back).status_code == 502


def sign_out(client: FlaskClient) -> TestResponse:
    return client.post("/sign-out", headers={"Origin": "http://localhost"})


def test_signing_out_ends_the_sign_in_at_the_provider_too(
    client: FlaskClient, provider: OpenId
) -> None:
    sign_in_at(provider, client, "1")
    answer = sign_out(client)
    assert answer.status_code == 200  # no redirect: form-action would refuse it
    (address,) = re.findall(r'http-equiv="refresh" content="1; url=([^"]+)"', answer.text)
    endpoint, _, query = unescape(address).partition("?")
    sent = parse_qs(query)
    assert endpoint == f"{provider.url}/oauth2/end_session"
    assert sent["post_logout_redirect_uri"] == ["http://localhost/sign-in"]
    assert sent["client_id"] == ["duck"]
    claims = json.loads(urlsafe_b64decode(sent["id_token_hint"][0].split(".")[1] + "=="))
    assert (claims["sub"], claims["aud"]) == ("1", ["duck"])
    assert requests.get(unescape(address), timeout=20).status_code == 200
    assert client.get("/account/").status_code == 303
    assert sign_out(client).status_code == 303  # nobody is signed in: there is nothing to end


def test_who_signed_in_with_a_link_stays_on_this_site(client: FlaskClient) -> None:
    sign_in(client)
    assert sign_out(client).location == "/sign-in"


@pytest.mark.parametrize("has_endpoint", [True, False], ids=["2024", "before"])
def test_cognito_has_a_form_of_its_own(settings: Settings, has_endpoint: bool) -> None:
    """/logout takes client_id and logout_uri, both registered, and no ID token.

    https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html; the discovery
    names the address as end_session_endpoint since February 2024.
    """
    issuer = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_a"
    given = {"oidc_issuer": issuer, "oidc_client_id": "duck"}
    provider = Provider(settings.model_copy(update=given))
    base = "https://duck.auth.eu-central-1.amazoncognito.com"
    metadata = {"issuer": issuer, "authorization_endpoint": f"{base}/oauth2/authorize"}
    metadata |= {"end_session_endpoint": f"{base}/logout"} if has_endpoint else {}
    provider._client.server_metadata.update(metadata, _loaded_at=1)
    url = provider.sign_out_url("a token", "https://duck.example/sign-in")
    assert url == f"{base}/logout?client_id=duck&logout_uri=https%3A%2F%2Fduck.example%2Fsign-in"


def test_a_provider_without_sign_out_is_left_alone(
    site: Site, client: FlaskClient, provider: OpenId
) -> None:
    sign_in_at(provider, client, "1")
    document = requests.get(f"{provider.url}/.well-known/openid-configuration", timeout=20).json()
    del document["end_session_endpoint"]

    def answer(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(document).encode()]

    provider.discovery = answer
    restarted = site().test_client()
    restarted.set_cookie(*cookie_of(client))
    assert sign_out(restarted).location == "/sign-in"
    assert client.get("/account/").status_code == 303


def test_a_provider_that_is_down_keeps_nobody_signed_in(
    site: Site, client: FlaskClient, provider: OpenId, caplog: pytest.LogCaptureFixture
) -> None:
    sign_in_at(provider, client, "1")
    restarted = site(oidc_issuer="http://127.0.0.1:9").test_client()
    restarted.set_cookie(*cookie_of(client))
    assert sign_out(restarted).location == "/sign-in"
    assert "not signed out at the provider" in caplog.text
    assert client.get("/account/").status_code == 303


def cookie_of(client: FlaskClient) -> tuple[str, str]:
    """Return name and value of the operator's cookie."""
    name = f"operator-{site_id(client.application)}"
    cookie = client.get_cookie(name)
    assert cookie
    return name, cookie.value


@pytest.mark.parametrize("path", ["discovery", "instead"], ids=["begin", "finish"])
def test_a_provider_that_never_answers_is_a_502(
    site: Site, provider: OpenId, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "READ_SECONDS", 0.3)
    client, over = site().test_client(), Event()

    def hang(_environ: Any, start_response: Any) -> list[bytes]:
        over.wait()
        start_response("200 OK", [])
        return []

    if path == "instead":
        back = local(provider.agree(client.get("/sign-in/provider").location, "1"))
    setattr(provider, path, hang)
    answer = client.get(back if path == "instead" else "/sign-in/provider")
    over.set()
    assert (answer.status_code, answer.headers["Retry-After"]) == (502, "60")
    assert "try again in a minute" in answer.text


def test_a_provider_that_answers_byte_by_byte_is_given_up_too(
    site: Site, provider: OpenId, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The time-out of requests (2.32) is that of one read: each byte begins it anew."""
    monkeypatch.setattr(oidc, "ANSWER_SECONDS", 0.5)
    over = Event()

    def drip(_environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        while not over.wait(0.05):
            yield b" "

    provider.discovery = drip
    assert site().test_client().get("/sign-in/provider").status_code == 502
    over.set()
    assert "no whole answer in 0.5 s" in caplog.text


def test_a_provider_that_hangs_holds_a_few_threads_only(
    site: Site, provider: OpenId, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("READ_SECONDS", "ANSWER_SECONDS"):
        monkeypatch.setattr(oidc, name, PATIENCE)
    app, over, arrived = site(), Event(), Semaphore(0)

    def hang(_environ: Any, start_response: Any) -> list[bytes]:
        arrived.release()
        over.wait()
        start_response("500 Oops", [])
        return []

    provider.discovery = hang
    with ThreadPoolExecutor(MAX_WAITING) as pool:
        waiting = [
            pool.submit(app.test_client().get, "/sign-in/provider") for _ in range(MAX_WAITING)
        ]
        try:
            assert all(arrived.acquire(timeout=PATIENCE) for _ in range(MAX_WAITING))
            refused = app.test_client().get("/sign-in/provider")
            assert (refused.status_code, app.test_client().get("/").status_code) == (502, 200)
            assert not any(future.done() for future in waiting)
        finally:
            over.set()
        assert {future.result().status_code for future in waiting} == {502}
    assert runpy.run_path(str(ROOT / "gunicorn.conf.py"))["threads"] > MAX_WAITING
    gc.enable()  # the file turns it off; without it the tests after this one took 8 GB


def test_without_a_provider_there_is_no_such_page(settings: Settings, pipeline: Pipeline) -> None:
    client = create_app(settings, pipeline=pipeline).test_client()
    assert client.get("/sign-in/provider").status_code == 404
    assert client.get("/sign-in/callback").status_code == 404
    without_id = settings.model_copy(update={"oidc_issuer": "https://id.example"})
    with pytest.raises(InvalidSettings, match="DUCK_OIDC_CLIENT_ID is missing"):
        create_app(without_id, pipeline=pipeline)
