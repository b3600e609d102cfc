"""Captions at faces: outside them, inside the picture, apart, and legible."""

from io import BytesIO
from itertools import combinations, product

import pytest
from PIL import Image

from rubberduck.core.faces import FACE, MAX_FACES, Face
from rubberduck.core.models import Box
from rubberduck.core.tabs import Area
from rubberduck.imaging.captions import place_captions
from rubberduck.imaging.draw_faces import draw_faces, mark_faces
from tests.support.pictures import encoded

SIZE = (1200, 800)
GREY = (120, 130, 125)


def shared(one: Area, other: Area) -> float:
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    return max(width, 0.0) * max(height, 0.0)


def grid(columns: int, rows: int, side: int) -> list[Area]:
    """Faces at even distances over the whole picture, the outer ones at its borders."""
    across, down = (SIZE[0] - side) / max(columns - 1, 1), (SIZE[1] - side) / max(rows - 1, 1)
    corners = product(range(columns), range(rows))
    return [Area(x * across, y * down, x * across + side, y * down + side) for x, y in corners]


@pytest.mark.parametrize(
    ("faces", "caption"),
    [
        pytest.param([Area(400, 200, 600, 460)], (180, 40), id="one"),
        pytest.param(grid(2, 2, 200), (300, 40), id="one in each corner"),
        pytest.param(grid(5, 3, 120), (150, 30), id="a group, also at the borders"),
        pytest.param(grid(12, 8, 50), (30, 20), id="a crowd"),
        pytest.param(grid(10, 10, 4), (60, 16), id="a hundred tiny ones"),
        pytest.param([Area(500, 300, 540, 340), Area(545, 300, 585, 340)], (150, 30), id="a pair"),
    ],
)
def test_captions_cover_neither_faces_nor_each_other_and_stay_inside(
    faces: list[Area], caption: tuple[float, float]
) -> None:
    layout = place_captions(faces, [caption] * len(faces), SIZE, gap=4)
    for area in layout.areas:
        assert area.left >= 0
        assert area.top >= 0
        assert area.right <= SIZE[0]
        assert area.bottom <= SIZE[1]
        assert [face for face in faces if shared(area, face) > 0] == []
    assert [pair for pair in combinations(layout.areas, 2) if shared(*pair) > 0] == []
    assert layout.hidden == 0


def test_each_caption_touches_its_own_face() -> None:
    faces = grid(5, 3, 120)
    layout = place_captions(faces, [(150, 30)] * len(faces), SIZE, gap=4)
    for face, area in zip(faces, layout.areas, strict=True):
        wide = Area(face.left - 5, face.top - 5, face.right + 5, face.bottom + 5)
        assert shared(area, wide) > 0


def test_where_the_face_fills_the_picture_the_caption_lies_on_its_chin() -> None:
    layout = place_captions([Area(0, 0, 1200, 800)], [(300, 40)], SIZE, gap=4)
    assert layout.areas[0].top > 700
    assert layout.hidden == 0  # next to nothing of such a face


def test_where_faces_touch_a_caption_lies_on_its_own() -> None:
    faces = [Area(x * 60, y * 80, x * 60 + 60, y * 80 + 80) for x in range(10) for y in range(10)]
    layout = place_captions(faces, [(30, 20)] * 100, (600, 800), gap=2)
    for own, area in enumerate(layout.areas):
        others = [face for number, face in enumerate(faces) if number != own]
        assert sum(shared(area, face) for face in others) == 0


def face(left: float, top: float, width: float, height: float) -> Face:
    return Face(Box(left, top, width, height, FACE, 99.0))


def drawn(faces: list[Face], size: tuple[int, int] = SIZE) -> Image.Image:
    numbers = [str(number) for number in range(1, len(faces) + 1)]
    words = [f"{number}: looks happy, 25–33" for number in numbers]
    return draw_faces(Image.new("RGB", size, GREY), faces, [words, numbers])


def changed(image: Image.Image, box: tuple[int, int, int, int]) -> int:
    """How many pixels of this part are not the background."""
    colours = image.crop(box).getcolors(10**7)
    assert colours
    return sum(count for count, colour in colours if colour != GREY)


def test_the_drawing_has_the_pictures_size_and_leaves_the_inside_of_faces_alone() -> None:
    image = drawn([face(0.25, 0.25, 0.2, 0.3), face(0.6, 0.25, 0.2, 0.3)])
    assert image.size == SIZE
    for left in (300, 720):
        assert changed(image, (left + 10, 210, left + 230, 430)) == 0
        assert changed(image, (left - 10, 190, left + 250, 450)) > 1000


@pytest.mark.parametrize(
    "faces",
    [
        pytest.param([], id="none"),
        pytest.param([face(-0.2, -0.2, 1.4, 1.4)], id="larger than the picture"),
        pytest.param([face(0.999, 0.999, 0.001, 0.001)], id="a dot in the corner"),
        pytest.param([face(1.2, 0.5, 0.1, 0.1)], id="outside, as a service may say"),
        pytest.param(
            [face(n % 10 / 10, n // 10 / 10, 0.06, 0.06) for n in range(MAX_FACES)], id="a hundred"
        ),
    ],
)
@pytest.mark.parametrize("size", [(80, 80), (640, 480), (80, 1600)])
def test_any_faces_can_be_drawn_in_any_picture(faces: list[Face], size: tuple[int, int]) -> None:
    image = drawn(faces, size)
    assert image.size == size
    assert bool(changed(image, (0, 0, *size))) is bool(faces)


def test_a_stored_picture_is_marked_and_made_smaller() -> None:
    jpeg = encoded(Image.new("RGB", (1600, 1200), GREY), quality=95)
    marked = mark_faces(jpeg, [face(0.4, 0.4, 0.2, 0.2)], [["1"]], max_side=800)
    with Image.open(BytesIO(marked)) as image:
        assert image.size == (800, 600)
        assert len(image.getcolors(10**6) or []) > 1
