"""Named objects: add photos of a duck, and ask which one a picture shows."""

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from rubberduck.core.errors import DuckError, StorageFailed, Unavailable
from rubberduck.core.models import Box
from rubberduck.custom_models.near_duplicates import hash_of, nearest
from rubberduck.db.engine import Database
from rubberduck.imaging.decode import Picture
from rubberduck.named_objects.embedding import Embedded, Embedder, shipped_embedder
from rubberduck.named_objects.errors import (
    DuplicatePhoto,
    NoObjectInPhoto,
    NoObjectsYet,
    NoSuchObject,
    ObjectTooSmall,
)
from rubberduck.named_objects.matching import Candidate, Known, rank
from rubberduck.named_objects.store import (
    VECTOR_TYPE,
    NamedObject,
    NamedObjects,
    Photo,
    new_id,
    photo_key,
)
from rubberduck.storage.base import Storage

log = logging.getLogger(__name__)
MIN_DUCK = 64  # pixels of the longer side of a duck in a photo: below, it has no details
REFRESHED_AT_ONCE = 20  # photos
REFRESH_SECONDS = 2.0  # in one request; what is left waits for the next one


@dataclass(frozen=True)
class Named:
    """A candidate with its name. `confidence` is in percent."""

    object_id: str
    name: str
    photo_id: str
    confidence: float
    is_match: bool


@dataclass(frozen=True)
class Answer:
    """Which objects a picture may show, the likeliest first, and where its duck is.

    Without a box, the whole picture was compared. `pending_photos` say how many known photos could
    not be compared yet: an update changed the embedding, and they are embedded again.
    """

    box: Box | None
    candidates: tuple[Named, ...]
    pending_photos: int = 0

    @property
    def match(self) -> Named | None:
        """Return the object that it is, None if it is none that is known."""
        best = self.candidates[0] if self.candidates else None
        return best if best and best.is_match else None


@dataclass(frozen=True)
class Outcome:
    """What became of one file: a stored photo, or the reason why it was not taken."""

    file_name: str
    photo: Photo | None = None
    error: DuckError | None = None


class NamedObjectService:
    """`read` decodes an upload; it raises DuckError."""

    def __init__(
        self, database: Database, storage: Storage, read: Callable[[bytes], Picture]
    ) -> None:
        self.objects = NamedObjects(database)
        self.storage = storage
        self.read = read

    @property
    def embedder(self) -> Embedder:
        """Return the networks, loaded at the first photo."""
        return shipped_embedder()

    def ask(self, data: bytes) -> tuple[Picture, Answer]:
        """Return which objects a picture may show. Nothing of the picture is kept.

        Raises NoObjectsYet, and what decoding raises.
        """
        known = self.objects.all()
        if not any(each.photos for each in known):
            raise NoObjectsYet("There is nothing to compare your picture with.")
        picture = self.read(data)
        if self.refresh():
            known = self.objects.all()
        return picture, self._answer(self.embedder.embed(picture.image), known)

    def _answer(self, asked: Embedded, known: Sequence[NamedObject]) -> Answer:
        current = [
            [photo for photo in each.photos if photo.embedding == self.embedder.version]
            for each in known
        ]
        pending = sum(len(each.photos) for each in known) - sum(map(len, current))
        names = {each.id: each.name for each in known}
        compared = [_known(each.id, photos) for each, photos in zip(known, current, strict=True)]
        return Answer(
            asked.box,
            tuple(
                _named(found, names[found.object_id])
                for found in rank(asked.vector, compared, self.embedder.projection)
            ),
            pending,
        )

    def add_photos(
        self, id: str, files: Sequence[tuple[str, bytes]], created_by: str, *, whole: bool = False
    ) -> list[Outcome]:
        """Add photos, each of them a name and bytes; what is refused stops no other.

        Raises NoSuchObject, Unavailable.
        """
        self.objects.get(id)
        outcomes = []
        for name, data in files:
            try:
                photo = self.add_photo(id, data, created_by, whole=whole)
                outcomes.append(Outcome(name, photo))
            except (Unavailable, NoSuchObject):
                raise
            except DuckError as error:
                outcomes.append(Outcome(name, error=error))
        return outcomes

    def add_photo(self, id: str, data: bytes, created_by: str, *, whole: bool = False) -> Photo:
        """Store a photo of an object. With `whole`, a photo without a duck counts as a whole.

        Raises NoSuchObject, TooManyObjects, PhotoNotTaken, and what decoding and storing raise.
        """
        thing, sha256 = self.objects.get(id), hashlib.sha256(data).hexdigest()
        self._require_new(sha256)
        picture = self.read(data)
        looks = self._require_different(thing, picture)
        embedded = self.embedder.embed(picture.image)
        _require_duck(embedded, picture, whole=whole)
        photo = self._new_photo(thing, sha256, looks, picture, embedded, created_by)
        self.objects.begin_photo(photo)
        try:
            self.storage.put(photo.key, picture.jpeg)
        except StorageFailed:
            self.objects.cancel_photo(photo.id)
            raise
        if not self.objects.finish_photo(photo.id):  # its object was deleted meanwhile
            self.storage.delete(photo.key)
            raise NoSuchObject
        return photo

    def delete_photo(self, id: str, photo_id: str) -> None:
        """Raises NoSuchObject unless the photo is one of this object, StorageFailed."""
        if self.objects.photo(photo_id).object_id != id:
            raise NoSuchObject
        self.objects.delete_photo(photo_id, self.storage)

    def stored_photo(self, id: str) -> tuple[Photo, bytes]:
        """Return a photo and its JPEG. Raises NoSuchObject, StorageFailed."""
        photo = self.objects.photo(id)
        try:
            return photo, self.storage.get(photo.key)
        except FileNotFoundError:
            raise NoSuchObject from None

    def refresh(self, seconds: float = REFRESH_SECONDS) -> int:
        """Embed photos again whose vectors are of another version; return how many.

        It ends after `seconds`: a request must not wait for all of them.
        """
        end, done, missing = time.monotonic() + seconds, 0, set[str]()
        while True:
            stale = [
                photo
                for photo in self.objects.stale(
                    self.embedder.version, REFRESHED_AT_ONCE + len(missing)
                )
                if photo.id not in missing
            ]
            if not stale:
                return done
            for photo in stale:
                if time.monotonic() > end:
                    return done
                if self._embed_again(photo):
                    done += 1
                else:
                    missing.add(photo.id)

    def _embed_again(self, photo: Photo) -> bool:
        try:
            picture = self.read(self.storage.get(photo.key))
        except FileNotFoundError:  # deleted in the meantime
            return False
        except DuckError as error:  # the others can be compared
            message = "named photo not read id=%s cause=%s"
            log.warning(message, photo.id, error.operator_message)
            return False
        embedded = self.embedder.embed(picture.image)
        vector = embedded.vector.astype(VECTOR_TYPE).tobytes()
        self.objects.set_vector(photo.id, self.embedder.version, vector, embedded.box)
        return True

    def _require_new(self, sha256: str) -> None:
        name = self.objects.name_of_photo(sha256)
        if name is not None:
            raise DuplicatePhoto("It is a photo of “{name}” already.", name=name)

    def _require_different(self, thing: NamedObject, picture: Picture) -> str | None:
        """Return the picture's difference hash. Raises DuplicatePhoto if a photo looks the same."""
        looks = hash_of(picture.image)
        if looks is None:
            return None
        known = [bytes.fromhex(each.difference_hash or "") for each in thing.photos]
        if nearest(looks, [each for each in known if each]) is not None:
            raise DuplicatePhoto(
                "“{name}” has a photo that looks the same already.", name=thing.name
            )
        return looks.hex()

    def _new_photo(  # noqa: PLR0913, PLR0917
        self,
        thing: NamedObject,
        sha256: str,
        looks: str | None,
        picture: Picture,
        embedded: Embedded,
        created_by: str,
    ) -> Photo:
        id = new_id()
        return Photo(
            id=id,
            object_id=thing.id,
            created_at=datetime.now(UTC),
            created_by=created_by,
            key=photo_key(thing.id, id),
            sha256=sha256,
            difference_hash=looks,
            width=picture.image.width,
            height=picture.image.height,
            box=embedded.box,
            embedding=self.embedder.version,
            vector=embedded.vector.astype(VECTOR_TYPE).tobytes(),
        )


def _require_duck(embedded: Embedded, picture: Picture, *, whole: bool) -> None:
    if embedded.box is None:
        if whole:
            return
        raise NoObjectInPhoto("No duck was found in it.")
    left, top, right, bottom = embedded.box.corners(picture.image.size)
    if max(right - left, bottom - top) < MIN_DUCK:
        raise ObjectTooSmall(
            "The duck in it has {side} pixels; {least} are needed.",
            side=max(right - left, bottom - top),
            least=MIN_DUCK,
        )


def _known(object_id: str, photos: Sequence[Photo]) -> Known:
    vectors = (
        np.stack([np.frombuffer(photo.vector, VECTOR_TYPE) for photo in photos])
        if photos
        else np.zeros((0, 1))
    )
    return Known(object_id, tuple(photo.id for photo in photos), vectors.astype(np.float32))


def _named(found: Candidate, name: str) -> Named:
    return Named(found.object_id, name, found.photo_id, found.confidence, found.is_match)
