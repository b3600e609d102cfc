"""`flask collection`: face collections at Amazon, from the command line."""

from datetime import datetime

import click
from flask.cli import AppGroup

from rubberduck.cli.terminal import HELP, command_errors, printable, read
from rubberduck.core.models import percent
from rubberduck.web.collections import collection_service, reasons_of
from rubberduck.web.deps import pipeline
from rubberduck.web.operators import audit_terminal

collection = AppGroup(
    "collection", context_settings=HELP, help="Faces of people who consented, at Amazon."
)
TERMINAL = "terminal"  # who wrote a consent down here
id_argument = click.argument("collection", metavar="COLLECTION")
picture_argument = click.argument("picture", metavar="PICTURE")


@collection.command("list", context_settings=HELP)
@click.argument("collection", metavar="[COLLECTION]", required=False)
def list_collections(collection: str | None) -> None:
    """List the collections, or the people in COLLECTION with their consents."""
    with command_errors():
        service = collection_service()
        if collection is None:
            for info, people in service.collections():
                click.echo(f"{info.id}  {people} people, {info.faces} faces, {info.users} users")
            return
        for person in service.people.of_collection(service.get(collection).id):
            consent = person.consent
            click.echo(
                f"{person.id}  {printable(person.label)}  {len(person.faces)} faces, until "
                f"{person.expires_at:%Y-%m-%d}; consent of {printable(consent.given_by)}, "
                f"{consent.given_on}, {printable(consent.how)}"
            )


@collection.command("create", context_settings=HELP)
@click.argument("name", metavar="NAME")
def create(name: str) -> None:
    """Make a collection; its id is duck-NAME."""
    with command_errors():
        id = collection_service().create(name)
        audit_terminal("collection.create", id)
    click.echo(id)


@collection.command("index", context_settings=HELP)
@id_argument
@picture_argument
@click.option("--label", required=True, help="What you call the person here.")
@click.option("--consent-from", required=True, help="Who agreed.")
@click.option("--consent-on", required=True, type=click.DateTime(["%Y-%m-%d"]), help="When.")
@click.option("--consent-how", required=True, help="How, and where that is kept.")
@click.option("--consent-note", default="", help="A note.")
def index(  # noqa: PLR0913, PLR0917 - each is an option
    collection: str,
    picture: str,
    label: str,
    consent_from: str,
    consent_on: datetime,
    consent_how: str,
    consent_note: str,
) -> None:
    """Store the largest face of PICTURE, of a person who agreed explicitly.

    A face vector is biometric data: it identifies the person. One call, about $0.001.

    \b
    Example:
      flask collection index duck-staff ada.jpg --label Ada \\
        --consent-from "Ada Lovelace" --consent-on 2026-01-02 \\
        --consent-how "signed form, folder 7"
    """
    from rubberduck.db.indexed_people import Consent

    consent = Consent(consent_from, consent_on.date(), consent_how, consent_note)
    with command_errors():
        given = pipeline().read(read(picture))
        outcome = collection_service().index(collection, label, consent, given, TERMINAL)
        person = outcome.person
        audit_terminal("face.index", collection, person=person.id if person else None)
    for reason in reasons_of(outcome.unindexed):
        click.echo(f"not stored: {reason}", err=True)
    if person is None:
        raise click.ClickException("No face was stored.")
    click.echo(person.id)


@collection.command("search", context_settings=HELP)
@id_argument
@picture_argument
@click.option("--users", is_flag=True, help="Among people whose faces were joined.")
def search(collection: str, picture: str, users: bool) -> None:
    """Print who is like the largest face of PICTURE. One call, about $0.001."""
    with command_errors():
        given = pipeline().read(read(picture))
        found = collection_service().search(collection, given, users=users)
        audit_terminal("face.search", collection, found=len(found))
    for each in found:
        person = each.person
        name = f"{person.id}  {printable(person.label)}" if person else "nobody who is listed here"
        click.echo(f"{percent(each.similarity)}  {name}")
    if not found:
        click.echo("nobody")


@collection.command("delete", context_settings=HELP)
@id_argument
@click.argument("person", metavar="[PERSON]", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(collection: str, person: str | None, yes: bool) -> None:
    """Delete PERSON (an id) from COLLECTION with all faces, or without it all of COLLECTION."""
    what = f"the faces of {person}" if person else f"{collection} with all faces and consents"
    if not yes:
        click.confirm(f"Delete {printable(what)}? There is no undo.", abort=True, err=True)
    with command_errors():
        service = collection_service()
        if person is None:
            service.delete(collection)
            audit_terminal("collection.delete", collection)
        else:
            service.delete_person(service.person(collection, person))
            audit_terminal("face.delete", collection, person=person)
    click.echo("deleted")
