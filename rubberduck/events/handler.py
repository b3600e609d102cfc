"""Answer a picture that arrived in a bucket: the marked picture and a JSON file beside it."""

import json
import logging
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from rubberduck.core.errors import DuckError, PictureRefused
from rubberduck.core.models import Answer
from rubberduck.events.claims import Claim, Claims
from rubberduck.events.places import Places
from rubberduck.events.s3_events import CreatedObject
from rubberduck.imaging.decode import Picture, to_jpeg
from rubberduck.services.pipeline import Pipeline
from rubberduck.storage.s3_conditional import JSON, ConditionalS3

log = logging.getLogger(__name__)
# What became of an event. GONE: the object was deleted or replaced, which has an event of its own.
ANSWERED, IGNORED, GONE = "answered", "ignored", "gone"
FETCH_THREADS = 32  # at most: as many as pictures that are answered at the same time


@dataclass(frozen=True)
class EventHandler:
    """Answers objects, each once. `bucket` is the output's; it also reads the input's."""

    pipeline: Pipeline
    bucket: ConditionalS3
    places: Places
    claims: Claims
    _executor: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(FETCH_THREADS, "fetch"), repr=False
    )

    def handle(self, created: CreatedObject) -> str:
        """Return what became of the event: ANSWERED, IGNORED, GONE, DUPLICATE or SUPERSEDED.

        Raises DuckError if the picture has no answer, Busy while another process answers it.
        """
        if not self.places.takes(created):
            log.warning("event ignored bucket=%s key=%r", created.bucket, created.key)
            return IGNORED
        claim, fetched = self._claim_and_fetch(created)
        if isinstance(claim, str):
            return claim
        try:
            data = fetched.result()
            outcome = GONE if data is None else self._answer(created, data)
        except BaseException:
            self.claims.release(claim)
            raise
        self.claims.finish(claim)
        log.info("event %s bucket=%s key=%r", outcome, created.bucket, created.key)
        return outcome

    def refuse(self, created: CreatedObject, error: DuckError) -> None:
        """Write why a picture has no answer, where its answer would be, unless it has one.

        It is not tried again. Raises DuckError, Busy.
        """
        if not self.places.takes(created) or isinstance(claim := self.claims.take(created), str):
            return
        self._write(created, {"error": error_fields(error)})
        self.claims.finish(claim)

    def _claim_and_fetch(self, created: CreatedObject) -> tuple[Claim | str, Future[bytes | None]]:
        """Fetch the picture while it is claimed: each is a request, and few events come twice."""
        fetched = self._executor.submit(copy_context().run, self._fetch, created)
        try:
            return self.claims.take(created), fetched
        finally:
            wait([fetched])  # AWS Lambda stops threads that outlive their event

    def _fetch(self, created: CreatedObject) -> bytes | None:
        """Return the picture; None if it was deleted or replaced."""
        try:
            return self.bucket.get_version(
                created.bucket,
                created.key,
                created.version,
                is_versioned=created.is_versioned,
                most=self.pipeline.max_bytes,
            )
        except FileNotFoundError:
            return None

    def _answer(self, created: CreatedObject, data: bytes) -> str:
        picture = self.pipeline.read(data)
        answer = self.pipeline.answer(picture)
        size = {"width": picture.image.width, "height": picture.image.height}
        marked_key = self._put_marked(created, picture, answer)
        # Last, so that who finds the answer finds the marked picture, too.
        self._write(created, {**size, "marked": marked_key, **answer_fields(self.pipeline, answer)})
        return ANSWERED

    def _put_marked(self, created: CreatedObject, picture: Picture, answer: Answer) -> str:
        key = self.places.marked_key(created.key)
        self.bucket.put(key, marked_jpeg(self.pipeline, picture, answer))
        return key

    def _write(self, created: CreatedObject, fields: dict[str, Any]) -> None:
        source = {"bucket": created.bucket, "key": created.key, "version": created.version}
        document = {"source": source, "answered_at": datetime.now(UTC).isoformat(), **fields}
        key = self.places.answer_key(created.key)
        self.bucket.put(key, json.dumps(document, ensure_ascii=False).encode(), JSON)


def answer_fields(pipeline: Pipeline, answer: Answer) -> dict[str, Any]:
    """Return an answer as JSON, with the names of the API."""
    verdict = answer.verdict
    return {
        "question": pipeline.question.title,
        "found": verdict.found,
        "score": verdict.score,
        "said": pipeline.question.yes if verdict.found else pipeline.question.no,
        "boxes": [asdict(box) for box in verdict.boxes],
        "labels": [{"name": label.name, "confidence": label.confidence} for label in answer.labels],
        "engine": answer.engine,
        "engine_version": answer.engine_version,
        "fallback_for": answer.fallback_for,
    }


def error_fields(error: DuckError) -> dict[str, Any]:
    """Return why a picture has no answer, as JSON; of a detector that refuses it, its reason."""
    problem = error.problem
    why = error.operator_message if isinstance(error, PictureRefused) else problem.why
    return {"type": problem.slug, "title": problem.title, "why": why, "hint": problem.hint}


def marked_jpeg(pipeline: Pipeline, picture: Picture, answer: Answer) -> bytes:
    """Return the picture with its boxes, as JPEG; without boxes, as it is.

    The boxes are drawn on the picture itself: what else is read of it must have been read before.
    """
    if not answer.verdict.boxes:
        return picture.jpeg
    # Imported late: matplotlib takes a second, which a function that finds nothing need not wait.
    from rubberduck.imaging.draw import draw_on

    draw_on(picture.image, answer.verdict.boxes, pipeline.question.thing)
    return to_jpeg(picture.image)
