"""What is left of a result when it goes: a row, and the pictures that it may have."""

from dataclasses import dataclass
from datetime import timedelta

PENDING_UPLOAD_TTL = timedelta(hours=1)  # after this, what was begun and not finished never will be


@dataclass(frozen=True)
class PendingDeletion:
    """What is still to be deleted: a row and the pictures that it may have."""

    id: str
    keys: tuple[str, str]

    @classmethod
    def of(cls, id: str, picture_key: str) -> "PendingDeletion":
        return cls(id, (picture_key, marked_key(id)))


def marked_key(id: str) -> str:
    return f"marked/{id}.jpg"
