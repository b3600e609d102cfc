"""Thousands of requests, made up by Schemathesis from the API's description: no surprises."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import strategies as st
from schemathesis.checks import CHECKS
from schemathesis.engine import from_schema
from schemathesis.engine.events import EngineEvent, FatalError, NonFatalError, ScenarioFinished

from rubberduck.core.settings import Settings
from tests.support.pictures import corners, encoded, form

PARTS = 2  # for as many processes
CASES = 1_000  # in each part
EACH = 180  # tries of each operation, with good and with bad data
SECONDS = 10.0  # for one answer, on a busy machine

PICTURES = [
    *(encoded(corners(100 + number, 100), quality=60) for number in range(12)),
    encoded(format="PNG"),
    encoded(format="WEBP"),
]
REFUSED = {
    b"quack": 415,
    encoded()[:700]: 422,
    encoded(corners(60, 90)): 422,
    bytes(40_000): 413,
}
# What the description cannot say is which bytes are a picture; `pictures_are_told_apart` can.
GOOD_DATA = {"expected-statuses": ["2xx", 413, 415, 422]}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"max_bytes": 30_000})


@schemathesis.check
def pictures_are_told_apart(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    if case.meta is None or not case.meta.generation.mode.is_positive or case.method != "POST":
        return
    body: Any = case.body
    if response.status_code == 422 and response.json()["type"].endswith("#key-reused"):
        return  # the same Idempotency-Key was made up for two pictures
    expected = REFUSED.get(bytes(body["picture"]), 201 if case.path == "/pictures" else 200)
    assert response.status_code == expected


def with_history(app: Flask) -> tuple[str, list[str]]:
    """A visitor's cookie, and places in the list of what they asked."""
    client = app.test_client()
    for picture in PICTURES[:5]:
        client.post("/api/v1/pictures", **form(picture))
    lists = [client.get(f"/api/v1/results?limit={limit}").json for limit in range(1, 5)]
    cookie = client.get_cookie("session")
    assert cookie
    return cookie.value, [each["links"]["next"].partition("cursor=")[2] for each in lists if each]


def tried(app: Flask, seed: int) -> Iterator[EngineEvent]:
    cookie, cursors = with_history(app)
    schemathesis.openapi.media_type("image/*", st.sampled_from([*PICTURES, *REFUSED]))
    schemathesis.openapi.format("cursor", st.sampled_from(cursors))
    schemathesis.openapi.format("etag", st.sampled_from(["*", '"quack"', 'W/"quack"']))
    config: dict[str, Any] = {
        "seed": seed,
        "generation": {"max-examples": EACH, "database": "none"},
        "auth": {"openapi": {"session": {"api_key": cookie}}},
        "checks": {"max_response_time": SECONDS},
        "operations": [
            {"include-method": "POST", "checks": {"positive_data_acceptance": GOOD_DATA}}
        ],
    }
    schema = schemathesis.openapi.from_wsgi(
        "/api/openapi.json", app, config=schemathesis.Config.from_dict(config)
    )
    yield from from_schema(schema).execute()


@pytest.mark.parametrize("seed", range(PARTS))
def test_the_api_is_what_its_description_says(app: Flask, seed: int) -> None:
    answers: Counter[tuple[str, int]] = Counter()
    checks: set[str] = set()
    failures: list[str] = []
    for event in tried(app, seed):
        if isinstance(event, NonFatalError | FatalError):
            failures.append(str(event))
        if not isinstance(event, ScenarioFinished):
            continue
        for id, interaction in event.recorder.interactions.items():
            assert interaction.response
            case = event.recorder.cases[id].value
            answers[f"{case.operation.label}", interaction.response.status_code] += 1
        for check in (each for some in event.recorder.checks.values() for each in some):
            checks.add(check.name)
            if check.failure_info:
                failures.append(f"{check.failure_info.failure}\n{check.failure_info.code_sample}")
    assert failures == []
    assert answers.total() >= CASES
    assert {
        ("POST /pictures", 201),
        ("POST /pictures", 413),
        ("POST /pictures", 415),
        ("POST /pictures", 422),
        ("POST /frames", 200),
        ("GET /results", 200),
        ("GET /results/{id}", 200),
        ("GET /results/{id}", 304),
        ("PUT /results/{id}/judgement", 204),
        ("DELETE /results/{id}", 204),
    } <= set(answers)
    # Nothing here demands credentials, so there is none to be ignored.
    assert set(CHECKS.get_all_names()) - checks == {"ignored_auth"}
