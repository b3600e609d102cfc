"""The JSON API as a client uses it."""

import re
from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from rubberduck.core.models import Box, Label
from tests.support.fake_detector import FakeDetector
from tests.support.pictures import corners, encoded, form


def post(client: FlaskClient, data: bytes, **headers: str) -> TestResponse:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/api/v1/pictures", **form(data), headers=sent)


CREATION_ONLY = {"delete_token", "idempotency_key_ignored"}


def posted(client: FlaskClient, number: int = 0) -> dict[str, Any]:
    """Return a new result of this visitor; another number is another picture."""
    body = cast(dict[str, Any], post(client, encoded(corners(160 + number, 120))).json)
    return {name: body[name] for name in body if name not in CREATION_ONLY}


def test_a_picture_becomes_a_result(client: FlaskClient) -> None:
    response = post(client, encoded())
    body = response.json
    assert response.status_code == 201
    assert body is not None
    assert response.headers["Location"] == f"/api/v1/results/{body['id']}"
    assert (body["duck"], body["score"], body["engine"]) == (True, 94.0, "fake detector")
    assert body["boxes"][0] == {
        "left": 0.25,
        "top": 0.2,
        "width": 0.5,
        "height": 0.6,
        "label": "Rubber duck",
        "confidence": 98.0,
    }
    assert [label["name"] for label in body["labels"]] == ["Duck", "Bird", "Toy"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["created_at"])


def test_the_result_can_be_read_again(client: FlaskClient, detector: FakeDetector) -> None:
    body = posted(client)
    assert client.get(body["links"]["self"]).json == body
    assert detector.calls == 1


def test_every_link_can_be_followed(client: FlaskClient) -> None:
    links = posted(client)["links"]
    assert set(links) == {"self", "page", "picture", "marked"}
    assert {client.get(link).status_code for link in links.values()} == {200}


def test_each_object_has_one_box(client: FlaskClient, detector: FakeDetector) -> None:
    """Duck, Bird and Toy at the same place are one rubber duck."""
    detector.answer = [
        Label(name, confidence, (Box(0.25, 0.2, 0.5, 0.6, name, confidence),))
        for name, confidence in (("Duck", 98.0), ("Bird", 97.0), ("Toy", 91.0))
    ]
    body = posted(client)
    assert [(box["label"], box["confidence"]) for box in body["boxes"]] == [("Rubber duck", 98.0)]
    assert [label["boxes"][0]["label"] for label in body["labels"]] == ["Duck", "Bird", "Toy"]


def test_the_old_names_stay(client: FlaskClient) -> None:
    body = posted(client)
    assert (body["duck"], body["said"]) == (body["found"], body["message"])
    schema = client.get("/api/openapi.json").json
    assert schema is not None
    fields = schema["components"]["schemas"]["ResultBody"]["properties"]
    deprecated = [name for name, field in fields.items() if field.get("deprecated")]
    assert deprecated == ["duck", "said"]


def test_an_answer_of_no(client: FlaskClient, detector: FakeDetector) -> None:
    detector.answer = [Label("Bird", 99.0)]
    body = posted(client)
    assert (body["duck"], body["score"], body["boxes"]) == (False, None, [])
    assert (body["because"], body["missing"]) == (["Bird"], ["a toy"])
    assert body["links"]["marked"] is None


def problem(response: TestResponse) -> dict[str, Any]:
    assert response.mimetype == "application/problem+json"
    assert response.json is not None
    assert set(response.json) == {"type", "title", "status", "detail", "instance", "request_id"}
    assert response.json["status"] == response.status_code
    assert response.json["request_id"] == response.headers["X-Request-ID"]
    return cast(dict[str, Any], response.json)


def test_errors_are_problem_json(client: FlaskClient) -> None:
    assert problem(post(client, b"quack"))["title"] == "This file is not a picture we can read"
    assert problem(client.post("/api/v1/pictures"))["status"] == 400
    assert problem(client.get("/api/v1/results/nobody"))["status"] == 404
    assert problem(client.get("/api/v1/nowhere"))["status"] == 404
    assert problem(post(client, bytes(16_000_000)))["status"] == 413


def test_a_bug_is_problem_json_without_details(app: Flask) -> None:
    def mistake() -> str:
        raise ZeroDivisionError("our secret")

    app.add_url_rule("/api/v1/mistake", view_func=mistake)
    body = problem(app.test_client().get("/api/v1/mistake"))
    assert body["status"] == 500
    assert "our secret" not in body["detail"]


def test_the_instance_of_a_problem_is_a_valid_uri_reference(client: FlaskClient) -> None:
    body = problem(client.get("/api/v1/results/eine Ente ü"))
    assert body["instance"] == "/api/v1/results/eine%20Ente%20%C3%BC"


# Idempotency

UUID = "8e03978e-40d5-43dd-bc93-6894a57f9324"


def test_a_request_can_be_repeated_after_a_lost_connection(
    app: Flask, client: FlaskClient, detector: FakeDetector
) -> None:
    first = post(client, encoded(), Idempotency_Key=UUID)
    again = post(
        app.test_client(), encoded(), Idempotency_Key=UUID
    )  # without the first response's cookie
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json == again.json
    assert first.headers["Location"] == again.headers["Location"]
    assert detector.calls == 1


def test_a_key_used_for_another_picture_is_refused(
    client: FlaskClient, detector: FakeDetector
) -> None:
    post(client, encoded(), Idempotency_Key=UUID)
    response = post(client, encoded(format="PNG"), Idempotency_Key=UUID)
    assert problem(response)["status"] == 422
    assert detector.calls == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "ключ", "a\tb"])
def test_an_invalid_key_is_refused(client: FlaskClient, key: str) -> None:
    sent = key.encode().decode("latin-1")
    assert problem(post(client, encoded(), Idempotency_Key=sent))["status"] == 400


# Caching


def test_an_unchanged_result_is_a_304(client: FlaskClient) -> None:
    url = posted(client)["links"]["self"]
    etag = client.get(url).headers["ETag"]
    again = client.get(url, headers={"If-None-Match": etag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    client.put(f"{url}/judgement", json={"right": False})
    assert client.get(url, headers={"If-None-Match": etag}).status_code == 200


def test_personal_responses_are_not_cached(client: FlaskClient) -> None:
    responses = [
        post(client, encoded()),
        client.get("/api/v1/results"),
        client.post("/api/v1/frames", **form(encoded())),
        client.get("/api/v1/results/nobody"),
        client.get("/api/v1/nowhere"),
    ]
    assert {response.headers["Cache-Control"] for response in responses} == {"private, no-store"}
    assert "Cookie" in client.get("/api/v1/results").headers["Vary"]


# A visitor's own results


def test_the_list_has_pages_newest_first(client: FlaskClient) -> None:
    ids = [posted(client, number)["id"] for number in range(5)]
    found, sizes, next = [], [], "/api/v1/results?limit=2"
    while next:
        page = client.get(next).json
        assert page is not None
        found += [result["id"] for result in page["results"]]
        sizes.append(len(page["results"]))
        next = page["links"]["next"]
    assert (found, sizes) == (ids[::-1], [2, 2, 1])


def test_a_new_visitor_has_an_empty_list(client: FlaskClient) -> None:
    assert client.get("/api/v1/results").json == {"results": [], "links": {"next": None}}


@pytest.mark.parametrize(
    "limit", ["0", "101", "-1", "", "two", "1.5", "00000000999", f"00000001{'0' * 5000}", "١"]
)
def test_an_invalid_limit_is_refused(client: FlaskClient, limit: str) -> None:
    assert problem(client.get("/api/v1/results", query_string={"limit": limit}))["status"] == 400


def test_an_invalid_cursor_is_refused(client: FlaskClient) -> None:
    posted(client)
    assert problem(client.get("/api/v1/results?cursor=quack"))["status"] == 400


def test_unknown_parameters_are_ignored(client: FlaskClient) -> None:
    body = posted(client)
    assert client.get(f"{body['links']['self']}?quack=1").json == body
    assert client.get("/api/v1/results?quack=1").json == client.get("/api/v1/results").json


def test_a_deleted_result_is_gone(client: FlaskClient) -> None:
    body = posted(client)
    response = client.delete(body["links"]["self"])
    assert (response.status_code, response.data) == (204, b"")
    assert "Content-Type" not in response.headers
    assert {client.get(link).status_code for link in body["links"].values()} == {404}
    assert problem(client.delete(body["links"]["self"]))["status"] == 404


def test_another_visitor_can_read_but_neither_delete_nor_judge(
    app: Flask, client: FlaskClient
) -> None:
    body = posted(client)
    url = body["links"]["self"]
    other = app.test_client()
    posted(other, 1)
    for visitor in (other, app.test_client()):
        assert problem(visitor.delete(url))["status"] == 404
        judged = visitor.put(f"{url}/judgement", json={"right": True})
        assert problem(judged)["status"] == 404
        assert visitor.get(url).json == body


def test_the_last_judgement_counts(client: FlaskClient) -> None:
    url = posted(client)["links"]["self"]
    for right in (True, False):
        response = client.put(f"{url}/judgement", json={"right": right})
        assert (response.status_code, response.data) == (204, b"")
        assert client.get(url).json == posted(client) | {"judged_right": right}


@pytest.mark.parametrize(
    "body", ["", "{}", "[]", "null", '{"right": "yes"}', '{"right": 1}', '{"right": null}', "\xff"]
)
def test_an_invalid_judgement_is_refused(client: FlaskClient, body: str) -> None:
    url = posted(client)["links"]["self"]
    response = client.put(f"{url}/judgement", data=body.encode("latin-1"))
    assert problem(response)["status"] == 400
    assert client.get(url).json == posted(client)


# HEAD, OPTIONS and 405


def test_head_is_get_without_the_body(client: FlaskClient) -> None:
    for url in (posted(client)["links"]["self"], "/api/v1/results", "/api/openapi.json"):
        got, head = client.get(url), client.head(url)
        assert (head.status_code, head.data) == (200, b"")
        for name in ("Content-Type", "Content-Length", "Cache-Control", "ETag"):
            assert head.headers.get(name) == got.headers.get(name)


@pytest.mark.parametrize(
    ("url", "wrong", "allowed"),
    [
        ("/api/v1/pictures", "GET", {"POST", "OPTIONS"}),
        ("/api/v1/frames", "PUT", {"POST", "OPTIONS"}),
        ("/api/v1/results", "POST", {"GET", "HEAD", "DELETE", "OPTIONS"}),
        ("/api/v1/results/x", "PATCH", {"GET", "HEAD", "DELETE", "OPTIONS"}),
        ("/api/v1/results/x/judgement", "DELETE", {"PUT", "OPTIONS"}),
        ("/api/openapi.json", "POST", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_options_and_405_list_the_allowed_methods(
    client: FlaskClient, url: str, wrong: str, allowed: set[str]
) -> None:
    options, refused = client.options(url), client.open(url, method=wrong)
    assert (options.status_code, options.data) == (200, b"")
    assert problem(refused)["status"] == 405
    for response in (options, refused):
        assert set(response.headers["Allow"].split(", ")) == allowed


# Filters, and the deletion of everything


def test_the_list_can_be_filtered_by_answer(client: FlaskClient, detector: FakeDetector) -> None:
    yes = [posted(client, number)["id"] for number in range(3)]
    detector.answer = [Label("Bird", 99.0)]
    no = posted(client, 3)["id"]
    assert listed(client, "found=false") == [no]
    first = client.get("/api/v1/results?found=true&limit=2").json
    assert first is not None
    second = client.get(first["links"]["next"]).json
    assert second is not None
    pages = [[result["id"] for result in page["results"]] for page in (first, second)]
    assert pages == [yes[:0:-1], yes[:1]]
    assert problem(client.get("/api/v1/results?found=maybe"))["status"] == 400


def listed(client: FlaskClient, query: str = "") -> list[str]:
    body = client.get(f"/api/v1/results?{query}").json
    assert body is not None
    return [result["id"] for result in body["results"]]


def test_all_results_are_deleted_only_with_a_confirmation(app: Flask, client: FlaskClient) -> None:
    bodies = [posted(client, number) for number in range(3)]
    stranger = app.test_client()
    foreign = posted(stranger, 9)["id"]
    for query in ("", "?confirm=", "?confirm=yes"):
        assert "confirm=results" in problem(client.delete(f"/api/v1/results{query}"))["detail"]
    assert len(listed(client)) == 3
    assert client.delete("/api/v1/results?confirm=results").json == {"deleted": 3}
    links = [link for body in bodies for link in body["links"].values()]
    assert {client.get(link).status_code for link in links} == {404}
    assert client.delete("/api/v1/results?confirm=results").json == {"deleted": 0}
    assert listed(stranger) == [foreign]


def test_nobody_deletes_nothing(app: Flask, client: FlaskClient) -> None:
    posted(client)
    nobody = app.test_client()
    assert nobody.delete("/api/v1/results?confirm=everything").json == {"deleted": 0}
    assert len(listed(client)) == 1
