"""The path of a picture: decode, store while labelling, judge, draw, save."""

import hashlib
import logging
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rubberduck.core.errors import (
    DetectorFailed,
    DuckError,
    LiveAnalysisUnavailable,
    NoSuchResult,
    StorageFailed,
    TooBusy,
)
from rubberduck.core.models import Answer, Result, Upload, Verdict
from rubberduck.core.rules import Question, judge
from rubberduck.db.pending_deletion import PendingDeletion, marked_key
from rubberduck.imaging.decode import Picture, decode_picture, to_jpeg
from rubberduck.services.retention import delete
from rubberduck.storage.base import Storage

if TYPE_CHECKING:
    from rubberduck.db.results import Results
from rubberduck.detectors.base import Detector

log = logging.getLogger(__name__)
ID_BYTES = 16  # 128 random bits, so that ids cannot be guessed
STORE_THREADS = 16
DUPLICATE_WAIT_SECONDS, DUPLICATE_POLL_SECONDS = 20.0, 0.05
MAX_DUPLICATE_RETRIES = 2  # retries when the caller's own earlier upload fails


@dataclass(frozen=True)
class Pipeline:
    """What pages, API and commands call; built by `composition.build_pipeline`."""

    question: Question
    detector: Detector
    fallback_detector: Detector | None
    storage: Storage
    open_results: Callable[[], "Results"]
    max_bytes: int
    max_side: int
    _executor: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(STORE_THREADS, "store"), repr=False
    )

    @property
    def results(self) -> "Results":
        """The results, opened at the first use: pages come before SQLAlchemy is loaded."""
        return self.open_results()

    def process_upload(
        self, data: bytes, owner: str | None = None, key: str | None = None
    ) -> Result:
        """Analyse and store one picture. Raises DuckError.

        The same bytes are not analysed twice; for the same visitor they give the same result.
        `key` is the client's Idempotency-Key.
        """
        self.storage.raise_if_circuit_open()
        picture = self.read(data)
        upload = self._upload(data, owner, key)
        try:
            return self._answer_or_reuse(upload, picture)
        except BaseException as error:
            self._cleanup_failed_upload(upload, error)
            raise

    def _answer_or_reuse(self, upload: Upload, picture: Picture) -> Result:
        for _ in range(MAX_DUPLICATE_RETRIES):
            duplicate = self.results.begin(upload, self.detector.name)
            earlier = self._wait_for_result(duplicate.id) if duplicate else None
            if not (duplicate and duplicate.is_mine):
                return self._finish(upload, picture, earlier)
            if earlier:
                return earlier
        raise TooBusy("You are already uploading the same picture.")

    def _upload(self, data: bytes, owner: str | None, key: str | None) -> Upload:
        id = secrets.token_urlsafe(ID_BYTES)
        return Upload(
            id=id,
            created_at=datetime.now(UTC),
            question=self.question.title,
            picture_key=f"uploads/{id}.jpg",
            sha256=hashlib.sha256(data).hexdigest(),
            owner=owner,
            key=key,
        )

    def _wait_for_result(self, id: str) -> Result | None:
        """Return the result of an upload in work; None if it fails or takes too long."""
        deadline = time.monotonic() + DUPLICATE_WAIT_SECONDS
        while time.monotonic() < deadline:
            try:
                if result := self.results.find(id):
                    return result
            except NoSuchResult:
                return None
            time.sleep(DUPLICATE_POLL_SECONDS)
        return None

    def _finish(self, upload: Upload, picture: Picture, earlier: Result | None) -> Result:
        run = copy_context().run  # keeps the request id for the log
        stored = self._executor.submit(run, self.storage.put, upload.picture_key, picture.jpeg)
        try:
            answer = self._rejudge(earlier.answer) if earlier else self.answer(picture)
        finally:
            wait([stored])  # before any cleanup
        stored.result()
        result = replace(
            self.result(upload.id, upload.created_at, picture, answer),
            picture_key=upload.picture_key,
            marked_key=self._store_marked_copy(upload.id, picture, answer),
            owner=upload.owner,
        )
        self.results.save(result)
        return result

    def result(self, id: str, created_at: datetime, picture: Picture, answer: Answer) -> Result:
        """Build the result of an answer, not stored yet."""
        return Result(
            id=id,
            created_at=created_at,
            question=self.question.title,
            said=self._answer_text(answer.verdict),
            min_confidence=self.question.min_confidence,
            width=picture.image.width,
            height=picture.image.height,
            several_frames=picture.several_frames,
            picture_key="",
            marked_key=None,
            answer=answer,
        )

    def analyze_frame(self, data: bytes) -> tuple[Picture, Answer]:
        """Analyse a frame with the free detector, unstored. Raises LiveAnalysisUnavailable."""
        if self.free_detector is None:
            raise LiveAnalysisUnavailable("Each live answer to this question would cost money.")
        picture = self.read(data)
        return picture, self._answer_of(self.free_detector, picture)

    @property
    def free_detector(self) -> Detector | None:
        detectors = (self.detector, self.fallback_detector)
        return next((d for d in detectors if d and not d.cost_per_call_usd), None)

    def reevaluate(self, result: Result, min_confidence: float) -> Result:
        """Judge the stored labels with another threshold; no detector call, nothing stored."""
        if result.question != self.question.title:
            return result  # the question has changed, so its rule is unknown
        question = replace(self.question, min_confidence=min_confidence)
        answer = replace(result.answer, verdict=judge(question, result.answer.labels))
        return replace(
            result,
            min_confidence=min_confidence,
            said=self._answer_text(answer.verdict),
            answer=answer,
        )

    def remark(self, result: Result) -> str | None:
        """Return the remark on a negative answer, if the question is still the same."""
        if result.verdict.found or result.question != self.question.title:
            return None
        return self.question.remark(result.answer.labels, result.min_confidence)

    def warm_up(self) -> None:
        """Load what pictures need and pages do not, ahead of the first picture."""
        import rubberduck.db.results  # noqa: F401

        if self.free_detector:
            self.free_detector.check()

    def close(self) -> None:
        """Close the database at the end of the process, whether this process opened it or not."""
        self.results.close()

    def read(self, data: bytes) -> Picture:
        return decode_picture(data, max_bytes=self.max_bytes, max_side=self.max_side)

    def answer(self, picture: Picture) -> Answer:
        """Label and judge a picture, by the fallback detector if need be. Stores nothing."""
        try:
            return self._answer_of(self.detector, picture)
        except DetectorFailed as error:
            if self.fallback_detector is None:
                raise
            self._log_fallback(error, self.fallback_detector)
            return replace(
                self._answer_of(self.fallback_detector, picture),
                fallback_for=self.detector.name,
                fallback_reason=error.fallback_reason,
            )

    def _answer_of(self, detector: Detector, picture: Picture) -> Answer:
        labels = detector.labels(picture)
        return Answer(tuple(labels), judge(self.question, labels), detector.name)

    def _log_fallback(self, error: DetectorFailed, fallback_detector: Detector) -> None:
        if not error.already_logged:
            log.warning(
                "fallback engine=%s fallback=%s cause=%s",
                self.detector.name,
                fallback_detector.name,
                error.operator_message,
            )

    def _cleanup_failed_upload(self, upload: Upload, failure: BaseException) -> None:
        """Delete the row and the pictures of a failed upload."""
        try:
            is_pending = self.results.abort_upload(upload.id)
        except DuckError as error:
            _defer_cleanup(upload, error)
            return
        if is_pending and isinstance(failure, StorageFailed):
            # In the background: the storage has just failed.
            self._executor.submit(copy_context().run, self._delete, upload)
        elif is_pending:
            self._delete(upload)

    def _delete(self, upload: Upload) -> None:
        try:
            delete(PendingDeletion.of(upload.id, upload.picture_key), self.storage, self.results)
        except DuckError as error:
            _defer_cleanup(upload, error)

    def _rejudge(self, answer: Answer) -> Answer:
        return replace(answer, verdict=judge(self.question, answer.labels))

    def _answer_text(self, verdict: Verdict) -> str:
        return self.question.yes if verdict.found else self.question.no

    def _store_marked_copy(self, id: str, picture: Picture, answer: Answer) -> str | None:
        if not answer.verdict.boxes:
            return None
        # Not at the top: see `warm_up`.
        from rubberduck.imaging.draw import draw_boxes

        key = marked_key(id)
        self.storage.put(key, to_jpeg(draw_boxes(picture.image, answer.verdict.boxes)))
        return key


def _defer_cleanup(upload: Upload, error: DuckError) -> None:
    log.warning("cleanup deferred result=%s cause=%s", upload.id, error.operator_message)
