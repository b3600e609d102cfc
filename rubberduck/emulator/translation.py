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
# Of what a project, a job or a video refuses.
BY_STATUS = {
    400: "InvalidParameterException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    409: "ResourceInUseException",
    413: "InvalidParameterException",
    422: "InvalidParameterException",
    429: "LimitExceededException",
}
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
    code = BY_STATUS.get(error.status)
    if code is not None:
        return ServiceError(code, error.problem.why)
    log.error("emulator failed cause=%s", error.operator_message)
    return internal()
