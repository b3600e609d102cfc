"""An OpenID provider in a thread, and what its visitors do there."""

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from flask.testing import FlaskClient
from oidc_provider_mock import User, run_server_in_thread
from werkzeug.test import TestResponse

PEOPLE = {
    sub: User(sub=sub, claims=claims)
    for sub, claims in {
        "1": {"name": "Ada", "groups": ["staff", "operators"]},
        "2": {"name": "Bob", "groups": ["labellers"]},
        "3": {"name": "Eve", "groups": ["staff"]},
        "4": {"name": "Ada", "groups": "operators"},
        "5": {"email": "cleo@duck.example", "email_verified": True},
    }.items()
}
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


@dataclass
class OpenId:
    """The provider. `token_requests` are the forms that the site sent for a token."""

    url: str
    token_requests: list[dict[str, list[str]]] = field(default_factory=list)
    instead: Application | None = None  # answers the site's requests for a token
    discovery: Application | None = None  # answers those for the description of the provider
    before_userinfo: Callable[[], None] | None = None

    def agree(self, address: str, sub: str) -> str:
        """Sign in as the person at the address of the provider; return where it sends back to."""
        answer = requests.post(address, data={"sub": sub}, allow_redirects=False, timeout=20)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def deny(self, address: str) -> str:
        answer = requests.post(address, data={"action": "deny"}, allow_redirects=False, timeout=20)
        (state,) = parse_qs(urlsplit(address).query)["state"]
        return f"{answer.headers['Location']}&state={state}"  # which the mock forgets


def local(address: str) -> str:
    """Return path and query of an address of the site, for a test client."""
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


def sign_in_at(provider: OpenId, client: FlaskClient, sub: str) -> TestResponse:
    begun = client.get("/sign-in/provider")
    assert begun.status_code == 303, begun.text
    return client.get(local(provider.agree(begun.location, sub)))


@contextmanager
def openid_provider() -> Iterator[OpenId]:
    with run_server_in_thread(user_claims=list(PEOPLE.values()), require_nonce=True) as server:
        provider = OpenId(f"http://localhost:{server.server_port}")
        application: Application = server.app

        def recorded(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            if environ["PATH_INFO"] == "/oauth2/token":
                body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
                provider.token_requests.append(parse_qs(body.decode()))
                environ["wsgi.input"] = io.BytesIO(body)
                if provider.instead:
                    return provider.instead(environ, start_response)
            if provider.discovery and environ["PATH_INFO"].endswith("/openid-configuration"):
                return provider.discovery(environ, start_response)
            if environ["PATH_INFO"] == "/userinfo" and provider.before_userinfo:
                provider.before_userinfo()
            return application(environ, start_response)

        server.app = recorded
        yield provider
