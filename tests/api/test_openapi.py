"""The API's description: valid, whole, and to be read by people too."""

from html import unescape
from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from rubberduck.api.openapi.operations import ERRORS
from rubberduck.core.errors import DuckError
from rubberduck.web.problem_details import PROBLEMS
from tests.support.pictures import encoded, form
from tests.support.visitor import visible_text
from translations.collect import errors

IMPLIED = {"HEAD", "OPTIONS"}  # by GET, and by every address


@pytest.fixture
def described(client: FlaskClient) -> dict[str, Any]:
    return cast(dict[str, Any], client.get("/api/openapi.json").json)


def operations(described: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """By method and address."""
    base = described["servers"][0]["url"]
    return {
        (method.upper(), base + path): operation
        for path, item in described["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }


def test_the_document_is_valid(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1")
    validate(described, cls=OpenAPIV31SpecValidator)


def test_every_route_is_described_with_its_methods(app: Flask, described: dict[str, Any]) -> None:
    routes = {
        (method, rule.rule.replace("<", "{").replace(">", "}"))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1")
        for method in (rule.methods or set()) - IMPLIED
    }
    assert set(operations(described)) == routes


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    for reference in references(described):
        place: Any = described
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def references(part: Any) -> list[str]:
    if isinstance(part, list):
        return [each for one in part for each in references(one)]
    if not isinstance(part, dict):
        return []
    own = [part["$ref"]] if "$ref" in part else []
    return own + [each for one in part.values() for each in references(one)]


def test_the_schemas_are_the_answers_fields(client: FlaskClient, described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    result = client.post("/api/v1/pictures", **form(encoded())).json
    some = client.get("/api/v1/results").json
    problem = client.get("/api/v1/nowhere").json
    for name, body in (("ResultBody", result), ("ListBody", some), ("ProblemBody", problem)):
        assert body is not None
        assert set(schemas[name]["properties"]) == set(schemas[name]["required"]) == set(body)
    assert set(schemas["ResultBody"]["examples"][0]) == set(result or {})


def test_who_has_the_document_gets_a_304(client: FlaskClient) -> None:
    first = client.get("/api/openapi.json")
    assert first.mimetype == "application/json"
    again = client.get("/api/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_the_page_tells_every_operation(client: FlaskClient, described: dict[str, Any]) -> None:
    page = client.get("/api").text
    text = unescape(visible_text(page))
    for (method, address), operation in operations(described).items():
        assert f'id="{operation["operationId"]}"' in page
        assert f"{operation['summary']} {method} {address} {operation['description']}" in text
        for parameter in operation.get("parameters", []):
            assert parameter["description"] in text
        assert f"curl {operation['x-curl']}".strip() in text


def test_every_anchor_of_the_page_is_there(client: FlaskClient, described: dict[str, Any]) -> None:
    page = client.get("/api").text
    anchors = {part.partition('"')[0] for part in page.split('href="#')[1:]}
    assert {f'id="{anchor}"' in page for anchor in anchors} == {True}
    assert set(described["components"]["schemas"]) <= {*anchors, "ProblemBody", "ListBody"}


def test_a_problems_type_leads_to_the_page(client: FlaskClient) -> None:
    problem = client.post("/api/v1/pictures", **form(b"quack")).json
    assert problem is not None
    address, _, anchor = problem["type"].partition("#")
    assert f'id="{anchor}"' in client.get(address).text


def test_pages_of_other_sites_read_nothing(client: FlaskClient) -> None:
    foreign = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    for answer in (
        client.options("/api/v1/pictures", headers=foreign),
        client.get("/api/v1/results", headers=foreign),
        client.get("/api/openapi.json", headers=foreign),
    ):
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_every_problem_can_be_looked_up(client: FlaskClient) -> None:
    """What `type` of a problem leads to is there to read."""
    page = client.get("/api").text
    told = {problem.slug for problem in PROBLEMS.values()} | {error.slug for error in ERRORS}
    for error in errors():
        assert error is DuckError or error.slug in told
    for name in told:
        assert f'id="{name}"' in page
