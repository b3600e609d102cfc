"""Requests of the game "Faces": whether the visitor agrees, and what is to be kept."""

from rubberduck.core.faces import FaceAnswer
from rubberduck.web.face_texts import captions
from rubberduck.web.uploads import form_value

YES = "yes"


def require_consent() -> None:
    """Raise ConsentMissing unless the form says that the visitor agrees."""
    # Imported late: the first pages need nothing of faces.
    from rubberduck.faces.errors import ConsentMissing

    if form_value("consent") != YES:
        raise ConsentMissing


def wants_to_keep() -> bool:
    """Return whether the form asks to keep the answer."""
    return form_value("keep") == YES


def marked_jpeg(jpeg: bytes, answer: FaceAnswer, max_side: int | None = None) -> bytes:
    """Return a JPEG of ours with boxes, and texts in the site's language.

    With `max_side`, its longer side has at most so many pixels.
    """
    # Imported late: matplotlib draws.
    from rubberduck.imaging.draw_faces import mark_faces

    return mark_faces(jpeg, answer.faces, captions(answer.faces), max_side)
