"""Photos of a few rendered ducks, each of them several times, from the set that gives the figures.

QUACKERS is yellow with a cape, VIOLET purple with sunglasses.
"""

from functools import cache
from io import BytesIO

from training.named_ducks.photographs import ENROLLED, TUNE, photograph

QUACKERS, VIOLET, STRANGER = 2, 3, 5


@cache
def duck_jpeg(duck: int, number: int) -> bytes:
    """Return a photo of a duck. The first ENROLLED go round it, the others are asked about."""
    out = BytesIO()
    photograph(TUNE, duck, number).image.save(out, "JPEG", quality=92)
    return out.getvalue()


def enrolled(duck: int, count: int = ENROLLED) -> list[tuple[str, bytes]]:
    """Return names and bytes of photos to add."""
    return [(f"{duck}-{n}.jpg", duck_jpeg(duck, n)) for n in range(count)]


def asked(duck: int) -> bytes:
    return duck_jpeg(duck, ENROLLED + 1)
