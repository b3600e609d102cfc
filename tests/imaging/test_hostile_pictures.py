"""Good pictures, cut off and with bits turned over: a picture or a refusal, never an accident."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from rubberduck.core.errors import DuckError
from rubberduck.imaging.decode import decode_picture
from tests.support.fake_detector import FakeDetector
from tests.support.pictures import encoded, exif, form

CUTS = 50
MANY = 2000  # per file, of `make soak`


def noise(mode: str = "RGB") -> Image.Image:
    """Nothing that compresses well: every byte means something."""
    return Image.effect_noise((120, 100), 60).convert(mode)


FRAMES = {"save_all": True, "append_images": [noise(), Image.new("RGB", (120, 100), "gold")]}

GOOD = {
    "JPEG": encoded(noise(), "JPEG", exif=exif(6)),
    "progressive JPEG": encoded(noise(), "JPEG", progressive=True, comment=b"quack"),
    "CMYK JPEG": encoded(noise("CMYK"), "JPEG"),
    "MPO": encoded(noise(), "MPO", **FRAMES),
    "PNG": encoded(noise(), "PNG", exif=exif(3)),
    "PNG with a palette": encoded(noise("P"), "PNG", transparency=3),
    "deep grey PNG": encoded(noise("I;16"), "PNG"),
    "moving PNG": encoded(noise(), "PNG", **FRAMES),
    "WebP": encoded(noise(), "WEBP", exif=exif(8)),
    "lossless WebP": encoded(noise("RGBA"), "WEBP", lossless=True),
    "moving WebP": encoded(noise(), "WEBP", **FRAMES),
    "GIF": encoded(noise("P"), "GIF", comment=b"quack"),
    "moving GIF": encoded(noise(), "GIF", **FRAMES),
    "AVIF": encoded(noise(), "AVIF", exif=exif(6)),
    "AVIF with transparency": encoded(noise("RGBA"), "AVIF"),
    "HEIC": encoded(noise(), "HEIF", exif=exif(6)),
    "BMP": encoded(noise(), "BMP"),
    "TIFF": encoded(noise(), "TIFF", exif=exif(6)),
    "packed TIFF": encoded(noise("CMYK"), "TIFF", compression="tiff_lzw"),
    "TIFF with a JPEG inside": encoded(noise(), "TIFF", compression="jpeg"),
}

pytestmark = pytest.mark.parametrize("name", GOOD)


@pytest.fixture(autouse=True)
def _no_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (folder := tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []


def read(data: bytes) -> bool:
    """Whether it is a picture; anything but a refusal in our own words fails the test."""
    try:
        picture = decode_picture(data, max_bytes=15_000_000, max_side=2048)
    except DuckError as error:
        problem = error.problem
    else:
        assert picture.image.mode == "RGB"
        return True
    assert 400 <= problem.status < 500
    assert problem.why
    return False


def test_it_is_good(name: str) -> None:
    assert read(GOOD[name])


def test_cut_off_anywhere(name: str) -> None:
    good = GOOD[name]
    taken = [read(good[: len(good) * part // CUTS]) for part in range(CUTS)]
    assert not all(taken)


flips = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), min_size=1)


def flipped(data: bytes, flips: list[tuple[float, int]]) -> bytes:
    """With a bit turned over at each place; most of what breaks a decoder is at the start."""
    damaged = bytearray(data)
    for place, bit in flips:
        damaged[int(place**3 * len(data))] ^= 1 << bit
    return bytes(damaged)


calm = settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=50,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@calm
@given(flips=flips)
def test_with_bits_turned_over(name: str, flips: list[tuple[float, int]]) -> None:
    read(flipped(GOOD[name], flips))


@pytest.mark.soak
@settings(calm, max_examples=MANY, derandomize=False)
@given(flips=flips, end=st.floats(0.5, 1))
def test_with_many_more_bits_turned_over(
    name: str, flips: list[tuple[float, int]], end: float
) -> None:
    good = GOOD[name]
    read(flipped(good, flips))
    read(flipped(good, flips)[: int(end * len(good))])


def test_through_the_site(
    client: FlaskClient, detector: FakeDetector, tmp_path: Path, name: str
) -> None:
    detector.answer = []  # nothing to draw
    good = GOOD[name]
    damaged = [flipped(good, [(part / 5, part), (0.9, 1)]) for part in range(5)]
    answers = [client.post("/", **form(data)) for data in (good, good[:-99], *damaged)]
    assert answers[0].status_code == 303
    for answer in answers:
        assert answer.status_code in (303, 415, 422)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    kept = [path for path in (tmp_path / "uploads").rglob("*") if path.is_file()]
    assert len(kept) == sum(answer.status_code == 303 for answer in answers)
    assert {path.suffix for path in kept} == {".jpg"}
