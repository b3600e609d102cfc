"""The path of a picture: decode, store while labelling, judge, draw, save."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from rubberduck.core.errors import (
    DetectorFailed,
    DuckError,
    LiveAnalysisUnavailable,
    NoSuchQuestion,
    NoSuchResult,
    ResultsUnavailable,
    StorageFailed,
)
from rubberduck.core.ids import random_id
from rubberduck.core.models import (
    NO_LIMITS,
    Answer,
    PendingUpload,
    Result,
    StorageLimits,
    Upload,
    Verdict,
)
from rubberduck.core.rules import Question, judge
from rubberduck.db.pending_deletion import PendingDeletion, marked_key
from rubberduck.imaging.decode import Picture, begin_decoder_start, decode_picture, to_jpeg
from rubberduck.services.idempotency import key_hashes
from rubberduck.services.observation import (
    LogObserver,
    Observer,
    PictureAnswered,
    durations,
    timed,
)
from rubberduck.services.retention import delete
from rubberduck.storage.base import Storage

if TYPE_CHECKING:
    from rubberduck.aws.custom_labels import CustomLabels
    from rubberduck.aws.scheduler import StopSchedules
    from rubberduck.aws.topics import Topic
    from rubberduck.billing.ledger import Ledger
    from rubberduck.billing.prices import Prices
    from rubberduck.db.results import Results
    from rubberduck.faces.finders import FaceFinders
    from rubberduck.services.amazon_video import AmazonVideo
    from rubberduck.services.celebrities import Celebrities
    from rubberduck.services.face_collections import CollectionService
    from rubberduck.storage.s3_conditional import ConditionalS3
    from rubberduck.videos.models import VideoLimits
from rubberduck.detectors.base import Detector

log = logging.getLogger(__name__)
STORE_THREADS = 16
RENEW_AFTER = timedelta(hours=1)  # so that a double click does not renew the retention


@dataclass(frozen=True)
class Offer:
    """A question to choose, and the detector that answers it if the first one cannot."""

    question: Question
    fallback_detector: Detector | None


class Models(Protocol):
    """The models of projects that answer: answering_models.AnsweringModels."""

    def pipeline_for(self, project_id: str, *, may_start: bool) -> "Pipeline": ...


@dataclass(frozen=True)
class Pipeline:
    """The operations on pictures and results, for pages, API and commands."""

    question: Question
    detector: Detector
    fallback_detector: Detector | None
    storage: Storage
    open_results: Callable[[], "Results"]
    max_bytes: int
    max_side: int
    share_answers: bool = False
    storage_limits: StorageLimits = NO_LIMITS
    offers: Mapping[str, Offer] = field(default_factory=dict)  # by key, the default first
    observers: tuple[Observer, ...] = (LogObserver(),)
    model: str | None = None  # the project whose model answers
    is_live: bool = True  # False if a free detector is too far away for camera frames
    # None where the settings switch them off.
    open_custom_labels: Callable[[], "CustomLabels"] | None = None
    open_stop_schedules: Callable[[], "StopSchedules"] | None = None
    open_ledger: Callable[[], "tuple[Ledger, Prices]"] | None = None
    amazon_video: "AmazonVideo | None" = None
    open_celebrities: "Callable[[], Celebrities] | None" = None
    open_faces: "Callable[[], FaceFinders] | None" = None
    open_collections: "Callable[[], CollectionService] | None" = None
    open_bucket: Callable[[str], "ConditionalS3"] | None = None  # any bucket, for commands
    open_topic: Callable[[str], "Topic"] | None = None  # for notices of the emulator
    open_video_limits: "Callable[[], VideoLimits] | None" = None
    open_models: "Callable[[Pipeline], Models] | None" = None
    _executor: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(STORE_THREADS, "store"), repr=False
    )

    @property
    def results(self) -> "Results":
        """Return the results, opened on first use: the first pages need not wait for SQLAlchemy."""
        return self.open_results()

    @property
    def video_limits(self) -> "VideoLimits":
        """Return what a video may have at most."""
        assert self.open_video_limits, "a site without videos"
        return self.open_video_limits()

    @property
    def models(self) -> "Models":
        """Return the models of projects that answer."""
        assert self.open_models, "a site without models"
        return self.open_models(self)

    @property
    def custom_labels(self) -> "CustomLabels":
        """Return Custom Labels, opened on first use. Raises CustomLabelsOff."""
        if self.open_custom_labels is None:
            from rubberduck.aws.custom_labels_errors import CustomLabelsOff

            raise CustomLabelsOff("This site is not connected to Amazon Rekognition Custom Labels.")
        return self.open_custom_labels()

    @property
    def celebrities(self) -> "Celebrities":
        """Return what names celebrities, opened on first use. Raises CelebritiesOff."""
        if self.open_celebrities is None:
            from rubberduck.aws.celebrities_errors import CelebritiesOff

            raise CelebritiesOff
        return self.open_celebrities()

    @property
    def collections(self) -> "CollectionService":
        """Return the face collections, opened on first use. Raises CollectionsOff."""
        if self.open_collections is None:
            from rubberduck.aws.collections_errors import CollectionsOff

            raise CollectionsOff
        return self.open_collections()

    @property
    def stop_schedules(self) -> "StopSchedules | None":
        """Return the schedules that stop models if this site is off; None without a role."""
        return self.open_stop_schedules() if self.open_stop_schedules else None

    def for_question(self, key: str) -> "Pipeline":
        """Return the same pipeline for another offered question. Raises NoSuchQuestion."""
        if (offer := self.offers.get(key)) is None:
            raise NoSuchQuestion(self.offers)
        return replace(self, question=offer.question, fallback_detector=offer.fallback_detector)

    def for_model(
        self, project_id: str, question: Question, detector: Detector, *, is_live: bool
    ) -> "Pipeline":
        """Return the same pipeline for the model of a project, which alone answers."""
        return replace(
            self,
            question=question,
            detector=detector,
            fallback_detector=None,
            model=project_id,
            is_live=is_live,
        )

    def for_result(self, result: Result) -> "Pipeline":
        """Return the pipeline for the question of a result, or this one if none is offered."""
        return self.for_title(result.question)

    def for_title(self, title: str) -> "Pipeline":
        """Return the pipeline for the question of this title, or this one if none is offered."""
        titles = {offer.question.title: key for key, offer in self.offers.items()}
        key = titles.get(title)
        return self if key is None else self.for_question(key)

    @property
    def key(self) -> str | None:
        """Return the key of the question; None for the default one."""
        keys = [key for key, offer in self.offers.items() if offer.question is self.question]
        return keys[0] if keys and keys[0] != next(iter(self.offers)) else None

    def process_upload(
        self,
        data: bytes,
        owner: str | None = None,
        key: str | None = None,
        *,
        is_new_visitor: bool = False,
        caller: str | None = None,
    ) -> Result | PendingUpload:
        """Analyse and store one picture. Raises DuckError.

        The same bytes from the same visitor give the same result, or PendingUpload while they are
        being processed. `key` is the client's Idempotency-Key, which belongs to `caller` (default:
        the owner); see `key_hashes`.
        """
        self.storage.raise_if_circuit_open()
        self.begin_loading()
        with durations() as seconds:
            with timed("decode"):
                picture = self.read(data)
            upload = self._upload(data, owner, key, caller or owner, is_new_visitor)
            result = self._answer_or_reuse(upload, picture)
        if isinstance(result, Result):
            for observer in self.observers:
                observer.picture_answered(PictureAnswered(result, len(data), seconds))
        return result

    def _answer_or_reuse(self, upload: Upload, picture: Picture) -> Result | PendingUpload:
        try:
            detector = self.detector.name, self.detector.version
            duplicate = self.results.begin(upload, *detector, share=self.share_answers)
        except BaseException as error:
            self._cleanup_failed_upload(upload, error)
            raise
        if duplicate is None:
            return self._finish(upload, picture)
        if not duplicate.is_mine:
            return self._finish(upload, picture, self._find(duplicate.id))
        if duplicate.status == "pending":
            return PendingUpload(duplicate.id)
        if duplicate.status == "abandoned":  # taken over by this process, under the same id
            key = f"uploads/{duplicate.id}.jpg"
            return self._finish(replace(upload, id=duplicate.id, picture_key=key), picture)
        return self._renew(duplicate.id, picture)

    def _find(self, id: str) -> Result | None:
        """Return another visitor's result, unless it was deleted in the meantime."""
        try:
            return self.results.find(id)
        except NoSuchResult:
            return None

    def _renew(self, id: str, picture: Picture) -> Result:
        """Return the result, kept from now on for the whole retention, with its pictures.

        They are stored again: a bucket's lifecycle counts from an object's own date.
        """
        result = self.results.get(id)
        now = datetime.now(UTC)
        if now - (result.retained_from or result.created_at) < RENEW_AFTER:
            return result
        result = self.results.renew(id, now)
        self._put(result.picture_key, picture.jpeg)
        self._store_marked_copy(id, picture, result.answer)
        return result

    def _upload(
        self,
        data: bytes,
        owner: str | None,
        key: str | None,
        caller: str | None,
        is_new_visitor: bool,
    ) -> Upload:
        id, sha256 = random_id(), hashlib.sha256(data).hexdigest()
        return Upload(
            id=id,
            created_at=datetime.now(UTC),
            question=self.question.title,
            picture_key=f"uploads/{id}.jpg",
            sha256=sha256,
            owner=owner,
            keys=key_hashes(key, caller, sha256, is_new_visitor),
        )

    def _finish(self, upload: Upload, picture: Picture, earlier: Result | None = None) -> Result:
        try:
            with self.results.heartbeat(upload.id):
                return self._answer_and_store(upload, picture, earlier)
        except BaseException as error:
            self._cleanup_failed_upload(upload, error)
            raise

    def _answer_and_store(self, upload: Upload, picture: Picture, earlier: Result | None) -> Result:
        # Twice: the marked copy is about as large, and known too late.
        self.results.require_room(self.storage_limits, upload.owner, 2 * len(picture.jpeg))
        run = copy_context().run  # keeps the request id for the log
        stored = self._executor.submit(run, self._put, upload.picture_key, picture.jpeg)
        try:
            answer = self._rejudge(earlier.answer) if earlier else self.answer(picture)
        finally:
            wait([stored])  # before any cleanup
        stored.result()
        marked = self._store_marked_copy(upload.id, picture, answer)
        result = replace(
            self.result(upload.id, upload.created_at, picture, answer),
            picture_key=upload.picture_key,
            marked_key=marked_key(upload.id) if marked else None,
            owner=upload.owner,
            stored_bytes=len(picture.jpeg) + marked,
        )
        with timed("save"):
            self.results.save(result)
        return result

    def _put(self, key: str, jpeg: bytes) -> None:
        with timed("store"):
            self.storage.put(key, jpeg)

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
            is_truncated=picture.is_truncated,
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
        detectors = (self.detector, self.fallback_detector) if self.is_live else ()
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
        import rubberduck.db.results
        import rubberduck.imaging.draw  # noqa: F401

        if self.free_detector:
            self.free_detector.check()

    def begin_loading(self) -> None:
        """Load what follows the decoding, while the first decoder of this process starts.

        Does nothing in a process that has one. Raises TooBusy.
        """
        if not begin_decoder_start():
            return
        import rubberduck.db.results  # noqa: F401

        with suppress(DuckError):  # which is answered after the decoder's own errors
            _ = self.detector.version

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
        with timed("detect"):
            labels = detector.labels(picture)
        verdict = judge(self.question, labels)
        return Answer(tuple(labels), verdict, detector.name, engine_version=detector.version)

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
        if isinstance(failure, (StorageFailed, ResultsUnavailable)):
            # In the background: what has just failed may time out again.
            self._executor.submit(copy_context().run, self._delete, upload)
        else:
            self._delete(upload)

    def _delete(self, upload: Upload) -> None:
        try:
            if self.results.abort_upload(upload.id):
                deletion = PendingDeletion.of(upload.id, upload.picture_key)
                delete(deletion, self.storage, self.results)
        except DuckError as error:
            message = "cleanup deferred result=%s cause=%s"
            log.warning(message, upload.id, error.operator_message)

    def _rejudge(self, answer: Answer) -> Answer:
        return replace(answer, verdict=judge(self.question, answer.labels))

    def _answer_text(self, verdict: Verdict) -> str:
        return self.question.yes if verdict.found else self.question.no

    def _store_marked_copy(self, id: str, picture: Picture, answer: Answer) -> int:
        """Store the copy with boxes drawn, if there are any; return its bytes."""
        if not answer.verdict.boxes:
            return 0
        # Imported late: see `warm_up`.
        from rubberduck.imaging.draw import draw_on

        # On the picture itself, without a copy: it was encoded before.
        draw_on(picture.image, answer.verdict.boxes, self.question.thing)
        jpeg = to_jpeg(picture.image)
        self._put(marked_key(id), jpeg)
        return len(jpeg)
