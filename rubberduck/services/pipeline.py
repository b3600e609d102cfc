"""The path of a picture: read, store beside label, judge, draw, record."""

import hashlib
import logging
import secrets
import time
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
ID_BYTES = 16  # 128 random bits: nobody guesses another visitor's result
PUTS_AT_ONCE = 16
DUPLICATE_WAIT_SECONDS, DUPLICATE_POLL_SECONDS = (
    20.0,
    0.05,
)  # how long to wait for another upload of the same bytes
MAX_DUPLICATE_RETRIES = 2  # retries when the caller's own earlier upload fails


@dataclass(frozen=True)
class Pipeline:
    """Everything the doors need, composed in one place (`composition.build_pipeline`)."""

    question: Question
    detector: Detector
    fallback_detector: Detector | None
    storage: Storage
    results: "Results"
    max_bytes: int
    max_side: int
    _beside: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(PUTS_AT_ONCE, "store"), repr=False
    )

    def process_upload(
        self, data: bytes, owner: str | None = None, key: str | None = None
    ) -> Result:
        """Take one upload through the whole path; a DuckError says where it ended.

        The same bytes again are not asked about again, and from the same visitor they are the
        same result. `key` lets a client repeat its request safely.
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
            twin = self.results.begin(upload, self.detector.name)
            known = self._wait_for_result(twin.id) if twin else None
            if not (twin and twin.is_mine):
                return self._finish(upload, picture, known)
            if known:
                return known
        raise TooBusy("The same picture is on its way from you already.")

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
        """The result of an upload that may still be under way; None if it comes to nothing."""
        deadline = time.monotonic() + DUPLICATE_WAIT_SECONDS
        while time.monotonic() < deadline:
            try:
                if result := self.results.find(id):
                    return result
            except NoSuchResult:
                return None
            time.sleep(
                DUPLICATE_POLL_SECONDS
            )  # another process may have it, so there is nothing to wait on
        return None

    def _finish(self, upload: Upload, picture: Picture, known: Result | None) -> Result:
        put = copy_context().run  # its lines in the log are this request's
        stored = self._beside.submit(put, self.storage.put, upload.picture_key, picture.jpeg)
        try:
            answer = self._rejudge(known.answer) if known else self.answer(picture)
        finally:
            wait([stored])  # before anybody clears up
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
        """An answer to a picture in today's words; nothing of it is stored yet."""
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
        """What is in a picture that is not kept? Asks only a detector that costs nothing."""
        if self.free_detector is None:
            raise LiveAnalysisUnavailable(
                "Live answers to this question would cost money at each moment."
            )
        picture = self.read(data)
        return picture, self._answer_of(self.free_detector, picture)

    @property
    def free_detector(self) -> Detector | None:
        detectors = (self.detector, self.fallback_detector)
        return next((each for each in detectors if each and not each.cost_per_call_usd), None)

    def reevaluate(self, result: Result, min_confidence: float) -> Result:
        """The kept labels, judged with another limit; nothing is asked, nothing is kept."""
        if result.question != self.question.title:
            return result  # the rule of its day is not known any more
        question = replace(self.question, min_confidence=min_confidence)
        answer = replace(result.answer, verdict=judge(question, result.answer.labels))
        return replace(
            result,
            min_confidence=min_confidence,
            said=self._answer_text(answer.verdict),
            answer=answer,
        )

    def remark(self, result: Result) -> str | None:
        """What else there is to say of a no, if the question of its day is still asked."""
        if result.verdict.found or result.question != self.question.title:
            return None
        return self.question.remark(result.answer.labels, result.min_confidence)

    def warm_up(self) -> None:
        """Load what looking at pictures needs and pages do not, ahead of the first picture."""
        import rubberduck.db.results  # noqa: F401

        if self.free_detector:
            self.free_detector.check()

    def read(self, data: bytes) -> Picture:
        return decode_picture(data, max_bytes=self.max_bytes, max_side=self.max_side)

    def answer(self, picture: Picture) -> Answer:
        """What is in the picture, and is it a yes? Nothing is kept."""
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
                "%s failed, the %s answers instead: %s",
                self.detector.name,
                fallback_detector.name,
                error.operator_message,
            )

    def _cleanup_failed_upload(self, upload: Upload, failure: BaseException) -> None:
        """Nothing may stay of an upload that failed; least of all a result without its picture."""
        try:
            begun = self.results.abort_upload(upload.id)
        except DuckError as error:
            _defer_cleanup(upload, error)
            return
        if begun and isinstance(failure, StorageFailed):
            # Nobody waits for what just failed.
            self._beside.submit(copy_context().run, self._delete, upload)
        elif begun:
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
    log.warning("result %s is left to the sweeper: %s", upload.id, error.operator_message)
