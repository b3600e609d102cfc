"""What docs/scale.md says: what is deployed for a load, what it costs and what it carries."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from sqlalchemy import QueuePool, event

from bench.capacity import aws_prices_and_quotas as aws
from bench.capacity import model, scale_page
from bench.harness.database import DETECTOR, a_result, an_upload
from bench.harness.figures import Comparison, Growth
from bench.report import speed_page
from bench.scenarios import databases, sites
from rubberduck.billing.budget import Budget
from rubberduck.core.settings import ROOT
from rubberduck.db.engine import engine_for
from rubberduck.db.results import Results
from tests.support import postgres
from tests.support.databases import create_database


def dollars(load: float, *, embedded: bool = False) -> float:
    return sum(model.monthly_cost(model.plan(load, embedded=embedded)).values())


def test_a_higher_load_costs_more_in_total_and_less_for_each_picture() -> None:
    totals = [dollars(load) for load in scale_page.LOADS]
    per_picture = [total / load for total, load in zip(totals, scale_page.LOADS, strict=True)]
    assert totals == sorted(totals)
    assert per_picture == sorted(per_picture, reverse=True)


def test_the_embedded_detector_calls_and_pays_no_rekognition() -> None:
    for load in scale_page.LOADS:
        parts = model.monthly_cost(model.plan(load, embedded=True))
        assert parts["Rekognition"] == 0
        assert sum(parts.values()) < dollars(load)


@pytest.mark.parametrize(
    ("pictures", "price"), [(1_000, 1), (1e6, 1_000), (5e6, 4_200), (35e6, 22_200)]
)
def test_rekognition_becomes_cheaper_with_the_number(pictures: float, price: float) -> None:
    assert aws.tiered(pictures, aws.REKOGNITION) == pytest.approx(price)


@pytest.mark.parametrize("load", [10, 700, 20_000, 90_000])
def test_no_machine_is_planned_above_its_utilisation_or_its_credits(load: float) -> None:
    site = model.plan(load)
    busy = load / 60 * model.cost().site_cpu
    cores = site.machines * site.instance.cores * site.instance.speed
    assert model.PEAK * busy <= model.BUSY * cores
    assert busy <= site.instance.baseline * cores


def test_more_than_the_largest_database_carries_is_refused() -> None:
    with pytest.raises(ValueError, match="too many for one db"):
        model.plan(1_000_000)


def test_the_limits_are_those_of_what_is_deployed() -> None:
    template = (ROOT / "deploy" / "template.yaml").read_text()
    assert f"Default: {aws.T3_SMALL.name}\n" in template
    assert f"Default: {aws.MICRO.name}\n" in template
    assert f"MaxAllocatedStorage: {aws.MAX_DATABASE_GB}\n" in template
    assert f"MostMachines:\n    Type: Number\n    Default: {aws.MAX_MACHINES}\n" in template


def test_the_smallest_database_has_enough_connections_also_during_a_deployment() -> None:
    pool = engine_for("postgresql+psycopg://nobody@nowhere/duck").pool
    assert isinstance(pool, QueuePool)
    assert pool.size() + pool._max_overflow == model.POOL
    machines = aws.MAX_MACHINES + 1  # .ebextensions: one more, then one after the other
    assert machines * model.connections(aws.T3_SMALL) <= aws.MICRO.connections


def test_doubling_the_machines_doubles_what_they_carry_and_nothing_else() -> None:
    one, two = (model.limits(aws.C7A_LARGE, n, aws.LARGE) for n in (1, 2))
    assert two.pop("2 × c7a.large") == 2 * one.pop("1 × c7a.large")
    assert one == two
    assert list(one.values()) == sorted(one.values())


def test_the_lock_time_without_the_round_trips_is_the_least_seen() -> None:
    sides = {
        databases.SHARED: (5.0, 7.0, 13.2, 23.5),
        databases.OWN: (4.9, 4.9, 4.9, 4.9),
    }
    growth = Growth("", "ms each", "", (0.0, 2.0, 5.0, 10.0), sides)
    assert model.lock_without_trips(growth, 2) == pytest.approx(0.003)


def test_the_model_agrees_with_the_measured_rate_of_a_full_machine() -> None:
    """CPU time was measured at a low load, the rate at a high one, on the same two cores."""
    measured = speed_page.read(speed_page.FIGURES)["serve"]
    (full,) = (each for each in measured if each.what == sites.LARGE)
    assert isinstance(full, Comparison)
    cpu = model._median("site") / 1000
    assert full.ours.median == pytest.approx(2 / cpu, rel=0.2)


def test_the_page_shows_what_the_model_computes_today() -> None:
    page = scale_page.PAGE.read_text()
    for name, block in scale_page.tables().items():
        written = page.split(f"<!-- {name} -->\n")[1].split(f"\n<!-- end of {name} -->")[0]
        assert written == block, "run: python -m bench --write scale"


def test_the_page_names_every_limit_of_every_plan() -> None:
    page = scale_page.PAGE.read_text()
    for load in scale_page.LOADS:
        site = model.plan(load)
        exceeded, remaining = scale_page._split(site)
        assert all(name in page for name in exceeded)
        assert remaining[0] in page


@contextmanager
def round_trips(results: Results) -> Iterator[list[str]]:
    """Collect the round trips to PostgreSQL: the pool's ping, BEGIN, each statement, COMMIT."""
    seen: list[str] = []
    engine = results.database.engine
    moments = ("checkout", "begin", "before_cursor_execute", "commit")
    listeners = [(moment, partial(_note, seen, moment)) for moment in moments]
    for moment, listener in listeners:
        event.listen(engine, moment, listener)
    yield seen
    for moment, listener in listeners:
        event.remove(engine, moment, listener)


def _note(seen: list[str], moment: str, *_: object) -> None:
    seen.append(moment)


def test_a_counter_row_is_locked_for_as_many_round_trips_as_the_model_says(
    postgres_server: postgres.Server,
) -> None:
    """A row is locked from the statement that updates it until the commit has been answered."""
    with postgres_server.database() as url:
        create_database(url)
        results = Results(url)
        upload, budget = an_upload(), Budget(results.database, DETECTOR, 0.001, 9, 9)
        with round_trips(results) as begun:
            results.begin(upload, DETECTOR)
        with round_trips(results) as called:
            budget.reserve()
        with round_trips(results) as saved:
            results.save(a_result(upload))
        with round_trips(results) as looked_up:
            results.existing_ids([upload.id])
        with round_trips(results) as deleted:
            results.delete_rows(upload.id)
        results.close()
    # Each with one for the time-outs, which are set by transaction: PgBouncer takes no others.
    assert (len(begun), len(called), len(saved)) == (7, 6, 6)
    assert [trips.count("commit") for trips in (begun, called, saved)].count(0) == 0
    assert called[-model.CALL_TRIPS :][-1] == "commit"
    assert saved[-model.RESULT_TRIPS :] == ["commit"]
    commits = sum(trips.count("commit") for trips in (begun, called, saved))
    assert commits == model.COMMITS
    assert (len(looked_up), len(deleted)) == (model.LOOKUP_TRIPS, model.DELETION_TRIPS)
