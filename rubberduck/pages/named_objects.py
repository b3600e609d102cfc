"""Named objects, for operators: add one by its photos, rename it, delete a photo, one, or all."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from rubberduck.core.errors import InvalidParameter, NoPicture
from rubberduck.web.deps import pipeline, text
from rubberduck.web.forms import keep_typed
from rubberduck.web.multipart import PICTURE_FIELD
from rubberduck.web.named_objects import PHOTOS_AT_ONCE, named_objects
from rubberduck.web.operators import audit, audited, require_operator
from rubberduck.web.responses import private_page
from rubberduck.web.uploads import form_value, upload_errors

if TYPE_CHECKING:
    from rubberduck.services.named_objects import Outcome

named_objects_pages = Blueprint("named_objects", __name__, url_prefix="/which/objects")


@named_objects_pages.get("/")
def index() -> ResponseReturnValue:
    """Return the list, and the form for another one."""
    require_operator()
    return private_page(
        "named_objects.html", objects=named_objects().objects.all(), most=PHOTOS_AT_ONCE
    )


@named_objects_pages.post("/")
@keep_typed("new", index)
def create() -> ResponseReturnValue:
    """Name an object, and add the photos of the form."""
    person = require_operator()
    name, files = form_value("name"), _files()
    made = named_objects().objects.create(name, person.id)
    audit("object.create", made.name, id=made.id)
    return _added(made.id, files)


@named_objects_pages.get("/<id>")
def show(id: str) -> ResponseReturnValue:
    require_operator()
    found = named_objects().objects.get(id)
    return private_page("named_object.html", object=found, outcomes=(), most=PHOTOS_AT_ONCE)


@named_objects_pages.post("/<id>/photos")
def add_photos(id: str) -> ResponseReturnValue:
    require_operator()
    return _added(id, _files())


@named_objects_pages.post("/<id>/name")
@keep_typed("name", show)
def rename(id: str) -> ResponseReturnValue:
    require_operator()
    renamed = named_objects().objects.rename(id, form_value("name"))
    audit("object.rename", renamed.name, id=id)
    flash(text("Saved."))
    return redirect(url_for("named_objects.show", id=id), HTTPStatus.SEE_OTHER)


@named_objects_pages.post("/<id>/photos/<photo_id>/delete")
def delete_photo(id: str, photo_id: str) -> ResponseReturnValue:
    require_operator()
    named = named_objects().objects.get(id)
    with audited("object.photo.delete", named.name, id=id, photo=photo_id):
        named_objects().delete_photo(id, photo_id)
    flash(text("The photo is deleted."))
    return redirect(url_for("named_objects.show", id=id), HTTPStatus.SEE_OTHER)


@named_objects_pages.post("/<id>/delete")
def delete(id: str) -> ResponseReturnValue:
    """Delete an object with all its photos."""
    require_operator()
    objects = named_objects().objects
    named = objects.get(id)
    with audited("object.delete", named.name, id=id, photos=len(named.photos)):
        objects.delete(id, pipeline().storage)
    flash(text("“{name}” is deleted, with all its photos.").format(name=named.name))
    return redirect(url_for("named_objects.index"), HTTPStatus.SEE_OTHER)


@named_objects_pages.post("/delete")
def delete_all() -> ResponseReturnValue:
    require_operator()
    with audited("objects.delete", "all"):
        number = named_objects().objects.delete_all(pipeline().storage)
    flash(text("Named objects deleted: {number}.").format(number=number))
    return redirect(url_for("named_objects.index"), HTTPStatus.SEE_OTHER)


def _files() -> list[tuple[str, bytes]]:
    """Return the names and bytes of the form's photos. Raises NoPicture, InvalidParameter."""
    with upload_errors():
        files = [file for file in request.files.getlist(PICTURE_FIELD) if file.filename]
    if not files:
        raise NoPicture("No file was chosen.")
    if len(files) > PHOTOS_AT_ONCE:
        raise InvalidParameter("Send {most} photos at most at once.", most=PHOTOS_AT_ONCE)
    return [(file.filename or "", file.read()) for file in files]


def _added(id: str, files: Sequence[tuple[str, bytes]]) -> ResponseReturnValue:
    """Add photos, and show each one that was not taken with the reason."""
    service, person = named_objects(), require_operator()
    whole = form_value("whole") == "1"
    outcomes = service.add_photos(id, files, person.id, whole=whole)
    named = service.objects.get(id)
    number = sum(outcome.photo is not None for outcome in outcomes)
    audit("object.photos.add", named.name, id=id, photos=number, refused=len(outcomes) - number)
    if number:
        flash(text("Photos added: {number}.").format(number=number))
    if number == len(outcomes):
        return redirect(url_for("named_objects.show", id=id), HTTPStatus.SEE_OTHER)
    refused = [(each.file_name[-60:], *_reason(each)) for each in outcomes if each.error]
    return private_page("named_object.html", object=named, outcomes=refused, most=PHOTOS_AT_ONCE)


def _reason(outcome: "Outcome") -> tuple[str, str]:
    """Return why a photo was not taken, and what to do."""
    error = outcome.error
    assert error is not None
    reason = text(error.reason).format(**error.values)
    if error.title != text("This photo was not taken"):
        reason = f"{text(error.title)}. {reason}"
    return reason, text(error.hint)
