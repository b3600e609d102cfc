"""The installed page: its manifest, and what a phone's share menu sends."""

import re
from base64 import b64decode, b64encode
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import TestResponse, encode_multipart

from app import create_app
from rubberduck.core.settings import ROOT, Settings
from rubberduck.services.pipeline import Pipeline
from tests.support.fake_detector import FakeDetector
from tests.support.pictures import corners, encoded, exif
from tests.support.visitor import token_in

# Android's Chrome navigates by itself: no page sent the form.
PHONE = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Origin": "null"}


def shared(*pictures: bytes) -> dict[str, Any]:
    """The body that a phone sends for these pictures."""
    fields: list[tuple[str, Any]] = [("title", "Holiday"), ("text", "Look!"), ("url", "")]
    fields += [
        ("picture", FileStorage(BytesIO(data), f"IMG_{number}.jpg", content_type="image/jpeg"))
        for number, data in enumerate(pictures)
    ]
    boundary, body = encode_multipart(MultiDict(fields))
    return {"data": body, "content_type": f"multipart/form-data; boundary={boundary}"}


def share(client: FlaskClient, *pictures: bytes, **headers: str) -> TestResponse:
    # `open`: the visitor's own `post` would bring a token.
    return client.open("/share", method="POST", headers=headers or PHONE, **shared(*pictures))


def check(client: FlaskClient, page: str, *, picture: str | None = None) -> TestResponse:
    """Press the button of the page that asks."""
    held = re.search(r'name="picture" value="([^"]*)"', page)
    assert held
    data = {"csrf_token": token_in(page), "picture": picture or held[1]}
    boundary, body = encode_multipart(data)
    type = f"multipart/form-data; boundary={boundary}"
    return client.open("/share/check", method="POST", data=body, content_type=type)


def test_a_phone_is_asked_before_anything_is_stored(
    client: FlaskClient, settings: Settings, pipeline: Pipeline, detector: FakeDetector
) -> None:
    page = share(client, encoded(corners(1600, 1200), exif=exif(1)))
    assert page.status_code == 200
    assert "Check this picture?" in page.text
    assert "Nothing is stored until you press the button." in page.text
    assert page.headers["Cache-Control"] == "private, no-store"
    assert page.headers["X-Robots-Tag"] == "noindex"
    assert "img-src 'self' blob: data:;" in page.headers["Content-Security-Policy"]
    assert detector.calls == 0
    assert not list(settings.uploads.rglob("*.jpg"))
    assert client.get("/api/v1/results").json == {"results": [], "links": {"next": None}}

    answer = check(client, page.text)
    assert answer.status_code == 303
    assert "Rubber duck detected!" in client.get(answer.location).text
    listed = client.get("/api/v1/results").json
    assert listed
    assert [each["width"] for each in listed["results"]] == [1600]


def test_the_page_holds_no_metadata(client: FlaskClient) -> None:
    page = share(client, encoded(corners(), exif=exif(6))).text
    for held in re.findall(r'(?:base64,|name="picture" value=")([^"]+)"', page):
        data = b64decode(held)
        assert b"Canary" not in data
        assert not Image.open(BytesIO(data)).getexif()
        assert Image.open(BytesIO(data)).size == (120, 160)  # upright


def test_of_several_pictures_the_first_is_taken(client: FlaskClient) -> None:
    page = share(client, encoded(corners(300, 200)), encoded(), encoded()).text
    assert "You shared 3 pictures. This is the first one; only it will be checked." in page
    held = re.search(r'name="picture" value="([^"]+)"', page)
    assert held
    assert Image.open(BytesIO(b64decode(held[1]))).size == (300, 200)
    assert "You shared" not in share(client, encoded()).text


@pytest.mark.parametrize("headers", [PHONE, {"User-Agent": "an old browser"}], ids=str)
def test_who_may(client: FlaskClient, headers: dict[str, str]) -> None:
    assert share(client, encoded(), **headers).status_code == 200


@pytest.mark.parametrize(
    ("headers", "title"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, "Request from another site"),
        ({"Sec-Fetch-Site": "same-site"}, "Request from another site"),
        ({"Origin": "https://evil.test"}, "Request from another site"),
        ({"Origin": "null"}, "Request from another site"),
        ({"Sec-Fetch-Site": "same-origin"}, "This form has expired"),  # it brings no token
    ],
    ids=str,
)
def test_who_may_not(client: FlaskClient, headers: dict[str, str], title: str) -> None:
    answer = share(client, encoded(), **headers)
    assert answer.status_code == 403
    assert title in answer.text


@pytest.mark.parametrize(
    ("pictures", "status", "title"),
    [
        ((), 400, "No picture received"),
        ((b"",), 400, "No picture received"),
        ((b"quack",), 415, "This file is not a picture we can read"),
        ((encoded()[:300],), 422, "This picture is damaged"),
        ((bytes(31_000_000),), 413, "This file is too large"),
    ],
    ids=["a text", "empty", "no picture", "damaged", "too large"],
)
def test_what_cannot_be_checked(
    client: FlaskClient, pictures: tuple[bytes, ...], status: int, title: str
) -> None:
    answer = share(client, *pictures)
    assert (answer.status_code, title in answer.text) == (status, True)


def test_the_button_needs_its_token_and_its_picture(
    client: FlaskClient, detector: FakeDetector
) -> None:
    page = share(client, encoded()).text
    assert client.open("/share/check", method="POST", headers=PHONE).status_code == 403
    for held, status in (("!", 400), (b64encode(b"quack").decode(), 415)):
        assert check(client, page, picture=held).status_code == status
    assert detector.calls == 0
    again = client.get("/share")
    assert (again.status_code, again.location) == (302, "/")


def test_it_counts_as_an_upload(settings: Settings, pipeline: Pipeline) -> None:
    settings = settings.model_copy(update={"uploads_a_minute": 2})
    client = create_app(settings, pipeline=pipeline).test_client()
    answers = [share(client, encoded()).status_code for _ in range(3)]
    assert answers == [200, 200, 429]


def test_the_manifest(client: FlaskClient) -> None:
    response = client.get("/manifest.webmanifest")
    assert response.mimetype == "application/manifest+json"
    manifest = response.json
    assert manifest
    assert (manifest["short_name"], manifest["lang"]) == ("Rubber duck", "en")
    assert manifest["share_target"]["action"] == "/share"
    assert manifest["share_target"]["params"]["files"][0]["name"] == "picture"
    for icon in manifest["icons"]:
        side, _ = map(int, icon["sizes"].split("x"))
        with client.get(icon["src"]) as picture:
            assert "immutable" in picture.headers["Cache-Control"]
            assert Image.open(BytesIO(picture.data)).size == (side, side)
    page = client.get("/")
    assert '<link rel="manifest" href="/manifest.webmanifest">' in page.text
    assert "manifest-src 'self'" in page.headers["Content-Security-Policy"]
    again = client.get("/manifest.webmanifest", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("logo", ["duck", "lens"])
def test_a_maskable_icon_is_opaque_and_keeps_its_logo_in_the_middle(logo: str) -> None:
    """A phone may cut it to a circle of 80 % of its side (W3C, Manifest, 1.4.1)."""
    with Image.open(ROOT / "static" / "icons" / f"{logo}-maskable-512.png") as file:
        image = file.convert("RGB")
    paper = (0xEA, 0xF6, 0xFD)
    assert all(image.getpixel(corner) == paper for corner in ((0, 0), (511, 0), (256, 40)))
    box = Image.eval(image.convert("L"), lambda v: 255 * (v < 230)).getbbox()
    assert box
    assert all(abs(edge - 256) <= 0.8 * 256 for edge in box)
