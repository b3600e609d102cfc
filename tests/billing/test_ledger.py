"""The ledger of all services: each charge once, limits exact for all at once, prices as a table."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from db_setup import set_up
from rubberduck.billing.budget import Budget
from rubberduck.billing.errors import SpendingLimitReached
from rubberduck.billing.ledger import Entry, Ledger, Limits, limits_of
from rubberduck.billing.prices import MICRODOLLARS, load_prices
from rubberduck.core.errors import BudgetSpent
from rubberduck.core.settings import InvalidSettings, Settings
from rubberduck.db.engine import Database

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DOLLAR = MICRODOLLARS


@pytest.fixture(autouse=True)
def noon() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW) as clock:
        yield clock


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    set_up(database_url)
    database = Database(database_url)
    yield database
    database.close()


def entry(key: str, microdollars: int, at: datetime = NOW) -> Entry:
    return Entry(key, at, "training", "of a test", microdollars)


def spent(ledger: Ledger) -> tuple[int, int]:
    today, month = ledger.totals()
    return today.spent, month.spent


def test_many_at_once_spend_what_there_is_and_each_key_once(database: Database) -> None:
    """Ten keys, each charged by four at once; calls of a budget count in the same totals."""
    ledger = Ledger(database, Limits(daily=7 * DOLLAR, monthly=100 * DOLLAR))
    budget = Budget(database, "e", 0.5, 1000, 1000, ledger)

    def spend(number: int) -> str:
        try:
            if number % 5 == 4:
                budget.reserve()
                return "call"
            return "charged" if ledger.charge(entry(f"key {number % 5}", DOLLAR)) else "again"
        except BudgetSpent:
            return "refused"

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(spend, range(40)))
    assert done.count("charged") * DOLLAR + done.count("call") * DOLLAR // 2 == spent(ledger)[0]
    assert done.count("charged") == 4
    assert spent(ledger) == (7 * DOLLAR, 7 * DOLLAR)
    assert done.count("call") == 6
    with ThreadPoolExecutor(8) as pool:
        refunded = list(pool.map(lambda _: ledger.refund("key 1"), range(8)))
    assert sorted(refunded) == [0] * 7 + [DOLLAR]
    assert not ledger.charge(entry("key 1", DOLLAR))  # once is once
    budget.refund(budget.reserve())
    assert spent(ledger) == (6 * DOLLAR, 6 * DOLLAR)
    ledger.charge(entry("has been used", 50 * DOLLAR), is_limited=False)
    assert spent(ledger)[0] == 56 * DOLLAR


def test_limits_of_a_day_and_a_month(database: Database, noon: time_machine.Traveller) -> None:
    ledger = Ledger(database, Limits(daily=2 * DOLLAR, monthly=3 * DOLLAR))
    with pytest.raises(SpendingLimitReached, match=r"limit of \$2.00 for 2026-11-20"):
        ledger.charge(entry("too much at once", 2 * DOLLAR + 1))
    assert spent(ledger) == (0, 0)  # neither of the two totals
    assert ledger.charge(entry("one", 2 * DOLLAR))
    tomorrow = NOW + timedelta(days=1)
    noon.move_to(tomorrow)
    with pytest.raises(SpendingLimitReached, match=r"limit of \$3.00 for 2026-11 ") as refused:
        ledger.charge(entry("two", 2 * DOLLAR, tomorrow))
    assert refused.value.retry_after == pytest.approx(9.5 * 86_400, abs=2)
    assert ledger.charge(entry("two", DOLLAR, tomorrow))
    assert spent(ledger) == (DOLLAR, 3 * DOLLAR)
    assert ledger.refund("one") == 2 * DOLLAR  # of yesterday
    assert spent(ledger) == (DOLLAR, DOLLAR)
    assert [each.key for each in ledger.newest()] == ["two"]  # not what was taken back
    assert [each.microdollars for each in ledger.newest()] == [DOLLAR]


def test_prices_are_one_table_that_a_file_can_replace(tmp_path: Path, settings: Settings) -> None:
    own = tmp_path / "prices.toml"
    own.write_text(
        '[custom-labels-running]\ndollars = 3.5\nper = "hour"\nsource = "a contract"\n'
        "date = 2026-11-28\nverified = true\n"
    )
    price, before = (load_prices(file)["custom-labels-running"] for file in (own, None))
    assert (price.dollars, price.verified, price.of(2)) == (3.5, True, 7 * DOLLAR)
    assert (before.dollars, before.verified) == (4, False)
    assert load_prices(own)["detect-labels"].dollars == 0.001
    rest = 'per=""\nsource=""\ndate=2026-11-28\nverified=true'
    for text, reason in [
        (f"[detect-lables]\ndollars = 1\n{rest}", "lables"),
        (f"[detect-labels]\ndollars = -1\n{rest}", "dollars"),
        ("[detect-labels", "not TOML"),
    ]:
        wrong = tmp_path / f"{reason}.toml"
        wrong.write_text(text)
        with pytest.raises(InvalidSettings, match=f"DUCK_PRICES is wrong: .*{reason}"):
            load_prices(wrong)
    limits = limits_of(settings, load_prices())
    assert limits == Limits(21 * DOLLAR, 210 * DOLLAR)  # 1,000 and 10,000 calls have their room
    less = settings.model_copy(update={"daily_usd": 2.5, "monthly_calls": 0})
    assert limits_of(less, load_prices()) == replace(limits, daily=2_500_000, monthly=200 * DOLLAR)
