"""The figures of "Which duck is it?" on rendered ducks: `python -m training.named_ducks.judge`."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from rubberduck.named_objects.embedding import Embedder, shipped_embedder
from rubberduck.named_objects.matching import Candidate, Known, rank
from training.named_ducks.fit import CACHE, rendered
from training.named_ducks.photographs import JUDGED, DuckSet, is_enrolled


@dataclass(frozen=True)
class Figures:
    """Shares from 0 to 1. `top1` counts the likeliest duck, named or not; the others the answer.

    `seconds` are of processor time for an embedding, `detector_seconds` for the detector alone.
    """

    asked: int
    strangers_asked: int
    top1: float
    named_right: float
    named_wrong: float
    strangers_refused: float
    seconds: float
    detector_seconds: float

    def __str__(self) -> str:
        return (
            f"{self.asked} pictures of known ducks: the likeliest is right in {self.top1:.1%}; "
            f"named right {self.named_right:.1%}, named wrong {self.named_wrong:.1%}, the others "
            f"refused. {self.strangers_asked} pictures of strangers: refused "
            f"{self.strangers_refused:.1%}. {self.seconds * 1000:.0f} ms of processor time for a "
            f"picture; the detector alone takes {self.detector_seconds * 1000:.0f} ms."
        )


def judge(of: DuckSet, folder: Path) -> Figures:
    """Enrol the first photographs of the known ducks, and ask about all others."""
    embedder = shipped_embedder()
    start = time.process_time()
    vectors = {
        place: embedder.embed(image).vector for place, image in _images(rendered(of, folder))
    }
    seconds = (time.process_time() - start) / len(vectors)
    known = [
        Known(
            str(duck),
            tuple(str(n) for d, n in vectors if d == duck and is_enrolled(of, d, n)),
            np.stack([v for (d, n), v in vectors.items() if d == duck and is_enrolled(of, d, n)]),
        )
        for duck in range(of.known)
    ]
    answers = [
        (duck, rank(vector, known, embedder.projection)[0])
        for (duck, number), vector in vectors.items()
        if not is_enrolled(of, duck, number)
    ]
    mine = [(duck, best) for duck, best in answers if duck < of.known]
    return Figures(
        asked=len(mine),
        strangers_asked=len(answers) - len(mine),
        top1=_share([best.object_id == str(duck) for duck, best in mine]),
        named_right=_share([_is_right(duck, best) for duck, best in mine]),
        named_wrong=_share([best.is_match and not _is_right(duck, best) for duck, best in mine]),
        strangers_refused=_share([not best.is_match for duck, best in answers if duck >= of.known]),
        seconds=seconds,
        detector_seconds=_detector_seconds(embedder, rendered(of, folder)[:50]),
    )


def _is_right(duck: int, best: Candidate) -> bool:
    return best.is_match and best.object_id == str(duck)


def _share(true: Sequence[bool]) -> float:
    return sum(true) / len(true)


def _images(
    files: Sequence[tuple[tuple[int, int], Path]],
) -> Iterator[tuple[tuple[int, int], Image.Image]]:
    for place, file in files:
        yield place, Image.open(file).convert("RGB")


def _detector_seconds(embedder: Embedder, files: Sequence[tuple[tuple[int, int], Path]]) -> float:
    start = time.process_time()
    for _, image in _images(files):
        embedder.find(image)
    return (time.process_time() - start) / len(files)


if __name__ == "__main__":
    print(judge(JUDGED, CACHE / "JUDGED"))
