"""Several questions on one site: each with its rule, texts, samples, statistics and history."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from composition import build_pipeline
from rubberduck.core.errors import InvalidQuestion
from rubberduck.core.models import Label
from rubberduck.core.question_file import load_question, load_questions
from rubberduck.core.rules import RUBBER_DUCK, judge
from rubberduck.core.settings import DEFAULT_QUESTIONS, ROOT, Settings
from rubberduck.services.pipeline import Offer, Pipeline
from tests.support.fake_detector import FakeDetector
from tests.support.pictures import corners, encoded, form
from tests.support.visitor import visible_text

REAL = load_question(ROOT / "questions" / "real-duck.toml")
REAL_DUCK = [Label("Duck", 61.0), Label("Bird", 61.0), Label("Toy", 18.0)]


@pytest.fixture
def pipeline(pipeline: Pipeline) -> Pipeline:
    offers = {"rubber-duck": Offer(RUBBER_DUCK, None), "real-duck": Offer(REAL, None)}
    return replace(pipeline, offers=offers)


def upload(client: FlaskClient, query: str = "", number: int = 0) -> str:
    """Return the path of a result."""
    response = client.post(f"/{query}", **form(encoded(corners(160 + number, 120))))
    assert response.status_code == 303, response.text
    return response.location


def post(client: FlaskClient, query: str = "", **headers: str) -> Any:
    return client.post(f"/api/v1/pictures{query}", **form(encoded()), headers=headers)


@pytest.mark.parametrize(
    ("labels", "answer", "missing"),
    [
        pytest.param(REAL_DUCK, True, (), id="a live duck"),
        pytest.param([Label("Duck", 99.0), Label("Toy", 98.0)], False, ("no toy",), id="a toy"),
        pytest.param([Label("Toy", 98.0)], False, ("a duck", "no toy"), id="a toy, no duck"),
        pytest.param([], False, ("a duck",), id="nothing"),
    ],
)
def test_a_rule_can_exclude_labels(
    labels: list[Label], answer: bool, missing: tuple[str, ...]
) -> None:
    verdict = judge(REAL, labels)
    assert (verdict.found, verdict.unmatched_groups) == (answer, missing)


def test_the_same_picture_has_an_answer_for_each_question(
    client: FlaskClient, detector: FakeDetector
) -> None:
    detector.answer = REAL_DUCK
    rubber, real = upload(client), upload(client, "?question=real-duck")
    assert rubber != real
    assert RUBBER_DUCK.no in client.get(rubber).text
    page = visible_text(client.get(real).text)
    assert REAL.yes in page
    assert REAL.title in page
    assert (upload(client), upload(client, "?question=real-duck")) == (rubber, real)
    assert detector.calls == 2


def test_a_result_is_rejudged_by_its_own_rule(client: FlaskClient, detector: FakeDetector) -> None:
    detector.answer = REAL_DUCK
    real = upload(client, "?question=real-duck")
    assert REAL.no in client.get(f"{real}?min=70").text
    body = client.get(f"/api/v1/results/{real.rpartition('/')[2]}?min=10").json
    assert body is not None
    assert (body["found"], body["missing"]) == (False, ["no toy"])
    assert body["remark"] == "That is a rubber duck."


def test_the_page_of_a_question_sends_pictures_to_it(client: FlaskClient) -> None:
    page = client.get("/?question=real-duck").text
    assert f"<h1>{REAL.title}</h1>" in page
    for place in (
        'action="/?question=real-duck"',
        'data-api="/api/v1/pictures?question=real-duck"',
    ):
        assert place in page
    assert "question=" not in client.get("/").text.replace("/?question=real-duck", "")
    assert (
        'data-frames="/api/v1/frames?question=real-duck"'
        in client.get("/camera?question=real-duck").text
    )


def test_the_first_page_says_what_each_question_needs(client: FlaskClient) -> None:
    page = visible_text(client.get("/").text)
    assert f"{REAL.title} answered on this server" in page


def test_without_a_choice_no_question_is_offered(settings: Settings, pipeline: Pipeline) -> None:
    alone = replace(pipeline, offers={"rubber-duck": Offer(RUBBER_DUCK, None)})
    client = create_app(settings, pipeline=alone).test_client()
    assert 'class="questions"' not in client.get("/").text


@pytest.mark.parametrize("key", ["", "quack", "../real-duck", "a%00b"])
def test_an_unknown_question_is_told_so(client: FlaskClient, key: str) -> None:
    words = "“question” may be: rubber-duck, real-duck."
    for path in ("/", "/mine", "/statistics"):
        page = client.get(f"{path}?question={key}")
        assert (page.status_code, words in page.text) == (400, True)
    response = post(client, f"?question={key}")
    assert response.status_code == 400
    assert response.json["type"].endswith("#no-such-question")
    assert words in response.json["detail"]


def test_statistics_and_lists_are_by_question(client: FlaskClient, detector: FakeDetector) -> None:
    detector.answer = REAL_DUCK
    rubber = upload(client)
    real = [upload(client, "?question=real-duck", number) for number in range(2)]
    counts = [
        visible_text(client.get(f"/statistics{query}").text).partition("checked ")[2].split()[0]
        for query in ("", "?question=rubber-duck", "?question=real-duck")
    ]
    assert counts == ["1", "1", "2"]
    listed = client.get("/mine?question=rubber-duck").text
    assert (rubber in listed, real[0] in listed) == (True, False)
    everything = client.get("/mine").text
    assert [path in everything for path in (rubber, *real)] == [True] * 3
    body = client.get("/api/v1/results?question=real-duck&limit=1").json
    assert body is not None
    assert body["results"][0]["question"] == REAL.title
    assert "question=real-duck" in body["links"]["next"]


def test_an_idempotency_key_belongs_to_a_picture_and_a_question(client: FlaskClient) -> None:
    client.get("/")
    key = {"Idempotency-Key": "1"}
    assert post(client, "", **key).status_code == 201
    again = post(client, "?question=real-duck", **key)
    assert again.status_code == 422
    assert "picture or question" in again.json["detail"]


def test_a_camera_frame_is_asked_the_question(client: FlaskClient, detector: FakeDetector) -> None:
    detector.answer = REAL_DUCK
    answers = [
        client.post(f"/api/v1/frames{query}", **form(encoded())).json
        for query in ("", "?question=real-duck")
    ]
    assert [answer and answer["found"] for answer in answers] == [False, True]


def test_each_question_has_its_samples(client: FlaskClient, detector: FakeDetector) -> None:
    detector.answer = REAL_DUCK
    assert "/sample/real?question=real-duck" in client.get("/?question=real-duck").text
    assert REAL.yes in client.get("/sample/real?question=real-duck").text
    assert RUBBER_DUCK.no in client.get("/sample/real").text


def test_the_document_lists_the_questions(client: FlaskClient) -> None:
    document = client.get("/api/openapi.json").json
    assert document is not None
    parameters = document["paths"]["/pictures"]["post"]["parameters"]
    question = next(item for item in parameters if item["name"] == "question")
    assert question["schema"]["enum"] == ["rubber-duck", "real-duck"]


# Composition


def test_both_embedded_questions_are_offered_without_settings(settings: Settings) -> None:
    pipeline = build_pipeline(settings)
    assert pipeline.question.title == RUBBER_DUCK.title
    assert list(pipeline.offers) == ["rubber-duck", "real-duck"]


def test_a_question_of_ones_own_stands_alone_or_first(settings: Settings) -> None:
    own = ROOT / "questions" / "real-duck.toml"
    alone = settings.model_copy(update={"question": own})
    assert list(build_pipeline(alone).offers) == ["real-duck"]
    more = alone.model_copy(update={"questions": DEFAULT_QUESTIONS})
    assert list(build_pipeline(more).offers) == ["real-duck", "rubber-duck"]


def test_a_question_that_the_embedded_detector_cannot_answer_stops_the_start(
    settings: Settings,
) -> None:
    files = (*DEFAULT_QUESTIONS, ROOT / "questions" / "cat.toml")
    offering = settings.model_copy(update={"questions": files})
    with pytest.raises(InvalidQuestion, match=r"DUCK_QUESTIONS \(cat\) asks for labels"):
        build_pipeline(offering)


def test_two_questions_with_one_title_are_refused(tmp_path: Path) -> None:
    copy = tmp_path / "copy.toml"
    copy.write_text((ROOT / "questions" / "real-duck.toml").read_text())
    with pytest.raises(InvalidQuestion, match="the name or the title of another question"):
        load_questions([*DEFAULT_QUESTIONS, copy])


def test_a_rule_that_only_excludes_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "nothing.toml"
    file.write_text('title = "Nothing?"\n[[groups]]\nname = "no toy"\nnone_of = ["Toy"]\n')
    with pytest.raises(InvalidQuestion, match="what is to be seen"):
        load_question(file)


def test_many_pictures_are_asked_the_question_of_the_page(client: FlaskClient) -> None:
    assert 'href="/many?question=real-duck"' in client.get("/?question=real-duck").text
    page = client.get("/many?question=real-duck").text
    assert 'data-api="/api/v1/pictures?question=real-duck"' in page
    assert 'data-api="/api/v1/pictures"' in client.get("/many").text
