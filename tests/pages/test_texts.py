"""Every text of the pages comes from one catalogue, so that a translation is whole."""

import re
from gettext import NullTranslations
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask.testing import FlaskClient

from app import create_app
from rubberduck.core.settings import ROOT, Settings
from rubberduck.services.pipeline import Pipeline
from tests.support.databases import create_database
from tests.support.pictures import corners, encoded, form
from translations import collect
from translations.collect import TEMPLATE, as_po, collected, languages, updated

READ = {"title", "alt", "aria-label", "content", "placeholder"}


def test_the_catalogue_is_up_to_date() -> None:
    """After a change of words: `make texts`."""
    assert TEMPLATE.read_bytes() == as_po(collected(), omit_header=True)


@pytest.mark.parametrize("path", languages(), ids=lambda path: path.parents[1].name)
def test_a_language_is_whole(path: Path) -> None:
    """After a change of words: `make texts`, translate what is empty, `make texts` again."""
    catalog = updated(path)
    assert path.read_bytes() == as_po(catalog)
    assert path.with_suffix(".mo").read_bytes() == collect.compiled(catalog)
    messages = [message for message in catalog if message.id]
    assert len(messages) == len(collected())
    for message in messages:
        originals = message.id if isinstance(message.id, tuple) else (message.id,)
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(strings), f"not translated: {message.id}"
        # Both languages have a singular and a plural, as English has.
        for original, string in zip(originals, strings, strict=True):
            assert marks(str(string)) == marks(str(original)), f"placeholders: {original}"


def marks(text: str) -> list[str]:
    """Return what must be the same in every language: placeholders, tags, code and emoticons."""
    return sorted(re.findall(r"%\(\w+\)s|\{\w*\}|<[^>]+>|`[^`]+`|:\)+|:\(", text))


class Marked(NullTranslations):
    """A language in which every text stands in brackets."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, one: str, many: str, n: int) -> str:
        return f"⟦{one if n == 1 else many}⟧"


class Texts(HTMLParser):
    """What people read or hear."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        named = dict(attributes)
        if tag == "meta" and not (named.get("property") or "").endswith(("title", "description")):
            return
        for name, value in attributes:
            if value and (name in READ or (name.startswith("data-") and " " in value)):
                self.found.append(value)

    def handle_data(self, data: str) -> None:
        if self.inside not in ("style", "script", "pre"):  # the last is JSON
            self.found.append(data)


@pytest.fixture
def marked(settings: Settings, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    def other_language(_language: str) -> Marked:
        return Marked()

    monkeypatch.setattr("rubberduck.pages.templating.load_translations", other_language)
    return create_app(settings, pipeline=pipeline).test_client()


def left_over(page: str, *known: str) -> list[str]:
    """Words that stand in no bracket, and are no data."""
    parser = Texts()
    parser.feed(page)
    texts = re.sub(r"⟦[^⟦⟧]*(⟦[^⟦⟧]*⟧[^⟦⟧]*)*⟧", " ", "\n".join(parser.found))
    for each in sorted(known, key=len, reverse=True):
        texts = texts.replace(each, " ")
    return re.findall(r"[^\W\d_]{2,}", texts)


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/camera",
        "/many",
        "/mine",
        "/statistics",
        "/privacy",
        "/nowhere",
        "RESULT",
        "RESULT?min=99",
    ],
)
def test_no_text_stands_beside_the_catalogue(
    marked: FlaskClient, pipeline: Pipeline, address: str
) -> None:
    where = marked.post("/", **form(encoded())).location
    marked.post(f"{where}/judgement", data={"right": "yes"})
    question = pipeline.question
    data = [question.title, question.yes, question.no, "UTC", "fake detector", "http://localhost"]
    data += [question.live_yes or "", question.live_no or "", question.thing or "", where]
    data += [sample.shows for sample in question.samples]
    data += [remark.says for remark in question.remarks]
    data += ["a bird", "a toy", "Animal", "Duck", "Bird", "Toy", "Inflatable"]
    page = marked.get(address.replace("RESULT", where)).text
    assert left_over(page, *filter(None, data)) == []


@pytest.mark.parametrize("chart", ["days", "scores"])
def test_the_charts_words_are_in_it_too(marked: FlaskClient, chart: str) -> None:
    marked.post("/", **form(encoded()))
    svg = marked.get(f"/statistics/{chart}-light.svg").text
    written = re.findall(r"<text[^>]*>(.*?)</text>", svg)
    assert "⟦pictures⟧" in written
    assert [each for each in written if re.search("[a-z]", each) and "⟦" not in each] == []


@pytest.mark.parametrize(
    "data", [b"", b"quack", encoded(corners(60, 90)), encoded(corners(9000, 90)), bytes(15_000_001)]
)
def test_errors_are_in_the_catalogue_too(
    marked: FlaskClient, pipeline: Pipeline, data: bytes
) -> None:
    page = marked.post("/", **form(data)).text
    assert left_over(page, pipeline.question.title) == []


def test_a_translation_is_used(
    settings: Settings, pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TEMPLATE.open("rb") as file:
        german = read_po(file, locale="de")
    german["Upload a picture"].string = "Ein Bild hochladen"
    kept = next(each for each in german if str(each.id).startswith("('Up to %(megabytes)s MB"))
    kept.string = ("Nach einem Tag wird es gelöscht.", "Nach %(count)s Tagen wird es gelöscht.")
    folder = tmp_path / "translations" / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "messages.mo").open("wb") as compiled:
        write_mo(compiled, german)
    monkeypatch.setattr("rubberduck.core.translations.TRANSLATIONS", tmp_path / "translations")
    settings = settings.model_copy(update={"language": "de"})
    page = create_app(settings, pipeline=pipeline).test_client().get("/").text
    assert '<html lang="de">' in page
    assert "Ein Bild hochladen" in page
    assert "Nach 30 Tagen wird es gelöscht." in page
    assert "Turn on the camera" in page  # what is not translated stays


@pytest.mark.parametrize(
    ("language", "answer", "box", "refused"),
    [
        ("de", "Gummiente gefunden! :))", "Gummiente", "Diese Datei ist kein Bild, das wir lesen"),
        ("sv", "Badanka hittad! :))", "Badanka", "Filen är inte en bild som vi kan läsa"),
    ],
)
def test_a_site_speaks_its_language(
    settings: Settings, language: str, answer: str, box: str, refused: str
) -> None:
    """Pages, the verdict, the boxes, errors and the API's texts; names of fields stay."""
    create_database(settings.database_url)
    app = create_app(settings.model_copy(update={"language": language}))
    client = app.test_client()
    duck = (ROOT / "static/samples/easy.jpg").read_bytes()
    page = client.get(client.post("/", **form(duck)).location).text
    assert f'<html lang="{language}">' in page
    assert answer in page
    assert box in page
    made = client.post("/api/v1/pictures", data=duck, content_type="image/jpeg").get_json()
    assert (made["found"], made["message"]) == (True, answer)
    problem = client.post("/api/v1/pictures", data=b"quack", content_type="image/jpeg").get_json()
    assert problem["title"].startswith(refused)
    assert problem["type"].endswith("#not-a-picture")


def test_drawn_boxes_have_the_same_label_in_every_language(settings: Settings) -> None:
    """Whoever trains with them must not get a class for each language."""
    create_database(settings.database_url)
    app = create_app(settings.model_copy(update={"language": "de"}))
    client = app.test_client()
    where = client.post("/", **form((ROOT / "static/samples/easy.jpg").read_bytes())).location
    client.post(f"{where}/judgement", data={"right": "no"})
    page = client.get(where).text
    assert "Wo ist es?" in page
    assert "<option>Rubber duck</option>" in page
