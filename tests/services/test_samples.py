"""The sample pictures of the home page: each gives the answer that its name promises."""

from pathlib import Path

import pytest
from PIL import Image

from rubberduck.core.models import Label
from rubberduck.core.rules import RUBBER_DUCK, judge
from rubberduck.core.settings import ROOT
from rubberduck.detectors.embedded import OnnxDetector
from rubberduck.imaging.decode import decode_picture

FOLDER = ROOT / "static" / "samples"
NAMES = ("easy", "many", "costume", "road", "real", "none", "hard")
FILES = sorted(FOLDER.iterdir())


@pytest.fixture(scope="module")
def seen() -> dict[str, list[Label]]:
    """What the embedded detector sees in each."""
    detector = OnnxDetector()
    return {name: labels(detector, FOLDER / f"{name}.jpg") for name in NAMES}


def labels(detector: OnnxDetector, path: Path) -> list[Label]:
    data = path.read_bytes()
    return detector.labels(decode_picture(data, max_bytes=len(data), max_side=1600))


def test_each_has_a_small_one_and_there_are_no_others() -> None:
    assert {path.name for path in FILES} == {
        f"{name}{kind}.jpg" for name in NAMES for kind in ("", "-small")
    }


@pytest.mark.parametrize(
    ("name", "ducks", "least", "most"),
    [
        ("easy", 1, 90, 100),
        ("many", 7, 90, 100),
        ("costume", 1, 90, 100),
        ("road", 1, 90, 100),
        ("hard", 1, 50, 97),
    ],
)
def test_the_ducks_are_found(
    seen: dict[str, list[Label]], name: str, ducks: int, least: float, most: float
) -> None:
    verdict = judge(RUBBER_DUCK, seen[name])
    assert verdict.score is not None
    assert least <= verdict.score <= most
    assert len([box for box in verdict.boxes if box.label == "Duck"]) == ducks


def test_a_live_duck_is_none_of_rubber_and_we_say_so(seen: dict[str, list[Label]]) -> None:
    assert not judge(RUBBER_DUCK, seen["real"]).found
    remark = RUBBER_DUCK.remark(seen["real"], RUBBER_DUCK.min_confidence)
    assert remark == "That is a real duck."


def test_among_other_toys_there_is_no_duck(seen: dict[str, list[Label]]) -> None:
    assert all(label.confidence < 20 for label in seen["none"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_file_is_light_and_holds_nothing_but_its_pixels(path: Path) -> None:
    is_small = path.stem.endswith("-small")
    assert path.stat().st_size <= (10_000 if is_small else 60_000)
    with Image.open(path) as image:
        assert image.format == "JPEG"
        assert image.size == ((240, 180) if is_small else (800, 600))
        assert not image.getexif()
        assert not {"comment", "exif", "icc_profile", "xmp"} & set(image.info)
