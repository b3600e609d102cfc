"""The site's errors as those of the service."""

import logging

from rubberduck.core.errors import (
    DamagedPicture,
    DuckError,
    NoPicture,
    NotAPicture,
    PictureTooLarge,
    TooBusy,
    TooCostly,
    TooManyPixels,
    TooSmall,
)
from rubberduck.emulator.errors import ServiceError, internal, invalid_parameter, throttled

log = logging.getLogger(__name__)
INVALID_FORMAT = "Request has invalid image format"
TOO_LARGE = "Image dimensions: the image has more pixels than can be analysed"


def translated(error: DuckError) -> ServiceError:
    """Return the service's error for one of the site's; log what is our own fault."""
    match error:
        case NotAPicture() | DamagedPicture() | TooCostly():
            return ServiceError("InvalidImageFormatException", INVALID_FORMAT)
        case TooManyPixels() | PictureTooLarge():
            return ServiceError("ImageTooLargeException", TOO_LARGE)
        case NoPicture() | TooSmall():
            return invalid_parameter()
        case TooBusy():
            return throttled()
    log.error("emulator failed cause=%s", error.operator_message)
    return internal()
