"""Pictures for the tests, made here."""

from io import BytesIO
from random import Random
from typing import Any

from PIL import Image
from pillow_heif import register_heif_opener
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from rubberduck.imaging.orientation import UPRIGHT

register_heif_opener()  # the site itself only decodes HEIF, with pi-heif
RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 160, 60), (30, 60, 220), (240, 210, 40)


def corners(width: int = 160, height: int = 120) -> Image.Image:
    """A colour in each corner, so that turns and mirrors can be told apart: red is top left."""
    image = Image.new("RGB", (width, height), RED)
    w, h = width // 2, height // 2
    image.paste(GREEN, (w, 0, width, h))
    image.paste(BLUE, (0, h, w, height))
    image.paste(YELLOW, (w, h, width, height))
    return image


def turned_corners(orientation: int) -> Image.Image:
    """Return the pixels of a file with this Exif orientation that shows `corners` upright."""
    if orientation == 1:
        return corners()
    return corners().transpose(UPRIGHT[{6: 8, 8: 6}.get(orientation, orientation)])


def encoded(image: Image.Image | None = None, format: str = "JPEG", **options: Any) -> bytes:
    out = BytesIO()
    (image or corners()).save(out, format, **options)
    return out.getvalue()


def block_pattern(seed: int) -> Image.Image:
    """A picture without a duck, which resembles none of another seed."""
    cells = bytes(Random(seed).choices(range(256), k=8 * 6 * 3))
    return Image.frombytes("RGB", (8, 6), cells).resize((320, 240), Image.Resampling.NEAREST)


def tiny(number: int) -> bytes:
    """As small as Rekognition takes, and each of other bytes."""
    colour = number % 256, number // 256 % 256, 7 + number // 65536
    return encoded(Image.new("RGB", (96, 80), colour), "PNG")


def form(data: bytes, name: str = "photo.jpg", field: str = "picture") -> dict[str, Any]:
    """What a browser's form sends, for `client.post(…, **form(…))`."""
    boundary, body = encode_multipart({field: FileStorage(BytesIO(data), name)})
    return {"data": body, "content_type": f"multipart/form-data; boundary={boundary}"}


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = "Canary Cameras"
    tags.get_ifd(0x8825)[1] = "N"  # GPS
    return tags.tobytes()


def is_close(one: Any, other: tuple[int, int, int], within: int = 12) -> bool:
    return all(abs(a - b) <= within for a, b in zip(one[:3], other, strict=True))


def looks_like_corners(image: Image.Image, within: int = 12) -> bool:
    w, h = image.size
    places = {(0.2, 0.2): RED, (0.8, 0.2): GREEN, (0.2, 0.8): BLUE, (0.8, 0.8): YELLOW}
    return all(
        is_close(image.getpixel((int(x * w), int(y * h))), colour, within)
        for (x, y), colour in places.items()
    )
