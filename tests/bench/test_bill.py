"""What docs/scale.md reckons without a simulation: what is hired, what it costs and carries."""

from dataclasses import replace

import pytest
from sqlalchemy import QueuePool

from bench import bill, capacity, ceilings, needs, published, scale
from rubberduck.core.settings import ROOT
from rubberduck.db.engine import engine_for


def test_few_pictures_cost_least_and_a_thousand_of_many_less_than_a_thousand_of_few() -> None:
    bills = [bill.bill(each).whole for each in scale.STEPS]
    each_picture = [whole / step for whole, step in zip(bills, scale.STEPS, strict=True)]
    assert bills == sorted(bills)
    assert each_picture == sorted(each_picture, reverse=True)
    assert all(bill.bill(each, stands_in=True).rekognition == 0 for each in scale.STEPS)


@pytest.mark.parametrize(
    ("pictures", "dollars"), [(1_000, 1), (1e6, 1_000), (5e6, 4_200), (35e6, 22_200)]
)
def test_rekognition_becomes_cheaper_with_the_number(pictures: float, dollars: float) -> None:
    assert published.tiered(pictures, published.REKOGNITION) == pytest.approx(dollars)


def test_no_machine_is_planned_busier_than_is_said() -> None:
    for a_minute in (10, 700, 20_000, 90_000):
        site = bill.hired(a_minute)
        on_average = a_minute / 60 * needs.core_seconds(needs.picture())
        cores = site.machines * site.instance.machine.cores * site.instance.machine.speed
        assert capacity.PEAK * on_average <= capacity.BUSY * cores
        assert on_average <= site.instance.baseline * cores


def test_too_many_pools_for_the_database_wait_behind_a_proxy_which_is_on_the_bill() -> None:
    few = bill.Hired(published.C7A_4XLARGE, 44, published.HUGE, has_cdn=True)
    many = replace(few, machines=45)
    assert (few.has_proxy, many.has_proxy) == (False, True)
    more = bill._database(50_000, many) - bill._database(50_000, few)
    assert more == pytest.approx(32 * published.PROXY * published.HOURS)


def test_what_the_ceilings_say_of_the_site_is_what_is_deployed() -> None:
    template = (ROOT / "deploy" / "template.yaml").read_text()
    assert f"Default: {published.T3_SMALL.machine.name}\n" in template
    assert f"Default: {published.MICRO.name}\n" in template
    assert f"MaxAllocatedStorage: {published.MOST_STORAGE / 1e9:.0f}\n" in template
    assert f"MostMachines:\n    Type: Number\n    Default: {ceilings.MOST_MACHINES}\n" in template


def test_the_smallest_database_has_a_connection_for_each_that_is_wanted_also_in_a_deployment() -> (
    None
):
    pool = engine_for("postgresql+psycopg://nobody@nowhere/duck").pool
    assert isinstance(pool, QueuePool)
    assert pool.size() + pool._max_overflow == capacity.CONNECTIONS
    machines = ceilings.MOST_MACHINES + 1  # .ebextensions: one more, then one after the other
    wanted = machines * capacity.connections_of(published.T3_SMALL)
    assert wanted <= capacity.connections(published.MICRO)
