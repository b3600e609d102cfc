"""Amazon Rekognition's face collections: stored face vectors, found again in pictures.

A face vector is biometric data. Nothing of this is used to read a smile: see aws/faces.py. The
service keeps no picture, but vectors, boxes and our random ids, until they are deleted.

Every method raises CollectionRefused, CollectionBusy or CollectionUnclear; those that take a
picture also NoFaceInPicture and PictureRefused.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from rubberduck.aws.client_errors import translated_errors
from rubberduck.aws.collection_faces import (
    CollectionInfo,
    Indexed,
    Match,
    StoredFace,
    UserFault,
    face_from,
    fault_from,
    match_from,
    unindexed_from,
)
from rubberduck.aws.collections_errors import (
    CONFLICT,
    NOT_FOUND,
    CollectionRefused,
    no_answer,
    not_sent,
    refusal,
)
from rubberduck.aws.image_calls import bill_once
from rubberduck.core.errors import DetectorFailed

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient

DENIED = "AccessDeniedException"
PREFIX = "duck-"  # of all collections of this site, which may touch no others
CHECK_COLLECTION, CHECK_ID = f"{PREFIX}check", "check"
CHECK_FACE = "00000000-0000-4000-8000-000000000000"
SEARCH_THRESHOLD, USER_THRESHOLD = 80.0, 75.0  # percent, the service's own defaults
MAX_MATCHES = 20
FACES_AT_ONCE, USER_FACES_AT_ONCE = 4096, 100  # in a request
PAGE_OF_FACES, PAGE_OF_USERS = 4096, 500
FACE_NOT_FOUND = "FACE_NOT_FOUND"  # why a face was not deleted: it is gone
QUALITY = "AUTO"  # the default of IndexFaces; searches default to NONE
BILLED = ("IndexFaces", "SearchFacesByImage", "SearchUsersByImage")


class FaceCollections:
    """The operations, on a boto3 client.

    `pace` is called with an operation's name before each call, and waits: see db/call_rates.py.
    """

    def __init__(
        self,
        client: "RekognitionClient",
        pace: Callable[[str], None] = lambda operation: None,
    ) -> None:
        self.client = client
        self.pace = pace
        for operation in BILLED:
            bill_once(client, operation)

    # ---- collections

    def create(self, id: str) -> None:
        """Make a collection; its id begins with PREFIX."""
        self._call("CreateCollection", CollectionId=id)

    def list(self) -> tuple[str, ...]:
        """Return the ids of this site's collections."""
        ids = self._pages("ListCollections", "CollectionIds", str, MaxResults=PAGE_OF_FACES)
        return tuple(sorted(id for id in ids if id.startswith(PREFIX)))

    def describe(self, id: str) -> CollectionInfo | None:
        """Return a collection; None if there is none."""
        try:
            answer = self._call("DescribeCollection", CollectionId=id)
        except CollectionRefused as error:
            if error.code == NOT_FOUND:
                return None
            raise
        faces, users = answer.get("FaceCount", 0), answer.get("UserCount", 0)
        return CollectionInfo(id, faces, users, answer.get("FaceModelVersion", ""))

    def delete(self, id: str) -> None:
        """Delete a collection with all that is in it, if it exists."""
        self._delete("DeleteCollection", CollectionId=id)

    # ---- faces

    def index(self, id: str, jpeg: bytes, person_id: str, max_faces: int = 1) -> Indexed:
        """Store the largest faces of a picture. The same picture again stores new faces."""
        answer = self._call(
            "IndexFaces",
            CollectionId=id,
            Image={"Bytes": jpeg},
            ExternalImageId=person_id,
            DetectionAttributes=["DEFAULT"],
            MaxFaces=max_faces,
            QualityFilter=QUALITY,
        )
        with _translated("IndexFaces"):
            return Indexed(
                tuple(face_from(record["Face"]) for record in answer["FaceRecords"]),
                tuple(unindexed_from(item) for item in answer["UnindexedFaces"]),
            )

    def faces(self, id: str) -> Iterator[StoredFace]:
        """Yield all faces of a collection."""
        arguments = {"CollectionId": id, "MaxResults": PAGE_OF_FACES}
        return self._pages("ListFaces", "Faces", face_from, **arguments)

    def search(
        self, id: str, jpeg: bytes, threshold: float = SEARCH_THRESHOLD
    ) -> tuple[Match, ...]:
        """Return the stored faces that are like the largest face, the most alike first."""
        answer = self._call(
            "SearchFacesByImage",
            CollectionId=id,
            Image={"Bytes": jpeg},
            MaxFaces=MAX_MATCHES,
            FaceMatchThreshold=threshold,
            QualityFilter=QUALITY,
        )
        with _translated("SearchFacesByImage"):
            return tuple(map(match_from, answer["FaceMatches"]))

    def delete_faces(self, id: str, face_ids: Iterable[str]) -> None:
        """Delete those of the faces that exist.

        Raises CollectionRefused if some stay, such as those of a user: the service says that in an
        answer with the status 200.
        """
        left: dict[str, None] = {}
        for batch in _batches(face_ids, FACES_AT_ONCE):
            answer = self._delete("DeleteFaces", CollectionId=id, FaceIds=batch)
            for fault in answer.get("UnsuccessfulFaceDeletions", ()):
                left |= dict.fromkeys(fault.get("Reasons", ()))
        left.pop(FACE_NOT_FOUND, None)
        if left:
            raise CollectionRefused(
                "{operation} was refused: {advice}.",
                operation="DeleteFaces",
                advice=", ".join(left),
            )

    # ---- users, who have several faces

    def create_user(self, id: str, person_id: str) -> None:
        """Make a user of this id, unless there is one."""
        try:
            self._call("CreateUser", CollectionId=id, UserId=person_id)
        except CollectionRefused as error:
            if error.code != CONFLICT:
                raise

    def delete_user(self, id: str, person_id: str) -> None:
        """Delete a user, if there is one; the faces stay."""
        self._delete("DeleteUser", CollectionId=id, UserId=person_id)

    def users(self, id: str) -> Iterator[str]:
        """Yield the ids of all users."""
        arguments = {"CollectionId": id, "MaxResults": PAGE_OF_USERS}
        return self._pages("ListUsers", "Users", lambda item: str(item["UserId"]), **arguments)

    def associate(self, id: str, person_id: str, face_ids: Iterable[str]) -> tuple[UserFault, ...]:
        """Make faces those of a user, at most 100 in all; return those that were refused."""
        found: list[UserFault] = []
        for batch in _batches(face_ids, USER_FACES_AT_ONCE):
            answer = self._call(
                "AssociateFaces",
                CollectionId=id,
                UserId=person_id,
                FaceIds=batch,
                UserMatchThreshold=USER_THRESHOLD,
            )
            found += map(fault_from, answer.get("UnsuccessfulFaceAssociations", ()))
        return tuple(found)

    def disassociate(
        self, id: str, person_id: str, face_ids: Iterable[str]
    ) -> tuple[UserFault, ...]:
        """Take faces from a user; return those that were not taken."""
        found: list[UserFault] = []
        for batch in _batches(face_ids, USER_FACES_AT_ONCE):
            answer = self._call(
                "DisassociateFaces", CollectionId=id, UserId=person_id, FaceIds=batch
            )
            found += map(fault_from, answer.get("UnsuccessfulFaceDisassociations", ()))
        return tuple(found)

    def search_users(
        self, id: str, jpeg: bytes, threshold: float = SEARCH_THRESHOLD
    ) -> tuple[Match, ...]:
        """Return the users who are like the largest face, the most alike first."""
        answer = self._call(
            "SearchUsersByImage",
            CollectionId=id,
            Image={"Bytes": jpeg},
            MaxUsers=MAX_MATCHES,
            UserMatchThreshold=threshold,
            QualityFilter=QUALITY,
        )
        with _translated("SearchUsersByImage"):
            return tuple(
                Match(item["Similarity"], item["User"]["UserId"]) for item in answer["UserMatches"]
            )

    # ---- rights

    def check(self) -> None:
        """Try every operation on a collection that is made for it; nothing is stored or billed.

        Raises CollectionRefused, naming all rights that are missing.
        """
        here, image = {"CollectionId": CHECK_COLLECTION}, {"Image": {"Bytes": b"no picture"}}
        user, faces = {"UserId": CHECK_ID}, {"FaceIds": [CHECK_FACE]}
        calls: dict[str, dict[str, Any]] = {
            "CreateCollection": here,
            "ListCollections": {"MaxResults": 1},
            "DescribeCollection": here,
            "IndexFaces": here | image,
            "ListFaces": here,
            "SearchFacesByImage": here | image,
            "DeleteFaces": here | faces,
            "CreateUser": here | user,
            "ListUsers": here,
            "AssociateFaces": here | user | faces,
            "DisassociateFaces": here | user | faces,
            "SearchUsersByImage": here | image,
            "DeleteUser": here | user,
            "DeleteCollection": here,
        }
        denied = [name for name, arguments in calls.items() if self._is_denied(name, arguments)]
        if denied:
            rights = ", ".join(f"rekognition:{name}" for name in denied)
            raise CollectionRefused(
                "Allow {rights} to the user or role of this site.", rights=rights
            )

    def _is_denied(self, operation: str, arguments: dict[str, Any]) -> bool:
        try:
            self._call(operation, **arguments)
        except CollectionRefused as error:
            return error.code == DENIED
        except DetectorFailed as error:
            if error.is_outage:
                raise
        return False

    # ---- calls

    def _delete(self, operation: str, **arguments: Any) -> Any:
        """Return the answer; an empty one if there is nothing of this name."""
        try:
            return self._call(operation, **arguments)
        except CollectionRefused as error:
            if error.code != NOT_FOUND:
                raise
            return {}

    def _pages(
        self, operation: str, member: str, parse: Callable[[Any], Any], **arguments: Any
    ) -> Iterator[Any]:
        token: dict[str, str] = {}
        while True:
            page = self._call(operation, **arguments, **token)
            with _translated(operation):
                items = [parse(item) for item in page[member]]
            yield from items
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def _call(self, operation: str, **arguments: Any) -> Any:
        self.pace(operation)
        with _translated(operation):
            return getattr(self.client, _METHODS[operation])(**arguments)


_METHODS = {
    "CreateCollection": "create_collection",
    "ListCollections": "list_collections",
    "DescribeCollection": "describe_collection",
    "DeleteCollection": "delete_collection",
    "IndexFaces": "index_faces",
    "ListFaces": "list_faces",
    "SearchFacesByImage": "search_faces_by_image",
    "DeleteFaces": "delete_faces",
    "CreateUser": "create_user",
    "DeleteUser": "delete_user",
    "ListUsers": "list_users",
    "AssociateFaces": "associate_faces",
    "DisassociateFaces": "disassociate_faces",
    "SearchUsersByImage": "search_users_by_image",
}


def _batches(ids: Iterable[str], size: int) -> Iterator[list[str]]:
    """Yield the ids in lists of at most `size`."""
    waiting = iter(ids)
    while batch := list(islice(waiting, size)):
        yield batch


def _translated(operation: str) -> AbstractContextManager[None]:
    return translated_errors(
        "Rekognition",
        partial(refusal, operation),
        partial(no_answer, operation),
        not_sent=partial(not_sent, operation),
    )
