"""A photo to an upright JPEG of 1280 pixels with boxes, compared with the least work for it."""

from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from itertools import cycle

from PIL import Image, ImageDraw, ImageOps

from bench.harness.fixtures import THREE_BOXES, photo, photo_of
from bench.harness.measuring import Aim, Measured, Work, compare_times, measure_growth
from rubberduck.imaging.decode import decode_picture, to_jpeg
from rubberduck.imaging.draw import draw_boxes

SIDE = 1280
AIM = Aim(1.5, 1.15)
MEGAPIXELS = (0.3, 1, 2, 5, 12, 25)
GROWTH = f"A JPEG to {SIDE} px with three boxes"


def ours(data: bytes) -> bytes:
    picture = decode_picture(data, max_bytes=100_000_000, max_side=SIDE)
    return to_jpeg(draw_boxes(picture.image, THREE_BOXES))


def lower_bound(data: bytes) -> bytes:
    """Decode at reduced size, rotate, draw bare rectangles, encode: no checks, no labels."""
    file = Image.open(BytesIO(data))
    # Pillow's thumbnail asks for a square, for which a JPEG may have to be decoded twice as large.
    file.draft("RGB", (SIDE, SIDE * min(file.size) // max(file.size)))
    file.thumbnail((SIDE, SIDE), reducing_gap=1.0)
    image = ImageOps.exif_transpose(file).convert("RGB")
    draw = ImageDraw.Draw(image)
    for box in THREE_BOXES:
        draw.rectangle(box.corners(image.size), outline="yellow", width=4)
    return to_jpeg(image)


def run(rounds: int = 15) -> Iterator[Measured]:
    rotated = [photo(orientation=orientation) for orientation in range(1, 9)]
    for name, photos, aim in (
        ("12 MP JPEG", [photo()], AIM),
        ("12 MP JPEG in each of the eight Exif orientations", rotated, AIM),
        ("12 MP progressive JPEG", [photo(progressive=True)], AIM),
        ("2 MP PNG", [photo("2 MP", "PNG")], None),
        ("2 MP WebP", [photo("2 MP", "WEBP")], None),
    ):
        works = {"ours": _in_turn(ours, photos), "lower bound": _in_turn(lower_bound, photos)}
        yield compare_times(f"{name} to {SIDE} px with three boxes", works, rounds, aim)
    growing = {
        "ours": lambda megapixels: ours(photo_of(megapixels)),
        "lower bound": lambda megapixels: lower_bound(photo_of(megapixels)),
    }
    yield measure_growth(GROWTH, "megapixels", MEGAPIXELS, growing, max(1, rounds // 3))


def _in_turn(side: Callable[[bytes], bytes], photos: Sequence[bytes]) -> Work:
    """Return work that takes the next photo each time."""
    remaining = cycle(photos)
    return lambda: side(next(remaining))
