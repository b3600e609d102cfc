"""Collect the texts of the site and update the catalogues in translations/: `make texts`.

messages.pot holds every text. Each language has a folder with messages.po, which translators edit,
and messages.mo, which is compiled from it and read at the start. To add a language, create
translations/xx/LC_MESSAGES/messages.po as an empty file, run `make texts`, fill it in, run
`make texts` again, and set DUCK_LANGUAGE=xx.

The texts of the questions that ship (the default one and questions/) are in the catalogue too; a
question file of one's own is written in the site's language.
"""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from rubberduck.aws.image_calls import UNAVAILABLE_MESSAGE
from rubberduck.core.errors import DuckError, InvalidModel, InvalidQuestion
from rubberduck.core.question_file import load_question, translated
from rubberduck.core.settings import ROOT
from rubberduck.custom_models.rules import RULES
from rubberduck.db import engine as database
from rubberduck.detectors.model_file import DETECTOR_NAME
from rubberduck.storage import base as storage
from rubberduck.storage.folder import FolderStorage
from rubberduck.storage.s3 import S3Storage
from rubberduck.web.deps import text
from rubberduck.web.problem_details import PROBLEMS

TRANSLATIONS = Path(__file__).parent
TEMPLATE = TRANSLATIONS / "messages.pot"
TEMPLATES = [("**.html", "jinja2.ext:babel_extract")]
PYTHON = [("**.py", "python")]
# In db/, SQLAlchemy's function for SQL is called `text` as well.
PYTHON_OF_PAGES = [("db/**", "ignore"), ("**.py", "python")]
WIDTH = 100
UNDATED = datetime(2026, 1, 1, tzinfo=UTC)  # so that the same texts make the same file


def errors(kind: type[DuckError] = DuckError) -> Iterator[type[DuckError]]:
    """Yield the classes of errors that visitors may see, not those that stop the start."""
    if kind not in (InvalidQuestion, InvalidModel):
        yield kind
        for subclass in kind.__subclasses__():
            yield from errors(subclass)


def import_errors() -> None:
    """Import each package's modules of errors: of the classes, only those in memory are known."""
    for path in (ROOT / "rubberduck").rglob("*errors.py"):
        import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


def texts() -> Iterator[str | tuple[str, ...]]:
    """Yield every text; a pair of singular and plural where the text depends on a number."""
    import_errors()
    for _, _, message, _, _ in extract_from_dir(ROOT / "templates", TEMPLATES):
        yield message
    # `raise TooSmall("…")`: the argument of an error is a text for visitors.
    # `Finding("…")`: what custom_models.training_checks says of a project; `Sentence("…")`: what
    # a job says while it runs.
    classes = {kind.__name__: None for kind in errors()} | {"Finding": None, "Sentence": None}
    function = {text.__name__: None}
    # and in errors.py of each package: `super().__init__("…")`.
    errors_py = [("**/errors.py", "python"), ("**/*_errors.py", "python")]
    for method, keywords in (
        (PYTHON, classes),
        (PYTHON_OF_PAGES, function),
        (errors_py, {"__init__": None}),
    ):
        for _, _, message, _, _ in extract_from_dir(ROOT / "rubberduck", method, keywords=keywords):
            yield message
    for kind in errors():
        yield from (kind.title, kind.hint)
    for problem in PROBLEMS.values():
        yield from (problem.title, problem.reason, problem.hint)
    for rule in RULES.values():
        yield from (rule.effect, rule.means, rule.advice)
    yield from (DETECTOR_NAME, FolderStorage.where, S3Storage.where)
    yield from (
        database.UNAVAILABLE_MESSAGE,
        storage.UNAVAILABLE_MESSAGE,
        UNAVAILABLE_MESSAGE,
    )
    yield from texts_of_questions()


def texts_of_questions() -> list[str]:
    found: list[str] = []

    def collect(message: str) -> str:
        found.append(message)
        return message

    for path in (None, *sorted((ROOT / "questions").glob("*.toml"))):
        translated(load_question(path), collect)
    return found


@cache
def collected() -> Catalog:
    """Return the catalogue of all texts, sorted and without dates; nobody changes it."""
    catalog = Catalog(fuzzy=False, header_comment="# Every text of the site. Made by `make texts`.")
    for message in texts():
        catalog.add(message)
    return catalog


def as_po(catalog: Catalog, *, omit_header: bool = False) -> bytes:
    """Return the catalogue as a file that depends on its texts only."""
    file = io.BytesIO()
    write_po(
        file,
        catalog,
        sort_output=True,
        omit_header=omit_header,
        no_location=True,
        ignore_obsolete=True,
        width=WIDTH,
    )
    return file.getvalue()


def languages() -> list[Path]:
    """Return the messages.po of every language."""
    return sorted(TRANSLATIONS.glob("*/LC_MESSAGES/messages.po"))


def updated(path: Path) -> Catalog:
    """Return a language's catalogue with the texts of today; new ones are empty."""
    language = path.parents[1].name
    with path.open("rb") as file:
        known = read_po(file, locale=language)
    catalog = Catalog(
        language,
        project="rubber-duck",
        version="1",
        header_comment="# Not reviewed by a native speaker.",
        creation_date=UNDATED,
        revision_date=UNDATED,
        fuzzy=False,
    )
    for message in collected():
        if message.id:
            earlier = known.get(message.id)
            catalog.add(message.id, earlier.string if earlier else None)
    return catalog


def compiled(catalog: Catalog) -> bytes:
    """Return what gettext reads."""
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


if __name__ == "__main__":
    TEMPLATE.write_bytes(as_po(collected(), omit_header=True))
    for path in languages():
        catalog = updated(path)
        path.write_bytes(as_po(catalog))
        path.with_suffix(".mo").write_bytes(compiled(catalog))
