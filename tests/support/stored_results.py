"""Results and uploads for the tests of the database."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from rubberduck.core.models import Answer, Label, Result, Upload
from rubberduck.core.rules import RUBBER_DUCK, judge
from rubberduck.db.results import Results
from tests.support.fake_detector import duck_labels

CREATED_AT = datetime(2026, 11, 20, 12, 30, 15, 123_000, UTC)


def sample_result(id: str = "an-id") -> Result:
    """Return a rubber duck that the fallback detector answered, with every field set."""
    labels = (*duck_labels(), Label("Cat", 12.5, (), ("Animal",)))
    return Result(
        id=id,
        created_at=CREATED_AT,
        question=RUBBER_DUCK.title,
        said="Rubber duck detected! :))",
        min_confidence=35.0,
        width=640,
        height=480,
        several_frames=True,
        is_truncated=True,
        picture_key=f"uploads/{id}.jpg",
        marked_key=f"marked/{id}.jpg",
        answer=Answer(labels, judge(RUBBER_DUCK, labels), "embedded detector", "Amazon", "failed"),
    )


def without_fallback(result: Result) -> Result:
    return replace(result, answer=replace(result.answer, fallback_for=None, fallback_reason=None))


def sample_upload(id: str, sha256: str | None = None, **more: Any) -> Upload:
    """Return an upload whose bytes differ from every other id's unless `sha256` is given."""
    return Upload(
        id, CREATED_AT, RUBBER_DUCK.title, f"uploads/{id}.jpg", sha256=sha256 or f"of {id}", **more
    )


def save_and_get(book: Results, result: Result) -> Result:
    """Store the result as the pipeline does, and read it again."""
    book.begin(sample_upload(result.id), "embedded detector")
    book.save(result)
    return book.get(result.id)
