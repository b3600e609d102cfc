"""Errors of face collections, in words for operators."""

from typing import Any

from rubberduck.aws.custom_labels_errors import PASSING, SERVER_ERROR
from rubberduck.aws.errors import explain
from rubberduck.core.errors import DetectorFailed, DuckError, NotBilled, PictureRefused

SERVICE = "Amazon Rekognition"
NOT_FOUND, CONFLICT = "ResourceNotFoundException", "ConflictException"
NO_FACES = "no faces"  # in the message of a search with a picture without any
PICTURE_CODES = {"InvalidImageFormatException", "ImageTooLargeException"}
# Advice where a code means more than in other operations.
_ADVICE = {
    NOT_FOUND: "Amazon has no such collection or user: it was deleted elsewhere",
    "ResourceAlreadyExistsException": "a collection of this name exists already: choose another",
    "ServiceQuotaExceededException": (
        "a quota of this AWS account is used up: 10 million faces in a collection, 100 faces of a "
        "user: delete some, or have the quota raised"
    ),
}


class CollectionsOff(DuckError):
    status = 409
    slug = "collections-off"
    title = "Face collections are switched off"
    hint = "Set DUCK_FACES=1, DUCK_FACE_COLLECTIONS=1 and DUCK_BUCKET, if the law allows it."

    def __init__(self) -> None:
        super().__init__("This site stores nobody's face at Amazon.")


class NoSuchCollection(DuckError):
    status = 404
    slug = "no-such-collection"
    title = "Collection not found"
    hint = "Look at the list of your collections."

    def __init__(self) -> None:
        super().__init__("There is no collection of this name, or it was deleted.")


class NoSuchPerson(DuckError):
    status = 404
    slug = "no-such-person"
    title = "Person not found"
    hint = "Look at the list of the collection: who was deleted is gone."

    def __init__(self) -> None:
        super().__init__("Nobody has this id in this collection.")


class ConsentMissing(DuckError):
    status = 400
    slug = "consent-missing"
    title = "Nothing was sent to Amazon"
    hint = "Ask the person, write down the consent, and send the picture again."


class CollectionRefused(NotBilled):
    """The service understood the request and refused it; `code` is the service's."""

    status = 409
    slug = "collection-refused"
    title = "Amazon Rekognition refused this"
    hint = "Do what the reason says, then try again."
    retry_after = None
    is_outage = False
    code = ""


class CollectionBusy(NotBilled):
    """The service was throttling, failing or out of reach; nothing was done."""

    slug = "collection-busy"
    title = "Amazon Rekognition is busy or does not answer"
    hint = "Please try again in a minute. Nothing was done."


class CollectionUnclear(DetectorFailed):
    """No answer came: whether it was done is unknown."""

    slug = "collection-unclear"
    title = "Amazon Rekognition did not answer"
    hint = "In half a minute, compare the collection with Amazon: that shows what was done."


class NoFaceInPicture(PictureRefused):
    slug = "no-face-in-picture"
    title = "There is no face in this picture"
    hint = "Search with a picture that shows a face from the front."

    def __init__(self) -> None:
        super().__init__("Amazon Rekognition found no face to search for.")


class NoFaceStored(DuckError):
    """No face of a picture was stored, so the person was not written down."""

    status = 422
    slug = "no-face-stored"
    title = "No face was stored"
    hint = (
        "The consent was not kept either. Take another picture: one face, from the front, in good "
        "light."
    )

    def __init__(self, reasons: str) -> None:
        if reasons:
            super().__init__("Not stored: {reasons}", reasons=reasons)
        else:
            super().__init__("There is no face in this picture.")


def refusal(operation: str, response: Any) -> DuckError:
    """Return the error for a ClientError's response."""
    code, message = response["Error"]["Code"], response["Error"].get("Message", "")
    status = response["ResponseMetadata"].get("HTTPStatusCode", 0)
    advice = explain(response, service=SERVICE, permission=f"rekognition:{operation}")
    if own := _ADVICE.get(code):
        advice = f"{code}: {own}"
    if code == "InvalidParameterException":  # its message says which one
        if NO_FACES in message:
            return NoFaceInPicture()
        advice = f"{code}: {message.rstrip('.')}"
    if code in PICTURE_CODES:
        return PictureRefused("Its format or size is not what it takes.", cause=advice)
    if code in PASSING or status >= SERVER_ERROR:
        return CollectionBusy("{operation} failed: {advice}.", operation=operation, advice=advice)
    error = CollectionRefused(
        "{operation} was refused: {advice}.", operation=operation, advice=advice
    )
    error.code = code
    return error


def no_answer(operation: str, problem: str) -> CollectionUnclear:
    """Return the error for a request whose answer did not come."""
    return CollectionUnclear(
        "{operation} got no answer: {problem}.", operation=operation, problem=problem
    )


def not_sent(operation: str, problem: str) -> CollectionBusy:
    """Return the error for a request that never left."""
    return CollectionBusy(
        "{operation} was not sent: {problem}. Check the AWS credentials, DUCK_REGION and the "
        "network.",
        operation=operation,
        problem=problem,
    )
