"""The sample pictures: looked at by a detector that costs nothing, and never stored."""

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
KEPT = 16  # answers in memory


class Looked(NamedTuple):
    picture: Picture
    result: Result


class Samples:
    """What there is to try; nothing, where only a detector that costs money could answer."""

    def __init__(self, pipeline: Pipeline, folder: Path = FOLDER) -> None:
        self.pipeline = pipeline
        self.folder = folder
        self.all: tuple[Sample, ...] = pipeline.question.samples if pipeline.free_detector else ()
        # The same pictures and the same detector: the same answers.
        self._looked = lru_cache(KEPT)(self._look)

    def result(self, file: str) -> Result:
        """NoSuchResult for what is no sample."""
        return self._looked(file).result

    def marked(self, file: str) -> bytes:
        """A JPEG with the boxes drawn."""
        # Not at the top: pages are shown before matplotlib is loaded.
        from rubberduck.imaging.draw import draw_boxes

        picture, result = self._looked(file)
        return to_jpeg(draw_boxes(picture.image, result.verdict.boxes))

    def _look(self, file: str) -> Looked:
        if file not in {sample.file for sample in self.all}:
            raise NoSuchResult
        path = self.folder / f"{file}.jpg"
        try:
            data, made = path.read_bytes(), path.stat().st_mtime
        except FileNotFoundError:
            raise NoSuchResult from None
        # The file's own time: every worker then shows the same page.
        created_at = datetime.fromtimestamp(made, UTC)
        picture, answer = self.pipeline.analyze_frame(data)
        return Looked(picture, self.pipeline.result(file, created_at, picture, answer))
