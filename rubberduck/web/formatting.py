"""Format times, file names and JSON for responses."""

import json
import re
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rubberduck.core.models import Result


def file_name(result: Result) -> str:
    """Return an ASCII file name that contains the answer."""
    words = re.sub(r"[^a-z0-9]+", "-", result.said.lower()).strip("-") or "picture"
    return f"{words}-{result.created_at:%Y-%m-%d}.jpg"


def rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def indented(body: Any) -> str:
    """Return a dataclass as JSON for people, with the fields in the order of the class."""
    return json.dumps(asdict(body), ensure_ascii=False, indent=2)
