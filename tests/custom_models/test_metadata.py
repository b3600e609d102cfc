"""What a project stores of an upload: the same pixels and turn, and nothing else."""

from contextlib import suppress
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from rubberduck.custom_models.metadata import NotParsed, without_metadata
from rubberduck.imaging.orientation import exif_orientation
from tests.support.pictures import corners, encoded, exif

SECRET = b"CANARY"


def pixels(data: bytes) -> np.ndarray:
    with Image.open(BytesIO(data)) as image:
        image.load()
        return np.asarray(image)


def noise(mode: str = "RGB", size: tuple[int, int] = (97, 131)) -> Image.Image:
    shape = (size[1], size[0], len(mode)) if len(mode) > 1 else (size[1], size[0])
    values = np.random.default_rng(7).integers(0, 255, shape, np.uint8)
    return Image.fromarray(values, mode)


def talkative_png() -> bytes:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", SECRET.decode())
    texts.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    return encoded(noise("RGBA"), "PNG", pnginfo=texts, exif=exif(6), dpi=(300, 300)) + SECRET


def talkative_jpeg(**options: Any) -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options = {"exif": exif(6), "icc_profile": profile, "comment": SECRET, **options}
    return encoded(noise(), "JPEG", xmp=SECRET, **options) + SECRET


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(talkative_jpeg(), id="baseline"),
        pytest.param(talkative_jpeg(progressive=True), id="progressive, several scans"),
        pytest.param(encoded(noise("CMYK"), "JPEG", comment=SECRET), id="CMYK with Adobe's marker"),
        pytest.param(encoded(noise("L"), "JPEG", restart_marker_blocks=3), id="restart markers"),
        pytest.param(
            encoded(noise(), "MPO", save_all=True, append_images=[corners()]), id="two pictures"
        ),
        pytest.param(talkative_png(), id="PNG"),
        pytest.param(encoded(noise().quantize(16), "PNG", transparency=3), id="PNG with a palette"),
    ],
)
@pytest.mark.parametrize("turn", range(1, 9))
def test_pixels_and_turn_stay_and_the_rest_goes(data: bytes, turn: int) -> None:
    stripped = without_metadata(data, turn)
    assert np.array_equal(pixels(stripped), pixels(data))
    assert SECRET not in stripped
    assert b"Canary Cameras" not in stripped
    with Image.open(BytesIO(data)) as before, Image.open(BytesIO(stripped)) as after:
        assert exif_orientation(after) == turn
        assert dict(after.getexif()) == ({} if turn == 1 else {0x0112: turn})
        assert after.info.get("icc_profile") == before.info.get("icc_profile")
        assert after.info.get("transparency") == before.info.get("transparency")
        assert not getattr(after, "is_animated", False)
    assert without_metadata(stripped, turn) == stripped


def test_a_missing_end_marker_is_added() -> None:
    whole = without_metadata(talkative_jpeg(), 6)
    assert without_metadata(whole[:-2], 6) == whole


@given(st.data())
def test_what_is_broken_is_refused_or_comes_out_shorter(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from([talkative_jpeg(), talkative_png()]))
    cut = data.draw(st.integers(0, len(whole)))
    changed = bytearray(whole[:cut])
    if changed:
        changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(NotParsed):
        assert len(without_metadata(bytes(changed), 1)) <= len(changed) + 20
