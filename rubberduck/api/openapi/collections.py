"""The operations on face collections as OpenAPI describes them."""

from typing import Any

from rubberduck.api.collections import (
    BY,
    CollectionBody,
    CollectionNameBody,
    CollectionPeopleBody,
    CollectionsBody,
    ComparedBody,
    FaceSearchBody,
    IndexedPersonBody,
    JoinedFacesBody,
    StoredFacesBody,
)
from rubberduck.api.openapi.builders import (
    UPLOAD_ERRORS,
    ErrorType,
    JsonObject,
    json_body,
    parameter,
    picture_body,
    response,
)
from rubberduck.api.openapi.project_builders import signed_in_operation
from rubberduck.aws import collections_errors
from rubberduck.core import errors
from rubberduck.services.face_consent import MAX_FROM, MAX_HOW, MAX_LABEL, MAX_NOTE
from rubberduck.web.errors import NotAllowed
from rubberduck.web.multipart import PICTURE_FIELD

BODIES: tuple[Any, ...] = (
    CollectionBody,
    CollectionNameBody,
    CollectionsBody,
    CollectionPeopleBody,
    IndexedPersonBody,
    StoredFacesBody,
    JoinedFacesBody,
    FaceSearchBody,
    ComparedBody,
)
COLLECTION = parameter(
    "collection",
    "path",
    {"type": "string", "format": "collection-id", "maxLength": 65},
    "The id of the collection.",
)
PERSON_ID = parameter(
    "person_id",
    "path",
    {"type": "string", "format": "indexed-person-id", "maxLength": 24},
    "The id of the person in the collection.",
)
AMONG = parameter(
    "by",
    "query",
    {"type": "string", "enum": list(BY), "default": BY[0]},
    "Among all faces, or among people whose faces were joined.",
)
PATH, PERSON = "/collections/{collection}", "/collections/{collection}/people/{person_id}"
SERVICE_ERRORS: tuple[ErrorType, ...] = (
    NotAllowed,
    collections_errors.CollectionsOff,
    collections_errors.CollectionRefused,
    collections_errors.CollectionBusy,
    collections_errors.CollectionUnclear,
)
# Of one collection, of one person, and of calls that are paid for.
ONE = (*SERVICE_ERRORS, collections_errors.NoSuchCollection)
ONE_PERSON = (*ONE, collections_errors.NoSuchPerson)
PAID = (*UPLOAD_ERRORS, errors.PictureRefused, errors.BudgetSpent)


def collections() -> JsonObject:
    """Return the operations by path."""
    return _collections() | _people() | _searches()


def _collections() -> JsonObject:
    return {
        "/collections": {
            "get": signed_in_operation(
                "list_collections",
                "List the face collections",
                "For operators. A face vector at Amazon is biometric data: only of people who "
                "agreed explicitly. 409 where the site does not offer it.",
                {"200": response("The collections.", "CollectionsBody")},
                *SERVICE_ERRORS,
            ),
            "post": signed_in_operation(
                "create_collection",
                "Make a face collection",
                "For operators. Its id is the name, after a prefix of this site.",
                {"201": response("The collection.", "CollectionBody", ["Location"])},
                *(*SERVICE_ERRORS, errors.InvalidParameter, errors.PictureTooLarge),
                requestBody=json_body("CollectionNameBody", {"name": "staff"}),
            ),
        },
        PATH: {
            "parameters": [COLLECTION],
            "get": signed_in_operation(
                "get_collection",
                "Read a face collection",
                "For operators: how many faces and people it has.",
                {"200": response("The collection.", "CollectionBody")},
                *ONE,
            ),
            "delete": signed_in_operation(
                "delete_collection",
                "Delete a face collection",
                "For operators. With all faces at Amazon and the consents. There is no undo.",
                {"204": response("It is deleted.")},
                *ONE,
            ),
        },
        f"{PATH}/comparison": {
            "parameters": [COLLECTION],
            "post": signed_in_operation(
                "compare_collection",
                "Compare a face collection with Amazon",
                "For operators. Completes or removes people whose face was on its way when "
                "something failed, and counts faces of nobody who is listed here.",
                {"200": response("What was found.", "ComparedBody")},
                *ONE,
            ),
        },
        f"{PATH}/strangers": {
            "parameters": [COLLECTION],
            "delete": signed_in_operation(
                "delete_collection_strangers",
                "Delete faces of nobody who is listed",
                "For operators. They have no consent here: after a restored backup, or if another "
                "program stored them.",
                {"204": response("They are deleted at Amazon.")},
                *ONE,
            ),
        },
    }


def _people() -> JsonObject:
    return {
        f"{PATH}/people": {
            "parameters": [COLLECTION],
            "get": signed_in_operation(
                "list_collection_people",
                "List the people of a face collection",
                "For operators, with their consents.",
                {"200": response("The people.", "CollectionPeopleBody")},
                *ONE,
            ),
            "post": signed_in_operation(
                "add_collection_person",
                "Store a person's face",
                "For operators. Nothing is sent to Amazon without a recorded consent. The largest "
                "face of the picture is stored; if none is, the consent is not kept either (422). "
                "One call, about $0.001, and its storage.",
                {"201": response("The person.", "StoredFacesBody", ["Location"])},
                *(*ONE, *PAID, errors.InvalidParameter),
                *(collections_errors.ConsentMissing, collections_errors.NoFaceStored),
                requestBody=_consent_form(),
            ),
        },
        PERSON: {
            "parameters": [COLLECTION, PERSON_ID],
            "get": signed_in_operation(
                "get_collection_person",
                "Read what is kept of a person",
                "For operators: the consent, how many faces, and until when.",
                {"200": response("The person.", "IndexedPersonBody")},
                *(NotAllowed, collections_errors.CollectionsOff, collections_errors.NoSuchPerson),
            ),
            "delete": signed_in_operation(
                "delete_collection_person",
                "Delete a person's faces",
                "For operators. At Amazon, and with the consent here. There is no undo.",
                {"204": response("All of the person is deleted.")},
                *ONE_PERSON,
            ),
        },
        f"{PERSON}/pictures": {
            "parameters": [COLLECTION, PERSON_ID],
            "post": signed_in_operation(
                "add_collection_face",
                "Store another face of a person",
                "For operators. The same consent must cover it. One call, about $0.001. “stored” "
                "is 0 if no face of the picture was taken.",
                {"200": response("What became of it.", "StoredFacesBody")},
                *(*ONE_PERSON, *PAID),
                requestBody=picture_body("A picture of the same person."),
            ),
        },
        f"{PERSON}/user": {
            "parameters": [COLLECTION, PERSON_ID],
            "put": signed_in_operation(
                "join_collection_faces",
                "Join a person's faces",
                "For operators. Up to 100 faces become one user at Amazon, who is found more "
                "surely. Faces that are not alike by 75 % are left out.",
                {"200": response("They are joined.", "JoinedFacesBody")},
                *ONE_PERSON,
            ),
            "delete": signed_in_operation(
                "part_collection_faces",
                "Take a person's joined faces apart",
                "For operators. The faces stay.",
                {"204": response("They are single faces again.")},
                *ONE_PERSON,
            ),
        },
    }


def _searches() -> JsonObject:
    return {
        f"{PATH}/searches": {
            "parameters": [COLLECTION],
            "post": signed_in_operation(
                "search_collection",
                "Search a face collection",
                "For operators: who is like the largest face of a picture by at least 80 %. "
                "Neither the picture nor the answer is kept. One call, about $0.001.",
                {"200": response("Who was found.", "FaceSearchBody")},
                *(*ONE, *PAID, errors.InvalidParameter, collections_errors.NoFaceInPicture),
                parameters=[AMONG],
                requestBody=picture_body("The picture to search with."),
            ),
        },
    }


def _consent_form() -> JsonObject:
    file = {"type": "string", "format": "binary", "description": "One face, from the front."}
    fields: JsonObject = {
        PICTURE_FIELD: file,
        "consented": {
            "type": "string",
            "enum": ["yes"],
            "description": "the person agreed explicitly, and can withdraw that at any time",
        },
        "consent_from": _text(MAX_FROM, "Ada Lovelace", "who agreed"),
        "consent_on": {
            "type": "string",
            "format": "date",
            "examples": ["2026-01-31"],
            "description": "on which day, not in the future",
        },
        "consent_how": _text(MAX_HOW, "signed form", "how, and where that is kept"),
        "label": _text(MAX_LABEL, "Ada", "what the person is called here"),
        "consent_note": {"type": "string", "maxLength": MAX_NOTE, "description": "a note"},
    }
    required = [name for name in fields if name != "consent_note"]
    form = {"type": "object", "properties": fields, "required": required}
    encoding = {PICTURE_FIELD: {"contentType": "image/*"}}
    return {
        "required": True,
        "content": {"multipart/form-data": {"schema": form, "encoding": encoding}},
    }


def _text(most: int, example: str, description: str) -> JsonObject:
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": most,
        "examples": [example],
        "description": description,
    }
