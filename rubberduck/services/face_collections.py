"""Face collections at Amazon: people who consented, found again in pictures, until they expire.

Somebody is written down before the face is sent and completed after, so that a crash at any moment
leaves nothing at Amazon that `reconcile` does not find: each face carries the person's random id.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rubberduck.aws.collection_faces import CollectionInfo, Match, StoredFace, UnindexedFace
from rubberduck.aws.collections import PREFIX
from rubberduck.aws.collections_errors import (
    CollectionRefused,
    CollectionUnclear,
    NoSuchCollection,
    NoSuchPerson,
)
from rubberduck.aws.image_calls import MAX_BYTES
from rubberduck.core.errors import DuckError, InvalidParameter
from rubberduck.db.indexed_people import DELETING, INDEXED, INDEXING, Consent, IndexedPerson, new_id
from rubberduck.services.face_consent import MAX_LABEL, checked, checked_consent

if TYPE_CHECKING:
    from rubberduck.aws.collection_faces import UserFault
    from rubberduck.aws.collections import FaceCollections
    from rubberduck.db.indexed_people import IndexedPeople
    from rubberduck.imaging.decode import Picture
    from rubberduck.services.face_charges import FaceCharges
    from rubberduck.services.paid_calls import PaidCalls

log = logging.getLogger(__name__)
NAME_RE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,59}")
# A request ends in seconds: whoever is still on the way after this was left by a crash.
ABANDONED_AFTER = timedelta(minutes=15)
SETTLES_AFTER = timedelta(seconds=30)  # where somebody asks for the comparison


@dataclass(frozen=True)
class IndexOutcome:
    """What became of a picture; `person` is None if no face of it was stored."""

    person: IndexedPerson | None
    stored: int
    unindexed: tuple[UnindexedFace, ...]


@dataclass(frozen=True)
class Found:
    """Somebody who is like the searched face, in percent; `person` is None for a stranger's."""

    similarity: float
    person: IndexedPerson | None


@dataclass(frozen=True)
class Reconciled:
    """What a comparison with Amazon found.

    `completed` people whose face had arrived, `removed` ones whose face had not, and `strangers`,
    faces at Amazon of nobody who is written down here.
    """

    completed: int
    removed: int
    strangers: tuple[StoredFace, ...]


@dataclass(frozen=True)
class CollectionService:
    """All that operators do with collections. Raises the errors of aws/collections.py."""

    remote: "FaceCollections"
    people: "IndexedPeople"
    indexing: "PaidCalls"
    searching: "PaidCalls"
    charges: "FaceCharges"
    keep: timedelta

    # ---- collections

    def create(self, name: str) -> str:
        """Make a collection and return its id. Raises InvalidParameter."""
        if not NAME_RE.fullmatch(name):
            raise InvalidParameter(
                "The name must have 1 to 60 lower-case letters, digits, points, hyphens and "
                "underscores, and begin with a letter or digit."
            )
        self.remote.create(id := PREFIX + name)
        return id

    def collections(self) -> list[tuple[CollectionInfo, int]]:
        """Return the collections at Amazon, each with the number of people written down here."""
        counts = self.people.counts()
        described = map(self.remote.describe, self.remote.list())
        return [(each, counts.get(each.id, 0)) for each in described if each is not None]

    def get(self, id: str) -> CollectionInfo:
        """Raises NoSuchCollection, also for one that is not this site's."""
        _require_own(id)
        if (found := self.remote.describe(id)) is None:
            raise NoSuchCollection
        return found

    def delete(self, id: str) -> None:
        """Delete a collection and all who are in it; again after a failure."""
        _require_own(id)
        self.people.mark_all_deleting(id)
        self.remote.delete(id)
        self.people.forget_collection(id)

    # ---- people

    def person(self, collection: str, id: str) -> IndexedPerson:
        if (found := self.people.get(collection, id)) is None:
            raise NoSuchPerson
        return found

    def index(
        self, collection: str, label: str, consent: Consent, picture: "Picture", operator_id: str
    ) -> IndexOutcome:
        """Write somebody down, and store the largest face of the picture at Amazon."""
        now = datetime.now(UTC)
        person = IndexedPerson(
            id=new_id(),
            collection=self.get(collection).id,
            label=checked(label, MAX_LABEL, "name"),
            consent=checked_consent(consent, now),
            created_by=operator_id,
            created_at=now,
            expires_at=now + self.keep,
        )
        self.people.add(person)
        return self._send(person, picture)

    def add_picture(self, person: IndexedPerson, picture: "Picture") -> IndexOutcome:
        """Store one more face of somebody, under the same consent and until the same day."""
        if not self.people.begin(person.id):
            raise NoSuchPerson
        return self._send(person, picture)

    def _send(self, person: IndexedPerson, picture: "Picture") -> IndexOutcome:
        jpeg = picture.jpeg_within(MAX_BYTES)
        try:
            found = self.indexing.make(
                lambda: self.remote.index(person.collection, jpeg, person.id)
            )
        except CollectionUnclear:  # `reconcile` finds out
            raise
        except DuckError:
            self._settle(person, ())
            raise
        outcome = self._settle(person, found.faces)
        return IndexOutcome(outcome, len(found.faces), found.unindexed)

    def _settle(self, person: IndexedPerson, faces: Iterable[StoredFace]) -> IndexedPerson | None:
        """Write down what is stored; return None if nothing of the person is."""
        ids = tuple(dict.fromkeys([*person.faces, *(face.id for face in faces)]))
        if not ids:
            self.people.forget(person.id)
            return None
        if not self.people.finish(person.id, ids):  # deleted in the meantime
            self.remote.delete_faces(person.collection, ids)
            raise NoSuchPerson
        self.charges.charge(person, set(ids) - set(person.faces))
        return replace(person, faces=ids, status=INDEXED)

    def delete_person(self, person: IndexedPerson) -> None:
        """Delete somebody's faces at Amazon, then all that is known here; again after a failure."""
        # As it is now: a face or a user may have come since `person` was read.
        known = self.people.mark_deleting(person.id)
        if known is None:
            return
        person = known
        if person.has_user:
            self.remote.delete_user(person.collection, person.id)
        ids = set(person.faces)
        if person.status != INDEXED:
            ids |= {face.id for face in self._faces_of(person)}
        self.remote.delete_faces(person.collection, sorted(ids))
        self.people.forget(person.id)
        log.info("indexed person deleted id=%s faces=%d", person.id, len(ids))

    def _faces_of(self, person: IndexedPerson) -> list[StoredFace]:
        try:
            stored = list(self.remote.faces(person.collection))
        except CollectionRefused:
            if self.remote.describe(person.collection) is None:
                return []
            raise
        return [face for face in stored if face.person_id == person.id]

    # ---- users

    def make_user(self, person: IndexedPerson) -> "tuple[UserFault, ...]":
        """Join somebody's faces to one user, which is searched better; return faces left out."""
        if not self.people.set_user(person.id, True):  # first: deletion must know
            raise NoSuchPerson
        self.remote.create_user(person.collection, person.id)
        return self.remote.associate(person.collection, person.id, person.faces)

    def drop_user(self, person: IndexedPerson) -> None:
        """Take the user apart; the faces stay."""
        self.remote.delete_user(person.collection, person.id)
        self.people.set_user(person.id, False)

    # ---- searches

    def search(self, collection: str, picture: "Picture", *, users: bool = False) -> list[Found]:
        """Return who is like the largest face of a picture, the most alike first.

        With `users`, only those whose faces were joined. Raises NoFaceInPicture.
        """
        info, jpeg = self.get(collection), picture.jpeg_within(MAX_BYTES)
        ask = self.remote.search_users if users else self.remote.search
        matches = self.searching.make(lambda: ask(info.id, jpeg))
        return self._found(info.id, matches)

    def _found(self, collection: str, matches: Iterable[Match]) -> list[Found]:
        people = {each.id: each for each in self.people.all_in(collection)}
        hidden = people.keys() - {each.id for each in self.people.of_collection(collection)}
        best: dict[str, float] = defaultdict(float)
        for match in matches:
            best[match.person_id] = max(best[match.person_id], match.similarity)
        shown = [id for id in best if id not in hidden]
        found = [Found(best[id], people.get(id)) for id in shown]
        return sorted(found, key=lambda each: -each.similarity)

    # ---- comparison with Amazon, and retention

    def reconcile(self, collection: str, *, patience: timedelta = SETTLES_AFTER) -> Reconciled:
        """Compare what is written down with what is at Amazon, and complete or remove people."""
        by_person: dict[str, list[StoredFace]] = defaultdict(list)
        for face in self.remote.faces(self.get(collection).id):
            by_person[face.person_id].append(face)
        people = self.people.all_in(collection)
        unclear = {each.id for each in self.people.unclear(datetime.now(UTC) - patience)}
        completed = removed = 0
        for person in people:
            faces = by_person.get(person.id, [])
            is_unclear = person.id in unclear
            if person.status == DELETING or (person.status == INDEXING and not is_unclear):
                continue
            if is_unclear or {face.id for face in faces} - set(person.faces):
                is_kept = self._settle(person, faces) is not None
                completed, removed = completed + is_kept, removed + (not is_kept)
        known = {person.id for person in people}
        strangers = [face for id, each in by_person.items() if id not in known for face in each]
        return Reconciled(completed, removed, tuple(strangers))

    def delete_strangers(self, collection: str) -> int:
        """Delete the faces at Amazon of nobody who is written down here; return their number."""
        strangers = self.reconcile(collection).strangers
        for user in {face.user_id for face in strangers if face.user_id}:
            self.remote.delete_user(collection, user)
        self.remote.delete_faces(collection, [face.id for face in strangers])
        return len(strangers)

    def sweep(self) -> int:
        """Delete those whose time is over, and settle what a crash left; return the deletions.

        Continues after a failure, and raises the first one at the end.
        """
        failures: list[DuckError] = []
        deleted = 0
        for person in self.people.due(datetime.now(UTC)):
            try:
                self.delete_person(person)
                deleted += 1
            except DuckError as error:
                failures.append(error)
        old = self.people.unclear(datetime.now(UTC) - ABANDONED_AFTER)
        for collection in sorted({person.collection for person in old}):
            try:
                self._settle_abandoned(collection)
            except DuckError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return deleted

    def _settle_abandoned(self, collection: str) -> None:
        try:
            self.reconcile(collection, patience=ABANDONED_AFTER)
        except NoSuchCollection:  # deleted elsewhere, and its faces with it
            self.people.forget_collection(collection)


def _require_own(id: str) -> None:
    """Raise NoSuchCollection unless a collection of this site may have this id."""
    if not id.startswith(PREFIX) or not NAME_RE.fullmatch(id.removeprefix(PREFIX)):
        raise NoSuchCollection
