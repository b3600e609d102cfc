"""The embedded face finder's boxes, on one real face."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from rubberduck.core.errors import DetectorFailed
from rubberduck.core.models import Box
from rubberduck.faces.embedded import FOLDER, EmbeddedFaces
from rubberduck.faces.models import MAX_FACES, Face
from rubberduck.imaging.decode import Picture

ASTRONAUT = Path(__file__).parent / "pictures" / "astronaut.jpg"
FACE = Box(110 / 360, 55 / 360, 110 / 360, 135 / 360, "Face", 100.0)  # drawn by hand
FINDER = EmbeddedFaces()


def photograph() -> Image.Image:
    """360 x 360 pixels; the face is 110 wide."""
    with Image.open(ASTRONAUT) as image:
        return image.convert("RGB")


def faces_in(image: Image.Image) -> tuple[Face, ...]:
    return FINDER.faces(Picture(image, image.size)).faces


def group(columns: int, rows: int, side: int) -> Image.Image:
    """The same photograph many times, `side` pixels each."""
    small = photograph().resize((side, side))
    image = Image.new("RGB", (columns * side, rows * side))
    for number in range(columns * rows):
        image.paste(small, (number % columns * side, number // columns * side))
    return image


def test_a_face_is_found_where_it_is() -> None:
    [face] = faces_in(photograph())
    assert face.box.overlap(FACE) > 0.5
    assert face.box.label == "Face"
    assert 70 <= face.box.confidence <= 100


def test_the_answer_names_its_engine_and_the_networks_version() -> None:
    image = photograph()
    answer = FINDER.faces(Picture(image, image.size))
    assert answer.engine == FINDER.name == "embedded face finder"
    assert len(answer.engine_version or "") == 64


def test_the_same_picture_gives_the_same_answer() -> None:
    assert (
        faces_in(photograph())
        == faces_in(photograph())
        == FINDER.faces(Picture(photograph(), (360, 360))).faces
    )


def test_threads_open_the_networks_once_and_agree() -> None:
    finder, image = EmbeddedFaces(), photograph()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: finder.faces(Picture(image, image.size)), range(8)))
    assert set(answers) == {FINDER.faces(Picture(image, image.size))}


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(Image.new("RGB", (1, 1), "white"), id="one pixel"),
        pytest.param(Image.new("RGB", (1, 2000), "white"), id="one column"),
        pytest.param(Image.new("RGB", (640, 480)), id="black"),
        pytest.param(
            Image.fromarray(np.random.default_rng(7).integers(0, 256, (300, 400, 3), np.uint8)),
            id="noise",
        ),
    ],
)
def test_no_face_is_no_error(image: Image.Image) -> None:
    assert faces_in(image) == ()


def test_a_drawn_circle_with_two_eyes_is_no_photograph_of_a_face() -> None:
    image = Image.new("RGB", (400, 400), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((100, 100, 300, 300), fill="yellow", outline="black")
    assert faces_in(image) == ()


@pytest.mark.parametrize("degrees", [-15, 15])
def test_a_tilted_head_is_found(degrees: int) -> None:
    assert len(faces_in(photograph().rotate(degrees))) == 1


def test_a_mirrored_picture_has_the_mirrored_box() -> None:
    [face], [mirrored] = faces_in(photograph()), faces_in(ImageOps.mirror(photograph()))
    assert mirrored.box.left + mirrored.box.width / 2 == pytest.approx(
        1 - face.box.left - face.box.width / 2, abs=0.02
    )


def test_a_grey_picture_will_do() -> None:
    [face] = faces_in(ImageOps.grayscale(photograph()).convert("RGB"))
    assert face.box.overlap(FACE) > 0.5


@pytest.mark.parametrize("size", [(1200, 400), (400, 1200)])
def test_boxes_are_fractions_of_the_whole_picture_whatever_its_shape(size: tuple[int, int]) -> None:
    image, corner = Image.new("RGB", size, "grey"), (size[0] - 360, size[1] - 360)
    image.paste(photograph(), corner)
    [face] = faces_in(image)
    left, top, right, bottom = face.box.corners(size)
    in_photograph = Box(
        (left - corner[0]) / 360,
        (top - corner[1]) / 360,
        (right - left) / 360,
        (bottom - top) / 360,
        "Face",
        0,
    )
    assert in_photograph.overlap(FACE) > 0.4


@pytest.mark.parametrize(
    "crop", [(0, 95, 360, 360), (0, 0, 200, 200)], ids=["forehead cut off", "at the right edge"]
)
def test_a_face_at_the_edge_has_a_box_inside_the_picture(crop: tuple[int, int, int, int]) -> None:
    [face] = faces_in(photograph().crop(crop))
    assert face.box.left >= 0
    assert face.box.top >= 0
    assert face.box.left + face.box.width <= 1 + 1e-9
    assert face.box.top + face.box.height <= 1 + 1e-9


def test_many_faces_come_with_the_largest_first() -> None:
    image = group(3, 2, 240)
    image.paste(photograph(), (0, 0))
    faces = faces_in(image)
    areas = [face.box.width * face.box.height for face in faces]
    assert len(faces) == 3  # the large photograph hides four of the six
    assert areas == sorted(areas, reverse=True)
    assert areas[0] > 1.5 * areas[1]


def test_a_damaged_network_is_said_and_no_crash(tmp_path: Path) -> None:
    for file in FOLDER.glob("*.onnx*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    damaged = bytearray((FOLDER / "blazeface_128.onnx").read_bytes())
    damaged[5000] ^= 1
    (tmp_path / "blazeface_128.onnx").write_bytes(damaged)
    with pytest.raises(DetectorFailed) as caught:
        EmbeddedFaces(tmp_path).faces(Picture(photograph(), (360, 360)))
    assert "blazeface_128.onnx is damaged" in (caught.value.cause or "")
    assert "make faces" in (caught.value.cause or "")


def test_never_more_faces_than_the_limit() -> None:
    assert len(faces_in(group(12, 12, 60))) <= MAX_FACES


def test_small_faces_of_a_group_are_all_found() -> None:
    """One look at the whole picture finds few of them: they get a second one, in parts."""
    assert len(faces_in(group(6, 4, 110))) == 24
