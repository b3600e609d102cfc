"""Tokens for programs, sent as `Authorization: Bearer duck_…`.

One table for all scopes. Only the SHA-256 of a token is stored: a token has 192 random bits, so a
slow password hash would add nothing, and the lookup by hash leaks no prefix by its duration.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import bindparam, func, or_, select

from rubberduck.core.errors import InvalidToken, NoSuchResult, ResultsUnavailable, TooManyTokens
from rubberduck.core.ids import random_id
from rubberduck.db.engine import Database, is_storable, to_naive_utc
from rubberduck.db.tables import access_tokens

Scope = Literal["visitor", "labeller", "operator"]

PREFIX = "duck_"  # recognised by secret scanners
SECRET_BYTES, ID_BYTES = 24, 12
SECRET_LENGTH = 32  # characters of so many bytes
TOKEN_RE = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{{SECRET_LENGTH}}}")
MAX_TOKENS = 20  # of one owner
LAST_USE_PRECISION = timedelta(minutes=1)  # a busy program must not cause a write per request
EXPIRED_KEPT = timedelta(days=30)  # so that its program is told that the token has expired
row_of = access_tokens.c
BY_HASH = access_tokens.select().where(row_of.token_hash == bindparam("hash"))
TOUCH = (
    access_tokens.update()
    .where(
        row_of.id == bindparam("of"),
        or_(row_of.last_used_at.is_(None), row_of.last_used_at < bindparam("before")),
    )
    .values(last_used_at=bindparam("now"))
)


@dataclass(frozen=True)
class Token:
    """A token without its secret. `owner` is a visitor's id; times are UTC."""

    id: str
    owner: str
    scope: Scope
    name: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None

    def has_expired(self, now: datetime) -> bool:
        return self.expires_at <= now


class Tokens:
    """The tokens in the database. Every method raises ResultsUnavailable when it fails."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def create(
        self,
        owner: str,
        name: str,
        lifetime: timedelta,
        scope: Scope = "visitor",
        made_with: Token | None = None,
    ) -> tuple[str, Token]:
        """Store a new token and return its secret, which cannot be read again, and the token.

        One `made_with` another ends with it, also if it is revoked. Raises TooManyTokens.
        """
        secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
        now = datetime.now(UTC)
        id = random_id(ID_BYTES)
        end = min(now + lifetime, made_with.expires_at) if made_with else now + lifetime
        token = Token(id, owner, scope, name, now, end)
        count = select(func.count()).where(row_of.owner == owner)
        row = {
            "id": id,
            "owner": owner,
            "scope": scope,
            "name": name,
            "token_hash": _hash(secret),
            "created_at": to_naive_utc(now),
            "expires_at": to_naive_utc(token.expires_at),
            "made_with": made_with and made_with.id,
        }
        with self.database.transaction(writing=True) as connection:
            if connection.execute(count).scalar_one() >= MAX_TOKENS:
                raise TooManyTokens(MAX_TOKENS)
            connection.execute(access_tokens.insert(), row)
        return secret, token

    def authenticate(self, secret: str) -> Token:
        """Return the token with this secret and note its use. Raises InvalidToken."""
        if not TOKEN_RE.fullmatch(secret):
            raise InvalidToken(
                "The API key is malformed: a key is “duck_” and {count} characters after it.",
                count=SECRET_LENGTH,
            )
        with self.database.transaction() as connection:
            row = connection.execute(BY_HASH, {"hash": _hash(secret)}).mappings().first()
        if row is None:
            raise InvalidToken("The API key is unknown, or it was revoked.")
        token, now = _from_row(row), datetime.now(UTC)
        if token.has_expired(now):
            raise InvalidToken("The API key has expired.")
        if token.last_used_at is None or token.last_used_at < now - LAST_USE_PRECISION:
            self._touch(token.id, now)
        return token

    def list_for_owner(self, owner: str) -> tuple[Token, ...]:
        """Return the owner's tokens, newest first, with those that expired recently."""
        query = access_tokens.select().where(row_of.owner == owner)
        query = query.order_by(row_of.created_at.desc(), row_of.id)
        with self.database.transaction() as connection:
            return tuple(map(_from_row, connection.execute(query).mappings().all()))

    def revoke(self, id: str, owner: str) -> None:
        """Delete the owner's token, and those that were made with it.

        Raises NoSuchResult, also for other owners' tokens.
        """
        if not is_storable(id):
            raise NoSuchResult
        own = access_tokens.delete().where(row_of.id == id, row_of.owner == owner)
        made = select(row_of.id).where(row_of.owner == owner)
        with self.database.transaction(writing=True) as connection:
            if not connection.execute(own).rowcount:
                raise NoSuchResult
            gone = [id]
            while gone:
                gone = list(connection.scalars(made.where(row_of.made_with.in_(gone))))
                connection.execute(access_tokens.delete().where(row_of.id.in_(gone)))

    def revoke_all(self, owner: str) -> int:
        """Delete the owner's tokens and return their number."""
        return self._delete(row_of.owner == owner)

    def delete_expired(self, now: datetime) -> int:
        """Delete the tokens that expired some time ago and return their number."""
        return self._delete(row_of.expires_at < to_naive_utc(now - EXPIRED_KEPT))

    def _delete(self, condition: Any) -> int:
        with self.database.transaction(writing=True) as connection:
            return connection.execute(access_tokens.delete().where(condition)).rowcount

    def _touch(self, id: str, now: datetime) -> None:
        values = {
            "of": id,
            "now": to_naive_utc(now),
            "before": to_naive_utc(now - LAST_USE_PRECISION),
        }
        with (
            suppress(ResultsUnavailable),  # a full disk must not refuse a request that only reads
            self.database.transaction(writing=True) as connection,
        ):
            connection.execute(TOUCH, values)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _from_row(row: Mapping[Any, Any]) -> Token:
    used = row["last_used_at"]
    return Token(
        id=row["id"],
        owner=row["owner"],
        scope=row["scope"],
        name=row["name"],
        created_at=row["created_at"].replace(tzinfo=UTC),
        expires_at=row["expires_at"].replace(tzinfo=UTC),
        last_used_at=used and used.replace(tzinfo=UTC),
    )
