"""One-time sign-in links, as Jupyter prints them: valid once, ten minutes."""

import secrets
from datetime import UTC, datetime, timedelta

from rubberduck.accounts.errors import LinkRefused
from rubberduck.accounts.operators import Operator, from_row
from rubberduck.accounts.sessions import SECRET_BYTES, hash_of
from rubberduck.accounts.tables import operators, sign_in_links
from rubberduck.db.engine import Database, to_naive_utc

LIFETIME = timedelta(minutes=10)
KEPT = timedelta(days=1)  # so that who opens an old link is told why it does not work
row = sign_in_links.c


class Links:
    """The links in the database. Every method raises ResultsUnavailable when it fails."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def create(self, operator: Operator) -> str:
        """Make a link and return its secret; only the hash is stored."""
        secret, now = secrets.token_urlsafe(SECRET_BYTES), to_naive_utc(datetime.now(UTC))
        values = {
            "token_hash": hash_of(secret),
            "operator_id": operator.id,
            "created_at": now,
            "expires_at": now + LIFETIME,
        }
        with self.database.transaction(writing=True) as connection:
            connection.execute(sign_in_links.insert(), values)
        return secret

    def check(self, secret: str) -> Operator:
        """Return whom the link signs in, without using it up. Raises LinkRefused."""
        link = sign_in_links.select().where(row.token_hash == hash_of(secret))
        with self.database.transaction() as connection:
            found = connection.execute(link).mappings().first()
            if found is None:
                raise LinkRefused("This sign-in link is incomplete, or it was never valid.")
            if found["used_at"] is not None:
                raise LinkRefused("This sign-in link was used already. Each works once.")
            if found["expires_at"] <= to_naive_utc(datetime.now(UTC)):
                raise LinkRefused("This sign-in link has expired. Each works for ten minutes.")
            who = operators.select().where(operators.c.id == found["operator_id"])
            person = connection.execute(who.where(operators.c.removed_at.is_(None)))
            if (whose := person.mappings().first()) is None:
                raise LinkRefused("Whoever this sign-in link is for was removed.")
        return from_row(whose)

    def use(self, secret: str) -> Operator:
        """Use the link up and return whom it signs in. Raises LinkRefused."""
        operator = self.check(secret)
        unused = sign_in_links.update().where(
            row.token_hash == hash_of(secret), row.used_at.is_(None)
        )
        with self.database.transaction(writing=True) as connection:
            used = connection.execute(unused.values(used_at=to_naive_utc(datetime.now(UTC))))
        if used.rowcount != 1:  # by another request at the same moment
            raise LinkRefused("This sign-in link was used already. Each works once.")
        return operator

    def delete_expired(self, now: datetime) -> int:
        old = sign_in_links.delete().where(row.expires_at < to_naive_utc(now - KEPT))
        with self.database.transaction(writing=True) as connection:
            return connection.execute(old).rowcount
