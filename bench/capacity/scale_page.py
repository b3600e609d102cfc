"""The scenario `scale`: docs/scale.md's tables, computed from the model."""

from collections.abc import Iterator

from bench.capacity import aws_prices_and_quotas as aws
from bench.capacity.model import PEAK, Plan, cost, limits, monthly_cost, plan
from bench.harness.figures import Breakdown
from bench.report.speed_page import put, table
from rubberduck.core.settings import ROOT

PAGE = ROOT / "docs" / "scale.md"
LOADS = (10, 100, 1_000, 10_000, 100_000)  # pictures a minute, on average


def scale(rounds: int = 1) -> Iterator[Breakdown]:
    """Yield what a month costs at each load; rounds change nothing, as nothing is measured."""
    del rounds
    for load in LOADS:
        site = plan(load)
        what = f"{load:,} pictures a minute: {_machines(site)}, {site.database.name}"
        yield Breakdown(what, "$ a month", monthly_cost(site))


def update_scale_page() -> None:
    """Put the tables into docs/scale.md."""
    page = PAGE.read_text()
    for name, block in tables().items():
        page = put(page, name, block)
    PAGE.write_text(page)


def tables() -> dict[str, str]:
    """Return a table of the loads, and one of the default deployment's limits."""
    sites = [plan(load) for load in LOADS]
    costs = [monthly_cost(site) for site in sites]
    embedded = [sum(monthly_cost(plan(load, embedded=True)).values()) for load in LOADS]
    dollars = {f"$ {name}": [_round(each[name]) for each in costs] for name in costs[0]}
    columns = {
        "in the busiest minute": [f"{PEAK * load:,.0f}" for load in LOADS],
        "machines": [_machines(site) for site in sites],
        "PostgreSQL": [site.database.name for site in sites],
        "Rekognition calls a month": [_round(site.pictures) for site in sites],
        "stored in S3, GB": [_round(site.kept * cost().stored_gb) for site in sites],
        **dollars,
        "**$ a month**": [f"**{_round(sum(each.values()))}**" for each in costs],
        "$ a month with the embedded detector only": [_round(each) for each in embedded],
        "too small by default": [", ".join(_split(site)[0]) for site in sites],
        "**next bottleneck**": [_split(site)[1][0] for site in sites],
    }
    head = ["pictures a minute, on average", *(f"{load:,}" for load in LOADS)]
    default = limits(aws.T3_SMALL, aws.MAX_MACHINES, aws.MICRO)
    return {
        "loads": table(head, ([name, *cells] for name, cells in columns.items())),
        "limits": table(
            ("Component", "Pictures in the busiest minute"),
            ((name, _round(limit, 2)) for name, limit in default.items()),
        ),
    }


def _split(site: Plan) -> tuple[list[str], list[str]]:
    """Return the components that the busiest minute exceeds, and the others with their limit."""
    found, peak = limits(site.instance, site.machines, site.database), PEAK * site.per_minute
    exceeded = [name for name, limit in found.items() if limit < peak]
    return exceeded, [f"{n}, {_round(limit, 2)}" for n, limit in found.items() if limit >= peak]


def _machines(site: Plan) -> str:
    return f"{site.machines} × {site.instance.name}"


def _round(amount: float, digits: int = 3) -> str:
    """Format with no more digits than the model deserves."""
    number = float(f"{amount:.{digits}g}")
    return f"{number:,.0f}" if number >= 1 else f"{number:g}"
