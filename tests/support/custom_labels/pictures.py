"""Pictures that a request contains, as the fake reads them for faces."""

from io import BytesIO
from typing import Any

from PIL import Image, UnidentifiedImageError

from tests.support.custom_labels.datasets import read_object
from tests.support.custom_labels.faults import Refused

MAX_BYTES = 5_242_880
SHORTEST_SIDE, LONGEST_SIDE = 80, 10_000


def read_picture(image: dict[str, Any]) -> bytes:
    """Return the bytes of a picture that the service takes. Raises Refused."""
    if ("Bytes" in image) == ("S3Object" in image):
        raise Refused("InvalidParameterException", "bytes or an object")
    data: bytes = image["Bytes"] if "Bytes" in image else read_object(image["S3Object"])
    if "Bytes" in image and len(data) > MAX_BYTES:
        raise Refused("ImageTooLargeException")
    try:
        with Image.open(BytesIO(data), formats=("JPEG", "PNG")) as opened:
            size = opened.size
            opened.load()
    except (UnidentifiedImageError, OSError):
        raise Refused("InvalidImageFormatException") from None
    if min(size) < SHORTEST_SIDE or max(size) > LONGEST_SIDE:
        raise Refused("InvalidParameterException", "the picture's sides")
    return data
