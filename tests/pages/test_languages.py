"""What a German or a Swedish visitor reads beside the words: numbers, money, percentages."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from rubberduck.core.settings import Settings
from rubberduck.custom_models.project_pictures import ProjectPictures
from rubberduck.services.pipeline import Pipeline
from tests.support.custom_labels import FakeCustomLabels
from tests.support.hosting import add_amazon_model, opener_of
from tests.support.objects import draw_project
from tests.support.operators import sign_in
from tests.support.pictures import encoded
from tests.support.trained_projects import QUOTA, add_version, create_project, evaluation_of
from tests.support.visitor import post_picture, visible_text

SPACE = "\N{NO-BREAK SPACE}"
Site = Callable[..., FlaskClient]


@pytest.fixture
def site(settings: Settings, pipeline: Pipeline) -> Site:
    """Opens a site in a language, with other parts of the pipeline where they are given."""

    def open_site(language: str, **parts: Any) -> FlaskClient:
        in_language = settings.model_copy(update={"language": language})
        return create_app(in_language, pipeline=replace(pipeline, **parts)).test_client()

    return open_site


@pytest.mark.parametrize(
    ("language", "pictures", "limit", "figure", "size"),
    [
        ("en", "10,000", "10,000 MB", "0.17", "0.00 MB"),
        ("de", "10.000", "10.000 MB", "0,17", "0,00 MB"),
        ("sv", f"10{SPACE}000", f"10{SPACE}000 MB", "0,17", "0,00 MB"),
    ],
)
def test_numbers_are_written_as_the_language_does(
    site: Site, pipeline: Pipeline, language: str, pictures: str, limit: str, figure: str, size: str
) -> None:
    """In German “10,000 MB” would be ten of them."""
    client, database = site(language), pipeline.results.database
    project = create_project(database, pipeline.storage, draw_project(12))
    store = ProjectPictures(database, pipeline.storage, 10**7, QUOTA)
    ids = [picture.id for picture in store.each(project.id)]
    add_version(database, pipeline.storage, project, evaluation_of(ids, found=2))
    sign_in(client)
    page = client.get(f"/projects/{project.id}").text
    assert pictures in page
    assert limit in page
    page = client.get(f"/projects/{project.id}/models/1").text
    assert figure in page
    assert size in page
    other = "." if language != "en" else ","
    assert f"0{other}17" not in page


@pytest.mark.parametrize(
    ("language", "price", "told"),
    [
        ("en", "about $4.00 an hour", "about $4.00"),
        ("de", f"etwa 4,00{SPACE}$", "etwa $4.00"),
        ("sv", f"cirka 4,00{SPACE}$", "cirka $4.00"),
    ],
)
def test_money_is_written_so_too_and_stays_for_programs(
    site: Site, pipeline: Pipeline, language: str, price: str, told: str
) -> None:
    fake = FakeCustomLabels()
    client = site(language, open_custom_labels=opener_of(fake))
    add_amazon_model(pipeline.results.database, fake, "v1")
    sign_in(client)
    address = "/projects/mugs------------/models"
    assert price in client.get(address).text
    assert client.get(f"/api/v1{address}/1/life").get_json()["dollars_per_hour"] == told


@pytest.mark.parametrize(
    ("language", "score", "threshold"),
    [("en", ">98%<", "99.5%"), ("de", f">98{SPACE}%<", f"99,5{SPACE}%")],
)
def test_percentages_are_written_so_too(
    site: Site, language: str, score: str, threshold: str
) -> None:
    client = site(language)
    where = post_picture(client, encoded()).location
    assert score in client.get(where).text
    rejudged = client.get(f"{where}?min=99.5").text
    assert threshold in rejudged
    assert 'value="99.5"' in rejudged  # of the slider, which is no text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", "ein Rat 2 × Ein Label hat weniger als 10 Bilder."),
        ("sv", "ett råd 2 × En etikett har färre än 10 bilder."),
    ],
)
def test_what_is_wrong_with_a_project_is_said_in_the_language(
    site: Site, pipeline: Pipeline, language: str, words: str
) -> None:
    """The codes are the service's own; commands and programs read English."""
    client = site(language)
    project = create_project(pipeline.results.database, pipeline.storage, draw_project(3))
    sign_in(client)
    page = visible_text(client.get(f"/projects/{project.id}/checks").text)
    assert f"FEW_PICTURES {words}" in page
    told = client.get(f"/api/v1/projects/{project.id}/checks").get_json()
    few = next(each for each in told["findings"] if each["code"] == "FEW_PICTURES")
    assert few["effect"] == "advice"


@pytest.mark.parametrize(
    ("language", "tab"), [("de", "Bilder beschriften"), ("sv", "Märk upp bilder")]
)
def test_the_tab_to_label_pictures_says_what_one_does_there(
    site: Site, pipeline: Pipeline, language: str, tab: str
) -> None:
    client = site(language)
    project = create_project(pipeline.results.database, pipeline.storage, draw_project(1))
    sign_in(client)
    assert f'/projects/{project.id}/label">{tab}</a>' in client.get(f"/projects/{project.id}").text
