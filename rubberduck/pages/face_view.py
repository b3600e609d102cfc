"""What the pages that show faces say of them."""

from dataclasses import dataclass

from rubberduck.core.faces import FaceAnswer
from rubberduck.web.deps import text
from rubberduck.web.face_texts import FaceText, count_text, face_texts

AMAZON = "Amazon Rekognition"


@dataclass(frozen=True)
class FaceView:
    """The template variable of _faces.html."""

    count: str
    faces: tuple[FaceText, ...]
    finder: str
    fallback_reason: str | None

    @classmethod
    def of(cls, answer: FaceAnswer) -> "FaceView":
        return cls(
            count=count_text(answer),
            faces=face_texts(answer.faces),
            finder=finder_name(answer.engine),
            fallback_reason=answer.fallback_reason,
        )


def finder_name(name: str) -> str:
    """Return the name of what finds faces, as a sentence has it."""
    return name if name == AMAZON else text("this server")
