"""Guess what faces look like with the networks of face-api.js: expression, smile, age, gender.

Their own sureness says little; docs/faces-figures.md has how often they are wrong.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from rubberduck.core.faces import AgeRange, Emotion, EmotionName, Gender, Smile
from rubberduck.faces.detection import Session
from rubberduck.faces.windows import Floats, Window, pixels_in

SIDE = 112  # pixels of the networks' square input
ZOOM = 1.1  # the networks' window, as a multiple of the face's longer side
BATCH = 16  # faces at once: more would take memory and be no faster
# The network's outputs, in order, by Rekognition's names. It knows neither CONFUSED nor UNKNOWN.
EMOTIONS: tuple[EmotionName, ...] = (
    *("CALM", "HAPPY", "SAD", "ANGRY"),
    *("FEAR", "DISGUSTED", "SURPRISED"),
)
HAPPY = EMOTIONS.index("HAPPY")
# The network is mostly more than 99 % sure, also of smiles about which people would quarrel. So
# what is said goes from 50 % to these; docs/faces-figures.md has how often it is right.
MOST_SMILING, MOST_SERIOUS = 70.0, 90.0
# Years below and above the network's guess: more than twice the mean error that its author states.
AGE_MARGIN = 12
OLDEST = 100

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Description:
    """What one face looks like. `emotions`: the strongest first."""

    smile: Smile
    emotions: tuple[Emotion, ...]
    ages: AgeRange
    gender: Gender | None


class FaceDescriber:
    """Guesses what faces look like. Safe to share between threads."""

    def __init__(self, expressions: Session, age_gender: Session) -> None:
        self._expressions = expressions
        self._age_gender = age_gender

    def describe(
        self, image: Image.Image, corners: list[Floats], *, with_gender: bool
    ) -> list[Description]:
        """Return what faces of an RGB picture look like; corners as in Detection."""
        descriptions: list[Description] = []
        for start in range(0, len(corners), BATCH):
            windows = [Window.around(each, ZOOM) for each in corners[start : start + BATCH]]
            faces = np.stack([pixels_in(image, each, SIDE) for each in windows])
            descriptions += self._describe(faces, with_gender)
        return descriptions

    def _describe(self, faces: Pixels, with_gender: bool) -> list[Description]:
        """Return the means of what faces, (faces, SIDE, SIDE, 3), and their mirror images show."""
        both = {"pixels": np.concatenate([faces, faces[:, :, ::-1]])}
        [expressions] = self._expressions.run(["expressions"], both)
        # Without the output "gender" the network does not compute it.
        outputs = ["age", "gender"] if with_gender else ["age"]
        ages, *genders = map(_mean_of_halves, self._age_gender.run(outputs, both))
        return [
            Description(
                smile(float(probabilities[HAPPY])),
                emotions(probabilities),
                age_range(float(ages[face, 0])),
                gender(float(genders[0][face, 0])) if with_gender else None,
            )
            for face, probabilities in enumerate(_mean_of_halves(expressions))
        ]


def _mean_of_halves(outputs: Floats) -> Floats:
    first, second = np.split(outputs, 2)
    return np.asarray((first + second) / 2, np.float32)


def smile(happy: float) -> Smile:
    """Return whether a face smiles, by the probability that it looks happy.

    >>> smile(1.0), smile(0.5), smile(0.0)
    (Smile(is_smiling=True, confidence=70.0), Smile(is_smiling=True, confidence=50.0), \
Smile(is_smiling=False, confidence=90.0))
    """
    is_smiling = happy >= 0.5
    sureness = 2 * happy - 1 if is_smiling else 1 - 2 * happy
    most = MOST_SMILING if is_smiling else MOST_SERIOUS
    return Smile(is_smiling, 50 + (most - 50) * sureness)


def emotions(probabilities: Floats) -> tuple[Emotion, ...]:
    """Return the emotions in percent, the strongest first, of probabilities ordered as EMOTIONS."""
    order = np.argsort(-probabilities, kind="stable")
    return tuple(Emotion(EMOTIONS[place], 100 * float(probabilities[place])) for place in order)


def age_range(years: float) -> AgeRange:
    """Return the range around a guess.

    >>> age_range(30.4), age_range(3.0)
    (AgeRange(low=18, high=42), AgeRange(low=0, high=15))
    """
    middle = min(max(round(years), 0), OLDEST)
    return AgeRange(max(middle - AGE_MARGIN, 0), middle + AGE_MARGIN)


def gender(male: float) -> Gender:
    """Return the likelier one; the network's probabilities of male and female add up to 1."""
    return Gender("Male", 100 * male) if male > 0.5 else Gender("Female", 100 * (1 - male))
