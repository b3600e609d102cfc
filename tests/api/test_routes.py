"""The developer's story: JSON in, JSON out."""

import re
from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from rubberduck.core.models import Label
from tests.support.fake_detector import FakeDetector
from tests.support.pictures import corners, encoded, form


def post(client: FlaskClient, data: bytes, **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/api/v1/pictures", **form(data), headers=named)


def posted(client: FlaskClient, number: int = 0) -> dict[str, Any]:
    """A result of one's own, of another picture for each number."""
    return cast(dict[str, Any], post(client, encoded(corners(160 + number, 120))).json)


def test_a_picture_becomes_a_result(client: FlaskClient) -> None:
    answer = post(client, encoded())
    body = answer.json
    assert answer.status_code == 201
    assert body is not None
    assert answer.headers["Location"] == f"/api/v1/results/{body['id']}"
    assert (body["duck"], body["score"], body["engine"]) == (True, 94.0, "fake detector")
    assert body["boxes"][0] == {
        "left": 0.25,
        "top": 0.2,
        "width": 0.5,
        "height": 0.6,
        "label": "Duck",
        "confidence": 98.0,
    }
    assert [label["name"] for label in body["labels"]] == ["Duck", "Bird", "Toy"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["created_at"])


def test_the_result_can_be_read_again(client: FlaskClient, detector: FakeDetector) -> None:
    body = posted(client)
    assert client.get(body["links"]["self"]).json == body
    assert detector.calls == 1


def test_every_link_leads_somewhere(client: FlaskClient) -> None:
    links = posted(client)["links"]
    assert set(links) == {"self", "page", "picture", "marked"}
    assert {client.get(link).status_code for link in links.values()} == {200}


def test_a_no(client: FlaskClient, detector: FakeDetector) -> None:
    detector.answer = [Label("Bird", 99.0)]
    body = posted(client)
    assert (body["duck"], body["score"], body["boxes"]) == (False, None, [])
    assert (body["because"], body["missing"]) == (["Bird"], ["a toy"])
    assert body["links"]["marked"] is None


def problem(answer: TestResponse) -> dict[str, Any]:
    assert answer.mimetype == "application/problem+json"
    assert answer.json is not None
    assert set(answer.json) == {"type", "title", "status", "detail", "instance", "request_id"}
    assert answer.json["status"] == answer.status_code
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]
    return cast(dict[str, Any], answer.json)


def test_problems_are_told_as_json(client: FlaskClient) -> None:
    assert problem(post(client, b"quack"))["title"] == "That is not a picture we can read"
    assert problem(client.post("/api/v1/pictures"))["status"] == 400
    assert problem(client.get("/api/v1/results/nobody"))["status"] == 404
    assert problem(client.get("/api/v1/nowhere"))["status"] == 404
    assert problem(post(client, bytes(16_000_000)))["status"] == 413


def test_a_mistake_of_ours_is_json_too(app: Flask) -> None:
    def mistake() -> str:
        raise ZeroDivisionError("our secret")

    app.add_url_rule("/api/v1/mistake", view_func=mistake)
    body = problem(app.test_client().get("/api/v1/mistake"))
    assert body["status"] == 500
    assert "our secret" not in body["detail"]


def test_the_address_in_a_problem_is_one(client: FlaskClient) -> None:
    body = problem(client.get("/api/v1/results/eine Ente ü"))
    assert body["instance"] == "/api/v1/results/eine%20Ente%20%C3%BC"


# Sent twice


def test_a_request_that_broke_off_can_be_sent_again(
    app: Flask, client: FlaskClient, detector: FakeDetector
) -> None:
    first = post(client, encoded(), Idempotency_Key="7c3e")
    again = post(app.test_client(), encoded(), Idempotency_Key="7c3e")  # its cookie never arrived
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json == again.json
    assert first.headers["Location"] == again.headers["Location"]
    assert detector.calls == 1


def test_a_key_of_another_picture_is_refused(client: FlaskClient, detector: FakeDetector) -> None:
    post(client, encoded(), Idempotency_Key="7c3e")
    answer = post(client, encoded(format="PNG"), Idempotency_Key="7c3e")
    assert problem(answer)["status"] == 422
    assert detector.calls == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "ключ", "a\tb"])
def test_a_key_that_is_none(client: FlaskClient, key: str) -> None:
    sent = key.encode().decode("latin-1")
    assert problem(post(client, encoded(), Idempotency_Key=sent))["status"] == 400


# Had already


def test_who_has_a_result_already_gets_a_304(client: FlaskClient) -> None:
    address = posted(client)["links"]["self"]
    etag = client.get(address).headers["ETag"]
    again = client.get(address, headers={"If-None-Match": etag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    client.put(f"{address}/judgement", json={"right": False})
    assert client.get(address, headers={"If-None-Match": etag}).status_code == 200


def test_what_is_personal_is_kept_nowhere(client: FlaskClient) -> None:
    answers = [
        post(client, encoded()),
        client.get("/api/v1/results"),
        client.post("/api/v1/frames", **form(encoded())),
        client.get("/api/v1/results/nobody"),
        client.get("/api/v1/nowhere"),
    ]
    assert {answer.headers["Cache-Control"] for answer in answers} == {"private, no-store"}
    assert "Cookie" in client.get("/api/v1/results").headers["Vary"]


# One's own


def test_the_list_is_paged_the_newest_first(client: FlaskClient) -> None:
    ids = [posted(client, number)["id"] for number in range(5)]
    found, sizes, next = [], [], "/api/v1/results?limit=2"
    while next:
        part = client.get(next).json
        assert part is not None
        found += [result["id"] for result in part["results"]]
        sizes.append(len(part["results"]))
        next = part["links"]["next"]
    assert (found, sizes) == (ids[::-1], [2, 2, 1])


def test_who_never_asked_has_an_empty_list(client: FlaskClient) -> None:
    assert client.get("/api/v1/results").json == {"results": [], "links": {"next": None}}


@pytest.mark.parametrize(
    "limit", ["0", "101", "-1", "", "two", "1.5", "00000000999", f"00000001{'0' * 5000}", "١"]
)
def test_a_limit_that_is_none(client: FlaskClient, limit: str) -> None:
    assert problem(client.get("/api/v1/results", query_string={"limit": limit}))["status"] == 400


def test_a_cursor_that_we_never_gave(client: FlaskClient) -> None:
    posted(client)
    assert problem(client.get("/api/v1/results?cursor=quack"))["status"] == 400


def test_unknown_parameters_are_ignored(client: FlaskClient) -> None:
    body = posted(client)
    assert client.get(f"{body['links']['self']}?quack=1").json == body
    assert client.get("/api/v1/results?quack=1").json == client.get("/api/v1/results").json


def test_deleted_is_gone(client: FlaskClient) -> None:
    body = posted(client)
    answer = client.delete(body["links"]["self"])
    assert (answer.status_code, answer.data) == (204, b"")
    assert "Content-Type" not in answer.headers
    assert {client.get(link).status_code for link in body["links"].values()} == {404}
    assert problem(client.delete(body["links"]["self"]))["status"] == 404


def test_another_visitor_sees_but_neither_deletes_nor_judges(
    app: Flask, client: FlaskClient
) -> None:
    body = posted(client)
    address = body["links"]["self"]
    other = app.test_client()
    posted(other, 1)
    for visitor in (other, app.test_client()):
        assert problem(visitor.delete(address))["status"] == 404
        judged = visitor.put(f"{address}/judgement", json={"right": True})
        assert problem(judged)["status"] == 404
        assert visitor.get(address).json == body


def test_the_last_judgement_counts(client: FlaskClient) -> None:
    address = posted(client)["links"]["self"]
    for right in (True, False):
        answer = client.put(f"{address}/judgement", json={"right": right})
        assert (answer.status_code, answer.data) == (204, b"")
        assert client.get(address).json == posted(client) | {"judged_right": right}


@pytest.mark.parametrize(
    "body", ["", "{}", "[]", "null", '{"right": "yes"}', '{"right": 1}', '{"right": null}', "\xff"]
)
def test_a_judgement_that_is_none(client: FlaskClient, body: str) -> None:
    address = posted(client)["links"]["self"]
    answer = client.put(f"{address}/judgement", data=body.encode("latin-1"))
    assert problem(answer)["status"] == 400
    assert client.get(address).json == posted(client)


# Other methods


def test_head_is_get_without_the_body(client: FlaskClient) -> None:
    for address in (posted(client)["links"]["self"], "/api/v1/results", "/api/openapi.json"):
        got, head = client.get(address), client.head(address)
        assert (head.status_code, head.data) == (200, b"")
        for name in ("Content-Type", "Content-Length", "Cache-Control", "ETag"):
            assert head.headers.get(name) == got.headers.get(name)


@pytest.mark.parametrize(
    ("address", "wrong", "allowed"),
    [
        ("/api/v1/pictures", "GET", {"POST", "OPTIONS"}),
        ("/api/v1/frames", "PUT", {"POST", "OPTIONS"}),
        ("/api/v1/results", "POST", {"GET", "HEAD", "OPTIONS"}),
        ("/api/v1/results/x", "PATCH", {"GET", "HEAD", "DELETE", "OPTIONS"}),
        ("/api/v1/results/x/judgement", "DELETE", {"PUT", "OPTIONS"}),
        ("/api/openapi.json", "POST", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_options_and_405_tell_what_is_allowed(
    client: FlaskClient, address: str, wrong: str, allowed: set[str]
) -> None:
    options, refused = client.options(address), client.open(address, method=wrong)
    assert (options.status_code, options.data) == (200, b"")
    assert problem(refused)["status"] == 405
    for answer in (options, refused):
        assert set(answer.headers["Allow"].split(", ")) == allowed
