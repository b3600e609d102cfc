"""The page of many pictures tells of the budget before anything is sent."""

import hashlib

import pytest
from flask.testing import FlaskClient

from deploy import bundle
from rubberduck.core.settings import ROOT
from rubberduck.pages.many import MAX_PICTURES
from tests.support.pictures import form, tiny
from tests.support.rekognition_endpoint import RekognitionEndpoint
from tests.support.visitor import Visit


def test_free_answers_have_no_budget(client: FlaskClient) -> None:
    page = client.get("/many")
    assert 'data-left=""' in page.text
    assert "left today" not in page.text
    assert page.headers["Cache-Control"] == "private, no-store"


@pytest.mark.enable_socket
def test_it_tells_what_is_left_today(visit: Visit, eyes: RekognitionEndpoint) -> None:
    client = visit(daily_calls=5, monthly_calls=100)
    assert "5 answers by Amazon Rekognition are left today." in client.get("/many").text
    for number in range(4):
        client.post("/", **form(tiny(number)))
    page = client.get("/many").text
    assert 'data-left="1"' in page
    assert "1 answer by Amazon Rekognition is left today." in page
    assert "After that, the embedded detector answers." in page


@pytest.mark.enable_socket
def test_the_months_budget_counts_too(visit: Visit, eyes: RekognitionEndpoint) -> None:
    client = visit(daily_calls=50, monthly_calls=3)
    assert "3 answers by Amazon Rekognition are left today." in client.get("/many").text


def test_page_and_script_take_as_many() -> None:
    script = (ROOT / "static" / "js" / "batch.js").read_text()
    assert f"MAX_PICTURES = {MAX_PICTURES};" in script


def test_fflate_is_the_published_file_with_its_licence() -> None:
    """`npm pack fflate@0.8.3`: umd/index.js, the smallest of its builds, and LICENSE."""
    file = ROOT / "static" / "vendor" / "fflate" / "fflate.js"
    sha256 = "462ef8041fc970e3615a20a9dd2b2e3047a073b2da729ef4f02b634bba8b7b83"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == sha256
    licence = "static/vendor/fflate/LICENSE"
    assert (ROOT / licence).read_text().startswith("MIT License")
    assert {licence, "static/vendor/fflate/fflate.js"} <= set(bundle.contents(single=False))
