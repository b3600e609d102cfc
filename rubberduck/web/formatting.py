"""Format times, file names and JSON for responses."""

import json
import re
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rubberduck.core.models import Result

if TYPE_CHECKING:
    from rubberduck.videos.models import Video


def file_name(result: Result) -> str:
    """Return an ASCII file name that contains the answer."""
    return _named(result.said, "picture", result.created_at, "jpg")


def video_name(video: "Video", extension: str) -> str:
    """Return an ASCII file name that contains the answer, for what is saved of a video."""
    return _named(video.said or "", "video", video.created_at, extension)


def _named(said: str, otherwise: str, created_at: datetime, extension: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", said.lower()).strip("-") or otherwise
    return f"{words}-{created_at:%Y-%m-%d}.{extension}"


def rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def indented(body: Any) -> str:
    """Return a dataclass as JSON for people, with the fields in the order of the class."""
    return json.dumps(asdict(body), ensure_ascii=False, indent=2)
