"""A 12 MP photo to an upright JPEG of 1280 pixels with boxes, beside the least that it can cost."""

from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from itertools import cycle

from PIL import Image, ImageDraw, ImageOps

from bench.fixtures import THREE_BOXES, photo, photo_of
from bench.measure import Aim, Growth, Measured, Work, growing, in_turns
from rubberduck.imaging.decode import decode_picture, to_jpeg
from rubberduck.imaging.draw import draw_boxes

SIDE = 1280
AIM = Aim(1.5, 1.15)
MEGAPIXELS = (0.3, 1, 2, 5, 12, 25)


def ours(data: bytes) -> bytes:
    picture = decode_picture(data, max_bytes=100_000_000, max_side=SIDE)
    return to_jpeg(draw_boxes(picture.image, THREE_BOXES))


def floor(data: bytes) -> bytes:
    """Decoded small, turned, boxes as bare lines, encoded: no refusals, no labels."""
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
    for name, photos, aim in (
        ("12 MP JPEG", [photo()], AIM),
        ("12 MP JPEG, turned in each of the eight ways", _turned(), AIM),
        ("12 MP progressive JPEG", [photo(progressive=True)], AIM),
        ("2 MP PNG", [photo("2 MP", "PNG")], None),
        ("2 MP WebP", [photo("2 MP", "WEBP")], None),
    ):
        sides = ("ours", _one_by_one(ours, photos)), ("floor", _one_by_one(floor, photos))
        yield in_turns(f"{name} to 1280 px with three boxes", *sides, rounds, aim)
    yield _over_pixels(rounds)


def _turned() -> list[bytes]:
    return [photo(orientation=orientation) for orientation in range(1, 9)]


def _one_by_one(side: Callable[[bytes], bytes], photos: Sequence[bytes]) -> Work:
    """Each time the next one of them."""
    left = cycle(photos)
    return lambda: side(next(left))


def _over_pixels(rounds: int) -> Growth:
    def work(side: Callable[[bytes], bytes]) -> Callable[[float], Work]:
        def at(megapixels: float) -> Work:
            data = photo_of(megapixels)
            return lambda: side(data)

        return at

    sides = {"ours": work(ours), "floor": work(floor)}
    what = f"A JPEG to {SIDE} px with three boxes"
    return growing(what, "megapixels", MEGAPIXELS, sides, max(1, rounds // 3))
