"""docs/scale.md's tables, each between two marks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench import needs
from bench.bill import Bill, bill, hired
from bench.capacity import PEAK
from bench.ceilings import Ceiling, all_of_them
from bench.measure import Comparison, Growth, Measured
from bench.published import MINUTES

END = "<!-- end -->"
FIRST = 3  # of what breaks
LIVE = 15  # frames a second that a camera asks about at most: rubberduck.web.rate_limits.FRAMES
FULL = 32  # visitors at once who leave the bench's two cores no rest
PARTS = {
    "rekognition": "Rekognition",
    "machines": "machines, disks, addresses",
    "balancer": "load balancer",
    "database": "PostgreSQL",
    "s3": "S3: kept, put, got",
    "sweeps": "S3: listed by the sweeps",
    "traffic": "traffic out",
    "redis": "Redis",
    "rest": "logs, secrets, alarms",
}


def put(page: str, blocks: Mapping[str, str]) -> str:
    """Each block in the place of its older one; what has no mark on the page is left out."""
    for name, block in blocks.items():
        before, mark, rest = page.partition(f"<!-- {name} -->\n")
        if mark:
            page = f"{before}{mark}{block}\n{END}{rest.partition(END)[2]}"
    return page


def reckoned(steps: Sequence[float]) -> dict[str, str]:
    """What needs no simulation."""
    return {
        "steps": _steps(steps),
        "cameras": _cameras(),
        "bill": _bill(steps),
        "ceilings": _ceilings(),
    }


def simulated(measured: Iterable[Measured]) -> dict[str, str]:
    comparisons = (each for each in measured if isinstance(each, Comparison) and each.other)
    return {"waits": _waits([each for each in comparisons if each.unit == "ms"])}


def believed(measured: Iterable[Measured]) -> dict[str, str]:
    """How near the simulation comes to what was measured."""
    pairs = list(beside(measured))
    if not any(each.full for each in pairs):  # it is written after each part; not all is there yet
        return {}
    return {"validation": _validation(pairs), "belief": _belief(pairs)}


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _steps(steps: Sequence[float]) -> str:
    bills = [(bill(each), bill(each, stands_in=True)) for each in steps]
    rows = {
        "in the busiest minute": [f"{PEAK * each:,.0f}" for each in steps],
        "machines": [_machines(each) for each in steps],
        "PostgreSQL": [_database(each) for each in steps],
        "a month": [f"**{_dollars(dear.whole)}**" for dear, _ in bills],
        "of that Rekognition": [_dollars(dear.rekognition) for dear, _ in bills],
        "with the embedded detector only": [_dollars(cheap.whole) for _, cheap in bills],
        "breaks first, as it is deployed": [_breaks(each) for each in steps],
    }
    head = ["pictures a minute, on average", *(f"{each:,}" for each in steps)]
    return _table(head, ([name, *cells] for name, cells in rows.items()))


def _machines(a_minute: float) -> str:
    site = hired(a_minute)
    return f"{site.machines} × {site.instance.machine.name}"


def _cameras() -> str:
    busy = LIVE * needs.picture().fallback_detector
    return (
        f"Live cameras are not in these numbers: each asks up to {LIVE} times a second, and that "
        f"keeps {100 * busy:.0f} % of\na core of the bench's busy with the embedded detector alone "
        "(`python -m bench detector`)."
    )


def _database(a_minute: float) -> str:
    site = hired(a_minute)
    return f"{site.database.name} behind RDS Proxy" if site.has_proxy else site.database.name


def _breaks(a_minute: float) -> str:
    broken = [each for each in all_of_them() if each.a_minute < PEAK * a_minute]
    named = ", then ".join(each.part for each in broken[:FIRST])
    more = len(broken) - FIRST
    return f"{named}, and {more} more" if more > 0 else named


def _bill(steps: Sequence[float]) -> str:
    bills = [bill(each) for each in steps]
    rows = [
        [name, *(_dollars(getattr(each, part)) for each in bills)] for part, name in PARTS.items()
    ]
    each_picture = ["a thousand pictures", *map(_of_a_thousand, steps, bills)]
    return _table(
        ["US dollars a month", *(f"{each:,} a minute" for each in steps)], [*rows, each_picture]
    )


def _of_a_thousand(a_minute: float, month: Bill) -> str:
    return f"{month.whole / a_minute / MINUTES * 1000:.2f}"


def _ceilings() -> str:
    head = ["Up to, in the busiest minute", "Part", "Why", "Before that"]
    return _table(
        head, ([_round(each), each.part, each.why, _cure(each)] for each in all_of_them())
    )


def _cure(ceiling: Ceiling) -> str:
    return f"*code:* {ceiling.cure}" if ceiling.from_code else ceiling.cure


def _round(ceiling: Ceiling) -> str:
    """Two digits: more would be a lie."""
    number = float(f"{ceiling.a_minute:.2g}")
    return f"{number:,.0f}" if number >= 1 else f"{number:g}"


def _waits(waits: Sequence[Comparison]) -> str:
    rows = [
        [each.what.split(":")[0], each.note, _ms(each.ours.median), _ms(each.other.median)]
        for each in waits
        if each.other
    ]
    return _table(
        ["In the busiest minute of", "Machines", "Half wait at most", "95 % wait at most"], rows
    )


def _ms(value: float) -> str:
    return f"{value / 1000:.2f} s"


@dataclass(frozen=True)
class Pair:
    """Something measured and simulated; `full`: while processors had no rest."""

    what: str
    format: str
    measured: float
    simulated: float
    full: bool = False

    @property
    def ratio(self) -> float:
        return self.simulated / self.measured


def beside(measured: Iterable[Measured]) -> Iterator[Pair]:
    for each in measured:
        if isinstance(each, Comparison) and each.other and each.unit == "pictures/s":
            yield Pair(each.what, "{:.1f} a second", each.other.median, each.ours.median)
        elif isinstance(each, Growth) and {"measured", "simulated"} <= each.sides.keys():
            yield from _over_visitors(each)


def _over_visitors(growth: Growth) -> Iterator[Pair]:
    sides = zip(growth.sizes, growth.sides["measured"], growth.sides["simulated"], strict=True)
    for visitors, measured, simulated in sides:
        what = f"An answer's time, a detector of 300 ms, {visitors:.0f} at once (`serve`)"
        yield Pair(what, "{:,.0f} ms", measured, simulated, visitors >= FULL)


def _validation(pairs: Sequence[Pair]) -> str:
    rows = [
        [
            each.what,
            each.format.format(each.measured),
            each.format.format(each.simulated),
            f"{each.ratio:.2f}",
        ]
        for each in pairs
    ]
    return _table(["", "Measured", "Simulated", "Ratio"], rows)


def _belief(pairs: Sequence[Pair]) -> str:
    free, full = (
        [each.ratio for each in pairs if each.full is is_full] for is_full in (False, True)
    )
    return (
        f"While processors have time left, it gives {_range(free)} of what was measured. From "
        f"{FULL} visitors on, who leave them none,\nthe waits that it promises are "
        f"{_range(full)} of the real ones: too short."
    )


def _range(ratios: Sequence[float]) -> str:
    return f"{100 * min(ratios):.0f} to {100 * max(ratios):.0f} %"


def _dollars(amount: float) -> str:
    """Three digits at most, as many as such sums deserve."""
    return f"{float(f'{amount:.3g}'):,.0f}"
