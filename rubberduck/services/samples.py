"""The sample pictures, analysed by the free detector and never stored."""

from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from rubberduck.core.errors import NoSuchResult
from rubberduck.core.models import Result
from rubberduck.core.rules import Sample
from rubberduck.core.settings import ROOT
from rubberduck.imaging.decode import Picture, to_jpeg
from rubberduck.services.pipeline import Pipeline

FOLDER = ROOT / "static" / "samples"
CACHE_SIZE = 16  # analysed samples


class AnalyzedSample(NamedTuple):
    picture: Picture
    result: Result


class Samples:
    """The samples of the question; none without a free detector."""

    def __init__(self, pipeline: Pipeline, folder: Path = FOLDER) -> None:
        self.pipeline = pipeline
        self.folder = folder
        self.all: tuple[Sample, ...] = pipeline.question.samples if pipeline.free_detector else ()
        self._analyzed = lru_cache(CACHE_SIZE)(self._analyze)

    def result(self, file: str) -> Result:
        """Return the result of a sample. Raises NoSuchResult."""
        return self._analyzed(file).result

    def analyzed(self, file: str) -> AnalyzedSample:
        """Return a sample's picture with its result. Raises NoSuchResult."""
        return self._analyzed(file)

    def marked(self, file: str) -> bytes:
        """Return a JPEG with the boxes drawn. Raises NoSuchResult."""
        # Imported late: the first pages need not wait for matplotlib.
        from rubberduck.imaging.draw import draw_boxes

        picture, result = self._analyzed(file)
        return to_jpeg(
            draw_boxes(picture.image, result.verdict.boxes, self.pipeline.question.thing)
        )

    def _analyze(self, file: str) -> AnalyzedSample:
        if file not in {sample.file for sample in self.all}:
            raise NoSuchResult
        path = self.folder / f"{file}.jpg"
        try:
            data, made = path.read_bytes(), path.stat().st_mtime
        except FileNotFoundError:
            raise NoSuchResult from None
        # The file's own time, so that every worker shows the same page.
        created_at = datetime.fromtimestamp(made, UTC)
        picture, answer = self.pipeline.analyze_frame(data)
        return AnalyzedSample(picture, self.pipeline.result(file, created_at, picture, answer))
