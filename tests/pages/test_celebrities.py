"""Celebrities in a picture: told before, agreed to, answered by Amazon, and kept nowhere."""

import json
import re
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import func, select
from werkzeug.datastructures import FileStorage

from rubberduck.billing.spending import read_spending
from rubberduck.db.tables import metadata
from rubberduck.services.pipeline import Pipeline
from tests.support.custom_labels import FakeCustomLabels
from tests.support.custom_labels.celebrities import celebrity, face
from tests.support.pictures import encoded
from tests.support.visitor import Visit, visible_text

GREY = (120, 120, 120)
OPERATION = "RecognizeCelebrities"


def photo() -> bytes:
    return encoded(Image.new("RGB", (800, 600), GREY))


@pytest.fixture
def client(visit: Visit) -> FlaskClient:
    return visit(celebrities=True)


def send(client: FlaskClient, **fields: Any) -> Any:
    picture = FileStorage(BytesIO(photo()), "gala.jpg")
    return client.post("/celebrities", data={"picture": picture, "agree": "1", **fields})


def test_a_visitor_is_told_agrees_and_sees_who_it_is(
    client: FlaskClient, custom_labels: FakeCustomLabels
) -> None:
    assert 'href="/celebrities"' in client.get("/").text
    told = visible_text(client.get("/celebrities").text)
    assert "the picture is sent to Amazon" in told
    assert "This site keeps neither the picture nor the answer." in told
    ada = celebrity("Ada <b>L.</b>", 0.1, "www.imdb.com/name/nm0")
    custom_labels.celebrities.seen = [ada, celebrity("Bob", 0.4, confidence=61.2)]
    custom_labels.celebrities.unknown = [face(0.75)]
    answer = send(client)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert (
        '<a href="https://www.imdb.com/name/nm0" rel="noopener noreferrer nofollow">' in answer.text
    )
    assert "Ada &lt;b&gt;L.&lt;/b&gt;" in answer.text
    text = visible_text(answer.text)
    assert "2 celebrities" in text
    assert "98%" in text
    assert "Bob 61%" in text
    assert "1 face belongs to nobody whom Amazon knows. It is not marked." in text


def test_boxes_are_drawn_at_celebrities_and_not_at_others(
    client: FlaskClient, custom_labels: FakeCustomLabels
) -> None:
    custom_labels.celebrities.seen = [celebrity("Ada Lovelace", 0.1)]
    custom_labels.celebrities.unknown = [face(0.75)]
    marked = picture_in(send(client).text)
    assert marked.size == (800, 600)
    # Faces are 0.12 wide from 0.4 down, of a picture of 800 x 600.
    inside = marked.crop((80 + 8, 240 + 8, 80 + 96 - 8, 240 + 93 - 8))
    assert is_grey(inside)  # neither line nor text covers the face
    assert not is_grey(marked.crop((70, 180, 190, 350)))
    assert is_grey(marked.crop((590, 100, 790, 590)))


def picture_in(page: str) -> Image.Image:
    found = re.search(r'src="data:image/jpeg;base64,([^"]+)"', page)
    assert found
    return Image.open(BytesIO(b64decode(found[1])))


def is_grey(image: Image.Image) -> bool:
    return all(low >= 100 and high <= 140 for low, high in image.getextrema())  # type: ignore[misc]


def test_nothing_is_sent_without_consent(
    client: FlaskClient, custom_labels: FakeCustomLabels
) -> None:
    refused = send(client, agree="")
    assert refused.status_code == 400
    assert "Tick the box above the button" in refused.text
    assert client.post("/api/v1/celebrities", data=photo()).status_code == 400
    assert custom_labels.calls[OPERATION] == 0


def test_nothing_is_kept(
    client: FlaskClient, custom_labels: FakeCustomLabels, tmp_path: Path
) -> None:
    def rows() -> dict[str, int]:
        site: Pipeline = client.application.extensions["pipeline"]
        with site.results.database.transaction() as connection:
            tables = metadata.sorted_tables
            return {
                table.name: connection.scalar(select(func.count()).select_from(table)) or 0
                for table in tables
            }

    custom_labels.celebrities.seen = [celebrity("Ada", 0.1)]
    client.get("/")
    before = rows()
    assert send(client).status_code == 200
    changed = {name for name, number in rows().items() if number != before[name]}
    assert changed <= {"calls", "ledger_totals"}
    assert list((tmp_path / "uploads").rglob("*.jpg")) == []


def test_calls_count_in_the_budget_and_refusals_do_not(
    visit: Visit, custom_labels: FakeCustomLabels
) -> None:
    client = visit(celebrities=True, daily_calls=1)
    custom_labels.faults.order(OPERATION, "InvalidImageFormatException")
    assert send(client).status_code == 422
    assert send(client).status_code == 200
    spent = send(client)
    assert spent.status_code == 503
    assert "Today&#39;s budget is used up" in spent.text
    site: Pipeline = client.application.extensions["pipeline"]
    (spending,) = read_spending(site.results.database, {}, 1, 100)
    assert (spending.today.calls, spending.today.dollars) == (1, 0.001)
    assert custom_labels.celebrities.billed == 1


def test_an_outage_is_said_at_once_after_five_failures(
    client: FlaskClient, custom_labels: FakeCustomLabels
) -> None:
    custom_labels.faults.denied.add(OPERATION)
    for _ in range(5):
        assert send(client).status_code == 503
    asked = custom_labels.calls[OPERATION]
    refused = send(client)
    assert refused.status_code == 503
    assert "Amazon Rekognition is unavailable." in refused.text
    assert custom_labels.calls[OPERATION] == asked


@pytest.mark.parametrize("changes", [{}, {"celebrities": True, "engine": "local"}])
def test_elsewhere_the_page_says_that_only_amazon_can_do_it(
    visit: Visit, custom_labels: FakeCustomLabels, changes: dict[str, Any]
) -> None:
    client = visit(**changes)
    page = client.get("/celebrities").text
    assert "Only Amazon Rekognition can recognise celebrities" in page
    assert "<form" not in page.partition("<main")[2].partition("</main>")[0]
    assert 'href="/celebrities"' not in client.get("/").text
    assert send(client).status_code == 409
    refused = client.post("/api/v1/celebrities?agree=true", data=photo())
    assert (refused.status_code, (refused.json or {})["type"][-15:]) == (409, "celebrities-off")


def test_programs_get_the_same_as_json(
    client: FlaskClient, custom_labels: FakeCustomLabels
) -> None:
    custom_labels.celebrities.seen = [celebrity("Ada", 0.1, "www.imdb.com/name/nm0")]
    custom_labels.celebrities.unknown = [face(0.5)]
    answer = client.post("/api/v1/celebrities?agree=true", data=photo())
    assert answer.status_code == 200
    body = answer.json or {}
    assert (body["unknown_faces"], body["width"], body["height"]) == (1, 800, 600)
    (ada,) = body["celebrities"]
    assert ada["urls"] == ["https://www.imdb.com/name/nm0"]
    assert ada["box"]["left"] == 0.1


def test_at_the_terminal(
    client: FlaskClient, custom_labels: FakeCustomLabels, tmp_path: Path
) -> None:
    custom_labels.celebrities.seen = [celebrity("Ada", 0.1, "www.imdb.com/name/nm0")]
    (file := tmp_path / "gala.jpg").write_bytes(photo())
    run = client.application.test_cli_runner().invoke
    unsure = run(args=["celebrities", str(file)])
    assert unsure.exit_code == 2
    assert "called once, for about $0.001. Add --yes" in unsure.output
    said = run(args=["celebrities", str(file), "--yes", "--marked", str(tmp_path / "named.jpg")])
    assert said.output == "Ada, 98%  https://www.imdb.com/name/nm0\nunknown faces: 0\n"
    with Image.open(tmp_path / "named.jpg") as named:
        assert named.size == (800, 600)
    as_json = json.loads(run(args=["celebrities", "--json", "--yes", str(file)]).output)
    assert as_json["celebrities"][0]["name"] == "Ada"
    again = run(args=["celebrities", str(file), "--yes", "--marked", str(tmp_path / "named.jpg")])
    assert "exists already" in again.output
    checked = run(args=["check"]).output
    assert "ok     celebrities in pictures" in checked


def test_privacy_tells_of_celebrities(client: FlaskClient) -> None:
    assert "On the page “Celebrities”, and only if you agree" in client.get("/privacy").text
