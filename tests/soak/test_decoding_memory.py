"""The largest picture of each format: taken, and no decoding process over 600 MB; `make soak`.

Prints the table of docs/security.md.
"""

from collections.abc import Callable

import numpy as np
import psutil
import pytest
from PIL import Image
from PIL.Image import Transpose

from rubberduck.imaging import decode
from rubberduck.imaging.sandbox import Sandbox
from tests.support.bombs import run_length_bmp
from tests.support.decoding import peak_megabytes
from tests.support.pictures import encoded, exif

PHONE, LARGE = (8064, 6048), (5770, 4330)


def gradient(size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    grey = Image.linear_gradient("L").resize(size)
    flipped = grey.transpose(Transpose.FLIP_TOP_BOTTOM)
    return Image.merge("RGB", (grey, flipped, grey)).convert(mode)


def deep(kind: type[np.generic], last: float) -> Image.Image:
    return Image.fromarray(np.linspace(0, last, LARGE[0])[None].repeat(LARGE[1], 0).astype(kind))


LARGEST: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: encoded(gradient(PHONE)),
    "progressive JPEG": lambda: encoded(gradient(PHONE), progressive=True, subsampling=0),
    "CMYK JPEG, turned": lambda: encoded(gradient(PHONE, "CMYK"), exif=exif(6)),
    "HEIC": lambda: encoded(gradient(PHONE), "HEIF", quality=50),
    "WebP": lambda: encoded(gradient(LARGE), "WEBP", method=0),
    "lossless WebP": lambda: encoded(
        gradient(LARGE, "RGBA"), "WEBP", lossless=True, method=0, quality=0
    ),
    "AVIF": lambda: encoded(gradient(LARGE), "AVIF", speed=10, quality=40),
    "PNG": lambda: encoded(gradient(LARGE), "PNG", compress_level=1),
    "PNG with transparency, turned": lambda: encoded(
        gradient(LARGE, "RGBA"), "PNG", compress_level=1, exif=exif(6)
    ),
    "PNG with a palette": lambda: encoded(gradient(LARGE).quantize(32), "PNG", transparency=3),
    "PNG of 16 bits": lambda: encoded(deep(np.uint16, 65_535), "PNG", compress_level=1),
    "GIF": lambda: encoded(gradient(LARGE).quantize(16), "GIF", transparency=3),
    "TIFF": lambda: encoded(gradient(LARGE, "CMYK"), "TIFF", compression="tiff_adobe_deflate"),
    "TIFF of 32 bits": lambda: encoded(
        deep(np.float32, 1), "TIFF", compression="tiff_adobe_deflate"
    ),
    "BMP": lambda: encoded(gradient((2500, 1999)), "BMP"),
    "run-length BMP": lambda: run_length_bmp(3000, 2000),
}


@pytest.mark.soak
@pytest.mark.parametrize("name", LARGEST)
def test_the_largest_picture_of_a_format(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = Sandbox("rubberduck.imaging.decode_child", children=1, max_requests=100)
    monkeypatch.setattr(decode, "_sandbox", sandbox)
    data = LARGEST[name]()
    with sandbox.child(60) as child:
        child.wait_until_ready()
    process = psutil.Process(child.process.pid)
    before = sum(process.cpu_times()[:2])
    picture = decode.decode_picture(data, max_bytes=100_000_000, max_side=2048)
    seconds = sum(process.cpu_times()[:2]) - before
    print(f"{name} {picture.full_size}: {peak_megabytes(process):.0f} MB, {seconds:.1f} s")
    assert peak_megabytes(process) < 600
    sandbox.close()
