"""Operators' sessions, kept in the database: the cookie holds a random secret, the row its hash.

A signed cookie alone could not be revoked. flask-session keeps sessions in a database, too, but
stores the secret itself and knows no owner whose sessions could be listed; flask-login keeps no
sessions, and has had no release since 2023.
"""

import hashlib
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, select

from rubberduck.accounts.operators import Operator, from_row
from rubberduck.accounts.tables import operator_sessions, operators
from rubberduck.core.errors import NoSuchResult, ResultsUnavailable
from rubberduck.core.ids import random_id
from rubberduck.db.engine import Database, is_storable, to_naive_utc

How = Literal["link", "oidc"]

SECRET_BYTES, ID_BYTES = 24, 12
SECRET_LENGTH = 32  # characters of the secret
LIFETIME = timedelta(hours=12)
LAST_SEEN_PRECISION = timedelta(minutes=1)  # no write per request
MAX_BROWSER = 200  # characters
row = operator_sessions.c


@dataclass(frozen=True)
class Session:
    """A session without its secret. `how` it began: by a link or at an OIDC provider."""

    id: str
    operator_id: str
    created_at: datetime
    expires_at: datetime
    last_seen_at: datetime
    how: str
    browser: str
    id_token: str | None = field(default=None, repr=False)  # of the OpenID provider


class Sessions:
    """Operators' sessions. Every method raises ResultsUnavailable when it fails."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def create(
        self, operator: Operator, how: How, browser: str, id_token: str | None = None
    ) -> str:
        """Begin a session and return its secret, for the cookie. `browser` names the client."""
        secret, now = secrets.token_urlsafe(SECRET_BYTES), to_naive_utc(datetime.now(UTC))
        values = {
            "id": random_id(ID_BYTES),
            "secret_hash": hash_of(secret),
            "operator_id": operator.id,
            "created_at": now,
            "expires_at": now + LIFETIME,
            "last_seen_at": now,
            "how": how,
            "browser": _printable(browser)[:MAX_BROWSER],
            "id_token": id_token,
        }
        with self.database.transaction(writing=True) as connection:
            connection.execute(operator_sessions.insert(), values)
        return secret

    def authenticate(self, secret: str) -> tuple[Session, Operator] | None:
        """Return the session with this secret and whose it is; None if it is over or unknown."""
        if len(secret) != SECRET_LENGTH:
            return None
        now = to_naive_utc(datetime.now(UTC))
        joined = operator_sessions.join(operators, operators.c.id == row.operator_id)
        session = operator_sessions.select().where(
            row.secret_hash == hash_of(secret), row.expires_at > now
        )
        person = (
            select(operators)
            .select_from(joined)
            .where(row.secret_hash == hash_of(secret), operators.c.removed_at.is_(None))
        )
        with self.database.transaction() as connection:
            found = connection.execute(session).mappings().first()
            whose = connection.execute(person).mappings().first() if found else None
        if found is None or whose is None:
            return None
        if found["last_seen_at"] < now - LAST_SEEN_PRECISION:
            self._touch(found["id"], now)
        return _session(found), from_row(whose)

    def list(self, operator_id: str) -> tuple[Session, ...]:
        """Return the person's sessions that go on, newest first."""
        now = to_naive_utc(datetime.now(UTC))
        query = operator_sessions.select().where(
            row.operator_id == operator_id, row.expires_at > now
        )
        with self.database.transaction() as connection:
            found = connection.execute(query.order_by(row.created_at.desc(), row.id))
            return tuple(map(_session, found.mappings().all()))

    def revoke(self, id: str, operator_id: str) -> None:
        """End one of the person's sessions. Raises NoSuchResult, also for others' sessions."""
        if not is_storable(id) or not self._delete(
            and_(row.id == id, row.operator_id == operator_id)
        ):
            raise NoSuchResult

    def revoke_all(self, operator_id: str, but: str = "") -> int:
        """End the person's sessions, `but` one, and return their number."""
        return self._delete(and_(row.operator_id == operator_id, row.id != but))

    def delete_expired(self, now: datetime) -> int:
        return self._delete(row.expires_at <= to_naive_utc(now))

    def _delete(self, condition: ColumnElement[bool]) -> int:
        with self.database.transaction(writing=True) as connection:
            return connection.execute(operator_sessions.delete().where(condition)).rowcount

    def _touch(self, id: str, now: datetime) -> None:
        with (
            suppress(ResultsUnavailable),  # a full disk must not refuse a request that only reads
            self.database.transaction(writing=True) as connection,
        ):
            seen = operator_sessions.update().where(row.id == id)
            connection.execute(seen.values(last_seen_at=now))


def hash_of(secret: str) -> str:
    """Return the SHA-256: the secrets are random, so a slow password hash would add nothing."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def _session(found: Mapping[Any, Any]) -> Session:
    return Session(
        id=found["id"],
        operator_id=found["operator_id"],
        created_at=found["created_at"].replace(tzinfo=UTC),
        expires_at=found["expires_at"].replace(tzinfo=UTC),
        last_seen_at=found["last_seen_at"].replace(tzinfo=UTC),
        how=found["how"],
        browser=found["browser"],
        id_token=found["id_token"],
    )
