"""Access from a request to face collections, and what Amazon says of faces, in plain words."""

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from rubberduck.aws.collections_errors import ConsentMissing
from rubberduck.core.errors import InvalidParameter
from rubberduck.web.deps import default_pipeline, text
from rubberduck.web.uploads import form_value

if TYPE_CHECKING:
    from rubberduck.aws.collection_faces import UnindexedFace, UserFault
    from rubberduck.db.indexed_people import Consent
    from rubberduck.services.face_collections import CollectionService


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
