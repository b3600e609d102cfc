"""A visitor's browser, as far as Flask's test client goes."""

import re
from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from rubberduck.web.sessions import site_id
from tests.support.pictures import form

Visit = Callable[..., FlaskClient]  # what the fixture `visit` is
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
KEY_RE = re.compile(r"duck_[\w-]{32}")


def session_cookie_name(client: FlaskClient) -> str:
    """Return the name of the visitor's cookie over HTTP."""
    return f"session-{site_id(client.application)}"


def token_in(page: str) -> str:
    found = TOKEN.search(page)
    assert found, page
    return found[1]


def without_token(page: str) -> str:
    """It is signed anew each time."""
    return TOKEN.sub("", page)


class Visitor(FlaskClient):
    """Reads a page before it sends its form; that is where the form's token comes from."""

    def post(self, path: str, **options: Any) -> TestResponse:
        headers = Headers(options.pop("headers", None))
        if not path.startswith("/api/"):
            page = super().get("/", base_url=options.get("base_url")).text
            headers.setdefault("X-CSRFToken", token_in(page))
        return super().post(path, headers=headers, **options)


def as_visitor(client: FlaskClient, name: str) -> FlaskClient:
    """Let the client be the visitor of this id from now on; return it."""
    with client.session_transaction() as session:
        session["visitor"] = name
    return client


def post_picture(client: FlaskClient, data: bytes, name: str = "photo.jpg") -> TestResponse:
    """Send the form of the first page."""
    return client.post("/", **form(data, name))


def post_and_open(client: FlaskClient, data: bytes, name: str = "photo.jpg") -> str:
    """Return the HTML of the result to which the form redirects."""
    answer = post_picture(client, data, name)
    assert answer.status_code == 303, answer.text
    assert re.fullmatch(r"/result/[\w-]{22}", answer.location)
    page = client.get(answer.location)
    assert page.status_code == 200
    return page.text


def visible_text(html: str) -> str:
    """Return the text of a page, without tags and styles, in single spaces."""
    seen = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", seen).split())


def make_key(client: FlaskClient, name: str = "backup script") -> str:
    """Make an API key on "My pictures", as its visitor does."""
    page = client.post("/mine/keys", data={"name": name, "days": "90"})
    assert page.status_code == 201, page.text
    found = KEY_RE.search(page.text)
    assert found
    return found[0]


def bearer(key: str) -> dict[str, str]:
    """Return the headers of a program's request with this key."""
    return {"Authorization": f"Bearer {key}"}
