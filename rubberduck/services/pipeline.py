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
    NoLiveAnswers,
    NoSuchResult,
    StorageFailed,
    TooBusy,
)
from rubberduck.core.models import Answer, Result, Upload, Verdict
from rubberduck.core.rules import Question, judge
from rubberduck.db.pending_deletion import Remains, marked_key
from rubberduck.imaging.decode import Picture, read_picture, to_jpeg
from rubberduck.services.retention import delete
from rubberduck.storage.base import Storage

if TYPE_CHECKING:
    from rubberduck.db.results import Results
from rubberduck.detectors.base import Detector

log = logging.getLogger(__name__)
ID_BYTES = 16  # 128 random bits: nobody guesses another visitor's result
PUTS_AT_ONCE = 16
TWIN_SECONDS, TWIN_POLL = 20.0, 0.05  # how long to wait for another upload of the same bytes
TWINS = 2  # of one's own that came to nothing, before giving up


@dataclass(frozen=True)
class Finder:
    """Everything the doors need, composed in one place (`composition.build_finder`)."""

    question: Question
    detector: Detector
    stand_in: Detector | None
    storage: Storage
    results: "Results"
    max_bytes: int
    max_side: int
    _beside: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(PUTS_AT_ONCE, "store"), repr=False
    )

    def look(self, data: bytes, owner: str | None = None, key: str | None = None) -> Result:
        """Take one upload through the whole path; a DuckError says where it ended.

        The same bytes again are not asked about again, and from the same visitor they are the
        same result. `key` lets a client repeat its request safely.
        """
        self.storage.refuse_if_down()
        picture = self.read(data)
        upload = self._upload(data, owner, key)
        try:
            return self._look(upload, picture)
        except BaseException as error:
            self._clear(upload, error)
            raise

    def _look(self, upload: Upload, picture: Picture) -> Result:
        for _ in range(TWINS):
            twin = self.results.begin(upload, self.detector.name)
            known = self._settled(twin.id) if twin else None
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

    def _settled(self, id: str) -> Result | None:
        """The result of an upload that may still be under way; None if it comes to nothing."""
        deadline = time.monotonic() + TWIN_SECONDS
        while time.monotonic() < deadline:
            try:
                if result := self.results.find(id):
                    return result
            except NoSuchResult:
                return None
            time.sleep(TWIN_POLL)  # another process may have it, so there is nothing to wait on
        return None

    def _finish(self, upload: Upload, picture: Picture, known: Result | None) -> Result:
        put = copy_context().run  # its lines in the log are this request's
        stored = self._beside.submit(put, self.storage.put, upload.picture_key, picture.jpeg)
        try:
            answer = self._again(known.answer) if known else self.answer(picture)
        finally:
            wait([stored])  # before anybody clears up
        stored.result()
        result = replace(
            self.result(upload.id, upload.created_at, picture, answer),
            picture_key=upload.picture_key,
            marked_key=self._mark(upload.id, picture, answer),
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
            said=self._said(answer.verdict),
            min_confidence=self.question.min_confidence,
            width=picture.image.width,
            height=picture.image.height,
            several_frames=picture.several_frames,
            picture_key="",
            marked_key=None,
            answer=answer,
        )

    def glance(self, data: bytes) -> tuple[Picture, Answer]:
        """What is in a picture that is not kept? Asks only a detector that costs nothing."""
        if self.free is None:
            raise NoLiveAnswers("Live answers to this question would cost money at each moment.")
        picture = self.read(data)
        return picture, self._answer_of(self.free, picture)

    @property
    def free(self) -> Detector | None:
        detectors = (self.detector, self.stand_in)
        return next((each for each in detectors if each and not each.dollars_a_picture), None)

    def judge_again(self, result: Result, min_confidence: float) -> Result:
        """The kept labels, judged with another limit; nothing is asked, nothing is kept."""
        if result.question != self.question.title:
            return result  # the rule of its day is not known any more
        question = replace(self.question, min_confidence=min_confidence)
        answer = replace(result.answer, verdict=judge(question, result.answer.labels))
        return replace(
            result,
            min_confidence=min_confidence,
            said=self._said(answer.verdict),
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

        if self.free:
            self.free.check()

    def read(self, data: bytes) -> Picture:
        return read_picture(data, max_bytes=self.max_bytes, max_side=self.max_side)

    def answer(self, picture: Picture) -> Answer:
        """What is in the picture, and is it a yes? Nothing is kept."""
        try:
            return self._answer_of(self.detector, picture)
        except DetectorFailed as error:
            if self.stand_in is None:
                raise
            self._tell(error, self.stand_in)
            return replace(
                self._answer_of(self.stand_in, picture),
                instead_of=self.detector.name,
                instead_because=error.instead_because,
            )

    def _answer_of(self, detector: Detector, picture: Picture) -> Answer:
        labels = detector.labels(picture)
        return Answer(tuple(labels), judge(self.question, labels), detector.name)

    def _tell(self, error: DetectorFailed, stand_in: Detector) -> None:
        if not error.is_known:
            log.warning(
                "%s failed, the %s answers instead: %s",
                self.detector.name,
                stand_in.name,
                error.for_operator,
            )

    def _clear(self, upload: Upload, failure: BaseException) -> None:
        """Nothing may stay of an upload that failed; least of all a result without its picture."""
        try:
            begun = self.results.give_up(upload.id)
        except DuckError as error:
            _leave_to_the_sweeper(upload, error)
            return
        if begun and isinstance(failure, StorageFailed):
            # Nobody waits for what just failed.
            self._beside.submit(copy_context().run, self._delete, upload)
        elif begun:
            self._delete(upload)

    def _delete(self, upload: Upload) -> None:
        try:
            delete(Remains.of(upload.id, upload.picture_key), self.storage, self.results)
        except DuckError as error:
            _leave_to_the_sweeper(upload, error)

    def _again(self, answer: Answer) -> Answer:
        return replace(answer, verdict=judge(self.question, answer.labels))

    def _said(self, verdict: Verdict) -> str:
        return self.question.yes if verdict.found else self.question.no

    def _mark(self, id: str, picture: Picture, answer: Answer) -> str | None:
        if not answer.verdict.boxes:
            return None
        # Not at the top: see `warm_up`.
        from rubberduck.imaging.draw import draw_boxes

        key = marked_key(id)
        self.storage.put(key, to_jpeg(draw_boxes(picture.image, answer.verdict.boxes)))
        return key


def _leave_to_the_sweeper(upload: Upload, error: DuckError) -> None:
    log.warning("result %s is left to the sweeper: %s", upload.id, error.for_operator)
