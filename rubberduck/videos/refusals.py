"""Why a video is refused, in words for visitors."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rubberduck.core.errors import DuckError, StorageFailed, TooBusy
from rubberduck.imaging.sandbox import ChildFailed, ChildNotStarted
from rubberduck.videos.contents import HEAD, Content, content_of
from rubberduck.videos.errors import VideoRefused, VideoTooLarge
from rubberduck.videos.models import VideoLimits

log = logging.getLogger(__name__)


def raise_refusal(reply: dict[str, Any], limits: VideoLimits | None = None) -> None:
    """Raise VideoRefused, VideoTooLarge or StorageFailed if a child could not do its work."""
    if (error := reply.get("error")) is not None:
        raise _over_limit(error, limits) or _refusal(error)


def _over_limit(error: object, limits: VideoLimits | None) -> DuckError | None:
    match error:
        case "too-many-pixels":
            return VideoTooLarge("Its frames have more pixels than we allow.")
        case "too-long" if limits:
            return too_long(limits)
        case "no-space":
            return StorageFailed("There is no space left to write the video.")
    return None


def _refusal(error: object) -> VideoRefused:
    match error:
        case "not-a-video":
            return VideoRefused("Its content is something else, whatever its name says.")
        case "no-pictures":
            return VideoRefused("It has no pictures, only sound or text.")
        case "unknown-codec":
            return VideoRefused("Its pictures are encoded in a way that we do not read.")
        case "times-go-back":
            return VideoRefused("It was joined from parts whose times begin anew: convert it.")
    return VideoRefused("Not one frame of it could be read: it is incomplete or damaged.")


def check_content(path: Path) -> Content:
    """Refuse what is clearly no video, with a sentence that helps. Raises VideoRefused."""
    with path.open("rb") as file:
        content = content_of(file.read(HEAD))
    match content:
        case Content.EMPTY:
            raise VideoRefused("The file is empty.")
        case Content.PLAYLIST:
            raise VideoRefused("It is a playlist, which only names other files: send those.")
        case Content.PICTURE:
            raise VideoRefused("It is a picture, not a video: send it where pictures are sent.")
    return content


def check_size(path: Path, limits: VideoLimits) -> None:
    if path.stat().st_size > limits.bytes:
        most = limits.bytes // 1_000_000
        raise VideoTooLarge("It has more than the limit of {most} MB.", most=most)


def too_long(limits: VideoLimits) -> VideoTooLarge:
    return VideoTooLarge("It is longer than the limit of {most} min.", most=limits.minutes)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise the sandbox's errors as errors for visitors; log why a child ended."""
    try:
        yield
    except ChildNotStarted as error:
        raise not_started() from error
    except ChildFailed as error:
        log.warning("video decoder failed reason=%s %s", error.reason, error.trace)
        match error.reason:
            case "memory":
                raise VideoRefused("Decoding it takes more memory than we allow.") from None
            case "time":
                raise VideoRefused("Decoding it takes more time than we allow.") from None
        raise VideoRefused("The decoder crashed on it.") from None


def not_started() -> TooBusy:
    return TooBusy("The decoder did not start.", cause="the decoding child process did not start")
