"""Celebrities in pictures: asked for at Amazon, within the budget, and never kept."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rubberduck.aws.image_calls import MAX_BYTES
from rubberduck.core.models import percent

if TYPE_CHECKING:
    from rubberduck.aws.celebrities import CelebrityAnswer, RekognitionCelebrities
    from rubberduck.imaging.decode import Picture
    from rubberduck.services.paid_calls import PaidCalls


@dataclass(frozen=True)
class Celebrities:
    """Names celebrities. `dollars_a_call` is the price of a picture."""

    recognizer: "RekognitionCelebrities"
    calls: "PaidCalls"
    dollars_a_call: float

    def recognize(self, picture: "Picture") -> "CelebrityAnswer":
        """Return who is in the picture. Raises DetectorFailed: nothing else can answer."""
        jpeg = picture.jpeg_within(MAX_BYTES)
        return self.calls.make(lambda: self.recognizer.recognize(jpeg))

    def check(self) -> None:
        """Raise DetectorFailed unless celebrities may be asked for."""
        self.recognizer.check()


def marked_copy(picture: "Picture", answer: "CelebrityAnswer") -> bytes:
    """Return a JPEG with a box and a name at each celebrity's face, and nothing at others'."""
    # Imported late: it loads matplotlib.
    from rubberduck.core.faces import Face
    from rubberduck.imaging.decode import to_jpeg
    from rubberduck.imaging.draw_faces import draw_faces

    found = answer.celebrities
    names = [each.name for each in found]
    sure = [f"{each.name} {percent(each.confidence)}" for each in found]
    return to_jpeg(draw_faces(picture.image, [Face(each.box) for each in found], [sure, names]))
