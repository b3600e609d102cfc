"""A site with face collections, and what an operator writes down before a face is stored."""

from collections.abc import Callable
from datetime import UTC, date, datetime

from rubberduck.core.settings import Settings
from rubberduck.db.indexed_people import Consent
from rubberduck.imaging.decode import Picture, decode_picture
from rubberduck.services.face_collections import CollectionService
from rubberduck.services.pipeline import Pipeline
from tests.support.pictures import encoded

ON = {"engine": "rekognition", "faces": "on", "face_collections": True}


def picture() -> Picture:
    return decode_picture(encoded(), max_bytes=15_000_000, max_side=2048)


def consent() -> Consent:
    return Consent("Ada Lovelace", date(2026, 1, 2), "signed form no. 7", "in the folder")


def open_service(
    settings: Settings, composed: Callable[[Settings], Pipeline], **changes: object
) -> CollectionService:
    """Return the collections as the site composes them, which wait for no quota."""
    service = composed(settings.model_copy(update={**ON, **changes})).collections
    service.remote.pace = lambda operation: None
    return service


def today() -> date:
    return datetime.now(UTC).date()
