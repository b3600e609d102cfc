"""Uploads by tus 1.0, request by request, as a client of the protocol sends them."""

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha1, sha256
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from rubberduck.core.settings import Settings
from rubberduck.services.pipeline import Pipeline
from tests.support.visitor import bearer, make_key

UPLOADS = "/api/v1/uploads"
TUS = {"Tus-Resumable": "1.0.0"}
PART = {**TUS, "Content-Type": "application/offset+octet-stream"}
NAME = b64encode("Ferien am Köhlersee.mp4".encode()).decode()


@pytest.fixture
def make_site(settings: Settings, pipeline: Pipeline) -> Callable[..., FlaskClient]:
    def make(**changes: Any) -> FlaskClient:
        changed = settings.model_copy(update=changes)
        return create_app(changed, pipeline=pipeline).test_client()

    return make


def begin(client: FlaskClient, size: int, **headers: str) -> str:
    """Begin an upload; return its address."""
    created = client.post(UPLOADS, headers={**TUS, "Upload-Length": str(size), **headers})
    assert created.status_code == 201, created.text
    assert created.headers["Tus-Resumable"] == "1.0.0"
    return str(created.headers["Location"])


def send(client: FlaskClient, where: str, offset: int, data: bytes, **headers: str) -> TestResponse:
    return client.patch(where, data=data, headers={**PART, "Upload-Offset": str(offset), **headers})


def offset(client: FlaskClient, where: str) -> int:
    found = client.head(where, headers=TUS)
    assert found.status_code == 200
    assert found.headers["Cache-Control"] == "private, no-store"
    return int(found.headers["Upload-Offset"])


def title(response: TestResponse) -> str:
    assert response.json is not None
    return str(response.json["title"])


def test_what_the_server_can_do_is_in_headers(client: FlaskClient) -> None:
    for path in (UPLOADS, f"{UPLOADS}/an-id"):
        told = client.options(path)
        assert told.status_code == 204
        assert told.headers["Tus-Version"] == "1.0.0"
        assert told.headers["Tus-Extension"] == "creation,expiration,termination,checksum"
        assert told.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"
        assert told.headers["Tus-Max-Size"] == "500000000"


def test_a_video_comes_in_parts(client: FlaskClient, pipeline: Pipeline) -> None:
    where = begin(client, 9, **{"Upload-Metadata": f"filename {NAME},filetype dmlkZW8vbXA0"})
    assert offset(client, where) == 0
    first = send(client, where, 0, b"01234")
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "5")
    expires = parsedate_to_datetime(first.headers["Upload-Expires"])
    assert timedelta(hours=23) < expires - datetime.now(UTC) <= timedelta(hours=24)
    assert send(client, where, 5, b"5678").headers["Upload-Offset"] == "9"
    told = client.head(where, headers=TUS).headers
    assert (told["Upload-Offset"], told["Upload-Length"]) == ("9", "9")
    assert told["Upload-Metadata"] == f"filename {NAME},filetype dmlkZW8vbXA0"
    body = client.get(where).json
    assert body is not None
    assert (body["bytes"], body["received"], body["links"]["self"]) == (9, 9, where)
    assert pipeline.storage.get(f"videos/{body['id']}/original") == b"012345678"


def test_only_its_visitor_sees_it(client: FlaskClient, app: Flask) -> None:
    where, stranger = begin(client, 9), app.test_client()
    for answer in (
        stranger.head(where, headers=TUS),
        stranger.get(where),
        send(stranger, where, 0, b"01234"),
        stranger.delete(where, headers=TUS),
        client.head(f"{UPLOADS}/another", headers=TUS),
    ):
        assert answer.status_code == 404
    assert offset(client, where) == 0


def test_a_program_sends_with_its_key(client: FlaskClient, app: Flask) -> None:
    key, program = bearer(make_key(client)), app.test_client()
    where = begin(program, 9, **key)
    assert send(program, where, 0, b"01234", **key).status_code == 204
    assert offset(client, where) == 5  # the visitor who made the key
    assert program.head(where, headers=TUS).status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Tus-Resumable": "0.2.2"}, 412, id="another version"),
        pytest.param({"Content-Type": "video/mp4"}, 415, id="another type"),
        pytest.param({"Upload-Offset": "3"}, 409, id="another offset"),
        pytest.param({"Upload-Offset": "-1"}, 400, id="a negative offset"),
        pytest.param({"Upload-Offset": ""}, 400, id="no offset"),
        pytest.param({"Upload-Checksum": "sha1 ???"}, 400, id="no checksum"),
        pytest.param({"Upload-Checksum": "crc9 abcd"}, 400, id="an unknown checksum"),
        pytest.param({"Content-Encoding": "gzip"}, 415, id="compressed"),
    ],
)
def test_a_wrong_part_is_refused(client: FlaskClient, headers: dict[str, str], status: int) -> None:
    where = begin(client, 9)
    refused = send(client, where, 0, b"01234", **headers)
    assert refused.status_code == status
    assert refused.headers["Tus-Resumable"] == "1.0.0"
    assert refused.mimetype == "application/problem+json"
    assert ("Tus-Version" in refused.headers) == (status == 412)
    assert offset(client, where) == 0


def test_more_than_was_announced_is_refused(client: FlaskClient) -> None:
    where = begin(client, 9)
    assert send(client, where, 0, bytes(10)).status_code == 400
    assert offset(client, where) == 0


@pytest.mark.parametrize(("name", "algorithm"), [("sha1", sha1), ("sha256", sha256)])
def test_bytes_that_changed_on_their_way_are_not_stored(
    client: FlaskClient, name: str, algorithm: Any
) -> None:
    where = begin(client, 9)
    checksum = f"{name} {b64encode(algorithm(b'01234').digest()).decode()}"
    changed = send(client, where, 0, b"01243", **{"Upload-Checksum": checksum})
    assert (changed.status_code, offset(client, where)) == (460, 0)
    assert send(client, where, 0, b"01234", **{"Upload-Checksum": checksum}).status_code == 204
    assert offset(client, where) == 5


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Upload-Length": "0"}, 400, id="empty"),
        pytest.param({"Upload-Length": "ten"}, 400, id="no number"),
        pytest.param({"Upload-Defer-Length": "1"}, 400, id="no length"),
        pytest.param({"Upload-Length": "500000001"}, 413, id="too large"),
        pytest.param({"Upload-Length": "9", "Upload-Metadata": "a=b"}, 201, id="no value"),
        pytest.param({"Upload-Length": "9", "Upload-Metadata": "a b c"}, 400, id="metadata"),
        pytest.param({"Upload-Length": "9", "Upload-Metadata": "a" * 2001}, 400, id="much of it"),
    ],
)
def test_what_is_announced_is_checked(
    client: FlaskClient, headers: dict[str, str], status: int
) -> None:
    assert client.post(UPLOADS, headers={**TUS, **headers}).status_code == status


def test_a_cancelled_upload_is_gone(client: FlaskClient, pipeline: Pipeline) -> None:
    where = begin(client, 9)
    send(client, where, 0, b"01234")
    assert client.delete(where, headers=TUS).status_code == 204
    assert client.head(where, headers=TUS).status_code == 404
    far = datetime(9999, 1, 1, tzinfo=UTC)
    assert list(pipeline.storage.keys_older_than(far, ["videos/"])) == []


def test_a_proxy_that_knows_no_patch(client: FlaskClient) -> None:
    where = begin(client, 9)
    override = {**PART, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert client.post(where, data=b"01234", headers=override).status_code == 204
    assert offset(client, where) == 5
    override = {**TUS, "X-HTTP-Method-Override": "DELETE"}
    assert client.post(where, headers=override).status_code == 204
    assert client.post(where, headers=TUS).status_code == 405


def test_another_sites_page_sends_nothing(client: FlaskClient) -> None:
    foreign = {**TUS, "Sec-Fetch-Site": "cross-site", "Upload-Length": "9"}
    assert client.post(UPLOADS, headers=foreign).status_code == 403
    assert "Access-Control-Allow-Origin" not in client.options(UPLOADS).headers


def test_a_visitor_has_so_many_at_once_and_so_much_room(
    make_site: Callable[..., FlaskClient],
) -> None:
    client = make_site(video_owner_waiting=2, video_owner_bytes=1_000_000)
    where = begin(client, 600_000)
    full = client.post(UPLOADS, headers={**TUS, "Upload-Length": "600000"})
    assert (full.status_code, title(full)) == (413, "You have no room for this video")
    begin(client, 300_000)
    many = client.post(UPLOADS, headers={**TUS, "Upload-Length": "1"})
    assert (many.status_code, title(many)) == (429, "Too many videos at once")
    client.delete(where, headers=TUS)
    begin(client, 600_000)


def test_a_full_disk_takes_no_videos(make_site: Callable[..., FlaskClient]) -> None:
    full = make_site(min_free_disk=100).post(UPLOADS, headers={**TUS, "Upload-Length": "9"})
    assert (full.status_code, full.headers["Retry-After"]) == (503, "60")
    assert title(full) == "This site has no room for large files at the moment"


def test_uploads_are_limited_per_address(make_site: Callable[..., FlaskClient]) -> None:
    client = make_site(uploads_a_minute=9, video_owner_waiting=1000)
    statuses = [
        client.post(UPLOADS, headers={**TUS, "Upload-Length": "9"}).status_code for _ in range(61)
    ]
    assert statuses == [201] * 60 + [429]
    later = client.post(UPLOADS, headers={**TUS, "Upload-Length": "9"})
    assert 60 < int(later.headers["Retry-After"]) <= 3600
