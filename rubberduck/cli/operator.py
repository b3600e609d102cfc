"""`flask operator`: who may sign in, one-time links, API keys."""

import os
from datetime import timedelta

import click
from flask.cli import AppGroup

from rubberduck.accounts.audit import TERMINAL, AuditLog
from rubberduck.accounts.links import Links
from rubberduck.accounts.operators import ROLES, Operator, Operators, Role
from rubberduck.accounts.sessions import Sessions
from rubberduck.accounts.tokens import Tokens
from rubberduck.cli.terminal import HELP, command_errors, printable
from rubberduck.db.engine import Database
from rubberduck.web.deps import pipeline, settings

operator = AppGroup("operator", context_settings=HELP, help="Who may sign in: links, people.")
DEFAULT_NAME = "Operator"  # of whoever opens a link that names nobody
DEFAULT_PORT = "8000"  # as in gunicorn.conf.py
url_option = click.option("--url", help="The site's address; default: the first of DUCK_HOSTS.")
name_argument = click.argument("name")


@operator.command("link", context_settings=HELP)
@click.argument("name", default=DEFAULT_NAME)
@url_option
def link(name: str, url: str | None) -> None:
    """Print a link that signs NAME in, once, within ten minutes.

    Without NAME: “Operator”, who is added if there is none.

    \b
    Examples:
      flask operator link
      flask operator link Ada --url https://duck.example
    """
    with command_errors():
        people = Operators(_database())
        person = people.find_or_create(name) if name == DEFAULT_NAME else people.named(name)
        _note("link.create", person)
        _print_link(person, url)


@operator.command("add", context_settings=HELP)
@name_argument
@click.option("--role", type=click.Choice(ROLES), default="operator", show_default=True)
@url_option
def add(name: str, role: Role, url: str | None) -> None:
    """Let NAME sign in, and print a link; a labeller only labels pictures.

    \b
    Examples:
      flask operator add Ada
      flask operator add Bob --role labeller
    """
    with command_errors():
        person = Operators(_database()).create(name, role)
        _note("operator.add", person, role=role)
        _print_link(person, url)


@operator.command("list", context_settings=HELP)
def list_people() -> None:
    """List who may sign in, with the number of sessions and of API keys."""
    with command_errors():
        people = Operators(_database()).list()
        for person in people:
            sessions = len(Sessions(_database()).list(person.id))
            tokens = len(Tokens(_database()).list_for_owner(person.id))
            how = f"  {printable(person.subject)}" if person.subject else ""
            counts = f"{sessions} sessions, {tokens} API keys"
            click.echo(f"{printable(person.name):24}  {person.role:8}  {counts}{how}")
        if not people:
            click.echo("Nobody. `flask operator add NAME` adds somebody.")


@operator.command("remove", context_settings=HELP)
@name_argument
def remove(name: str) -> None:
    """End the sessions and API keys of NAME at once, and refuse new ones."""
    with command_errors():
        person = Operators(_database()).remove(name)
        _note("operator.remove", person)
    click.echo(f"{printable(person.name)} is signed out everywhere and cannot sign in.")


@operator.command("token", context_settings=HELP)
@name_argument
@click.option("--scope", type=click.Choice(ROLES), default="operator", show_default=True)
@click.option("--days", type=click.IntRange(1, 365), default=90, show_default=True)
@click.option("--label", default="terminal", show_default=True, help="What the key is for.")
def token(name: str, scope: Role, days: int, label: str) -> None:
    """Print a new API key, with which a program does what NAME may do.

    \b
    Example:
      flask operator token Ada --scope labeller --days 30
    """
    with command_errors():
        person = Operators(_database()).named(name)
        secret, made = Tokens(_database()).create(person.id, label, timedelta(days=days), scope)
        _note("token.create", person, token=made.id, scope=scope)
    click.echo(secret)


def _database() -> Database:
    return pipeline().results.database


def _note(act: str, person: Operator, **details: object) -> None:
    AuditLog(_database()).add("", TERMINAL, act, person.name, **details)


def _print_link(person: Operator, url: str | None) -> None:
    secret = Links(_database()).create(person)
    base = (url or _site_url()).rstrip("/")
    # Printed, never logged: whoever reads it can sign in.
    click.echo(f"{printable(person.name)} signs in here, once, within ten minutes:")
    click.echo(f"{base}/sign-in/link?token={secret}")


def _site_url() -> str:
    """Return the address of the first of the site's names, or of the site on this machine."""
    for host in settings().hosts:
        if not host.startswith("."):  # all names below a domain
            return f"https://{host}"
    return f"http://127.0.0.1:{os.environ.get('PORT', DEFAULT_PORT)}"
