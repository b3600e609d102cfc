"""Whatever a file carries beside its pixels stays behind: nowhere stored, nowhere served."""

import struct
import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin

from tests.support.aws import BUCKET
from tests.support.pictures import encoded, form

MARKER = b"SECRET7f3a"  # no JPEG of ours holds it by chance
WORDS = MARKER.decode()
SCRIPT = b"<script>alert('" + MARKER + b"')</script><?php echo '" + MARKER + b"'; ?>"


def camera() -> Image.Exif:
    """What a phone writes down: who, where, and a small copy of the picture."""
    tags = Image.Exif()
    tags[0x010F] = tags[0x013B] = tags[0x010E] = WORDS  # maker, artist, description
    tags.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0" + MARKER  # a comment
    tags.get_ifd(0x8769)[0xA431] = WORDS  # serial number
    tags.get_ifd(0x8825)[1] = "N"
    tags.get_ifd(0x8825)[0x1D] = WORDS  # date of the place
    return tags


XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + MARKER + b"</x:xmpmeta>"


def segment(marker: int, content: bytes) -> bytes:
    """A JPEG with one more segment."""
    good = encoded()
    return good[:2] + struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content + good[2:]


def png_text(kind: str) -> bytes:
    text = PngImagePlugin.PngInfo()
    if kind == "iTXt":
        text.add_itxt("Comment", WORDS)
    else:
        text.add_text("Comment", WORDS, zip=kind == "zTXt")
    return encoded(format="PNG", pnginfo=text)


def profile() -> bytes:
    """A good one with our words in its name."""
    good = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    at = good.index(b"desc", 128 + 4)
    place = struct.unpack_from(">I", good, at + 4)[0] + 28
    words = WORDS.encode("utf-16-be")
    return good[:place] + words + good[place + len(words) :]


def tiff_tags() -> bytes:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[270] = tags[305] = tags[315] = WORDS  # description, software, artist
    tags[700] = XMP
    return encoded(format="TIFF", tiffinfo=tags)


def zipped() -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(f"{WORDS}.html", SCRIPT)
    return out.getvalue()


CARRIERS: dict[str, Callable[[], bytes]] = {
    "JPEG comment": lambda: encoded(comment=SCRIPT),
    "JPEG Exif": lambda: encoded(exif=camera()),
    "JPEG XMP": lambda: encoded(xmp=XMP),
    "JPEG IPTC": lambda: segment(0xED, b"Photoshop 3.0\0" + b"8BIM\4\4\0\0\0\0\0\x0a" + MARKER),
    "JPEG segment of nobody": lambda: segment(0xEB, MARKER),
    "JPEG profile": lambda: encoded(icc_profile=profile()),
    "JPEG with a page behind it": lambda: encoded() + b"<html>" + SCRIPT,
    "JPEG with an archive behind it": lambda: encoded() + zipped(),
    "PNG tEXt": lambda: png_text("tEXt"),
    "PNG zTXt": lambda: png_text("zTXt"),
    "PNG iTXt": lambda: png_text("iTXt"),
    "PNG Exif": lambda: encoded(format="PNG", exif=camera()),
    "PNG profile": lambda: encoded(format="PNG", icc_profile=profile()),
    "PNG with PHP behind it": lambda: encoded(format="PNG") + SCRIPT,
    "WebP Exif": lambda: encoded(format="WEBP", exif=camera()),
    "WebP XMP": lambda: encoded(format="WEBP", xmp=XMP),
    "GIF comment": lambda: encoded(format="GIF", comment=SCRIPT),
    "TIFF tags": tiff_tags,
    "AVIF Exif and XMP": lambda: encoded(format="AVIF", exif=camera(), xmp=XMP),
    "HEIC Exif": lambda: encoded(format="HEIF", exif=camera().tobytes()),
    "HEIC XMP": lambda: encoded(format="HEIF", xmp=XMP),
    "BMP with a page behind it": lambda: encoded(format="BMP") + SCRIPT,
}


def carries(data: bytes) -> bool:
    """Also in the wide letters of profiles."""
    return MARKER in data or WORDS.encode("utf-16-be") in data


def hidden(name: str) -> bytes:
    """A carrier's data; packed texts are looked for before they are packed."""
    data = CARRIERS[name]()
    assert carries(data) or name == "PNG zTXt" or carries(unpacked(data)), "nothing is hidden"
    return data


def unpacked(png: bytes) -> bytes:
    """A PNG's packed profile."""
    at = png.index(b"iCCP")
    length = int.from_bytes(png[at - 4 : at])
    return zlib.decompress(png[at + 4 : at + 4 + length].split(b"\0\0", 1)[1])


def assert_bare(jpeg: bytes) -> None:
    assert not carries(jpeg)
    assert jpeg.endswith(b"\xff\xd9")  # and nothing behind its end
    image = Image.open(BytesIO(jpeg))
    assert image.format == "JPEG"
    assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert dict(image.getexif()) == {}


@pytest.mark.parametrize("name", CARRIERS)
def test_nothing_but_the_pixels_is_kept_or_shown(
    client: FlaskClient, tmp_path: Path, name: str
) -> None:
    where = client.post("/", **form(hidden(name), name=f"{WORDS}.jpg")).location
    stored = [path.read_bytes() for path in (tmp_path / "uploads").rglob("*.*")]
    assert len(stored) == 2
    for jpeg in stored:
        assert_bare(jpeg)
    for address in ("", ".json", ".jpg", "/picture.jpg", "/marked.jpg", "/small.jpg"):
        answer = client.get(where + address)
        assert answer.status_code == 200
        assert not carries(answer.data)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert (answer.mimetype == "image/jpeg") is address.endswith(".jpg")
    assert not carries(client.get("/mine").data)


def test_nothing_but_the_pixels_goes_to_a_bucket(aws_client: FlaskClient, s3: Any) -> None:
    for name in CARRIERS:
        answer = aws_client.post("/api/v1/pictures", **form(hidden(name), name=f"{WORDS}.jpg"))
        assert answer.status_code == 201, name
    items = s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert len(items) == 2 * len(CARRIERS)
    for item in items:
        thing = s3.get_object(Bucket=BUCKET, Key=item["Key"])
        assert_bare(thing["Body"].read())
        assert not carries(repr((item, thing["Metadata"], thing["ContentType"])).encode())


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'>" + SCRIPT + b"</svg>", id="SVG"),
        pytest.param(b"<!doctype html>" + SCRIPT, id="HTML"),
        pytest.param(b"%PDF-1.7\n" + SCRIPT, id="PDF"),
        pytest.param(b"<?php system('" + MARKER + b"'); ?>", id="PHP"),
        pytest.param(b"MZ" + bytes(58) + MARKER, id="program"),
        pytest.param(b"\x7fELF" + MARKER, id="other program"),
        pytest.param(b"#!/bin/sh\n" + MARKER, id="shell script"),
        pytest.param(zipped(), id="archive"),
        pytest.param(b"GIF89a/*" + SCRIPT + b"*/=1;", id="script that begins like a GIF"),
        pytest.param(b"\xff\xd8\xff\xe0" + SCRIPT, id="page that begins like a JPEG"),
        pytest.param(b"BM" + SCRIPT, id="page that begins like a BMP"),
    ],
)
def test_what_only_calls_itself_a_picture(client: FlaskClient, tmp_path: Path, data: bytes) -> None:
    for address in ("/", "/api/v1/pictures", "/api/v1/frames"):
        answer = client.post(address, **form(data, name="duck.jpg"))
        assert answer.status_code in (415, 422)
        assert answer.mimetype == ("text/html" if address == "/" else "application/problem+json")
        assert not carries(answer.data)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not [path for path in (tmp_path / "uploads").rglob("*") if path.is_file()]
