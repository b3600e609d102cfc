"""The path of a picture: read, store beside label, judge, draw, record."""

import logging
import secrets
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from rubberduck.drawing import draw_boxes
from rubberduck.errors import DetectorFailed
from rubberduck.model import Answer, Label, Result
from rubberduck.pictures import Picture, read_picture, to_jpeg
from rubberduck.question import Question, judge
from rubberduck.results import Results
from rubberduck.storage import Storage

log = logging.getLogger(__name__)

ID_BYTES = 16  # 128 random bits: nobody guesses another visitor's result
PUTS_AT_ONCE = 16


class Detector(Protocol):
    """Says what is in a picture; DetectorFailed when it cannot."""

    @property
    def name(self) -> str: ...
    @property
    def words(self) -> Collection[str] | None:
        """The labels it knows; None for more than can be listed."""

    @property
    def dollars_a_picture(self) -> float: ...
    def labels(self, picture: Picture) -> list[Label]: ...
    def check(self) -> None:
        """DetectorFailed, with the cause for the operator, unless it is ready."""


@dataclass(frozen=True)
class Finder:
    """Everything the doors need, composed in one place (`app.build_finder`)."""

    question: Question
    detector: Detector
    stand_in: Detector | None
    storage: Storage
    results: Results
    max_bytes: int
    max_side: int
    _beside: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(PUTS_AT_ONCE, "store"), repr=False
    )

    def look(self, data: bytes) -> Result:
        """Take one upload through the whole path; a DuckError says where it ended."""
        picture = self.read(data)
        id = secrets.token_urlsafe(ID_BYTES)
        key, now = f"uploads/{id}.jpg", datetime.now(UTC)
        self.results.begin(id, now, self.question.title, key)
        stored = self._beside.submit(self.storage.put, key, picture.jpeg)
        answer = self.answer(picture)
        stored.result()
        result = Result(
            id=id,
            created_at=now,
            question=self.question.title,
            said=self.question.yes if answer.verdict.found else self.question.no,
            min_confidence=self.question.min_confidence,
            width=picture.image.width,
            height=picture.image.height,
            several_frames=picture.several_frames,
            picture_key=key,
            marked_key=self._mark(id, picture, answer),
            answer=answer,
        )
        self.results.save(result)
        return result

    def read(self, data: bytes) -> Picture:
        return read_picture(data, max_bytes=self.max_bytes, max_side=self.max_side)

    def answer(self, picture: Picture) -> Answer:
        """What is in the picture, and is it a yes? Nothing is kept."""
        labels, engine, instead_of = self._labels(picture)
        return Answer(tuple(labels), judge(self.question, labels), engine, instead_of)

    def _labels(self, picture: Picture) -> tuple[list[Label], str, str | None]:
        try:
            return self.detector.labels(picture), self.detector.name, None
        except DetectorFailed as error:
            if self.stand_in is None:
                raise
            log.warning(
                "%s failed, the %s answers instead: %s",
                self.detector.name,
                self.stand_in.name,
                error.for_operator,
            )
            return self.stand_in.labels(picture), self.stand_in.name, self.detector.name

    def _mark(self, id: str, picture: Picture, answer: Answer) -> str | None:
        if not answer.verdict.boxes:
            return None
        key = f"marked/{id}.jpg"
        self.storage.put(key, to_jpeg(draw_boxes(picture.image, answer.verdict.boxes)))
        return key
