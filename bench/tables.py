"""docs/scale.md's tables, each between two marks."""

from collections.abc import Iterable, Mapping, Sequence

from bench.bill import Bill, bill, hired
from bench.ceilings import PEAK, Ceiling, all_of_them
from bench.measure import Comparison, Measured
from bench.published import MINUTES

END = "<!-- end -->"
FIRST = 3  # of what breaks
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
    return {"steps": _steps(steps), "bill": _bill(steps), "ceilings": _ceilings()}


def simulated(measured: Iterable[Measured]) -> dict[str, str]:
    comparisons = [each for each in measured if isinstance(each, Comparison) and each.other]
    waits = [each for each in comparisons if each.unit == "ms"]
    beside = [each for each in comparisons if each.unit != "ms"]
    return {"waits": _waits(waits), "validation": _validation(beside)}


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _steps(steps: Sequence[float]) -> str:
    bills = [(bill(each), bill(each, stands_in=True)) for each in steps]
    rows = {
        "in the busiest minute": [f"{PEAK * each:,.0f}" for each in steps],
        "machines": [_machines(each) for each in steps],
        "PostgreSQL": [hired(each).database.name for each in steps],
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


def _validation(beside: Sequence[Comparison]) -> str:
    rows = [
        [each.what, f"{each.other.median:.1f}", f"{each.ours.median:.1f}", f"{each.ratio or 0:.2f}"]
        for each in beside
        if each.other
    ]
    return _table(["Pictures a second", "Measured", "Simulated", "Ratio"], rows)


def _dollars(amount: float) -> str:
    """Three digits at most, as many as such sums deserve."""
    return f"{float(f'{amount:.3g}'):,.0f}"
