"""Boxes of turned pictures: from the stored pixels to the upright picture, and back; and scaled.

Turns are exact for all eight Exif orientations: only sums and differences of the sides.
"""

from dataclasses import replace

from rubberduck.custom_models.dataset import Box, Picture

SIDEWAYS = (5, 6, 7, 8)
INVERSE = {6: 8, 8: 6}  # the other six undo themselves


def turned_size(width: int, height: int, turn: int) -> tuple[int, int]:
    """Return (width, height) after a turn; the way back is the same.

    >>> turned_size(4000, 3000, 6)
    (3000, 4000)
    """
    return (height, width) if turn in SIDEWAYS else (width, height)


def upright_box(box: Box, size: tuple[int, int], turn: int) -> Box:
    """Return a box of the stored picture, of `size` (width, height), in upright pixels.

    >>> upright_box(Box("duck", 10, 20, 30, 40), (400, 300), 6)
    Box(label='duck', left=240, top=10, width=40, height=30, crowd=False)
    """
    width, height = size
    from_right, from_bottom = width - box.right, height - box.bottom
    left, top = {
        1: (box.left, box.top),
        2: (from_right, box.top),
        3: (from_right, from_bottom),
        4: (box.left, from_bottom),
        5: (box.top, box.left),
        6: (from_bottom, box.left),
        7: (from_bottom, from_right),
        8: (box.top, from_right),
    }[turn]
    wide, high = (box.height, box.width) if turn in SIDEWAYS else (box.width, box.height)
    return replace(box, left=left, top=top, width=wide, height=high)


def stored_box(box: Box, size: tuple[int, int], turn: int) -> Box:
    """Return a box of the upright picture, of `size` (width, height), in stored pixels."""
    return upright_box(box, size, INVERSE.get(turn, turn))


def as_upright(picture: Picture, turn: int) -> Picture:
    """Return a picture whose size and boxes are of the stored pixels as one of the upright ones."""
    return _turned(picture, turn, turn)


def as_stored(picture: Picture) -> Picture:
    """Return the picture with size and boxes in stored pixels."""
    return _turned(picture, INVERSE.get(picture.turn, picture.turn), picture.turn)


def scaled(picture: Picture, size: tuple[int, int]) -> Picture:
    """Return a picture of known size as one of `size` (width, height)."""
    assert picture.width
    assert picture.height
    x, y = size[0] / picture.width, size[1] / picture.height
    boxes = tuple(
        replace(box, left=box.left * x, top=box.top * y, width=box.width * x, height=box.height * y)
        for box in picture.boxes
    )
    return replace(picture, width=size[0], height=size[1], boxes=boxes)


def _turned(picture: Picture, by: int, turn: int) -> Picture:
    if by == 1 or picture.width is None or picture.height is None:
        return replace(picture, turn=turn)
    size = (picture.width, picture.height)
    width, height = turned_size(*size, by)
    boxes = tuple(upright_box(box, size, by) for box in picture.boxes)
    return replace(picture, width=width, height=height, boxes=boxes, turn=turn)
