"""A 12 MP photo to an upright JPEG of 1280 pixels with boxes, beside the least that it can cost."""

from collections.abc import Iterator
from io import BytesIO

from PIL import Image, ImageDraw, ImageOps

from bench.fixtures import THREE_BOXES, photo
from bench.measure import Aim, Comparison, in_turns
from rubberduck.drawing import draw_boxes
from rubberduck.pictures import read_picture, to_jpeg

SIDE = 1280
AIM = Aim(1.5, 1.15)


def ours(data: bytes) -> bytes:
    picture = read_picture(data, max_bytes=100_000_000, max_side=SIDE)
    return to_jpeg(draw_boxes(picture.image, THREE_BOXES))


def floor(data: bytes) -> bytes:
    """Decoded small, turned, boxes as bare lines, encoded: no refusals, no labels."""
    image = Image.open(BytesIO(data))
    image.draft("RGB", (SIDE, SIDE))
    image.thumbnail((SIDE, SIDE), reducing_gap=1.0)
    image = ImageOps.exif_transpose(image)
    draw = ImageDraw.Draw(image)
    for box in THREE_BOXES:
        draw.rectangle(box.corners(image.size), outline="yellow", width=4)
    return to_jpeg(image)


def run(rounds: int = 15) -> Iterator[Comparison]:
    for name, data in {
        "12 MP JPEG": photo(),
        "12 MP JPEG, turned": photo(orientation=6),
        "12 MP progressive JPEG": photo(progressive=True),
    }.items():
        sides = ("ours", lambda data=data: ours(data)), ("floor", lambda data=data: floor(data))
        yield in_turns(f"{name} to 1280 px with three boxes", *sides, rounds, AIM)
