"""What finds the faces of this site: on this machine, or Amazon with that as the fallback."""

import logging
from dataclasses import dataclass, replace

from rubberduck.core.errors import DetectorFailed
from rubberduck.core.faces import FaceAnswer
from rubberduck.faces.models import FaceAnalyzer, PaidFaceAnalyzer
from rubberduck.imaging.decode import Picture

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FaceFinders:
    """`embedded` costs nothing: it answers camera frames, and in place of an `amazon` that fails.

    `with_gender`: what gender a face looks like is asked, too.
    """

    embedded: FaceAnalyzer
    amazon: PaidFaceAnalyzer | None = None
    with_gender: bool = False

    @property
    def name(self) -> str:
        """Return the name of what answers, unless it fails."""
        return (self.amazon or self.embedded).name

    def faces(self, picture: Picture) -> FaceAnswer:
        """Return the faces of a picture. Raises DetectorFailed."""
        if self.amazon is None:
            return self.free_faces(picture)
        try:
            return self.amazon.faces(picture, with_gender=self.with_gender)
        except DetectorFailed as error:
            if not error.already_logged:
                message = "fallback engine=%s fallback=%s cause=%s"
                log.warning(message, self.amazon.name, self.embedded.name, error.operator_message)
            return replace(
                self.free_faces(picture),
                fallback_for=self.amazon.name,
                fallback_reason=error.fallback_reason,
            )

    def free_faces(self, picture: Picture) -> FaceAnswer:
        """Return the faces of a picture, found on this machine. Raises DetectorFailed."""
        return self.embedded.faces(picture, with_gender=self.with_gender)
