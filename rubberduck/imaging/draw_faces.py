"""Draw a box around each face, and its caption beside it, on a copy of a picture."""

from collections.abc import Sequence
from functools import partial
from io import BytesIO

from PIL import Image

from rubberduck.core.faces import Face
from rubberduck.core.outlines import Outline
from rubberduck.core.tabs import MIN_FONT_SIZE, Area, font_size, tab_size
from rubberduck.imaging.captions import Layout, place_captions
from rubberduck.imaging.decode import to_jpeg
from rubberduck.imaging.draw import draw_rectangle, label_image, line_width

# Letters of a picture full of faces are smaller, by these factors, before captions become shorter.
SHRINKING = (1.0, 0.6)
MIN_SIDE = 2  # pixels: a box of less cannot be seen
MIN_LINE = 2.0  # pixels


def mark_faces(
    jpeg: bytes,
    faces: Sequence[Face],
    captions: Sequence[Sequence[str]],
    max_side: int | None = None,
) -> bytes:
    """Return a JPEG of ours with boxes and captions, shrunk to `max_side` pixels if given."""
    image = Image.open(BytesIO(jpeg), formats=("JPEG",)).convert("RGB")
    if max_side is not None:
        image.thumbnail((max_side, max_side))
    return to_jpeg(draw_faces(image, faces, captions))


def draw_faces(
    image: Image.Image, faces: Sequence[Face], captions: Sequence[Sequence[str]]
) -> Image.Image:
    """Return a copy of an RGB image, of the same size, with boxes and captions.

    `captions` are versions of the texts of all faces, the longest first; of those the first is
    drawn that covers no face and no other text, or else the one that covers least.
    """
    marked = image.copy()
    outlines = [_outline(face, image.size) for face in faces]
    line = _line_width(outlines, image.size)
    for outline in outlines:
        draw_rectangle(marked, outline, line)
    areas = [Area(box.left, box.top, box.right, box.bottom) for box in outlines]
    texts, font = _fitting(areas, captions, image.size, line)
    draw = partial(label_image, font_size=font, max_width=image.width)
    labels = [draw(text) for text in texts]
    # Again, with the sizes that the texts have as drawn.
    places = place_captions(areas, [label.size for label in labels], image.size, line).areas
    for place, label in zip(places, labels, strict=True):
        marked.paste(label, (round(place.left), round(place.top)), label)
    return marked


def _outline(face: Face, size: tuple[int, int]) -> Outline:
    """Return the box in pixels, at least MIN_SIDE wide and high, inside the picture."""
    left, top, right, bottom = face.box.corners(size)
    left, top = min(left, size[0] - MIN_SIDE), min(top, size[1] - MIN_SIDE)
    return Outline(left, top, max(right, left + MIN_SIDE), max(bottom, top + MIN_SIDE), "")


def _line_width(outlines: Sequence[Outline], size: tuple[int, int]) -> float:
    """Return a width that leaves small faces visible, in pixels."""
    smallest = min((box.bottom - box.top for box in outlines), default=0)
    return min(line_width(size), max(MIN_LINE, smallest / 24))


def _fitting(
    areas: Sequence[Area],
    captions: Sequence[Sequence[str]],
    size: tuple[int, int],
    line: float,
) -> tuple[Sequence[str], float]:
    """Return the texts to draw and the height of their letters."""
    best: tuple[float, Sequence[str], float] | None = None
    for texts in captions:
        for factor in SHRINKING:
            font = max(MIN_FONT_SIZE, factor * font_size(size))
            layout = _layout(areas, texts, font, size, line)
            if best is None or layout.hidden < best[0]:
                best = layout.hidden, texts, font
            if not layout.hidden:
                return texts, font
    assert best
    return best[1], best[2]


def _layout(
    areas: Sequence[Area], texts: Sequence[str], font: float, size: tuple[int, int], line: float
) -> Layout:
    sizes = [tab_size(text, font) for text in texts]
    return place_captions(areas, [(min(w, size[0]), min(h, size[1])) for w, h in sizes], size, line)
