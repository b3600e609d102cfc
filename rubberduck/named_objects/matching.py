"""Which known object a vector belongs to, and how sure that is. Pure functions.

Plain yellow ducks all resemble each other, and a purple one in sunglasses resembles none. So a
similarity counts by how far it stands out: from the similarities of the asked picture to a cohort
of other ducks, and from those of the known object to photos of them (the symmetric normalisation
of scores that speaker recognition uses, S-norm with the most similar of the cohort).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rubberduck.named_objects.embedding import of_length_one
from rubberduck.named_objects.projection import Floats, Projection

MOST_SIMILAR_DUCKS, MOST_SIMILAR_PHOTOS = 30, 100  # of the cohort
MIN_CONFIDENCE = 50.0  # percent, from which an object is named


@dataclass(frozen=True)
class Known:
    """The photos of one object that are compared: their ids, and vectors (photos, dimensions)."""

    object_id: str
    photo_ids: tuple[str, ...]
    vectors: Floats


@dataclass(frozen=True)
class Candidate:
    """An object with how sure it is, in percent, and its photo that is most like the picture."""

    object_id: str
    photo_id: str
    confidence: float

    @property
    def is_match(self) -> bool:
        return self.confidence >= MIN_CONFIDENCE


def rank(vector: Floats, known: Sequence[Known], projection: Projection) -> tuple[Candidate, ...]:
    """Return all objects that have photos, the likeliest first."""
    known = [each for each in known if each.photo_ids]
    if not known:
        return ()
    means = of_length_one(np.stack([each.vectors.mean(0) for each in known]))
    found = scores(vector[None], means, projection)[0]
    candidates = [
        Candidate(
            each.object_id,
            each.photo_ids[int((each.vectors @ vector).argmax())],
            confidence(float(score), projection),
        )
        for each, score in zip(known, found, strict=True)
    ]
    return tuple(sorted(candidates, key=lambda each: -each.confidence))


def scores(vectors: Floats, means: Floats, projection: Projection) -> Floats:
    """Return how far each similarity stands out, (vectors, means), in standard deviations."""
    similarity = vectors @ means.T
    asked = _normal(vectors @ projection.cohort_means.T, MOST_SIMILAR_DUCKS)
    named = _normal(means @ projection.cohort_photos.T, MOST_SIMILAR_PHOTOS)
    by_asked = (similarity - asked[0][:, None]) / asked[1][:, None]
    by_named = (similarity - named[0][None]) / named[1][None]
    return np.asarray((by_asked + by_named) / 2, np.float32)


def confidence(score: float, projection: Projection) -> float:
    """Return percent: 50 where right and wrong answers are as frequent."""
    return float(100 / (1 + np.exp(-projection.slope * (score - projection.threshold))))


def _normal(similarity: Floats, most: int) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of the highest values of each row."""
    highest = np.sort(similarity, axis=1)[:, -most:]
    return highest.mean(1), highest.std(1) + 1e-6
