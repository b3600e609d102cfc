"""Face collections: what the fake stores, finds and refuses.

Who is in a picture is what a test sets in `shown`: the fake looks at no pixels, but takes only
pictures that the service takes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.support.custom_labels.faults import Refused
from tests.support.custom_labels.pictures import read_picture
from tests.support.custom_labels.world import World, page

Request = dict[str, Any]
Answer = dict[str, Any]
ALIKE, UNLIKE = 99.2, 12.0  # percent
MAX_USER_FACES = 100
NO_FACES = "There are no faces in the image. Should be at least 1."


@dataclass(frozen=True)
class Shown:
    """A face in a picture; `width` is a fraction of the picture's. `who` is what a vector tells."""

    who: str
    width: float = 0.3
    left: float = 0.3
    reasons: tuple[str, ...] = ()  # why AUTO leaves it out

    @property
    def box(self) -> Answer:
        return {"Left": self.left, "Top": 0.2, "Width": self.width, "Height": self.width * 1.2}


@dataclass
class Face:
    id: str
    image_id: str
    external_id: str | None
    shown: Shown
    user: str | None = None

    def record(self) -> Answer:
        named = {"ExternalImageId": self.external_id} if self.external_id else {}
        joined = {"UserId": self.user} if self.user else {}
        return {
            "FaceId": self.id,
            "ImageId": self.image_id,
            "BoundingBox": self.shown.box,
            "Confidence": 99.9,
            "IndexFacesModelVersion": "7.0",
            **named,
            **joined,
        }


@dataclass
class Collection:
    arn: str
    created: float
    faces: dict[str, Face] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)  # the status by id


@dataclass
class Collections:
    """All collections, what the next pictures show, and how many pictures were billed."""

    by_id: dict[str, Collection] = field(default_factory=dict)
    shown: list[Shown] = field(default_factory=list)
    billed: int = 0
    numbers: int = 0

    def new_id(self) -> str:
        self.numbers += 1
        return f"{self.numbers:08x}-0000-4000-8000-{self.numbers:012x}"

    def faces(self) -> list[Face]:
        return [face for each in self.by_id.values() for face in each.faces.values()]


def collections_of(world: World) -> Collections:
    world.collections = world.collections or Collections()
    return world.collections


def _collection(world: World, request: Request) -> Collection:
    found = collections_of(world).by_id.get(request["CollectionId"])
    if found is None:
        raise Refused("ResourceNotFoundException", "The collection id does not exist")
    return found


def create_collection(world: World, request: Request) -> Answer:
    known, id = collections_of(world).by_id, request["CollectionId"]
    if id in known:
        raise Refused("ResourceAlreadyExistsException", "The collection id already exists")
    arn = f"aws:rekognition:eu-central-1:123456789012:collection/{id}"
    known[id] = Collection(arn, world.clock.now)
    return {"StatusCode": 200, "CollectionArn": arn, "FaceModelVersion": "7.0"}


def list_collections(world: World, request: Request) -> Answer:
    ids, token = page(sorted(collections_of(world).by_id), request, 4096)
    return {"CollectionIds": ids, "FaceModelVersions": ["7.0"] * len(ids), **token}


def describe_collection(world: World, request: Request) -> Answer:
    found = _collection(world, request)
    return {
        "FaceCount": len(found.faces),
        "UserCount": len(found.users),
        "FaceModelVersion": "7.0",
        "CollectionARN": found.arn,
        "CreationTimestamp": found.created,
    }


def delete_collection(world: World, request: Request) -> Answer:
    _collection(world, request)
    del collections_of(world).by_id[request["CollectionId"]]
    return {"StatusCode": 200}


# ---- faces


def index_faces(world: World, request: Request) -> Answer:
    found, all = _collection(world, request), collections_of(world)
    read_picture(request["Image"])
    all.billed += 1
    strict = request.get("QualityFilter", "AUTO") != "NONE"
    image_id = all.new_id()  # another one for the same picture
    records: list[Answer] = []
    unindexed: list[Answer] = []
    for shown in sorted(all.shown, key=lambda each: -each.width):
        reasons = list(shown.reasons) if strict else []
        if not reasons and len(records) >= request.get("MaxFaces", 100):
            reasons = ["EXCEEDS_MAX_FACES"]
        if reasons:
            unindexed.append({"Reasons": reasons, "FaceDetail": _detail(shown)})
            continue
        face = Face(all.new_id(), image_id, request.get("ExternalImageId"), shown)
        found.faces[face.id] = face
        records.append({"Face": face.record(), "FaceDetail": _detail(shown)})
    return {"FaceRecords": records, "UnindexedFaces": unindexed, "FaceModelVersion": "7.0"}


def _detail(shown: Shown) -> Answer:
    return {"BoundingBox": shown.box, "Confidence": 99.9}


def list_faces(world: World, request: Request) -> Answer:
    found = _collection(world, request)
    chosen = [
        face.record()
        for face in found.faces.values()
        if request.get("UserId") in (None, face.user)
        and ("FaceIds" not in request or face.id in request["FaceIds"])
    ]
    faces, token = page(chosen, request, 4096)
    return {"Faces": faces, "FaceModelVersion": "7.0", **token}


def delete_faces(world: World, request: Request) -> Answer:
    found = _collection(world, request)
    deleted, failed = [], []
    for id in request["FaceIds"]:
        face = found.faces.get(id)
        if face is None:
            failed.append({"FaceId": id, "Reasons": ["FACE_NOT_FOUND"]})
        elif face.user:
            reasons = ["ASSOCIATED_TO_AN_EXISTING_USER"]
            failed.append({"FaceId": id, "UserId": face.user, "Reasons": reasons})
        else:
            del found.faces[id]
            deleted.append(id)
    return {"UnsuccessfulFaceDeletions": failed, **({"DeletedFaces": deleted} if deleted else {})}


def search_faces_by_image(world: World, request: Request) -> Answer:
    found = _collection(world, request)
    searched = _largest(world, request)
    matches = [
        {"Similarity": similarity, "Face": face.record()}
        for face in found.faces.values()
        if (similarity := _similarity(searched, [face])) >= request.get("FaceMatchThreshold", 80)
    ]
    return {
        "SearchedFaceBoundingBox": searched.box,
        "SearchedFaceConfidence": 99.9,
        "FaceMatches": matches[: request.get("MaxFaces", 80)],
        "FaceModelVersion": "7.0",
    }


def _largest(world: World, request: Request) -> Shown:
    read_picture(request["Image"])
    all = collections_of(world)
    strict = request.get("QualityFilter", "NONE") != "NONE"
    seen = [shown for shown in all.shown if not (strict and shown.reasons)]
    if not seen:
        raise Refused("InvalidParameterException", NO_FACES)
    all.billed += 1
    return max(seen, key=lambda each: each.width)


def _similarity(searched: Shown, faces: Iterable[Face]) -> float:
    return max((ALIKE if face.shown.who == searched.who else UNLIKE for face in faces), default=0.0)


# ---- users


def create_user(world: World, request: Request) -> Answer:
    found = _collection(world, request)
    if request["UserId"] in found.users:
        raise Refused("ConflictException", "A user of this id exists already")
    found.users[request["UserId"]] = "CREATED"
    return {}


def delete_user(world: World, request: Request) -> Answer:
    found = _user(world, request)
    del found.users[request["UserId"]]
    for face in _faces_of(found, request["UserId"]):
        face.user = None
    return {}


def _user(world: World, request: Request) -> Collection:
    found = _collection(world, request)
    if request["UserId"] not in found.users:
        raise Refused("ResourceNotFoundException", "There is no such user")
    return found


def _faces_of(found: Collection, user: str) -> Iterator[Face]:
    return (face for face in found.faces.values() if face.user == user)


def list_users(world: World, request: Request) -> Answer:
    found = _collection(world, request)
    users = [{"UserId": id, "UserStatus": status} for id, status in found.users.items()]
    listed, token = page(users, request, 500)
    return {"Users": listed, **token}


def associate_faces(world: World, request: Request) -> Answer:
    found, user = _user(world, request), request["UserId"]
    joined, failed = [], []
    for id in request["FaceIds"]:
        face, own = found.faces.get(id), list(_faces_of(found, user))
        if len(own) >= MAX_USER_FACES:
            raise Refused("ServiceQuotaExceededException", "A user has at most 100 faces")
        reason = ""
        if face is None:
            reason = "FACE_NOT_FOUND"
        elif face.user not in (None, user):
            reason = "ASSOCIATED_TO_A_DIFFERENT_USER"
        elif own and _similarity(face.shown, own) < request.get("UserMatchThreshold", 75):
            reason = "LOW_MATCH_CONFIDENCE"
        if reason or face is None:
            failed.append({"FaceId": id, "Reasons": [reason]})
            continue
        face.user = user
        joined.append({"FaceId": id})
    found.users[user] = "ACTIVE"
    answer = {"AssociatedFaces": joined, "UserStatus": "UPDATING"}
    return answer | {"UnsuccessfulFaceAssociations": failed}


def disassociate_faces(world: World, request: Request) -> Answer:
    found, user = _user(world, request), request["UserId"]
    left, failed = [], []
    for id in request["FaceIds"]:
        face = found.faces.get(id)
        if face is None or face.user != user:
            reason = "FACE_NOT_FOUND" if face is None else "ASSOCIATED_TO_A_DIFFERENT_USER"
            failed.append({"FaceId": id, "Reasons": [reason]})
            continue
        face.user = None
        left.append({"FaceId": id})
    answer = {"DisassociatedFaces": left, "UserStatus": "UPDATING"}
    return answer | {"UnsuccessfulFaceDisassociations": failed}


def search_users_by_image(world: World, request: Request) -> Answer:
    found = _collection(world, request)
    searched = _largest(world, request)
    matches = [
        {"Similarity": similarity, "User": {"UserId": user, "UserStatus": status}}
        for user, status in found.users.items()
        if (similarity := _similarity(searched, _faces_of(found, user)))
        >= request.get("UserMatchThreshold", 80)
    ]
    return {
        "UserMatches": matches[: request.get("MaxUsers", 1)],
        "FaceModelVersion": "7.0",
        "SearchedFace": {"FaceDetail": _detail(searched)},
        "UnsearchedFaces": [],
    }
