"""Access from a request to face collections, and what Amazon says of faces, in plain words."""

from collections.abc import Callable, Iterable
from datetime import date
from typing import TYPE_CHECKING

from rubberduck.aws.collections_errors import ConsentMissing
from rubberduck.core.errors import InvalidParameter
from rubberduck.web.deps import default_pipeline, pipeline, text
from rubberduck.web.operators import audit, audited, require_operator
from rubberduck.web.uploads import form_value, uploaded_picture

if TYPE_CHECKING:
    from rubberduck.aws.collection_faces import UnindexedFace, UserFault
    from rubberduck.db.indexed_people import Consent, IndexedPerson
    from rubberduck.services.face_collections import (
        CollectionService,
        Found,
        IndexOutcome,
        Reconciled,
    )

CONSENTED = ("1", "yes")  # the page's form, and the API's


def collection_service() -> "CollectionService":
    """Raises CollectionsOff."""
    return default_pipeline().collections


def consent_in_form() -> "Consent":
    """Return the consent that the form records. Raises ConsentMissing, InvalidParameter."""
    from rubberduck.db.indexed_people import Consent

    if form_value("consented") not in CONSENTED:
        raise ConsentMissing("Without a recorded consent nobody's face is stored.")
    try:
        given_on = date.fromisoformat(form_value("consent_on"))
    except ValueError:
        raise InvalidParameter("The day of the consent must be written as 2026-01-31.") from None
    return Consent(
        form_value("consent_from"), given_on, form_value("consent_how"), form_value("consent_note")
    )


# What the pages and the API do alike; each act is in the audit list.


def create_collection(name: str) -> str:
    """Make a collection; return its id."""
    id = collection_service().create(name)
    audit("collection.create", id)
    return id


def delete_collection(collection: str) -> None:
    """Delete a collection with all faces, and the consents."""
    with audited("collection.delete", collection):
        collection_service().delete(collection)


def store_person(collection: str) -> "IndexOutcome":
    """Store the largest face of the form's picture, with the consent that the form records."""
    operator, service = require_operator(), collection_service()
    consent, picture = consent_in_form(), pipeline().read(uploaded_picture())
    outcome = service.index(collection, form_value("label"), consent, picture, operator.id)
    person = {"person": outcome.person.id} if outcome.person else {}
    audit("face.index", collection, **person, stored=outcome.stored if outcome.person else 0)
    return outcome


def store_face(
    collection: str, person_id: str, read: Callable[[], bytes]
) -> "tuple[IndexedPerson, IndexOutcome]":
    """Store one more face of somebody, under the same consent. `read` returns the picture."""
    service = collection_service()
    person, picture = service.person(collection, person_id), pipeline().read(read())
    outcome = service.add_picture(person, picture)
    audit("face.index", collection, person=person_id, stored=outcome.stored)
    return outcome.person or person, outcome


def forget_person(collection: str, person_id: str) -> None:
    """Delete somebody's faces at Amazon, and all that is kept here, consent included."""
    service = collection_service()
    person = service.person(collection, person_id)
    with audited("face.delete", collection, person=person_id):
        service.delete_person(person)


def join_faces(collection: str, person_id: str) -> list[str]:
    """Join somebody's faces to one user; return why some were left out."""
    service = collection_service()
    faults = service.make_user(service.person(collection, person_id))
    audit("face.user", collection, person=person_id, joined=True)
    return reasons_of(faults)


def part_faces(collection: str, person_id: str) -> None:
    """Take somebody's user apart; the faces stay."""
    service = collection_service()
    service.drop_user(service.person(collection, person_id))
    audit("face.user", collection, person=person_id, joined=False)


def search_faces(collection: str, by: str, picture: bytes) -> "list[Found]":
    """Return who is like the largest face of a picture; `by` is faces or users."""
    found = collection_service().search(collection, pipeline().read(picture), users=by == "users")
    audit("face.search", collection, found=len(found), by=by)
    return found


def compare_collection(collection: str) -> "Reconciled":
    """Compare the people with the faces at Amazon, and settle what is unclear."""
    compared = collection_service().reconcile(collection)
    audit("collection.compare", collection, strangers=len(compared.strangers))
    return compared


def delete_strangers(collection: str) -> None:
    """Delete the faces at Amazon of nobody who is listed here."""
    with audited("face.delete", collection, person="strangers"):
        collection_service().delete_strangers(collection)


def reasons_of(faces: "Iterable[UnindexedFace | UserFault]") -> list[str]:
    """Return a sentence for each reason of the faces that were left out, each once."""
    words = {
        "EXCEEDS_MAX_FACES": text("Another, smaller face: a consent is for one person."),
        "EXTREME_POSE": text("The head is turned too far: the face must be seen from the front."),
        "LOW_BRIGHTNESS": text("The face is too dark."),
        "LOW_SHARPNESS": text("The face is blurred."),
        "LOW_CONFIDENCE": text("It may be no face at all."),
        "SMALL_BOUNDING_BOX": text("The face is too small in the picture."),
        "LOW_FACE_QUALITY": text("The face is not clear enough, or partly covered."),
        "FACE_NOT_FOUND": text("A face is not at Amazon any more."),
        "ASSOCIATED_TO_A_DIFFERENT_USER": text("A face belongs to another user already."),
        "LOW_MATCH_CONFIDENCE": text("A face is not like the others: is it the same person?"),
    }
    named = dict.fromkeys(reason for face in faces for reason in face.reasons)
    return [words.get(reason, reason) for reason in named]
