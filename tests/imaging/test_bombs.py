"""Bombs: each is refused from what its file says, before it costs anything."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from rubberduck.core.errors import (
    DuckError,
    TooManyParts,
)
from rubberduck.imaging import av1, avif
from tests.support import bombs
from tests.support.bombs import BOMBS
from tests.support.decoding import REFUSALS, decode_upload, measured
from tests.support.pictures import corners, encoded, exif, looks_like_corners
from tests.support.server import Site


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused(armoury: Path, name: str) -> None:
    with pytest.raises(DuckError) as refused:
        decode_upload((armoury / name).read_bytes())
    assert isinstance(refused.value, REFUSALS)


def test_bombs_cost_no_memory(armoury: Path) -> None:
    """All of them, one after another, in a process of their own."""
    told = measured("refuse_all", armoury)
    for name, milliseconds in told["milliseconds"].items():
        print(f"{milliseconds:8.1f} ms  {name}")
    print(f"{told['megabytes']:8.1f} MB in all")
    assert len(told["milliseconds"]) == len(BOMBS) >= 30
    assert told["megabytes"] < 30


def test_bombs_do_not_shake_the_served_site(site: Site, armoury: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(site.post, [path.read_bytes() for path in armoury.iterdir()]))
    assert {status for status, _ in answers} <= {415, 422, 503}
    assert site.post(encoded(corners(320, 240)))[0] == 201
    assert len(site.workers) <= 2  # none had to be replaced; the second may still be starting


@pytest.mark.parametrize(
    ("name", "data"),
    [
        pytest.param("a progressive JPEG", lambda: bombs.scans(20), id="twenty scans"),
        pytest.param("a large comment", lambda: encoded(comment=bytes(60_000)), id="a comment"),
        pytest.param("a hundred texts", lambda: bombs.png(*[(b"tEXt", b"a\0")] * 100), id="texts"),
        pytest.param("an AVIF", lambda: encoded(format="AVIF", exif=exif(6)), id="AVIF with Exif"),
        pytest.param("a TIFF", lambda: bombs.tiff({}), id="TIFF"),
        pytest.param("a TIFF in a circle", lambda: bombs.tiff({34665: (4, 1, 8)}), id="a circle"),
    ],
)
def test_what_only_looks_a_little_like_one_is_taken(name: str, data: bombs.Bomb) -> None:
    assert decode_upload(data()), name


def test_four_hundred_frames_cost_as_much_as_one() -> None:
    others = [Image.new("RGB", (160, 120), (n % 256, n // 2, 90)) for n in range(400)]
    data = encoded(format="GIF", save_all=True, append_images=others)
    picture = decode_upload(data)
    assert picture.several_frames
    assert looks_like_corners(picture.image, within=40)


@pytest.mark.parametrize("size", [(160, 120), (333, 80), (2049, 100)])
def test_an_avif_is_counted_to_the_pixel(size: tuple[int, int]) -> None:
    data = encoded(corners(*size), "AVIF")
    assert [av1.pixels(stream) for stream in avif.streams(data)] == [size[0] * size[1]]


def test_each_track_of_an_animation_is_counted() -> None:
    others = [Image.new("RGB", (160, 120), colour) for colour in ("white", "black")]
    data = encoded(format="AVIF", save_all=True, append_images=others)
    assert {av1.pixels(stream) for stream in avif.streams(data)} == {160 * 120}


def test_an_avif_of_more_pieces_than_any_picture_has_is_refused() -> None:
    data = encoded(format="AVIF")
    at = data.index(b"iloc") + 8
    assert data[at + 8 : at + 10] == b"\0\1"  # one piece
    many = data[: at + 8] + b"\xff\xff" + data[at + 10 :]
    with pytest.raises(TooManyParts):
        list(avif.streams(many))


def test_transparency_counts() -> None:
    image = corners().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    assert [av1.pixels(s) for s in avif.streams(encoded(image, "AVIF"))] == [160 * 120] * 2


TWO_AT_ONCE = 800  # megabytes: what two pictures of 25 million pixels may cost together


@pytest.mark.parametrize("how_many", [4, pytest.param(16, marks=pytest.mark.soak)])
def test_the_largest_pictures_at_once_wait_for_each_other(how_many: int) -> None:
    megabytes = measured("read_at_once", how_many)
    print(f"{how_many} at once: {megabytes:.0f} MB")
    assert megabytes < TWO_AT_ONCE
