"""A result that is being deleted: its row and the pictures that it may have."""

from dataclasses import dataclass
from datetime import timedelta

PENDING_UPLOAD_TTL = timedelta(hours=1)  # an upload still pending after this is abandoned


@dataclass(frozen=True)
class PendingDeletion:
    """The row id and the storage keys that are still to be deleted."""

    id: str
    keys: tuple[str, str]

    @classmethod
    def of(cls, id: str, picture_key: str) -> "PendingDeletion":
        return cls(id, (picture_key, marked_key(id)))


def marked_key(id: str) -> str:
    return f"marked/{id}.jpg"
