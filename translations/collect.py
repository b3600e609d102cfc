"""Collects every text of the site into translations/messages.pot: `make texts`.

To translate: copy it to translations/de/LC_MESSAGES/messages.po, fill it in, compile it with
`.venv/bin/pybabel compile -d translations`, and set DUCK_LANGUAGE=de. What is asked (the question,
its yes and no, its remarks) is data of the question's own file, see DUCK_QUESTION.
"""

import io
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

import rekognition
from rubberduck.core.errors import DuckError, InvalidModel, InvalidQuestion
from rubberduck.core.settings import ROOT
from rubberduck.db import engine as database
from rubberduck.detectors.model_file import DETECTOR_NAME
from rubberduck.storage import base as storage
from rubberduck.storage.folder import FolderStorage
from rubberduck.storage.s3 import S3Storage
from rubberduck.web.deps import text
from rubberduck.web.problem_details import PROBLEMS

FILE = Path(__file__).with_name("messages.pot")
TEMPLATES = [("**.html", "jinja2.ext:babel_extract")]
PYTHON = [("**.py", "python")]


def errors(kind: type[DuckError] = DuckError) -> Iterator[type[DuckError]]:
    """Those for visitors; what is found at start is for the operator."""
    if kind not in (InvalidQuestion, InvalidModel):
        yield kind
        for each in kind.__subclasses__():
            yield from errors(each)


def texts() -> Iterator[str | tuple[str, ...]]:
    for _, _, message, _, _ in extract_from_dir(ROOT / "templates", TEMPLATES):
        yield message
    # `raise TooSmall("…")`: what is given to an error is for the visitor.
    given = {each.__name__: None for each in errors()} | {text.__name__: None}
    for _, _, message, _, _ in extract_from_dir(ROOT / "rubberduck", PYTHON, keywords=given):
        yield message
    for each in errors():
        yield from (each.title, each.hint)
    for problem in PROBLEMS.values():
        yield from (problem.title, problem.reason, problem.hint)
    yield from (DETECTOR_NAME, FolderStorage.where, S3Storage.where)
    yield from (
        database.UNAVAILABLE_MESSAGE,
        storage.UNAVAILABLE_MESSAGE,
        rekognition.UNAVAILABLE_MESSAGE,
    )


def catalogue() -> bytes:
    """A .pot, sorted and without dates: the same texts make the same file."""
    collected = Catalog(
        fuzzy=False, header_comment="# Every text of the site. Made by `make texts`."
    )
    for message in texts():
        collected.add(message)
    file = io.BytesIO()
    write_po(file, collected, sort_output=True, omit_header=True, no_location=True, width=100)
    return file.getvalue()


if __name__ == "__main__":
    FILE.write_bytes(catalogue())
