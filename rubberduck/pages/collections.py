"""Face collections, for operators: people who consented are stored, found again, and deleted."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue

from rubberduck.core.errors import InvalidParameter
from rubberduck.web.collections import (
    collection_service,
    compare_collection,
    create_collection,
    delete_collection,
    delete_strangers,
    forget_person,
    join_faces,
    part_faces,
    reasons_of,
    search_faces,
    store_face,
    store_person,
)
from rubberduck.web.deps import default_pipeline, settings, text
from rubberduck.web.forms import keep_typed, show_typed
from rubberduck.web.operators import require_operator
from rubberduck.web.responses import private_page
from rubberduck.web.uploads import form_value, uploaded_picture

if TYPE_CHECKING:
    from rubberduck.services.face_collections import Found, Reconciled

collections = Blueprint("collections", __name__, url_prefix="/collections")


@collections.app_template_global("offers_collections")
def offers_collections() -> bool:
    return default_pipeline().open_collections is not None


@collections.app_template_global("face_keep_days")
def face_keep_days() -> int:
    return settings().face_keep_days


@collections.get("")
def index() -> ResponseReturnValue:
    """Return the list of collections, and what a face vector is."""
    require_operator()
    listed = collection_service().collections()
    return private_page("collections.html", collections=listed)


@collections.post("")
@keep_typed("new", index)
def create() -> ResponseReturnValue:
    require_operator()
    return _to("collections.show", collection=create_collection(form_value("name")))


@collections.get("/<collection>")
def show(collection: str) -> ResponseReturnValue:
    """Return a collection: the people in it, and the forms to add and to search."""
    require_operator()
    return _page(collection)


def _page(
    collection: str,
    status: int = HTTPStatus.OK,
    *,
    found: "list[Found] | None" = None,
    compared: "Reconciled | None" = None,
    left_out: list[str] | None = None,
) -> ResponseReturnValue:
    service = collection_service()
    return private_page(
        "collection.html",
        status,
        info=service.get(collection),
        people=service.people.of_collection(collection),
        found=found,
        compared=compared,
        left_out=left_out,
    )


@collections.post("/<collection>/people")
@keep_typed("person", show)
def index_person(collection: str) -> ResponseReturnValue:
    """Store the largest face of a picture, with the consent that the form records."""
    require_operator()
    outcome = store_person(collection)
    left_out = reasons_of(outcome.unindexed)
    if outcome.person is None:
        show_typed("person")
        return _page(collection, HTTPStatus.UNPROCESSABLE_ENTITY, left_out=left_out)
    flash(text("The face is stored at Amazon."))
    _flash_left_out(left_out)
    return _to("collections.show_person", collection=collection, id=outcome.person.id)


def _flash_left_out(left_out: list[str]) -> None:
    if left_out:
        flash(text("Not stored: {reasons}").format(reasons=" ".join(left_out)))


@collections.post("/<collection>/search")
def search(collection: str) -> ResponseReturnValue:
    """Return who is like the largest face of a picture. Nothing of the search is kept."""
    require_operator()
    by = "users" if form_value("by") == "users" else "faces"
    return _page(collection, found=search_faces(collection, by, uploaded_picture()))


@collections.post("/<collection>/compare")
def compare(collection: str) -> ResponseReturnValue:
    """Compare the people with the faces at Amazon; with the button for it, delete strangers."""
    require_operator()
    if form_value("strangers") == "delete":
        delete_strangers(collection)
        flash(text("Deleted: the faces at Amazon of nobody who is listed here."))
        return _to("collections.show", collection=collection)
    return _page(collection, compared=compare_collection(collection))


@collections.get("/<collection>/delete")
def confirm_delete(collection: str) -> ResponseReturnValue:
    require_operator()
    service = collection_service()
    info = service.get(collection)
    people = service.people.of_collection(info.id)
    return private_page("collection_delete.html", info=info, people=people)


@collections.post("/<collection>/delete")
def delete(collection: str) -> ResponseReturnValue:
    """Delete a collection with all faces, if its name was written."""
    require_operator()
    if form_value("name") != collection:
        raise InvalidParameter("Write the name of the collection to delete all that is in it.")
    delete_collection(collection)
    flash(text("Deleted: the collection, all faces in it at Amazon, and the consents."))
    return _to("collections.index")


@collections.get("/<collection>/people/<id>")
def show_person(collection: str, id: str) -> ResponseReturnValue:
    """Return what is kept of somebody: consent, faces, and until when."""
    require_operator()
    person = collection_service().person(collection, id)
    return private_page("collection_person.html", person=person)


@collections.post("/<collection>/people/<id>/pictures")
def add_picture(collection: str, id: str) -> ResponseReturnValue:
    """Store one more face of somebody, under the same consent."""
    require_operator()
    _, outcome = store_face(collection, id, uploaded_picture)
    flash(text("The face is stored at Amazon.") if outcome.stored else text("No face was stored."))
    _flash_left_out(reasons_of(outcome.unindexed))
    return _to("collections.show_person", collection=collection, id=id)


@collections.post("/<collection>/people/<id>/user")
def change_user(collection: str, id: str) -> ResponseReturnValue:
    """Join somebody's faces to one user, or take it apart."""
    require_operator()
    if form_value("act") == "drop":
        part_faces(collection, id)
        flash(text("The user is taken apart. The faces stay."))
    else:
        left_out = join_faces(collection, id)
        flash(text("The faces are joined to one user."))
        _flash_left_out(left_out)
    return _to("collections.show_person", collection=collection, id=id)


@collections.post("/<collection>/people/<id>/delete")
def delete_person(collection: str, id: str) -> ResponseReturnValue:
    """Delete somebody's faces at Amazon, and all that is kept here, consent included."""
    require_operator()
    if not form_value("sure"):
        raise InvalidParameter("Tick the box to delete the faces: there is no undo.")
    forget_person(collection, id)
    flash(text("Deleted: the faces at Amazon, and the consent."))
    return _to("collections.show", collection=collection)


def _to(endpoint: str, **values: Any) -> ResponseReturnValue:
    return redirect(url_for(endpoint, **values), HTTPStatus.SEE_OTHER)
