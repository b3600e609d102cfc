"""What a picture needs, out of what was measured: docs/speed/figures.jsonl."""

from functools import cache

from bench import report
from bench.hot_rows import SAME
from bench.measure import Comparison, Growth, Measured
from bench.plan import SAVE_HELD, TAKE_HELD, Work
from bench.published import S3_SECONDS

# Not measured, not published: our guesses, each easy to change here.
TRIP = 0.001  # seconds from a machine to PostgreSQL in another zone and back
LABELS = 0.3  # Rekognition's answer, as in all of bench/
EVENNESS = 9.0  # of that: a third more or less
REFUSAL = 0.03  # how soon Rekognition says "too many"

FRAME = ("serve", "32 visitors, a detector of 300 ms, as it is configured")
FRAME_PIXELS = ("floor", "A JPEG to 1280 px with three boxes")  # the smallest is a camera frame
STAND_IN = ("detector", "Embedded detector, a camera frame of all sorts, one core")
CALLS = ("hot_rows", "Counting a call of the budget, 12 at once")
TALLY = ("hot_rows", "Counting an answer of the tally, 12 at once")


@cache
def figures() -> dict[tuple[str, str], Measured]:
    kept = report.read(report.FIGURES)
    return {(name, each.what): each for name, group in kept.items() for each in group}


def comparison(name: str, what: str) -> Comparison:
    found = _found(name, what, Comparison)
    assert isinstance(found, Comparison)
    return found


def growth(name: str, what: str) -> Growth:
    found = _found(name, what, Growth)
    assert isinstance(found, Growth)
    return found


def _found(name: str, what: str, kind: type[Measured]) -> Measured:
    for (bench, begins), each in figures().items():
        if bench == name and begins == what and isinstance(each, kind):
            return each
    raise LookupError(
        f"{report.FIGURES} has no “{what}”: `python -m bench --write {name}` measures it."
    )


def burden(which: str) -> float:
    """In milliseconds or kilobytes."""
    from bench.burden import WHAT

    return comparison("burden", WHAT[which][0]).ours.median


def processor(name: str, what: str) -> float:
    """Seconds of it, for one picture."""
    cpu = sorted(comparison(name, what).ours.cpu)
    return cpu[len(cpu) // 2]


def frame() -> Work:
    """A camera's small frame on the bench's own machine, beside SQLite: what `serve` measured."""
    pixels = growth(*FRAME_PIXELS).sides["ours"][0] / 1000
    return Work(python=processor(*FRAME) - pixels, pixels=pixels, labels=LABELS)


def large_photo(name: str, what: str, put: float) -> Work:
    """12 megapixels on the bench's own machine."""
    python = frame().python
    return Work(python=python, pixels=processor(name, what) - python, labels=LABELS, put=put)


@cache
def picture() -> Work:
    """What a browser made of a phone's photo, on AWS, with the pages before and after."""
    python = frame().python
    return Work(
        python=python,
        pixels=burden("site") / 1000 - python,
        page=burden("page") / 1000,
        put=S3_SECONDS,
        labels=LABELS,
        evenness=EVENNESS,
        refusal=REFUSAL,
        fallback_detector=processor(*STAND_IN),
        trip=TRIP,
        database=(burden("database") + 2 * burden("page_database")) / 1000,
        take_fixed=held_beside(growth(*CALLS), TAKE_HELD),
        save_fixed=held_beside(growth(*TALLY), SAVE_HELD),
    )


def held_beside(counting: Growth, trips: int) -> float:
    """Seconds for which a row is held beside the trips meanwhile: the least of what was seen.

    Over short ways, others than the row keep them waiting; over long ones, sleeps last too long.
    """
    held = zip(counting.sides[SAME], counting.sizes, strict=True)
    return min(each - trips * trip for each, trip in held) / 1000


def core_seconds(work: Work, *, stands_in: bool = False) -> float:
    """Of the site's processors, for a picture and its two pages."""
    fallback = work.fallback_detector if stands_in else 0.0
    return work.python + work.pixels + 2 * work.page + fallback
