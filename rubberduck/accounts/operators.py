"""The people who sign in: operators, who may do everything, and labellers, who only label."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, count
from typing import Any, Literal

from sqlalchemy import Connection, select

from rubberduck.accounts.errors import NoSuchOperator, OperatorExists, OperatorRemoved
from rubberduck.accounts.tables import operator_sessions, operators, sign_in_links
from rubberduck.core.errors import InvalidParameter
from rubberduck.core.ids import random_id
from rubberduck.db.engine import Database, is_storable, to_naive_utc
from rubberduck.db.tables import access_tokens

Role = Literal["operator", "labeller"]

ROLES: tuple[Role, ...] = ("operator", "labeller")
ID_BYTES = 12
MAX_NAME = 80  # characters
NAME_RE = re.compile(rf"[^\x00-\x1f\x7f]{{1,{MAX_NAME}}}")
row = operators.c


@dataclass(frozen=True)
class Operator:
    """A person who signs in. `subject` is the issuer and the id at an OIDC provider."""

    id: str
    name: str
    role: Role
    subject: str | None = None

    @property
    def is_operator(self) -> bool:
        """Return whether the person may do everything, not only label."""
        return self.role == "operator"

    def limited_to(self, role: Role) -> "Operator":
        """Return the person with at most this role: a token may do less than who made it."""
        return replace(self, role=role) if self.is_operator else self


class Operators:
    """Operators by id and by name. Every method raises ResultsUnavailable when it fails."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def create(self, name: str, role: Role = "operator") -> Operator:
        """Add a person; one of this name who was removed comes back with this role.

        Raises OperatorExists, InvalidParameter.
        """
        name = checked_name(name)
        with self.database.transaction(writing=True) as connection:
            return self._create(connection, name, role)

    def find_or_create(self, name: str, role: Role = "operator") -> Operator:
        """Return the person of this name, with the role that he has, or add one."""
        name = checked_name(name)
        with self.database.transaction(writing=True) as connection:
            found = connection.execute(_named(name)).mappings().first()
            return from_row(found) if found else self._create(connection, name, role)

    def signed_in_elsewhere(self, subject: str, name: str, role: Role) -> Operator:
        """Return the person of this subject at an OIDC provider, with the role that it gives.

        Whoever comes for the first time is added, under a name of his own: a name alone, which
        many providers let people choose, makes nobody the person who has it here. Raises
        OperatorRemoved.
        """
        known = operators.select().where(row.subject == subject)
        with self.database.transaction(writing=True) as connection:
            found = connection.execute(known).mappings().first()
            if found is None:
                free = _free_name(connection, name)
                person = self._create(connection, free, role)
                values = {"subject": subject}
            else:
                person, values = from_row(found), {"role": role}
                if found["removed_at"] is not None:
                    raise OperatorRemoved(person.name)
            changed = operators.update().where(row.id == person.id)
            connection.execute(changed.values(values))
        return replace(person, role=role, subject=subject)

    def named(self, name: str) -> Operator:
        """Return the person of this name. Raises NoSuchOperator."""
        with self.database.transaction() as connection:
            found = connection.execute(_named(name.strip())).mappings().first()
        if found is None:
            raise NoSuchOperator(
                "Nobody of this name signs in here: `flask operator add NAME` adds somebody."
            )
        return from_row(found)

    def ever_named(self, name: str) -> Operator:
        """Return the person of this name, also one who was removed. Raises NoSuchOperator."""
        query = operators.select().where(row.name == checked_name(name))
        with self.database.transaction() as connection:
            found = connection.execute(query).mappings().first()
        if found is None:
            raise NoSuchOperator("Nobody of this name ever signed in here.")
        return from_row(found)

    def list(self) -> tuple[Operator, ...]:
        """Return everybody who may sign in, by name."""
        query = operators.select().where(row.removed_at.is_(None)).order_by(row.name)
        with self.database.transaction() as connection:
            return tuple(map(from_row, connection.execute(query).mappings().all()))

    def remove(self, name: str) -> Operator:
        """End the person's sessions, links and tokens at once, and refuse new ones.

        The name stays in the audit list. Raises NoSuchOperator.
        """
        person = self.named(name)
        self.remove_access(person.id)
        return person

    def remove_access(self, id: str) -> None:
        """Do so with the person of this id; an unknown one changes nothing."""
        with self.database.transaction(writing=True) as connection:
            removed = operators.update().where(row.id == id, row.removed_at.is_(None))
            connection.execute(removed.values(removed_at=to_naive_utc(datetime.now(UTC))))
            _end_access(connection, id)

    def let_in(self, id: str) -> None:
        """Let a removed person sign in again, with the role of then and without the old keys."""
        with self.database.transaction(writing=True) as connection:
            connection.execute(operators.update().where(row.id == id).values(removed_at=None))

    def lost_role(self, subject: str) -> None:
        """End the sessions, links and tokens of who has no role at the OIDC provider any more."""
        with self.database.transaction(writing=True) as connection:
            known = connection.scalar(select(row.id).where(row.subject == subject))
            if known is not None:
                _end_access(connection, known)

    def get_even_removed(self, id: str) -> Operator:
        """Return the person of this id, also one who was removed. Raises NoSuchOperator."""
        if is_storable(id):
            with self.database.transaction() as connection:
                query = operators.select().where(row.id == id)
                if found := connection.execute(query).mappings().first():
                    return from_row(found)
        raise NoSuchOperator("Nobody of this id ever signed in here.")

    def get(self, id: str) -> Operator | None:
        """Return the person, or None if there is none with this id or he was removed."""
        query = operators.select().where(row.id == id, row.removed_at.is_(None))
        with self.database.transaction() as connection:
            found = connection.execute(query).mappings().first()
        return from_row(found) if found else None

    def _create(self, connection: Connection, name: str, role: Role) -> Operator:
        taken = operators.select().where(row.name == name)
        values = {"role": role, "created_at": to_naive_utc(datetime.now(UTC)), "removed_at": None}
        if (old := connection.execute(taken).mappings().first()) is None:
            id = random_id(ID_BYTES)
            connection.execute(operators.insert().values(id=id, name=name, **values))
            return Operator(id, name, role)
        if old["removed_at"] is None:
            raise OperatorExists("Somebody named {name} signs in here already.", name=name)
        connection.execute(operators.update().where(row.id == old["id"]).values(values))
        return Operator(old["id"], name, role, old["subject"])


def checked_name(name: str) -> str:
    """Return the name without spaces around it. Raises InvalidParameter."""
    if not NAME_RE.fullmatch(stripped := name.strip()):
        raise InvalidParameter("A name has 1 to 80 characters, without line breaks.")
    return stripped


def _end_access(connection: Connection, id: str) -> None:
    sessions, links, tokens = operator_sessions.c, sign_in_links.c, access_tokens.c
    connection.execute(operator_sessions.delete().where(sessions.operator_id == id))
    connection.execute(sign_in_links.delete().where(links.operator_id == id))
    connection.execute(access_tokens.delete().where(tokens.owner == id))


def _free_name(connection: Connection, name: str) -> str:
    """Return the name, or with a number if somebody has, or had, it."""
    printable = "".join(char for char in name if char.isprintable()).strip() or "?"
    base = printable[: MAX_NAME - 5]
    taken = select(row.name).where(row.name.startswith(base, autoescape=True))
    names = set(connection.execute(taken).scalars())
    numbered = (f"{base} {number}" for number in count(2))
    return next(free for free in chain([base], numbered) if free not in names)


def from_row(found: Mapping[Any, Any]) -> Operator:
    return Operator(found["id"], found["name"], found["role"], found["subject"])


def _named(name: str) -> Any:
    return operators.select().where(row.name == name, row.removed_at.is_(None))
