"""Faces as Amazon describes them, within the budget."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rubberduck.aws.image_calls import MAX_BYTES, SERVICE
from rubberduck.core.faces import FaceAnswer

if TYPE_CHECKING:
    from rubberduck.aws.faces import RekognitionFaces
    from rubberduck.imaging.decode import Picture
    from rubberduck.services.paid_calls import PaidCalls


@dataclass(frozen=True)
class AmazonFaces:
    """Finds and describes faces with DetectFaces. `dollars_a_call` is the price of a picture."""

    recognizer: "RekognitionFaces"
    calls: "PaidCalls"
    dollars_a_call: float
    name: str = SERVICE

    def faces(self, picture: "Picture", *, with_gender: bool = False) -> FaceAnswer:
        """Return the faces of the picture. Raises DetectorFailed, BudgetSpent."""
        jpeg = picture.jpeg_within(MAX_BYTES)
        found = self.calls.make(lambda: self.recognizer.find(jpeg, with_gender=with_gender))
        return FaceAnswer(found, self.name)

    def check(self) -> None:
        """Raise DetectorFailed unless DetectFaces may be called."""
        self.recognizer.check()
