"""In this process: decoding and drawing, compared with the least work, and the detector."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from itertools import cycle

from PIL import Image, ImageDraw, ImageFont, ImageOps

from bench.harness.figures import Aim, Comparison, Measured
from bench.harness.fixtures import CAMERA_FRAME, THREE_BOXES, many_boxes, photo, scene
from bench.harness.measuring import Sample, Work, compare, compare_times, measure_growth, time_call
from composition import build_pipeline
from rubberduck.core.models import Box
from rubberduck.core.outlines import outlines
from rubberduck.core.settings import Settings
from rubberduck.detectors.embedded import OnnxDetector
from rubberduck.imaging import draw as drawing
from rubberduck.imaging.decode import decode_picture, to_jpeg
from tests.support.ducks import duck_photo, gradient
from tests.support.pictures import encoded

SIDE = 1280
MEGAPIXELS = (0.3, 1, 2, 5, 12, 25)
DRAWN_SIZE = (2048, 1536)
DUCKS = (0, 1, 3, 10, 30, 100, 200)
DETECTOR_TITLE = "Embedded detector, a camera frame {}, one core"
MIXED = "of a mixed scene"


def lower_bound(rounds: int = 15) -> Iterator[Measured]:
    """A photo to an upright JPEG of 1280 pixels with boxes, compared with the least work for it."""
    aim = Aim(1.5, 1.15)
    rotated = [photo(orientation=orientation) for orientation in range(1, 9)]
    for name, photos, aim_of_it in (
        ("12 MP JPEG", [photo()], aim),
        ("12 MP JPEG in each of the eight Exif orientations", rotated, aim),
        ("12 MP progressive JPEG", [photo(progressive=True)], aim),
        ("2 MP PNG", [photo(1.92, "PNG")], None),
        ("2 MP WebP", [photo(1.92, "WEBP")], None),
    ):
        works = {"ours": _in_turn(_ours, photos), "lower bound": _in_turn(_least, photos)}
        yield compare_times(f"{name} to {SIDE} px with three boxes", works, rounds, aim_of_it)
    growing = {
        "ours": lambda megapixels: _ours(photo(megapixels)),
        "lower bound": lambda megapixels: _least(photo(megapixels)),
    }
    what = f"A JPEG to {SIDE} px with three boxes"
    yield measure_growth(what, "megapixels", MEGAPIXELS, growing, max(1, rounds // 3))


def _ours(data: bytes) -> bytes:
    picture = decode_picture(data, max_bytes=100_000_000, max_side=SIDE)
    return to_jpeg(drawing.draw_boxes(picture.image, THREE_BOXES))


def _least(data: bytes) -> bytes:
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


def _in_turn(side: Callable[[bytes], bytes], photos: Sequence[bytes]) -> Work:
    """Return work that takes the next photo each time."""
    remaining = cycle(photos)
    return lambda: side(next(remaining))


def draw(rounds: int = 15) -> Iterator[Measured]:
    """Boxes with labels drawn by matplotlib, compared with Pillow's ImageDraw."""
    image, size = scene(*DRAWN_SIZE), f"{DRAWN_SIZE[0]} × {DRAWN_SIZE[1]} pixels"
    for what, ours, boxes, aim in (
        (f"Three boxes on {size}", drawing.draw_boxes, THREE_BOXES, 1.5),
        (f"Thirty boxes on {size}", drawing.draw_boxes, many_boxes(30), 1.5),
        ("Three boxes whose labels are not cached", _without_cache, THREE_BOXES, 5.5),
    ):
        other = partial(with_image_draw, image, boxes)
        works = {"ours": partial(ours, image, boxes), "ImageDraw": other}
        yield compare_times(what, works, rounds, Aim(aim))
    growing = {
        "ours": lambda ducks: drawing.draw_boxes(image, many_boxes(int(ducks))),
        "ImageDraw": lambda ducks: with_image_draw(image, many_boxes(int(ducks))),
    }
    what = "Drawing ducks in one picture"
    yield measure_growth(what, "ducks", DUCKS, growing, max(1, rounds // 3))


def with_image_draw(image: Image.Image, boxes: tuple[Box, ...]) -> Image.Image:
    """Draw the same outlines and labels, with a background behind each label."""
    marked = image.copy()
    pen = ImageDraw.Draw(marked)
    font = ImageFont.load_default(min(image.size) / 26)
    for frame in outlines(boxes, image.size):
        pen.rectangle((frame.left, frame.top, frame.right, frame.bottom), outline="gold", width=6)
        place = (frame.left, frame.top)
        pen.rectangle(pen.textbbox(place, frame.text, font, anchor="lb"), fill="gold")
        pen.text(place, frame.text, "black", font, anchor="lb")
    return marked


def _without_cache(image: Image.Image, boxes: tuple[Box, ...]) -> Image.Image:
    """Draw labels and outlines that are not cached; matplotlib has its glyphs already."""
    drawing.label_image.cache_clear()
    drawing._rectangle.cache_clear()
    return drawing.draw_boxes(image, boxes)


def detector(rounds: int = 40) -> Iterator[Comparison]:
    """The embedded detector on a camera frame, from its bytes to the answer, on one core."""
    pipeline, aim = build_pipeline(Settings(bucket=None)), Aim(30, 60, at_least=True, absolute=True)
    frames = {
        "with a duck": duck_photo(),
        "with nothing in it": encoded(gradient(), quality=92),
        MIXED: photo(CAMERA_FRAME),
    }
    with _one_core():
        for name, frame in frames.items():
            ours = partial(_rate, partial(pipeline.analyze_frame, frame))
            yield compare(DETECTOR_TITLE.format(name), "frames/s", {"ours": ours}, rounds, aim)
        what = "Of the frame with a duck: one inference"
        yield compare_times(what, {"ours": OnnxDetector().check}, rounds)


def _rate(work: Work) -> Sample:
    took = time_call(work)
    return Sample(1000 / took.value, took.cpu)


@contextmanager
def _one_core() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
