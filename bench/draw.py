"""Boxes with labels drawn by matplotlib, beside Pillow's ImageDraw."""

from collections.abc import Callable, Iterator
from functools import partial

from PIL import Image, ImageDraw, ImageFont

from bench.fixtures import THREE_BOXES, many_boxes, scene
from bench.measure import Aim, Growth, Measured, Work, growing, in_turns
from rubberduck.core.models import Box
from rubberduck.core.outlines import outlines
from rubberduck.imaging import draw as drawing

SIZE = (2048, 1536)
DUCKS = (0, 1, 3, 10, 30, 100, 200)


def with_image_draw(image: Image.Image, boxes: tuple[Box, ...]) -> Image.Image:
    """The same frames and words, with a plate behind them."""
    marked = image.copy()
    draw = ImageDraw.Draw(marked)
    font = ImageFont.load_default(min(image.size) / 26)
    for frame in outlines(boxes, image.size):
        draw.rectangle((frame.left, frame.top, frame.right, frame.bottom), outline="gold", width=6)
        place = (frame.left, frame.top)
        draw.rectangle(draw.textbbox(place, frame.text, font, anchor="lb"), fill="gold")
        draw.text(place, frame.text, "black", font, anchor="lb")
    return marked


def cold(image: Image.Image, boxes: tuple[Box, ...]) -> Image.Image:
    """No label and no corner was drawn before; matplotlib knows its letters already."""
    drawing._label.cache_clear()
    drawing._rectangle.cache_clear()
    return drawing.draw_boxes(image, boxes)


def run(rounds: int = 15) -> Iterator[Measured]:
    image = scene(*SIZE)
    for name, boxes in {"three boxes": THREE_BOXES, "thirty boxes": many_boxes(30)}.items():
        yield in_turns(
            f"{name} on {SIZE[0]} × {SIZE[1]} pixels",
            ("ours", partial(drawing.draw_boxes, image, boxes)),
            ("ImageDraw", partial(with_image_draw, image, boxes)),
            rounds,
            Aim(1.5),
        )
    yield in_turns(
        "three boxes that nobody drew before",
        ("ours", lambda: cold(image, THREE_BOXES)),
        ("ImageDraw", lambda: with_image_draw(image, THREE_BOXES)),
        rounds,
        Aim(5.5),
    )
    yield _over_ducks(image, max(1, rounds // 3))


def _over_ducks(image: Image.Image, rounds: int) -> Growth:
    def work(draw: Callable[[Image.Image, tuple[Box, ...]], object]) -> Callable[[float], Work]:
        return lambda count: partial(draw, image, many_boxes(int(count)))

    sides = {"ours": work(drawing.draw_boxes), "ImageDraw": work(with_image_draw)}
    return growing("Drawing ducks in one picture", "ducks", DUCKS, sides, rounds)
