"""Decode pictures inside the sandbox's child: upright, shrunk, sRGB, nothing but the pixels.

`handle` serves one or two requests for each picture:

- {"do": "open", "max_pixels", "max_scans", "max_side", "decode_pixels"} returns the header:
  {"format", "width", "height", "is_progressive"}. Of a picture with at most `decode_pixels` pixels,
  "picture" in it is the reply to "decode", which is not to be sent.
- {"do": "decode", "max_side"} returns {"width", "height", "full_width", "full_height",
  "is_animated", "is_truncated", "turn", "taken"} and writes the pixels as a PPM file.

Both may return {"error": "not-a-picture" | "raw-file" | "too-many-pixels" | "too-many-scans" |
"broken-header" | "broken"} instead.

numpy is not imported: its threads cost address space, which is limited here.
"""

import warnings
from io import BytesIO, FileIO
from typing import Any, cast

from pi_heif import options as heif_options
from pi_heif import register_heif_opener
from PIL import (
    Image,
    ImageCms,
    ImageColor,
    ImageFile,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
)
from PIL.Image import Resampling

from rubberduck.imaging.orientation import (
    BROKEN,
    SIDEWAYS,
    UPRIGHT,
    exif_orientation,
    exif_taken,
)

# An embedded thumbnail may differ from the picture.
register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
heif_options.DECODE_THREADS = 2  # each thread costs address space
# Import all plugins, and what they import late, now: no file can be opened after the lockdown.
Image.init()
ImageColor.getrgb("white")
assert MpoImagePlugin
# "MPO" is not listed: it breaks `Image.open(formats=…)`, and its files open as JPEG.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "BMP", "TIFF")
ANIMATED_FORMATS = ("GIF", "PNG", "WEBP", "AVIF")  # elsewhere, further pictures are no animation
SRGB = ImageCms.createProfile("sRGB")
NEARLY = 0.9  # of the requested side is enough, if a JPEG then decodes faster
warnings.simplefilter("error", Image.DecompressionBombWarning)
PngImagePlugin.MAX_TEXT_MEMORY = 8_000_000
TOO_MANY_PIXELS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
# TIFF's tags and their values
SUBFILE_TYPE, PHOTOMETRIC, SUB_IFDS, DNG_VERSION = 254, 262, 330, 50706
XMP = ("xmp", "XML:com.adobe.xmp")  # names in an image's `info`
REDUCED_SIZE = 1
SENSOR_DATA = (32803, 34892)  # a colour filter's array, and linear raw
START_OF_SCAN = b"\xff\xda"
JPEG_END, FILLER = b"\xff\xd9", b"\xaa\x55\x33" * 2000


class Refused(Exception):
    """The picture cannot be decoded; the message is the reply's "error"."""


class Decoder:
    """Keeps a file between its two requests, open and decode."""

    def __init__(self) -> None:
        self._file: Image.Image | None = None
        self._data = b""

    def handle(self, request: dict[str, Any], data: bytes, output: FileIO) -> dict[str, Any]:
        """Answer one request, as the module's docstring says. Raises MemoryError at the limit."""
        try:
            if request["do"] == "open":
                header = self._open(data, request["max_pixels"], request["max_scans"])
                if header["width"] * header["height"] > request["decode_pixels"]:
                    return header
                decode = {"do": "decode", "max_side": request["max_side"]}
                return {**header, "picture": self.handle(decode, b"", output)}
            return self._decode(request["max_side"], output)
        except Refused as refusal:
            return {"error": str(refusal)}
        except TOO_MANY_PIXELS:
            return {"error": "too-many-pixels"}

    def _open(self, data: bytes, max_pixels: int, max_scans: int) -> dict[str, Any]:
        self._file = None  # of a picture that was refused by its size
        Image.MAX_IMAGE_PIXELS = max_pixels
        file = _open(data, max_pixels)
        if file.info.get("progressive") and data.count(START_OF_SCAN) > max_scans:
            raise Refused("too-many-scans")
        self._file, self._data = file, data
        return {
            "format": "JPEG" if file.format == "MPO" else file.format,
            "width": file.width,
            "height": file.height,
            "is_progressive": bool(file.info.get("progressive")),
        }

    def _decode(self, max_side: int, output: FileIO) -> dict[str, Any]:
        file, data = self._file, self._data
        self._file, self._data = None, b""
        assert file is not None
        with file:
            try:
                return _decode(file, data, max_side, output)
            except TOO_MANY_PIXELS:
                raise
            except BROKEN as error:
                raise Refused("broken") from error


handle = Decoder().handle


def _open(data: bytes, max_pixels: int) -> Image.Image:
    if _is_raw(data):
        raise Refused("raw-file")
    _check_webp_canvas(data, max_pixels)
    try:
        return Image.open(_file(data), formats=FORMATS)
    except BROKEN as error:
        known = any(_accepts(name, data) for name in FORMATS)
        raise Refused("broken-header" if known else "not-a-picture") from error


def _file(data: bytes) -> BytesIO:
    return _BigEndianBigTiff(data) if data.startswith(BIG_ENDIAN_BIG_TIFF) else BytesIO(data)


# Pillow 13.0.0 takes a TIFF for a BigTIFF if the third byte of its header is 43. In a big-endian
# one it is the fourth.
BIG_ENDIAN_BIG_TIFF = b"MM\0+"


class _BigEndianBigTiff(BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        is_header = self.tell() == 0 and size == 8
        return super().read(16 if is_header else size)  # what Pillow reads of a BigTIFF


class _Header(bytes):
    def __getitem__(self, index: Any) -> Any:
        return super().__getitem__(3 if index == 2 else index)


class _Directory(TiffImagePlugin.ImageFileDirectory_v2):
    def __init__(self, ifh: bytes = b"II*\0\0\0\0\0", *arguments: Any, **named: Any) -> None:
        header = _Header(ifh) if ifh.startswith(BIG_ENDIAN_BIG_TIFF) else ifh
        super().__init__(header, *arguments, **named)


TiffImagePlugin.ImageFileDirectory_v2 = _Directory  # type: ignore[misc]


def _accepts(name: str, data: bytes) -> bool:
    accepts = Image.OPEN[name][1]
    return bool(accepts and accepts(data[:16]) is True)


def _check_webp_canvas(data: bytes, max_pixels: int) -> None:
    """Raise Refused for a canvas that is too large: the decoder allocates it while opening."""
    if data[:4] != b"RIFF" or data[8:16] != b"WEBPVP8X":
        return
    width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    if width * height > max_pixels:
        raise Refused("too-many-pixels")


def _is_raw(data: bytes) -> bool:
    """Return whether this is a camera's raw file, of which Pillow reads only the small preview."""
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return data[4:12] == b"ftypcrx " or data.startswith(RAW_BEGINNINGS)
    if data[8:10] == b"CR":
        return True
    directory = TiffImagePlugin.ImageFileDirectory_v2(data[:8])
    try:
        file = BytesIO(data)
        file.seek(directory.next)
        directory.load(file)
        kind, meaning = directory.get(SUBFILE_TYPE, 0), directory.get(PHOTOMETRIC)
        is_preview = bool(kind & REDUCED_SIZE) and SUB_IFDS in directory
    except BROKEN:
        return False  # the decoder will report it
    return is_preview or DNG_VERSION in directory or meaning in SENSOR_DATA


RAW_BEGINNINGS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM")


def _decode(file: Image.Image, data: bytes, max_side: int, output: FileIO) -> dict[str, Any]:
    is_animated = file.format in ANIMATED_FORMATS and bool(getattr(file, "is_animated", False))
    for name in XMP:  # browsers ignore its orientation, but Pillow applies it to TIFFs
        file.info.pop(name, None)
    width, height = file.size
    file, is_truncated = _load(file, data, max_side)
    orientation, taken = exif_orientation(file), exif_taken(file)
    turn = UPRIGHT.get(orientation)
    image = _bare_pixels(file, max_side)
    if turn is not None:
        image = image.transpose(turn)
    if turn in SIDEWAYS:
        width, height = height, width
    image.save(output, "PPM")  # Pillow writes it in C, without a copy of all pixels
    return {
        "width": image.width,
        "height": image.height,
        "full_width": width,
        "full_height": height,
        "is_animated": is_animated,
        "is_truncated": is_truncated,
        "turn": 1 if turn is None else orientation,
        "taken": taken,
    }


def _load(file: Image.Image, data: bytes, max_side: int) -> tuple[Image.Image, bool]:
    """Return the decoded file, and whether only its end marker was missing."""
    try:
        _load_small(file, max_side)
    except OSError:
        if not isinstance(file, ImageFile.ImageFile) or file.format not in ("JPEG", "MPO"):
            raise
        return _load_without_end(data, max_side), True
    return file, False


def _load_small(file: Image.Image, max_side: int) -> None:
    # libjpeg can decode at a fraction of the size, for example half, in a third of the time.
    scale = min(1.0, NEARLY * max_side / max(file.size))
    file.draft(file.mode, (int(file.width * scale), int(file.height * scale)))
    file.load()


def _load_without_end(data: bytes, max_side: int) -> Image.Image:
    """Return a JPEG that lacks only its end marker. Raises OSError if pixels are missing.

    libjpeg fills missing pixels silently. So it is given two endings: where pixels are missing, it
    takes them from whatever follows, and the two pictures differ.
    """
    whole = data.rstrip(b"\xff")
    one, other = (Image.open(BytesIO(whole + end + JPEG_END)) for end in (b"", FILLER))
    for file in (one, other):
        _load_small(file, max_side)
    if one.tobytes() != other.tobytes():
        raise OSError("the picture is cut off")
    return one


def _bare_pixels(file: Image.Image, max_side: int) -> Image.Image:
    """Return the pixels as sRGB on white, without metadata. Shrinks first, to save time."""
    profile = file.info.get("icc_profile")
    image = _easy_mode(file)
    image.thumbnail((max_side, max_side), Resampling.BICUBIC)
    return _to_srgb(_on_white(image), profile)


def _easy_mode(image: Image.Image) -> Image.Image:
    """Convert to L, RGB, RGBA, CMYK or LAB, which can be resized without loss of colour."""
    if image.mode.startswith(("I", "F")):
        return _to_grey(image)
    if image.has_transparency_data and image.mode != "RGBA":
        return image.convert("RGBA")
    if image.mode in ("L", "RGB", "RGBA", "CMYK", "LAB"):
        return image
    return image.convert("RGB")


def _to_grey(image: Image.Image) -> Image.Image:
    """Scale 16-bit and float greys to 0 to 255; Pillow's own conversion would clip them."""
    is_16_bit = image.mode.startswith("I;16")
    image = image.convert("F")
    low, high = (0.0, 65535.0) if is_16_bit else cast(tuple[float, float], image.getextrema())
    if not low < high or not high - low < float("inf"):
        return image.convert("L")  # a single grey, or NaN
    scale = 255.0 / (high - low)
    return image.point(lambda grey: grey * scale + -low * scale).convert("L")


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image)
    return white


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    try:
        if image.mode == "LAB":
            source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        elif profile:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
        else:
            return image if image.mode == "RGB" else image.convert("RGB")
        converted = ImageCms.profileToProfile(image, source, SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, *BROKEN):
        # A broken or unsuitable profile: use the pixels as they are.
        return image.convert("RGB")
    assert converted is not None  # None only with `inPlace`
    return converted
