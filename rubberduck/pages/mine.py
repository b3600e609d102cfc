"""My pictures: the visitor's own results, and their deletion."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import (
    Blueprint,
    flash,
    redirect,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue

from rubberduck.services.retention import Forgotten
from rubberduck.web.api_keys import LIFETIMES, tokens
from rubberduck.web.deps import pipeline, sweeper, text, video_service, wanted_answer
from rubberduck.web.questions import question_title
from rubberduck.web.responses import jpeg_response, private_page, stored
from rubberduck.web.sessions import known_visitor
from rubberduck.web.uploads import form_value, form_values

if TYPE_CHECKING:
    from rubberduck.core.models import Correction
    from rubberduck.custom_models.withdrawal import Taken
    from rubberduck.db.results import Page

mine = Blueprint("mine", __name__, url_prefix="/mine")

RESULTS_PER_PAGE, THUMBNAIL_SIDE = 12, 320


@mine.get("")
def index() -> ResponseReturnValue:
    """Return one page of the visitor's own results."""
    owner, cursor, found = known_visitor(), request.args.get("cursor"), wanted_answer()
    page = None
    if owner or cursor is not None:  # an invalid cursor is an error even without results
        results = pipeline().results
        page = results.list_for_owner(
            owner or "", RESULTS_PER_PAGE, cursor, found=found, question=question_title()
        )
    return private_page(
        "mine.html",
        page=page,
        corrections=_corrections(page) if page else {},
        taken=_taken(owner) if owner else (),
        found=found,
        asked=request.args.get("question"),
        used=_used(owner) if owner else 0,
        most=pipeline().storage_limits.visitor,
        tokens=tokens().list_for_owner(owner) if owner else (),
        lifetimes=LIFETIMES,
        now=datetime.now(UTC),
    )


@mine.post("/delete")
def delete() -> ResponseReturnValue:
    """Ask for confirmation, or delete the chosen results."""
    only, owner = form_value("only"), known_visitor() or ""
    ids = [only] if only else form_values("id")[:RESULTS_PER_PAGE]
    if not ids:
        flash(text("Select the pictures to delete first."))
    elif not form_value("confirmed"):
        return private_page("delete.html", ids=ids, count=len(ids), tokens=0)
    else:
        _flash_deleted(sweeper().forget_owned(owner, ids))
    return redirect(url_for("mine.index"), HTTPStatus.SEE_OTHER)


@mine.post("/withdraw")
def withdraw() -> ResponseReturnValue:
    """Delete the correction of one of the visitor's own results, with its consent."""
    sweeper().withdraw_correction(form_value("only"), known_visitor() or "")
    flash(text("Withdrawn: the correction is deleted."))
    return redirect(url_for("mine.index"), HTTPStatus.SEE_OTHER)


@mine.get("/taken/<picture_id>.jpg")
def taken_picture(picture_id: str) -> ResponseReturnValue:
    """Return a small copy of the visitor's own picture in a project."""
    from rubberduck.custom_models.withdrawal import preview_key
    from rubberduck.imaging.decode import smaller

    key = preview_key(pipeline().results.database, picture_id, known_visitor() or "")
    return jpeg_response(f"{picture_id}-small", lambda: smaller(stored(key), THUMBNAIL_SIDE))


@mine.post("/take-back")
def take_back() -> ResponseReturnValue:
    """Delete one of the visitor's own pictures from the project that it was taken into."""
    from rubberduck.custom_models.withdrawal import withdraw

    if owner := known_visitor():
        site, picture = pipeline(), form_value("picture")
        withdraw(site.results.database, site.storage, owner=owner, picture_id=picture)
    flash(text("Taken back: the picture is not trained with any more."))
    return redirect(url_for("mine.index"), HTTPStatus.SEE_OTHER)


@mine.get("/delete-all")
def confirm_delete_all() -> ResponseReturnValue:
    owner = known_visitor() or ""
    return private_page(
        "delete.html",
        ids=None,
        count=pipeline().results.count_for_owner(owner),
        videos=video_service().videos.count(owner),
        tokens=len(tokens().list_for_owner(owner)),
    )


@mine.post("/delete-all")
def delete_all() -> ResponseReturnValue:
    """Delete all results, videos and API keys of the visitor, and the cookie's contents."""
    if owner := known_visitor():
        tokens().revoke_all(owner)  # first: a program may be sending pictures
        forgotten = sweeper().forget_owned(owner)
        session.clear()
        _flash_deleted(forgotten)
    return redirect(url_for("mine.index"), HTTPStatus.SEE_OTHER)


def _corrections(page: "Page") -> "dict[str, Correction]":
    from rubberduck.db.corrections import find_corrections

    return find_corrections(pipeline().results, [result.id for result in page.results])


def _used(owner: str) -> int:
    """Return the bytes of the visitor's pictures."""
    from rubberduck.db.storage_usage import bytes_of_visitor

    return bytes_of_visitor(pipeline().results.database, owner)


def _taken(owner: str) -> "list[Taken]":
    from rubberduck.custom_models.withdrawal import taken_from

    return taken_from(pipeline().results.database, owner)


def _flash_deleted(forgotten: Forgotten) -> None:
    if forgotten.pending:
        flash(text("Deleted. Some pictures will be removed within the next few hours."))
    else:
        flash(text("Deleted: the pictures and their results."))
