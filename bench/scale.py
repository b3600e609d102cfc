"""Past one machine: how many, what it costs and what breaks first, with the figures that we have.

Nothing is measured here. Measured figures (docs/speed/figures.jsonl) and AWS's published ones go
into a simulated fleet, whose dice are seeded: the same figures give the same page, docs/scale.md.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from bench import needs, plots, report, tables
from bench.bill import Hired, bill, hired
from bench.capacity import PEAK
from bench.ceilings import MOST_MACHINES
from bench.fleet import Fleet
from bench.measure import Comparison, Figures, Growth, Measured
from bench.plan import Machine, Outcome, Plan
from bench.published import C7A_4XLARGE, REKOGNITION_QUOTA, T3_SMALL
from rubberduck.core.settings import ROOT

PAGE, FOLDER = ROOT / "docs" / "scale.md", ROOT / "docs" / "scale"
STEPS = (10, 1_000, 100_000)  # pictures a minute, on average
MONEY_AT = (10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
LOADS = (10, 30, 100, 200, 300, 400, 500, 700, 1_000, 2_000, 4_000, 7_000, 10_000, 20_000)
PICTURES, SHORTEST, WARM = 3_000, 12.0, 3.0  # of a run: so many, but no fewer seconds
PATIENCE = 55.0  # seconds: nginx waits no longer for the site
KEPT_UP = 0.85  # of what came was answered, or the queue grows for as long as this lasts
SPREAD = 64  # rows for one count, where one row is too few
HERE = Machine("the bench's own", 2, 32)
SEED = 1


def run(rounds: int = 1, seed: int = SEED) -> Iterator[Measured]:
    """Once is enough, however many rounds are wanted: there is no noise."""
    del rounds
    yield from validations(seed)
    yield over_clients(seed)
    for a_minute in STEPS:
        yield step_wait(a_minute, seed)
    yield over_load(seed)
    yield of_rekognition(seed)
    yield machines_needed()
    yield money()


# ---- is the simulation true?


def validations(seed: int = SEED) -> Iterator[Comparison]:
    """Beside what was measured on this machine, in the same situation."""
    frame = needs.frame()
    serve = "32 visitors, a detector of 300 ms, {}"
    for what, threads in (("2 workers of 8 threads", 8), ("as it is configured", 32)):
        plan = Plan(replace(HERE, threads=threads), 1, frame)
        yield _validation("serve", serve.format(what), plan, 32, seed)
    photos = (
        ("peers", "Pictures a second, 12 MP, 8 visitors, a detector of 300 ms", 0.0),
        ("camera", "12 MP photos, 8 visitors", 0.05),
    )
    for name, what, put in photos:
        plan = Plan(HERE, 1, needs.large_photo(name, what, put))
        yield _validation(name, what, plan, 8, seed)


def _validation(name: str, what: str, plan: Plan, clients: int, seed: int) -> Comparison:
    simulated = Fleet(plan, seed).visited_by(clients, 20, WARM)
    return Comparison(
        f"{what} (`{name}`)",
        "pictures/s",
        Figures("simulated", (simulated.a_second,)),
        Figures("measured", (needs.comparison(name, what).ours.median,)),
    )


def over_clients(seed: int = SEED) -> Growth:
    """The curve of docs/speed.md again, without a machine."""
    measured = needs.growth("serve", "An answer's time with a detector of 300 ms")

    def simulated(clients: float) -> float:
        plan = Plan(HERE, 1, needs.frame())
        return Fleet(plan, seed).visited_by(int(clients), 30, WARM).wait(0.5) * 1000

    sides = {
        "measured": tuple(measured.sides["ours"]),
        "simulated": tuple(map(simulated, measured.sizes)),
    }
    title = "An answer's time, measured and simulated"
    return Growth(title, "ms", measured.over, tuple(measured.sizes), sides)


# ---- the three steps


def ready_for(site: Hired, a_minute: float) -> Plan:
    """The quota raised; each count spread over rows, where one would be too few."""
    rows = SPREAD if site.instance is C7A_4XLARGE else 1
    return Plan(
        site.instance.machine,
        site.machines,
        needs.picture(),
        quota=max(REKOGNITION_QUOTA, 1.5 * a_minute / 60),
        hot_rows=rows,
        tally_rows=2 * rows,
        database_cores=site.database.cores,
    )


def visited(plan: Plan, a_minute: float, seed: int = SEED) -> Outcome:
    seconds = max(SHORTEST, PICTURES / a_minute * 60)
    return Fleet(plan, seed).visited(a_minute / 60, seconds, WARM)


def step_wait(a_minute: float, seed: int = SEED) -> Comparison:
    """In its busiest minute, when all is done that it needs."""
    site, busiest = hired(a_minute), PEAK * a_minute
    outcome = visited(ready_for(site, busiest), busiest, seed)
    return Comparison(
        f"{a_minute:,} pictures a minute: an answer and its page in the busiest minute",
        "ms",
        Figures("half of them within", (outcome.wait(0.5) * 1000,)),
        Figures("95 % within", (outcome.wait(0.95) * 1000,)),
        note=f"{site.machines} × {site.instance.machine.name}",
    )


# ---- over the load


def over_load(seed: int = SEED) -> Growth:
    """Where the wait begins to grow, with one bottleneck after the other taken away."""
    one = Plan(T3_SMALL.machine, 1, needs.picture())
    as_deployed = replace(one, machines=MOST_MACHINES, quota=REKOGNITION_QUOTA)
    enough = [ready_for(hired(load / PEAK), load) for load in LOADS]
    plans = {
        "1 × t3.small": [one] * len(LOADS),
        f"{MOST_MACHINES} × t3.small, quota as it is": [as_deployed] * len(LOADS),
        "enough machines and quota": enough,
        "and counts in many rows": [
            replace(each, hot_rows=SPREAD, tally_rows=2 * SPREAD) for each in enough
        ],
    }

    def slowest(plan: Plan, load: float) -> float:
        outcome = visited(plan, load, seed)
        keeps_up = outcome.a_second >= KEPT_UP * load / 60
        return min(PATIENCE, outcome.wait(0.95)) if keeps_up else PATIENCE

    sides = {name: tuple(map(slowest, each, LOADS)) for name, each in plans.items()}
    title = "What 95 % of the visitors wait at most"
    return Growth(title, "s", "pictures in the busiest minute", LOADS, sides)


def of_rekognition(seed: int = SEED) -> Growth:
    """How many of the answers are Rekognition's, when its quota is as it is."""
    loads = tuple(load for load in LOADS if 100 <= load <= 1_000)
    plan = Plan(T3_SMALL.machine, MOST_MACHINES, needs.picture(), quota=REKOGNITION_QUOTA)

    def share(load: float) -> float:
        outcome = visited(plan, load, seed)
        return 100 * outcome.labelled / len(outcome.waits)

    most = tuple(min(100.0, 100 * 60 * REKOGNITION_QUOTA / load) for load in loads)
    sides = {"simulated": tuple(map(share, loads)), "the quota allows": most}
    title = "Answered by Rekognition with its quota as it is"
    return Growth(title, "%", "pictures in the busiest minute", loads, sides)


def machines_needed() -> Growth:
    def cores(a_minute: float, *, stands_in: bool = False) -> float:
        site = hired(a_minute, stands_in=stands_in)
        return site.machines * site.instance.machine.cores

    sides = {
        "Rekognition answers": tuple(map(cores, MONEY_AT)),
        "the embedded detector answers": tuple(cores(each, stands_in=True) for each in MONEY_AT),
    }
    title = "Processors that are needed"
    return Growth(title, "vCPUs", "pictures a minute", MONEY_AT, sides)


def money() -> Growth:
    bills = [bill(each) for each in MONEY_AT]
    sides = {
        "Rekognition": tuple(each.rekognition for each in bills),
        "S3, sweeps and traffic": tuple(each.s3 + each.sweeps + each.traffic for each in bills),
        "machines and all else": tuple(
            each.whole - each.rekognition - each.s3 - each.sweeps - each.traffic for each in bills
        ),
        "all, with the embedded detector": tuple(
            bill(each, stands_in=True).whole for each in MONEY_AT
        ),
    }
    return Growth("What a month costs", "US dollars", "pictures a minute", MONEY_AT, sides)


# ---- the page


def write(measured: Iterable[Measured]) -> None:
    """docs/scale.md's tables and plots."""
    measured = list(measured)
    FOLDER.mkdir(exist_ok=True)
    for each in measured:
        if isinstance(each, Growth):
            plots.grow(each, FOLDER / f"{report.file_name(each.what)}.svg")
    blocks = tables.reckoned(STEPS) | tables.simulated(measured) | tables.believed(measured)
    PAGE.write_text(tables.put(PAGE.read_text(), blocks))
