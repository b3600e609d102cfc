"""The API of face collections, for operators: people who consented, searches, deletion."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from flask import Response, url_for
from flask.typing import ResponseReturnValue
from pydantic import Field

from rubberduck.api.blueprint import api
from rubberduck.api.body_classes import body_class
from rubberduck.api.requests import choice, parsed_body
from rubberduck.api.routes import no_content
from rubberduck.api.schemas import Percent, Timestamp
from rubberduck.web import collections as acts
from rubberduck.web.collections import collection_service, reasons_of
from rubberduck.web.deps import settings
from rubberduck.web.formatting import rfc3339
from rubberduck.web.operators import require_operator
from rubberduck.web.problem_details import Address
from rubberduck.web.responses import as_json
from rubberduck.web.uploads import picture_from_body

if TYPE_CHECKING:
    from rubberduck.aws.collection_faces import CollectionInfo
    from rubberduck.db.indexed_people import IndexedPerson
    from rubberduck.services.face_collections import Found, IndexOutcome

BY = ("faces", "users")
Count = Annotated[int, Field(ge=0)]
LeftOut = Annotated[
    tuple[str, ...], Field(description="why faces were left out, each reason once; in words")
]


@body_class
class CollectionNameBody:
    """The name of a new collection."""

    name: Annotated[
        str,
        Field(max_length=60, description="lower-case letters, digits and . - _"),
    ]


@body_class
class CollectionBody:
    """A collection of faces at Amazon."""

    id: Annotated[str, Field(description="the name, after a prefix of this site")]
    faces: Annotated[int, Field(ge=0, description="face vectors at Amazon")]
    users: Annotated[int, Field(ge=0, description="people whose faces were joined")]
    people: Annotated[int, Field(ge=0, description="people who are listed here")]
    self: Address


@body_class
class CollectionsBody:
    """The collections of this site."""

    collections: tuple[CollectionBody, ...]
    keep_days: Annotated[int, Field(description="faces and consents are deleted after so long")]


@body_class
class FaceConsentBody:
    """Who agreed that a face is stored."""

    given_by: str
    given_on: Annotated[str, Field(json_schema_extra={"format": "date"})]
    how: Annotated[str, Field(description="how it was given, and where that is kept")]
    note: str


@body_class
class IndexedPersonBody:
    """Somebody whose faces are stored at Amazon. Amazon knows the id, and no name."""

    id: str
    label: Annotated[str, Field(description="what the person is called here")]
    consent: FaceConsentBody
    created_at: Timestamp
    expires_at: Annotated[Timestamp, Field(description="deleted then, with the consent")]
    faces: Annotated[int, Field(ge=0, description="that are stored")]
    is_unclear: Annotated[bool, Field(description="a face is on its way, or its fate is unknown")]
    has_user: Annotated[bool, Field(description="the faces were joined")]


@body_class
class CollectionPeopleBody:
    """The people of a collection."""

    people: Annotated[tuple[IndexedPersonBody, ...], Field(description="the newest first")]


@body_class
class StoredFacesBody:
    """What became of a picture of somebody."""

    person: IndexedPersonBody
    stored: Count
    left_out: LeftOut


@body_class
class JoinedFacesBody:
    """What became of the faces that were to be joined."""

    left_out: LeftOut


@body_class
class FoundPersonBody:
    """Somebody who is like the searched face. A match is a guess."""

    similarity: Percent
    person: Annotated[str | None, Field(description="the id; null: nobody who is listed here")]
    label: str | None


@body_class
class FaceSearchBody:
    """Who is like the largest face of a picture by at least 80 %."""

    found: Annotated[tuple[FoundPersonBody, ...], Field(description="the most alike first")]


@body_class
class ComparedBody:
    """What a comparison with Amazon found and settled."""

    completed: Annotated[int, Field(ge=0, description="people whose face had arrived")]
    removed: Annotated[int, Field(ge=0, description="people whose face had not arrived")]
    strangers: Annotated[int, Field(ge=0, description="faces of nobody who is listed here")]


@api.get("/collections")
def list_collections() -> ResponseReturnValue:
    require_operator()
    listed = collection_service().collections()
    bodies = tuple(_collection(info, people) for info, people in listed)
    return as_json(CollectionsBody(bodies, settings().face_keep_days))


@api.post("/collections")
def create_collection() -> ResponseReturnValue:
    require_operator()
    id = acts.create_collection(parsed_body(CollectionNameBody).name)
    body = _collection(collection_service().get(id), 0)
    return as_json(body, HTTPStatus.CREATED, Location=body.self)


@api.get("/collections/<collection>")
def get_collection(collection: str) -> ResponseReturnValue:
    require_operator()
    service = collection_service()
    info = service.get(collection)
    return as_json(_collection(info, len(service.people.of_collection(info.id))))


@api.delete("/collections/<collection>")
def delete_collection(collection: str) -> ResponseReturnValue:
    """Delete a collection with all faces, and the consents."""
    require_operator()
    acts.delete_collection(collection)
    return no_content()


@api.get("/collections/<collection>/people")
def list_collection_people(collection: str) -> ResponseReturnValue:
    require_operator()
    service = collection_service()
    people = service.people.of_collection(service.get(collection).id)
    return as_json(CollectionPeopleBody(tuple(map(_person, people))))


@api.post("/collections/<collection>/people")
def add_collection_person(collection: str) -> ResponseReturnValue:
    """Store the largest face of a picture, with the consent that the form records."""
    from rubberduck.aws.collections_errors import NoFaceStored

    require_operator()
    outcome = acts.store_person(collection)
    if outcome.person is None:
        reasons = " ".join(reasons_of(outcome.unindexed))
        raise NoFaceStored(reasons)
    address = url_for(
        "api.get_collection_person", collection=collection, person_id=outcome.person.id
    )
    return _stored(outcome, outcome.person, HTTPStatus.CREATED, Location=address)


@api.get("/collections/<collection>/people/<person_id>")
def get_collection_person(collection: str, person_id: str) -> ResponseReturnValue:
    require_operator()
    return as_json(_person(collection_service().person(collection, person_id)))


@api.delete("/collections/<collection>/people/<person_id>")
def delete_collection_person(collection: str, person_id: str) -> ResponseReturnValue:
    """Delete somebody's faces at Amazon, and all that is kept here, consent included."""
    require_operator()
    acts.forget_person(collection, person_id)
    return no_content()


@api.post("/collections/<collection>/people/<person_id>/pictures")
def add_collection_face(collection: str, person_id: str) -> ResponseReturnValue:
    """Store one more face of somebody, under the same consent."""
    require_operator()
    person, outcome = acts.store_face(collection, person_id, picture_from_body)
    return _stored(outcome, person)


@api.put("/collections/<collection>/people/<person_id>/user")
def join_collection_faces(collection: str, person_id: str) -> ResponseReturnValue:
    """Join somebody's faces to one user."""
    require_operator()
    return as_json(JoinedFacesBody(tuple(acts.join_faces(collection, person_id))))


@api.delete("/collections/<collection>/people/<person_id>/user")
def part_collection_faces(collection: str, person_id: str) -> ResponseReturnValue:
    """Take somebody's user apart; the faces stay."""
    require_operator()
    acts.part_faces(collection, person_id)
    return no_content()


@api.post("/collections/<collection>/searches")
def search_collection(collection: str) -> ResponseReturnValue:
    """Return who is like the largest face of a picture. Nothing of the search is kept."""
    require_operator()
    by = choice("by", BY) or BY[0]
    found = acts.search_faces(collection, by, picture_from_body())
    return as_json(FaceSearchBody(tuple(map(_found, found))))


@api.post("/collections/<collection>/comparison")
def compare_collection(collection: str) -> ResponseReturnValue:
    """Compare the people with the faces at Amazon, and settle what is unclear."""
    require_operator()
    compared = acts.compare_collection(collection)
    return as_json(ComparedBody(compared.completed, compared.removed, len(compared.strangers)))


@api.delete("/collections/<collection>/strangers")
def delete_collection_strangers(collection: str) -> ResponseReturnValue:
    """Delete the faces at Amazon of nobody who is listed here."""
    require_operator()
    acts.delete_strangers(collection)
    return no_content()


def _collection(info: "CollectionInfo", people: int) -> CollectionBody:
    address = url_for("api.get_collection", collection=info.id)
    return CollectionBody(info.id, info.faces, info.users, people, address)


def _person(person: "IndexedPerson") -> IndexedPersonBody:
    consent = person.consent
    return IndexedPersonBody(
        id=person.id,
        label=person.label,
        consent=FaceConsentBody(
            consent.given_by, consent.given_on.isoformat(), consent.how, consent.note
        ),
        created_at=rfc3339(person.created_at),
        expires_at=rfc3339(person.expires_at),
        faces=len(person.faces),
        is_unclear=person.is_unclear,
        has_user=person.has_user,
    )


def _stored(
    outcome: "IndexOutcome",
    person: "IndexedPerson",
    status: int = HTTPStatus.OK,
    **headers: str,
) -> Response:
    body = StoredFacesBody(_person(person), outcome.stored, tuple(reasons_of(outcome.unindexed)))
    return as_json(body, status, **headers)


def _found(found: "Found") -> FoundPersonBody:
    person = found.person
    return FoundPersonBody(
        found.similarity, person.id if person else None, person.label if person else None
    )
