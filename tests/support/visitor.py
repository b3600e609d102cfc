"""A visitor's browser, as far as Flask's test client goes."""

import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


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
