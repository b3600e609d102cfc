"""What is said of faces, in the site's language: what they look like, never what they are."""

from collections.abc import Iterable
from dataclasses import dataclass

from rubberduck.core.faces import EmotionName, Face, FaceAnswer
from rubberduck.web.deps import text
from rubberduck.web.numbers import numbers

MIN_BAR = 1.0  # percent: what is less likely is not listed


@dataclass(frozen=True)
class Bar:
    """One emotion that a face may show; `confidence` is in percent."""

    name: str
    confidence: float


@dataclass(frozen=True)
class FaceText:
    """What is said of one face: a sentence, facts as names and values, and emotions as bars."""

    number: int
    summary: str
    facts: tuple[tuple[str, str], ...]
    bars: tuple[Bar, ...]


def emotion_words() -> dict[EmotionName, str]:
    """Return each emotion as the adjective that follows “looks”."""
    return {
        "HAPPY": text("happy"),
        "SAD": text("sad"),
        "ANGRY": text("angry"),
        "CONFUSED": text("confused"),
        "DISGUSTED": text("disgusted"),
        "SURPRISED": text("surprised"),
        "CALM": text("calm"),
        "UNKNOWN": text("hard to read"),
        "FEAR": text("afraid"),
    }


def face_texts(faces: Iterable[Face]) -> tuple[FaceText, ...]:
    """Return what is said of each face, numbered from 1."""
    return tuple(_face_text(number, face) for number, face in enumerate(faces, 1))


def count_text(answer: FaceAnswer) -> str:
    """Return how many faces were found, in a sentence."""
    count = len(answer.faces)
    if not count:
        return text("No face was found in this picture.")
    if count == 1:
        return text("One face was found.")
    return text("{count} faces were found. Smiling: {smiles}.").format(
        count=count, smiles=answer.smiles
    )


def captions(faces: Iterable[Face]) -> list[list[str]]:
    """Return the texts to draw at the faces, in three versions, the longest first."""
    words = emotion_words()
    numbered = list(enumerate(faces, 1))
    return [
        [_long_caption(number, face, words) for number, face in numbered],
        [_short_caption(number, face, words) for number, face in numbered],
        [str(number) for number, _ in numbered],
    ]


def _face_text(number: int, face: Face) -> FaceText:
    words, facts = emotion_words(), []
    summary = text("Face {number}").format(number=number)
    if face.emotions:
        summary = text("Face {number} looks {emotion}").format(
            number=number, emotion=words[face.emotions[0].name]
        )
    if face.smile:
        smile = text("yes") if face.smile.is_smiling else text("no")
        facts.append((text("Smile"), f"{smile} ({numbers().percent(face.smile.confidence)})"))
    if face.ages:
        facts.append((text("Looks aged"), f"{face.ages.low}–{face.ages.high}"))
    if face.gender:
        gender = text("female") if face.gender.name == "Female" else text("male")
        facts.append((text("Looks"), f"{gender} ({numbers().percent(face.gender.confidence)})"))
    bars = tuple(
        Bar(words[emotion.name], emotion.confidence)
        for place, emotion in enumerate(face.emotions)
        if not place or emotion.confidence >= MIN_BAR
    )
    return FaceText(number, summary, tuple(facts), bars)


def _long_caption(number: int, face: Face, words: dict[EmotionName, str]) -> str:
    parts = [text("smiles")] if face.is_smiling else []
    if face.emotions:
        parts.append(text("looks {emotion}").format(emotion=words[face.emotions[0].name]))
    if face.ages:
        parts.append(f"{face.ages.low}–{face.ages.high}")
    return f"{number}: {', '.join(parts)}" if parts else str(number)


def _short_caption(number: int, face: Face, words: dict[EmotionName, str]) -> str:
    return f"{number}: {words[face.emotions[0].name]}" if face.emotions else str(number)
