"""The API of named objects: operators manage them, and everybody asks which one it is."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from flask import url_for
from flask.typing import ResponseReturnValue
from pydantic import Field

from rubberduck.api.blueprint import api
from rubberduck.api.body_classes import body_class
from rubberduck.api.requests import flag, parsed_body
from rubberduck.api.routes import no_content
from rubberduck.api.schemas import Percent, Timestamp
from rubberduck.core.models import Box
from rubberduck.web.deps import pipeline
from rubberduck.web.formatting import rfc3339
from rubberduck.web.named_objects import named_objects
from rubberduck.web.operators import audit, audited, require_operator
from rubberduck.web.problem_details import Address
from rubberduck.web.responses import as_json
from rubberduck.web.uploads import picture_from_body

if TYPE_CHECKING:
    from rubberduck.named_objects.store import NamedObject, Photo
    from rubberduck.services.named_objects import Named

MAX_CANDIDATES = 5
ObjectBox = Annotated[
    Box | None, Field(description="where the object is; null: the whole picture counts")
]


@body_class
class ObjectNameBody:
    """The name of an object."""

    name: Annotated[str, Field(max_length=100)]


@body_class
class NamedPhotoBody:
    """A photo of a named object. Everybody with its address sees it."""

    id: str
    created_at: Timestamp
    box: ObjectBox
    picture: Address


@body_class
class NamedObjectBody:
    """An object, and the photos by which it is recognised."""

    id: str
    name: str
    created_at: Timestamp
    photos: tuple[NamedPhotoBody, ...]


@body_class
class NamedObjectsBody:
    """All named objects, by name."""

    objects: tuple[NamedObjectBody, ...]


@body_class
class NamedCandidateBody:
    """An object that the picture may show."""

    id: str
    name: str
    confidence: Annotated[Percent, Field(description="how sure it is, in percent")]
    most_similar: Annotated[Address, Field(description="its photo that is most like the picture")]


@body_class
class WhichBody:
    """Which named object a picture shows. The picture is not kept."""

    name: Annotated[str | None, Field(description="null: none of the known ones")]
    box: ObjectBox
    candidates: Annotated[
        tuple[NamedCandidateBody, ...],
        Field(description="the likeliest first; the first one is the answer from 50 percent"),
    ]
    pending_photos: Annotated[
        int, Field(ge=0, description="known photos that could not be compared yet, after an update")
    ]


@api.post("/which")
def ask_which() -> ResponseReturnValue:
    _, answer = named_objects().ask(picture_from_body())
    found = tuple(map(_candidate, answer.candidates[:MAX_CANDIDATES]))
    name = answer.match.name if answer.match else None
    return as_json(WhichBody(name, answer.box, found, answer.pending_photos))


@api.get("/named-objects")
def list_named_objects() -> ResponseReturnValue:
    require_operator()
    return as_json(NamedObjectsBody(tuple(map(_object, named_objects().objects.all()))))


@api.post("/named-objects")
def create_named_object() -> ResponseReturnValue:
    person = require_operator()
    made = named_objects().objects.create(parsed_body(ObjectNameBody).name, person.id)
    audit("object.create", made.name, id=made.id)
    address = url_for("api.get_named_object", id=made.id)
    return as_json(_object(made), HTTPStatus.CREATED, Location=address)


@api.delete("/named-objects")
def delete_named_objects() -> ResponseReturnValue:
    """Delete all of them, names and photos."""
    require_operator()
    with audited("objects.delete", "all"):
        named_objects().objects.delete_all(pipeline().storage)
    return no_content()


@api.get("/named-objects/<id>")
def get_named_object(id: str) -> ResponseReturnValue:
    require_operator()
    return as_json(_object(named_objects().objects.get(id)))


@api.put("/named-objects/<id>")
def rename_named_object(id: str) -> ResponseReturnValue:
    require_operator()
    renamed = named_objects().objects.rename(id, parsed_body(ObjectNameBody).name)
    audit("object.rename", renamed.name, id=id)
    return as_json(_object(renamed))


@api.delete("/named-objects/<id>")
def delete_named_object(id: str) -> ResponseReturnValue:
    require_operator()
    objects = named_objects().objects
    named = objects.get(id)
    with audited("object.delete", named.name, id=id, photos=len(named.photos)):
        objects.delete(id, pipeline().storage)
    return no_content()


@api.post("/named-objects/<id>/photos")
def add_named_photo(id: str) -> ResponseReturnValue:
    """Add one photo: the form's field, or the whole body."""
    person, whole = require_operator(), flag("whole")
    service = named_objects()
    named = service.objects.get(id)
    photo = service.add_photo(id, picture_from_body(), person.id, whole=whole)
    audit("object.photos.add", named.name, id=id, photos=1)
    return as_json(_photo(photo), HTTPStatus.CREATED)


@api.delete("/named-objects/<id>/photos/<photo_id>")
def delete_named_photo(id: str, photo_id: str) -> ResponseReturnValue:
    require_operator()
    named = named_objects().objects.get(id)
    with audited("object.photo.delete", named.name, id=id, photo=photo_id):
        named_objects().delete_photo(id, photo_id)
    return no_content()


def _candidate(found: "Named") -> NamedCandidateBody:
    address = url_for("which.photo", id=found.photo_id)
    return NamedCandidateBody(found.object_id, found.name, found.confidence, address)


def _object(found: "NamedObject") -> NamedObjectBody:
    photos = tuple(map(_photo, found.photos))
    return NamedObjectBody(found.id, found.name, rfc3339(found.created_at), photos)


def _photo(photo: "Photo") -> NamedPhotoBody:
    address = url_for("which.photo", id=photo.id)
    return NamedPhotoBody(photo.id, rfc3339(photo.created_at), photo.box, address)
