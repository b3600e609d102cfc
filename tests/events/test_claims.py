"""Of many who hear of an object, one answers it: claims in the database and in the bucket."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from composition import build_delivery, build_pipeline
from rubberduck.core.settings import Settings
from rubberduck.db.engine import Database
from rubberduck.db.event_claims import DatabaseClaims
from rubberduck.events.claims import (
    DUPLICATE,
    LEASE_SECONDS,
    SUPERSEDED,
    Busy,
    Claim,
    Claims,
    ClaimStore,
)
from rubberduck.events.s3_events import CreatedObject
from tests.support.arrivals import INPUT, OUTPUT
from tests.support.databases import ready_database

PICTURE = CreatedObject("ducks", "in/1.jpg", "v1", is_versioned=True, sequencer="0A")


@pytest.fixture(params=["sqlite", "postgresql", "bucket"])
def store(request: pytest.FixtureRequest, settings: Settings) -> Iterator[ClaimStore]:
    if request.param == "bucket":
        request.getfixturevalue("s3")
        changes = {"events_input": INPUT, "events_output": OUTPUT}
        changed = settings.model_copy(update=changes)
        delivery = build_delivery(changed, build_pipeline(changed))
        assert delivery
        yield delivery.handler.claims.store
        return
    with ready_database(request.param, request, settings) as url:
        database = Database(url)
        yield DatabaseClaims(database)
        database.close()


def taken(claims: Claims, created: CreatedObject) -> Claim:
    claim = claims.take(created)
    assert isinstance(claim, Claim)
    return claim


def test_an_object_is_answered_once(store: ClaimStore) -> None:
    claims = Claims(store)
    claim = taken(claims, PICTURE)
    with pytest.raises(Busy):
        claims.take(PICTURE)
    assert claims.finish(claim)
    assert claims.take(PICTURE) == DUPLICATE
    other = replace(PICTURE, key="in/2.jpg")
    assert taken(claims, other).name != claim.name


def test_a_newer_version_is_answered_and_an_older_one_no_more(store: ClaimStore) -> None:
    claims = Claims(store)
    newer = replace(PICTURE, version="v2", sequencer="0B")
    claims.finish(taken(claims, newer))
    assert claims.take(PICTURE) == SUPERSEDED
    newest = replace(PICTURE, version="v3", sequencer="0C")
    claims.finish(taken(claims, newest))
    assert claims.take(newer) == SUPERSEDED


def test_after_a_crash_another_goes_on_when_the_claim_has_run_out(store: ClaimStore) -> None:
    now = 1000.0
    claims = Claims(store, clock=lambda: now)
    lost = taken(claims, PICTURE)
    now += LEASE_SECONDS - 1
    with pytest.raises(Busy) as busy:
        claims.take(PICTURE)
    assert busy.value.seconds == pytest.approx(1)
    now += 2
    second = taken(claims, PICTURE)
    # The first was only slow: it does not hold the claim any more.
    assert not claims.finish(lost)
    assert claims.finish(second)


def test_a_failed_attempt_lets_others_try_at_once(store: ClaimStore) -> None:
    claims = Claims(store)
    assert claims.release(taken(claims, PICTURE))
    assert claims.finish(taken(claims, PICTURE))


def test_of_many_at_once_one_wins(store: ClaimStore) -> None:
    claims = Claims(store)

    def attempt(_: int) -> bool:
        try:
            return isinstance(claims.take(PICTURE), Claim)
        except Busy:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 1
