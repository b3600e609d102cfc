"""Boxes with labels drawn by matplotlib, compared with Pillow's ImageDraw."""

from collections.abc import Iterator
from functools import partial

from PIL import Image, ImageDraw, ImageFont

from bench.harness.fixtures import THREE_BOXES, many_boxes, scene
from bench.harness.measuring import Aim, Measured, compare_times, measure_growth
from rubberduck.core.models import Box
from rubberduck.core.outlines import outlines
from rubberduck.imaging import draw as drawing

SIZE = (2048, 1536)
DUCKS = (0, 1, 3, 10, 30, 100, 200)


def with_image_draw(image: Image.Image, boxes: tuple[Box, ...]) -> Image.Image:
    """Draw the same outlines and labels, with a background behind each label."""
    marked = image.copy()
    draw = ImageDraw.Draw(marked)
    font = ImageFont.load_default(min(image.size) / 26)
    for frame in outlines(boxes, image.size):
        draw.rectangle((frame.left, frame.top, frame.right, frame.bottom), outline="gold", width=6)
        place = (frame.left, frame.top)
        draw.rectangle(draw.textbbox(place, frame.text, font, anchor="lb"), fill="gold")
        draw.text(place, frame.text, "black", font, anchor="lb")
    return marked


def without_cache(image: Image.Image, boxes: tuple[Box, ...]) -> Image.Image:
    """Draw labels and outlines that are not cached; matplotlib has its glyphs already."""
    drawing._label.cache_clear()
    drawing._rectangle.cache_clear()
    return drawing.draw_boxes(image, boxes)


def run(rounds: int = 15) -> Iterator[Measured]:
    image, size = scene(*SIZE), f"{SIZE[0]} × {SIZE[1]} pixels"
    for what, ours, boxes, aim in (
        (f"Three boxes on {size}", drawing.draw_boxes, THREE_BOXES, 1.5),
        (f"Thirty boxes on {size}", drawing.draw_boxes, many_boxes(30), 1.5),
        ("Three boxes whose labels are not cached", without_cache, THREE_BOXES, 5.5),
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
