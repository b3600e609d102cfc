"""Format times and file names for responses."""

import re
from datetime import datetime

from rubberduck.core.models import Result


def file_name(result: Result) -> str:
    """Return an ASCII file name that contains the answer."""
    words = re.sub(r"[^a-z0-9]+", "-", result.said.lower()).strip("-") or "picture"
    return f"{words}-{result.created_at:%Y-%m-%d}.jpg"


def rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
