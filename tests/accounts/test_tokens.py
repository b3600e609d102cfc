"""Tokens on SQLite and PostgreSQL: made once, stored as a hash, used, expired, revoked."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from rubberduck.accounts import tokens as module
from rubberduck.accounts.tokens import EXPIRED_KEPT, LAST_USE_PRECISION, MAX_TOKENS, Tokens
from rubberduck.core.errors import InvalidToken, NoSuchResult, ResultsUnavailable, TooManyTokens
from rubberduck.db.results import Results

MONTH = timedelta(days=30)


class Clock(datetime):
    """datetime.now() plus `ahead`."""

    ahead = timedelta()

    @classmethod
    def now(cls, tz: Any = None) -> "datetime":  # type: ignore[override]
        return datetime.now(tz) + cls.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Clock]:
    monkeypatch.setattr(module, "datetime", Clock)
    monkeypatch.setattr(Clock, "ahead", timedelta())
    return Clock


@pytest.fixture
def tokens(any_results: Results) -> Tokens:
    return Tokens(any_results.database)


def test_a_new_token_authenticates_its_owner(tokens: Tokens) -> None:
    secret, token = tokens.create("a visitor", "backup script", MONTH)
    used = tokens.authenticate(secret)
    assert (used.id, used.owner, used.scope) == (token.id, "a visitor", "visitor")
    assert used.expires_at - used.created_at == MONTH


def test_the_database_never_holds_the_secret(tokens: Tokens) -> None:
    secret, _ = tokens.create("a visitor", "backup script", MONTH)
    with tokens.database.transaction() as connection:
        rows = connection.execute(text("SELECT * FROM access_tokens")).all()
    assert len(rows) == 1
    assert secret not in str(rows)
    assert secret.removeprefix("duck_")[:8] not in str(rows)


@pytest.mark.parametrize(
    "secret", ["", "duck_", "quack", f"duck_{'a' * 31}", f"duck_{'ä' * 32}", f"duck_{'a' * 32}\n"]
)
def test_a_malformed_token_is_refused_without_the_database(tokens: Tokens, secret: str) -> None:
    tokens.database.close()
    with pytest.raises(InvalidToken, match="malformed"):
        tokens.authenticate(secret)


def test_unknown_and_revoked_tokens_are_refused_alike(tokens: Tokens) -> None:
    secret, token = tokens.create("a visitor", "backup script", MONTH)
    tokens.revoke(token.id, "a visitor")
    with pytest.raises(InvalidToken) as revoked:
        tokens.authenticate(secret)
    with pytest.raises(InvalidToken) as unknown:
        tokens.authenticate(f"duck_{'a' * 32}")
    assert str(revoked.value) == str(unknown.value) == "The API key is unknown, or it was revoked."


def test_an_expired_token_is_told_so_until_its_row_is_deleted(
    tokens: Tokens, clock: type[Clock]
) -> None:
    secret, _ = tokens.create("a visitor", "backup script", MONTH)
    clock.ahead = MONTH + timedelta(seconds=1)
    with pytest.raises(InvalidToken, match="has expired"):
        tokens.authenticate(secret)
    assert tokens.delete_expired(clock.now(UTC)) == 0
    assert tokens.delete_expired(clock.now(UTC) + EXPIRED_KEPT) == 1
    assert tokens.list_for_owner("a visitor") == ()


def test_the_last_use_is_written_at_most_once_a_minute(tokens: Tokens, clock: type[Clock]) -> None:
    secret, _ = tokens.create("a visitor", "backup script", MONTH)
    writes: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        writes.extend([statement] if statement.startswith("UPDATE") else [])

    event.listen(tokens.database.engine, "before_cursor_execute", note)
    for _ in range(5):
        tokens.authenticate(secret)
    assert len(writes) == 1
    first = tokens.list_for_owner("a visitor")[0].last_used_at
    clock.ahead = LAST_USE_PRECISION + timedelta(seconds=1)
    tokens.authenticate(secret)
    assert len(writes) == 2
    last = tokens.list_for_owner("a visitor")[0].last_used_at
    assert first
    assert last
    assert last - first > LAST_USE_PRECISION


def test_a_request_is_answered_although_its_use_cannot_be_written(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, token = tokens.create("a visitor", "backup script", MONTH)
    transaction = tokens.database.transaction

    def read_only(*, writing: bool = False) -> Any:
        if writing:
            raise ResultsUnavailable("The disk is full.")
        return transaction()

    monkeypatch.setattr(tokens.database, "transaction", read_only)
    assert tokens.authenticate(secret).id == token.id


def test_nobody_revokes_the_tokens_of_others(tokens: Tokens) -> None:
    secret, token = tokens.create("a visitor", "backup script", MONTH)
    for id, owner in ((token.id, "another"), (token.id, ""), ("a\0b", "a visitor")):
        with pytest.raises(NoSuchResult):  # PostgreSQL refuses NUL in a text
            tokens.revoke(id, owner)
    assert tokens.authenticate(secret)


def test_an_owner_has_a_limited_number_of_tokens(tokens: Tokens) -> None:
    for number in range(MAX_TOKENS):
        tokens.create("a visitor", f"script {number}", MONTH)
    with pytest.raises(TooManyTokens, match=str(MAX_TOKENS)):
        tokens.create("a visitor", "one more", MONTH)
    tokens.create("another", "script", MONTH)
    assert tokens.revoke_all("a visitor") == MAX_TOKENS
    assert len(tokens.list_for_owner("another")) == 1
