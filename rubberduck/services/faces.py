"""The game "Faces": what the faces in a picture look like. Keeps nothing unless asked to."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rubberduck.core.errors import NoSuchResult
from rubberduck.core.faces import FaceAnswer
from rubberduck.core.models import PendingUpload, Result
from rubberduck.imaging.decode import Picture
from rubberduck.services.pipeline import Pipeline

if TYPE_CHECKING:
    from rubberduck.faces.finders import FaceFinders


@dataclass(frozen=True)
class FaceService:
    """Finds the faces of a picture, and keeps them with its result if the visitor asks for that."""

    pipeline: Pipeline
    finders: "FaceFinders"

    def analyze(self, data: bytes) -> tuple[Picture, FaceAnswer]:
        """Return the decoded picture and its faces; nothing is stored. Raises DuckError."""
        picture = self.pipeline.read(data)
        return picture, self.finders.faces(picture)

    def analyze_frame(self, data: bytes) -> tuple[Picture, FaceAnswer]:
        """Do the same with a camera's frame, on this machine. Raises DuckError."""
        picture = self.pipeline.read(data)
        return picture, self.finders.free_faces(picture)

    def keep(self, data: bytes, answer: FaceAnswer, owner: str) -> Result | PendingUpload:
        """Check the picture as any other, and keep its faces with the result. Raises DuckError.

        The faces are the owner's only; they are deleted with the result.
        """
        from rubberduck.db.face_answers import save_faces

        result = self.pipeline.process_upload(data, owner)
        save_faces(self.pipeline.results, result.id, owner, answer)
        return result

    def kept(self, id: str, owner: str | None) -> tuple[Result, FaceAnswer]:
        """Return what the owner asked to keep. Raises NoSuchResult, also for other visitors."""
        from rubberduck.db.face_answers import find_faces

        result = self.pipeline.results.get(id)
        is_own = owner is not None and result.owner == owner
        answer = find_faces(self.pipeline.results, id) if is_own else None
        if answer is None:
            raise NoSuchResult
        return result, answer

    def withdraw(self, id: str, owner: str) -> None:
        """Delete what was kept of the faces; the result stays. Raises NoSuchResult."""
        from rubberduck.db.face_answers import delete_faces

        delete_faces(self.pipeline.results, id, owner)
