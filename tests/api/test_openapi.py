"""The OpenAPI document and the page /api: valid, complete, and in agreement with the API."""

import json
import re
import shlex
import subprocess
from html import unescape
from pathlib import Path
from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from rubberduck.core.errors import DuckError
from rubberduck.web.problem_details import PROBLEMS
from tests.support.pictures import encoded, form
from tests.support.server import Site
from tests.support.visitor import visible_text
from translations.collect import errors

IMPLICIT_METHODS = {"HEAD", "OPTIONS"}  # Flask adds them to every route


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    return cast(dict[str, Any], client.get("/api/openapi.json").json)


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the operations by method and path."""
    base = document["servers"][0]["url"]
    return {
        (method.upper(), base + path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document, cls=OpenAPIV31SpecValidator)
    # Pydantic's words for limits, where it finds no keyword of JSON Schema for them.
    assert not re.search(r'"(ge|gt|le|lt|multiple_of)":', json.dumps(document))


def test_each_schema_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    # pydantic 2 names two classes of one name by their modules, such as rubberduck__api__…
    assert [name for name in document["components"]["schemas"] if "__" in name] == []


def test_every_route_is_documented_with_its_methods(app: Flask, document: dict[str, Any]) -> None:
    routes = {
        (method, rule.rule.replace("<int:", "{").replace("<", "{").replace(">", "}"))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1")
        for method in (rule.methods or set()) - IMPLICIT_METHODS
    }
    assert set(operations(document)) == routes


def test_every_reference_can_be_resolved(document: dict[str, Any]) -> None:
    for reference in references(document):
        target: Any = document
        for key in reference.removeprefix("#/").split("/"):
            target = target[key]


def references(part: Any) -> list[str]:
    if isinstance(part, list):
        return [reference for item in part for reference in references(item)]
    if not isinstance(part, dict):
        return []
    own = [part["$ref"]] if "$ref" in part else []
    return own + [reference for item in part.values() for reference in references(item)]


def test_the_schemas_have_the_fields_of_the_responses(
    client: FlaskClient, document: dict[str, Any]
) -> None:
    schemas = document["components"]["schemas"]
    created = client.post("/api/v1/pictures", **form(encoded())).json
    assert created is not None
    result = client.get(created["links"]["self"]).json
    results = client.get("/api/v1/results").json
    problem = client.get("/api/v1/nowhere").json
    for name, body in (
        ("CreatedBody", created),
        ("ResultBody", result),
        ("ListBody", results),
        ("ProblemBody", problem),
    ):
        assert body is not None
        assert set(schemas[name]["properties"]) == set(schemas[name]["required"]) == set(body)
    assert set(schemas["ResultBody"]["examples"][0]) == set(result or {})


def test_the_documented_command_for_a_raw_body_works(
    site: Site, duck: Path, document: dict[str, Any]
) -> None:
    upload = document["paths"]["/pictures"]["post"]
    assert set(upload["requestBody"]["content"]) == {"multipart/form-data", "image/*"}
    [command] = re.findall(r"`(curl [^`]+)`", upload["description"])
    words = shlex.split(command.replace("@photo.jpg", f"@{duck}"))
    done = subprocess.run(
        [*words, "-sS", f"{site.url}/api/v1/pictures"], capture_output=True, check=True
    )
    assert json.loads(done.stdout)["found"]


def test_an_unchanged_document_is_a_304(client: FlaskClient) -> None:
    first = client.get("/api/openapi.json")
    assert first.mimetype == "application/json"
    again = client.get("/api/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_the_page_documents_every_operation(client: FlaskClient, document: dict[str, Any]) -> None:
    page = client.get("/api").text
    text = unescape(visible_text(page))
    for (method, path), operation in operations(document).items():
        assert f'id="{operation["operationId"]}"' in page
        assert f"{operation['summary']} {method} {path}" in text
        for words in operation["description"].split("`"):  # the page shows these as code
            assert words.strip() in text
        for parameter in operation.get("parameters", []):
            assert parameter["description"] in text
        for sample in operation["x-codeSamples"]:
            assert " ".join(sample["source"].split()) in text


def test_the_page_shows_a_list_of_fixed_length(
    client: FlaskClient, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """JSON Schema 2020-12 has the types of a tuple in prefixItems, without items."""
    pair = {"type": "array", "prefixItems": [{"type": "number"}, {"type": "string"}]}
    schema = {"description": "A pair.", "properties": {"pair": pair}}
    document["components"]["schemas"]["PairBody"] = schema
    monkeypatch.setattr("rubberduck.api.openapi.document.document", lambda: document)
    assert "pair [number, string]" in visible_text(client.get("/api").text)


def test_every_anchor_link_of_the_page_has_a_target(
    client: FlaskClient, document: dict[str, Any]
) -> None:
    page = client.get("/api").text
    anchors = {part.partition('"')[0] for part in page.split('href="#')[1:]}
    assert {f'id="{anchor}"' in page for anchor in anchors} == {True}
    assert set(document["components"]["schemas"]) <= {*anchors, "ProblemBody", "ListBody"}


def test_the_type_of_a_problem_is_an_anchor_of_the_page(client: FlaskClient) -> None:
    problem = client.post("/api/v1/pictures", **form(b"quack")).json
    assert problem is not None
    path, _, anchor = problem["type"].partition("#")
    assert f'id="{anchor}"' in client.get(path).text


def test_other_origins_get_no_cors_headers(client: FlaskClient) -> None:
    foreign = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    for response in (
        client.options("/api/v1/pictures", headers=foreign),
        client.get("/api/v1/results", headers=foreign),
        client.get("/api/openapi.json", headers=foreign),
    ):
        assert not [name for name, _ in response.headers if name.startswith("Access-Control")]


def test_every_error_is_documented(client: FlaskClient, document: dict[str, Any]) -> None:
    """The document has an example of it, and the page has the anchor its `type` leads to."""
    documented = set(document["components"]["examples"])
    raised = {error.slug for error in errors() if error is not DuckError}
    assert documented == raised | {problem.slug for problem in PROBLEMS.values()}
    page = client.get("/api").text
    for name in documented:
        assert f'id="{name}"' in page
