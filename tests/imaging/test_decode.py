"""Every kind of picture in, one kind out; every kind of fault refused in its own words."""

import contextlib
import random
import re
import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin, TiffTags

from rubberduck.core.errors import (
    DamagedPicture,
    NoPicture,
    NotAPicture,
    PictureTooLarge,
    RawFile,
    TooCostly,
    TooManyPixels,
    TooNarrow,
    TooSmall,
)
from rubberduck.imaging import decode_child
from rubberduck.imaging.decode import Picture, decode_picture, to_jpeg_within
from tests.support.pictures import (
    RED,
    corners,
    encoded,
    exif,
    is_close,
    looks_like_corners,
    turned_corners,
)

FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "BMP", "TIFF"]


def read(data: bytes, max_bytes: int = 15_000_000, max_side: int = 2048) -> Picture:
    return decode_picture(data, max_bytes=max_bytes, max_side=max_side)


@pytest.mark.parametrize("format", [*FORMATS, "MPO"])
def test_every_format_comes_out_as_the_same_picture(format: str) -> None:
    picture = read(encoded(format=format))
    assert looks_like_corners(picture.image, within=40 if format == "GIF" else 16)
    assert picture.image.mode == "RGB"
    assert picture.full_size == picture.image.size == (160, 120)
    assert Image.open(BytesIO(picture.jpeg)).size == (160, 120)
    assert not picture.several_frames


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "AVIF"])
def test_of_an_animation_the_first_frame_is_taken_and_that_is_said(format: str) -> None:
    others = [Image.new("RGB", (160, 120), colour) for colour in ("white", "black")]
    picture = read(encoded(format=format, save_all=True, append_images=others))
    assert picture.several_frames
    assert looks_like_corners(picture.image, within=40 if format == "GIF" else 16)


@pytest.mark.parametrize("format", ["TIFF", "MPO"])
def test_further_pictures_in_a_file_are_no_animation(format: str) -> None:
    """A JPEG's gain map or preview, a TIFF's pages or thumbnails."""
    others = [Image.new("RGB", (160, 120), "white")]
    picture = read(encoded(format=format, save_all=True, append_images=others))
    assert not picture.several_frames
    assert looks_like_corners(picture.image)


def test_an_index_of_pictures_that_are_gone_is_no_animation() -> None:
    """An editor kept the multi-picture index and dropped the second picture."""
    data = encoded(format="MPO", save_all=True, append_images=[Image.new("RGB", (160, 120))])
    stale = data[: data.index(b"\xff\xd9") + 2]
    assert b"MPF\0" in stale
    assert not read(stale).several_frames


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_every_turn_comes_out_upright(format: str, orientation: int) -> None:
    picture = read(encoded(turned_corners(orientation), format, exif=exif(orientation)))
    assert looks_like_corners(picture.image, within=20)
    assert picture.full_size == picture.image.size == (160, 120)


XMP_TURN = (
    b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF"
    b" xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description"
    b" xmlns:tiff='http://ns.adobe.com/tiff/1.0/' %b</rdf:RDF></x:xmpmeta>"
)
XMP_TURNS = [
    pytest.param(XMP_TURN % b'tiff:Orientation="1"/>', id="attribute"),
    pytest.param(
        XMP_TURN % b"><tiff:Orientation>1</tiff:Orientation></rdf:Description>", id="element"
    ),
]


@pytest.mark.parametrize("xmp", XMP_TURNS)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_a_turn_that_stands_only_in_xmp_does_not_count(format: str, xmp: bytes) -> None:
    """No browser obeys it. Pillow 13.0.0's getexif() reads it, so that is not used."""
    turned = re.sub(rb'(tiff:Orientation(="|>))1', rb"\g<1>6", xmp)
    if format == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", turned.decode())
        data = encoded(format=format, pnginfo=text)
    elif format == "TIFF":
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[700] = xmp
        data = encoded(format=format, tiffinfo=tags)
    else:
        data = encoded(format=format, xmp=xmp)
    # Of HEIF only now: its encoder would write the turn into the container.
    data = data.replace(xmp, turned)
    assert format == "PNG" or turned in data
    assert looks_like_corners(read(data).image, within=20)


@pytest.mark.parametrize("xmp", XMP_TURNS)
@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
def test_exif_counts_where_xmp_says_something_else(format: str, xmp: bytes) -> None:
    data = encoded(format=format, xmp=xmp.replace(b"1", b"6"), exif=exif(1))
    assert looks_like_corners(read(data).image, within=20)


@pytest.mark.parametrize("format", ["HEIF", "AVIF"])
def test_of_heif_and_avif_exifs_turn_does_not_count(format: str) -> None:
    """The container's does (the test of all turns): cameras leave Exif's as it was."""
    tags = Image.Exif()
    tags[0x0113] = 6
    data = encoded(format=format, exif=tags.tobytes())
    # The encoders would move a turn into the container, so it is written afterwards.
    only_exif = data.replace(b"\x01\x13\x00\x03", b"\x01\x12\x00\x03")
    assert only_exif != data
    assert looks_like_corners(read(only_exif).image, within=20)


def test_broken_exif_costs_the_turn_not_the_picture() -> None:
    data = encoded(exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 30)
    assert looks_like_corners(read(data).image)


def test_a_turn_that_is_no_number_is_none() -> None:
    ascii_turn = struct.pack("<2sHIHHHI4sI", b"II", 42, 8, 1, 0x0112, 2, 4, b"abc", 0)
    assert looks_like_corners(read(encoded(exif=b"Exif\0\0" + ascii_turn)).image)


def test_nothing_of_the_upload_but_its_pixels_is_kept() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encoded(exif=exif(1), comment=b"my secret", icc_profile=profile)
    stored = read(data).jpeg
    assert b"Canary" in data
    assert b"my secret" in data
    for trace in (b"Canary", b"my secret", b"Exif", b"ICC_PROFILE", b"http://ns.adobe.com"):
        assert trace not in stored
    assert dict(Image.open(BytesIO(stored)).getexif()) == {}


def test_text_in_a_png_is_not_kept() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "my secret", zip=False)
    assert b"my secret" not in read(encoded(format="PNG", pnginfo=text)).jpeg


def greys(mode: str) -> Image.Image:
    ramp = np.linspace(0, 1, 160)[None, :].repeat(120, 0)
    if mode == "I;16":
        return Image.fromarray((ramp * 65535).astype(np.uint16))
    if mode == "I":
        return Image.fromarray((ramp * 2_000_000_000).astype(np.int32))
    return Image.fromarray((ramp * 7.5 - 3).astype(np.float32))


@pytest.mark.parametrize(
    ("mode", "format"), [("I;16", "PNG"), ("I;16", "TIFF"), ("I", "TIFF"), ("F", "TIFF")]
)
def test_deep_greys_keep_their_range(mode: str, format: str) -> None:
    image = np.asarray(read(encoded(greys(mode), format)).image)
    assert [int(image[60, x, 0]) for x in (0, 80, 159)] == pytest.approx([0, 128, 255], abs=3)


@pytest.mark.parametrize(
    ("mode", "format"),
    [("RGBA", "PNG"), ("LA", "PNG"), ("PA", "PNG"), ("RGBA", "WEBP"), ("RGBA", "TIFF")],
)
def test_what_is_transparent_becomes_white(mode: str, format: str) -> None:
    image = corners().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 80, 60))
    picture = read(encoded(image.convert("LA" if mode == "PA" else mode), format)).image
    assert is_close(picture.getpixel((20, 20)), (255, 255, 255))
    assert not is_close(picture.getpixel((140, 20)), (255, 255, 255))


def test_a_transparent_palette_colour_becomes_white() -> None:
    image = corners().quantize(8)
    data = encoded(image, "PNG", transparency=image.getpixel((20, 20)))
    assert is_close(read(data).image.getpixel((20, 20)), (255, 255, 255))


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "LAB", "YCbCr"])
def test_every_mode_of_tiff_becomes_rgb(mode: str) -> None:
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(corners(), srgb, lab, outputMode="LAB")
    else:
        image = corners().convert(mode)
    assert image is not None
    picture = read(encoded(image, "TIFF")).image
    assert picture.mode == "RGB"
    coloured = mode not in {"1", "L"}
    assert looks_like_corners(picture, within=60 if mode == "P" else 30) is coloured


def test_a_cmyk_jpeg_keeps_its_colours() -> None:
    assert looks_like_corners(read(encoded(corners().convert("CMYK"))).image, within=16)


def wide_gamut() -> bytes:
    """A profile whose red is far purer than sRGB's: made from Adobe RGB's own numbers."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    tag = srgb.index(b"rXYZ", 128)
    place = struct.unpack(">I", srgb[tag + 4 : tag + 8])[0] + 8
    red = b"".join(struct.pack(">i", round(each * 65536)) for each in (0.60974, 0.31111, 0.01947))
    return srgb[:place] + red + srgb[place + 12 :]


def test_a_wide_gamut_becomes_srgb() -> None:
    plain = read(encoded(quality=95)).image.getpixel((20, 20))
    wide = read(encoded(quality=95, icc_profile=wide_gamut())).image.getpixel((20, 20))
    assert isinstance(plain, tuple)
    assert isinstance(wide, tuple)
    assert wide[0] > plain[0] + 5  # as a screen with sRGB's red needs more of it


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param(b"no profile at all", id="garbage"),
        pytest.param(ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(), id="LAB"),
    ],
)
def test_a_profile_that_does_not_fit_costs_the_profile_not_the_picture(profile: bytes) -> None:
    assert looks_like_corners(read(encoded(icc_profile=profile)).image)


@pytest.mark.parametrize("format", FORMATS)
def test_the_longest_side_is_bounded(format: str) -> None:
    picture = read(encoded(corners(1200, 600), format), max_side=500)
    assert picture.image.size == (500, 250)
    assert picture.full_size == (1200, 600)


@pytest.mark.parametrize(
    ("size", "side", "decoded_as"),
    [
        ((4000, 3000), 1000, (1000, 750)),
        ((4000, 3000), 2048, (2000, 1500)),
        ((4032, 3024), 2048, (2016, 1512)),
        ((5712, 4284), 2048, (2856, 2142)),
        ((8064, 6048), 2048, (2016, 1512)),
    ],
)
def test_a_large_jpeg_is_decoded_small(
    size: tuple[int, int], side: int, decoded_as: tuple[int, int]
) -> None:
    file = Image.open(BytesIO(encoded(Image.new("L", size))))
    decode_child._load_small(file, side)
    assert file.size == decoded_as


@pytest.mark.parametrize("format", ["JPEG", "HEIF"])
def test_the_48_million_pixels_of_newer_phones_are_taken(format: str) -> None:
    # pillow-heif takes 17 s to encode the other one: Image.new(…).save(…, "HEIF", quality=5).
    file = Path(__file__).with_name("gold_48mp.heic")
    is_jpeg = format == "JPEG"
    data = encoded(Image.new("RGB", (8064, 6048), "gold")) if is_jpeg else file.read_bytes()
    picture = read(data)
    assert picture.full_size == (8064, 6048)
    assert is_close(picture.image.getpixel((900, 700)), (255, 215, 0))


def test_the_pixel_limit_is_exact() -> None:
    assert read(encoded(Image.new("L", (5000, 5000)), "PNG")).full_size == (5000, 5000)
    with pytest.raises(TooManyPixels, match="5001 × 5000"):
        read(encoded(Image.new("L", (5001, 5000)), "PNG"))
    with pytest.raises(TooManyPixels, match="limit of 50 million"):
        read(encoded(Image.new("L", (8001, 6250))))


@pytest.mark.parametrize(
    ("size", "words"),
    [
        pytest.param((79, 500), "each side needs at least 80", id="too small"),
        pytest.param((1, 1), "1 × 1", id="one pixel"),
        pytest.param((100, 3000), "Scaled down to", id="too narrow after shrinking"),
    ],
)
def test_small_pictures_are_refused(size: tuple[int, int], words: str) -> None:
    with pytest.raises(TooSmall, match=words):
        read(encoded(Image.new("RGB", size)))


def test_a_strip_is_not_told_to_come_larger() -> None:
    with pytest.raises(TooNarrow) as error:
        read(encoded(Image.new("RGB", (100, 3000))))
    assert error.value.problem.hint == "Crop it to the part that matters and send that."


def test_eighty_pixels_are_enough() -> None:
    assert read(encoded(corners(80, 80))).image.size == (80, 80)


def test_an_empty_file() -> None:
    with pytest.raises(NoPicture, match="empty"):
        read(b"")


def test_the_size_limit_is_exact() -> None:
    data = encoded()
    assert read(data, max_bytes=len(data))
    with pytest.raises(PictureTooLarge, match="larger than"):
        read(data, max_bytes=len(data) - 1)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", id="SVG"),
        pytest.param(b"%PDF-1.7\n%rest", id="PDF"),
        pytest.param(b"<!doctype html><script>alert(1)</script>", id="HTML"),
        pytest.param(b"\0\0\0\x18ftypmp42" + bytes(100), id="video"),
        pytest.param(b"P6 200 200 255 " + bytes(120_000), id="a format that we do not take"),
        pytest.param(b"quack", id="text"),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(NotAPicture):
        read(data)


NOISE = Image.effect_noise((300, 300), 80).convert("RGB")


@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("progressive", [False, True], ids=["sequential", "progressive"])
def test_a_jpeg_without_its_end_mark_is_taken_and_that_is_said(
    progressive: bool, missing: int
) -> None:
    data = encoded(NOISE, progressive=progressive)
    whole, cut = read(data), read(data[:-missing])
    assert cut.is_truncated
    assert not whole.is_truncated
    assert cut.image.tobytes() == whole.image.tobytes()


@pytest.mark.parametrize("missing", [12, 40, 400])
def test_a_jpeg_without_its_last_pixels_is_refused(missing: int) -> None:
    with pytest.raises(DamagedPicture):
        read(encoded(NOISE)[:-missing])


def test_fill_bytes_between_a_jpegs_segments_are_taken() -> None:
    """Any number of them is allowed (ITU-T T.81, B.1.1.2)."""
    data = encoded()
    filled = data[:2] + b"\xff" * 6000 + data[2:]
    picture = read(filled)
    assert looks_like_corners(picture.image)
    assert not picture.is_truncated


RAW_TAGS: dict[str, dict[int, Any]] = {
    "DNG": {50706: b"\1\4\0\0"},
    "NEF": {254: 1, 330: (8, 8)},
    "sensor data": {262: 32803},
}


@pytest.mark.parametrize("kind", RAW_TAGS)
def test_a_raw_file_is_refused_in_its_own_words(kind: str) -> None:
    """Only the small preview inside it could be read."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for number, value in RAW_TAGS[kind].items():
        if number == 330:
            tags.tagtype[number] = TiffTags.LONG
        tags[number] = value
    with pytest.raises(RawFile, match="preview") as refused:
        read(encoded(format="TIFF", tiffinfo=tags))
    assert refused.value.problem.hint == "Export it as a JPEG and send that."


@pytest.mark.parametrize(
    "beginning", [b"II*\0\x10\0\0\0CR\2\0", b"FUJIFILMCCD-RAW 0201", b"\0\0\0\x18ftypcrx "]
)
def test_raw_files_of_other_makers_are_known_by_their_beginning(beginning: bytes) -> None:
    with pytest.raises(RawFile):
        read(beginning + bytes(200))


def test_greys_that_are_no_numbers_are_still_a_picture() -> None:
    greys = np.zeros((120, 160), np.float32)
    greys[0, 0], greys[5, 5] = np.nan, np.inf
    assert read(encoded(Image.fromarray(greys), "TIFF")).image.size == (160, 120)


@pytest.mark.parametrize("format", FORMATS)
def test_half_a_picture_is_broken(format: str) -> None:
    data = encoded(NOISE, format)
    with pytest.raises(DamagedPicture):
        read(data[: len(data) // 2])


@pytest.mark.parametrize("format", [*FORMATS, "MPO"])
def test_damage_is_a_refusal_never_an_accident(format: str) -> None:
    """Cuts and flipped bits at random: whatever Pillow makes of them, only our own errors."""
    good = encoded(Image.effect_noise((120, 100), 60).convert("RGB"), format, exif=exif(6))
    dice = random.Random(format)
    refused = 0
    for _ in range(120):
        data = bytearray(good[: dice.randrange(1, len(good) + 1)])
        for _ in range(dice.randrange(8)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        with contextlib.suppress(NotAPicture, DamagedPicture, TooSmall, TooManyPixels, TooCostly):
            read(bytes(data))
            continue
        refused += 1
    assert refused > 30


def test_a_jpeg_made_to_fit() -> None:
    noise = Image.effect_noise((900, 900), 120).convert("RGB")
    data = to_jpeg_within(noise, 60_000)
    assert len(data) <= 60_000
    assert Image.open(BytesIO(data)).format == "JPEG"


def test_red_is_red() -> None:
    """The helper that the others trust can fail."""
    assert looks_like_corners(corners())
    assert not looks_like_corners(Image.new("RGB", (160, 120), RED))
