"""Good pictures of every format, and ways to damage them."""

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from PIL import Image

from rubberduck.core.errors import DuckError
from rubberduck.imaging.decode import decode_picture
from tests.support.pictures import encoded, exif


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


def is_read(data: bytes) -> bool:
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
