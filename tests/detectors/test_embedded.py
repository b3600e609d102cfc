"""The embedded detector: what it says of pictures, and of a model file that is broken."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rubberduck.core.errors import DetectorFailed, InvalidModel
from rubberduck.core.models import Box
from rubberduck.core.rules import RUBBER_DUCK, judge
from rubberduck.detectors import embedded, onnx_session
from rubberduck.detectors.embedded import OnnxDetector
from rubberduck.detectors.lazy import LazyEmbeddedDetector
from rubberduck.detectors.model_file import MODEL, broken
from rubberduck.detectors.passes import SIDE, STEP, View, letterbox, window_around
from rubberduck.imaging.decode import Picture
from tests.support.ducks import YELLOW, gradient, rendered_duck


def picture_of(image: Image.Image) -> Picture:
    return Picture(image, image.size)


Spoil = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def detector() -> OnnxDetector:
    return OnnxDetector()


@pytest.fixture(scope="module")
def duck_scene() -> Picture:
    scene, cut_out = gradient(), rendered_duck(YELLOW, 220)
    scene.paste(cut_out, (300, 180), cut_out)
    return picture_of(scene)


def test_a_rubber_duck_is_a_duck_a_bird_and_a_toy(
    detector: OnnxDetector, duck_scene: Picture
) -> None:
    labels = {label.name: label for label in detector.labels(duck_scene)}
    assert set(labels) == {"Duck", "Bird", "Toy"}
    assert labels["Toy"].confidence > 80
    assert labels["Duck"].parents == ("Animal", "Bird")
    assert labels["Bird"].parents == ("Animal",)
    assert {box.label for box in labels["Duck"].boxes} == {"Duck"}


def test_its_box_is_where_the_duck_is(detector: OnnxDetector, duck_scene: Picture) -> None:
    (duck_label, *_) = detector.labels(duck_scene)
    (box,) = duck_label.boxes
    left, top, right, bottom = box.corners((640, 480))
    assert abs((left + right) / 2 - 400) < 40
    assert abs((top + bottom) / 2 - 285) < 40


def test_no_box_is_surer_than_its_label(detector: OnnxDetector) -> None:
    for side in (40, 60, 100, 200):
        scene, cut_out = gradient((1280, 960)), rendered_duck(YELLOW, side)
        scene.paste(cut_out, (900, 650), cut_out)
        for label in detector.labels(picture_of(scene)):
            assert max(box.confidence for box in label.boxes) == pytest.approx(label.confidence)


def test_two_ducks_get_two_boxes(detector: OnnxDetector) -> None:
    scene, cut_out = gradient(), rendered_duck(YELLOW, 200)
    scene.paste(cut_out, (40, 200), cut_out)
    scene.paste(cut_out, (380, 200), cut_out)
    labels = detector.labels(picture_of(scene))
    assert [len(label.boxes) for label in labels] == [2, 2, 2]


def with_small_duck(side: int) -> Image.Image:
    """A duck whose longer side is `side` of the scene's 1280 pixels."""
    scene, cut_out = gradient((1280, 960)), rendered_duck(YELLOW, 80)
    cut_out.thumbnail((side, side))
    scene.paste(cut_out, (900, 650), cut_out)
    return scene


def test_a_closer_look_finds_a_small_duck(
    detector: OnnxDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = with_small_duck(18)
    assert detector.labels(picture_of(scene))[0].confidence >= 35
    monkeypatch.setattr(embedded, "UNSURE", (2.0, 2.0))
    assert detector.labels(picture_of(scene))[0].confidence < 35


@pytest.mark.parametrize("size", [(640, 480), (333, 1000), (2, 500), (2048, 80)])
@pytest.mark.parametrize("at", [(0, 0), (0.5, 0.4), (0.98, 0.97)])
def test_a_closer_look_shows_the_place_in_full(
    size: tuple[int, int], at: tuple[float, float]
) -> None:
    where = Image.new("RGB", size)
    corners = np.clip(np.array([*at, at[0] + 0.1, at[1] + 0.1], np.float32), 0, 1)
    left, top, right, bottom = (round(float(v)) for v in corners * np.array([*size] * 2))
    where.paste((255, 0, 0), (left, top, max(right, left + 1), max(bottom, top + 1)))
    shown = where.crop(window_around(where.size, corners))
    assert np.asarray(shown)[..., 0].sum() == np.asarray(where)[..., 0].sum(dtype=int)
    assert shown.width <= max(0.7 * max(size), 1)
    assert shown.height <= max(0.7 * max(size), 1)
    assert max(shown.size) >= round(0.3 * max(size))


def test_a_closer_look_at_something_large_shows_most_of_it() -> None:
    everything = np.array([0, 0, 1, 1], np.float32)
    assert window_around((1000, 500), everything) == (150, 0, 850, 500)


@pytest.mark.parametrize("at", [(900, 650), (20, 30), (1230, 5)])
def test_a_small_duck_has_a_tight_box(detector: OnnxDetector, at: tuple[int, int]) -> None:
    """As the closer look sees it: the first one's places are as large as the duck itself."""
    scene, cut_out = gradient((1280, 960)), rendered_duck(YELLOW, 48)
    scene.paste(cut_out, at, cut_out)
    (box,) = detector.labels(picture_of(scene))[0].boxes
    width, height = cut_out.size
    truth = Box(at[0] / 1280, at[1] / 960, width / 1280, height / 960, "", 100)
    assert box.overlap(truth) > 0.6


@pytest.mark.parametrize("side", [470, 520, 600])
def test_a_duck_that_fills_the_frame_is_found(detector: OnnxDetector, side: int) -> None:
    """Or is larger than it: a second look that crops would cut it once more."""
    scene, cut_out = gradient(), rendered_duck(YELLOW, side)
    scene.paste(cut_out, ((640 - cut_out.width) // 2, (480 - cut_out.height) // 2), cut_out)
    labels = {label.name: label for label in detector.labels(picture_of(scene))}
    assert labels["Toy"].confidence > 50
    assert labels["Duck"].boxes


def test_every_yes_has_a_box_and_no_no_has_one(detector: OnnxDetector) -> None:
    """From no duck at all, and one that nobody could see, to one that everybody does."""
    answers = []
    for scene in (gradient((1280, 960)), *map(with_small_duck, (6, 10, 14, 18, 22, 26, 30, 80))):
        verdict = judge(RUBBER_DUCK, detector.labels(picture_of(scene)))
        assert verdict.found == bool(verdict.boxes)
        answers.append(verdict.found)
    assert set(answers) == {True, False}


@given(st.floats(-30, 30), st.floats(-30, 30))
def test_percents_rise_with_the_evidence_and_leave_out_the_undecided(
    detector: OnnxDetector, one: float, other: float
) -> None:
    low, high = sorted([one, other])
    assert detector.percent(low) <= detector.percent(high)
    for evidence in (one, other):
        percent = detector.percent(evidence)
        assert 0 <= percent < 35 or 50 <= percent <= 100


class Scripted(OnnxDetector):
    """Sees what a test says: the probability of each pass, and one duck of a given size."""

    def __init__(self, probabilities: list[float], side: float) -> None:
        super().__init__()
        self.left, self.side = list(probabilities), side
        self.seen: list[tuple[tuple[int, int], float]] = []

    def run_pass(self, image: Image.Image, share: float = 1.0) -> View:
        self.seen.append((image.size, share))
        corners = np.full((1, 1, 4), [0.2, 0.2, 0.2 + self.side, 0.2 + self.side], np.float32)
        return View(self.left.pop(0), 0.0, np.full((1, 1), 0.9, np.float32), corners)


SQUARE = Image.new("RGB", (100, 100))


@pytest.mark.parametrize(
    ("side", "probabilities", "seen"),
    [
        pytest.param(0.4, [0.9], [((100, 100), 1.0)], id="sure: one look"),
        pytest.param(0.4, [0.001], [((100, 100), 1.0)], id="sure of a no: one look"),
        pytest.param(0.7, [0.5, 0.9], [((100, 100), 1.0), ((100, 100), 0.5)], id="large: afar"),
        pytest.param(0.2, [0.5, 0.9], [((100, 100), 1.0), ((50, 50), 1.0)], id="small: near"),
        pytest.param(0.1, [0.9, 0.9], [((100, 100), 1.0), ((30, 30), 1.0)], id="for its box"),
    ],
)
def test_where_it_looks(
    side: float, probabilities: list[float], seen: list[tuple[tuple[int, int], float]]
) -> None:
    detector = Scripted(probabilities, side)
    detector.evidence(SQUARE)
    assert detector.seen == seen
    assert not detector.left


def test_a_second_look_does_not_veto_a_sure_first_one() -> None:
    evidence, _ = (detector := Scripted([0.79, 1e-9], 0.7)).evidence(SQUARE)
    assert detector.percent(evidence) >= 50


def test_a_plain_gradient_is_no_duck(detector: OnnxDetector) -> None:
    assert all(label.confidence < 35 for label in detector.labels(picture_of(gradient())))


@pytest.mark.parametrize("size", [(80, 80), (2048, 90), (90, 2048), (1, 500)])
def test_pictures_of_any_shape_are_looked_at(detector: OnnxDetector, size: tuple[int, int]) -> None:
    for label in detector.labels(picture_of(gradient(size))):
        assert label.confidence >= 1


def test_boxes_stay_inside_the_picture(detector: OnnxDetector) -> None:
    scene, cut_out = gradient((400, 400)), rendered_duck(YELLOW, 360)
    for at in [(-150, 100), (220, 60), (40, -150), (40, 220)]:
        cut = scene.copy()
        cut.paste(cut_out, at, cut_out)
        for label in detector.labels(picture_of(cut)):
            for box in label.boxes:
                assert 0 <= box.left <= box.left + box.width <= 1 + 1e-6
                assert 0 <= box.top <= box.top + box.height <= 1 + 1e-6


def test_threads_share_one_detector(detector: OnnxDetector, duck_scene: Picture) -> None:
    alone = detector.labels(duck_scene)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(detector.labels, [duck_scene] * 8)) == [alone] * 8


@pytest.mark.parametrize("width", [1, 7, 79, 80, 319, 320, 321, 1000, 2048])
@pytest.mark.parametrize("height", [1, 80, 320, 777, 2048])
@pytest.mark.parametrize("step", [STEP, SIDE])
def test_the_letterbox_keeps_the_shape(width: int, height: int, step: int) -> None:
    red = Image.new("RGB", (width, height), (255, 0, 0))
    pixels, (left, top, wide, high) = letterbox(red, step=step)
    assert max(pixels.shape) == max(wide, high) == SIDE
    assert min(wide, high) == max(1, round(min(width, height) * SIDE / max(width, height)))
    for total, side, before in ((pixels.shape[1], wide, left), (pixels.shape[0], high, top)):
        assert total % step == 0
        assert side <= total < side + step
        assert before == (total - side) // 2
    assert (pixels[top : top + high, left : left + wide] == (255, 0, 0)).all()
    assert (pixels != (255, 0, 0)).any(2).sum() == pixels.size // 3 - wide * high


def square_only(folder: Path) -> Path:
    """Write the model that ships as files were before: for squares of 320 pixels alone."""
    model = onnx.load(MODEL)
    for side in model.graph.input[0].type.tensor_type.shape.dim[1:3]:
        side.dim_value = SIDE
    path = folder / "square.onnx"
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (640, 360), (600, 400), (640, 640)])
def test_a_rectangle_is_answered_as_its_square(
    detector: OnnxDetector, tmp_path: Path, size: tuple[int, int]
) -> None:
    square, cut_out = OnnxDetector(square_only(tmp_path)), rendered_duck(YELLOW, 220)
    for has_duck in (True, False):
        scene = gradient(size)
        if has_duck:
            scene.paste(cut_out, (size[0] - 240, size[1] - 240), cut_out)
        one, other = detector.run_pass(scene), square.run_pass(scene)
        assert other.places.shape == (20, 20)
        assert one.places.size < 400 or size[0] == size[1]
        assert abs(one.duck - other.duck) < 0.1
        assert (one.duck > 0.5) == (other.duck > 0.5) == has_duck
        if has_duck:
            assert np.abs(one.likeliest - other.likeliest).max() < 0.05
        if size[0] == size[1]:
            assert one.duck == other.duck
            assert (one.corners == other.corners).all()


def test_a_picture_of_any_shape_is_answered(detector: OnnxDetector) -> None:
    for size in ((20, 4000), (4000, 20), (1, 1), (640, 479), (359, 640)):
        labels = detector.labels(picture_of(Image.new("RGB", size, (250, 220, 40))))
        assert all(0 <= label.confidence <= 100 for label in labels)


def test_a_missing_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match=r"nothing\.onnx cannot be read.*make detector"):
        OnnxDetector(tmp_path / "nothing.onnx")


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: b"not a model at all", id="something else"),
        pytest.param(lambda data: data[: len(data) // 2], id="truncated"),
        pytest.param(lambda data: data[:-1000], id="the end is missing"),
        pytest.param(lambda data: bytes(1000) + data[1000:], id="overwritten"),
    ],
)
def test_a_damaged_model_says_what_to_do(tmp_path: Path, spoil: Spoil) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(spoil(MODEL.read_bytes()))
    with pytest.raises(InvalidModel, match=r"broken\.onnx is damaged.*make detector"):
        OnnxDetector(broken)


CHECKSUM = MODEL.with_name(MODEL.name + ".sha256")


@pytest.mark.parametrize(
    "checksum",
    [
        pytest.param(CHECKSUM.read_bytes(), id="the right one"),
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe", id="no text"),
    ],
)
def test_one_flipped_bit_is_noticed(tmp_path: Path, checksum: bytes) -> None:
    model = tmp_path / "flipped.onnx"
    data = bytearray(MODEL.read_bytes())
    data[len(data) // 2] ^= 1
    model.write_bytes(data)
    (tmp_path / "flipped.onnx.sha256").write_bytes(checksum)
    with pytest.raises(InvalidModel, match=r"flipped\.onnx is damaged"):
        OnnxDetector(model)


def test_a_detector_that_cannot_be_loaded_tells_visitors_nothing_of_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lazy = LazyEmbeddedDetector()
    monkeypatch.setattr(OnnxDetector, "__init__", _breaks)
    with pytest.raises(DetectorFailed) as raised:
        lazy.check()
    assert raised.value.problem.why == "The embedded detector cannot be loaded."
    assert "/srv/duck.onnx" in raised.value.operator_message


def _breaks(self: OnnxDetector) -> None:
    raise broken(Path("/srv/duck.onnx"), "is damaged", None)


def test_the_shipped_checksum_is_the_shipped_files(detector: OnnxDetector) -> None:
    """The detector above loaded, so it fits; and it is there."""
    assert CHECKSUM.exists()


def test_no_more_passes_run_at_once_than_there_are_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """onnxruntime 1.28 never gives back the memory of a pass that ran beside others."""
    running, most, lock = 0, 0, threading.Lock()
    run = onnxruntime.InferenceSession.run

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        try:
            return run(*arguments, **options)
        finally:
            with lock:
                running -= 1

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", counted)
    monkeypatch.setattr(onnx_session, "_passes", threading.BoundedSemaphore(2))
    detector = OnnxDetector()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: detector.check(), range(32)))
    assert most == 2
