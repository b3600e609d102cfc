"""Large stored files: byte ranges from the folder, or a redirect to the bucket's signed link.

Werkzeug answers ranges, entity tags and 416. It lacks three things, added here: a limit for the
bytes of an answer, so that a seeking player holds a thread only briefly; the whole file, instead of
416, for several or malformed ranges; and the strong comparison that If-Range demands (RFC 9110).
"""

from flask import Response, redirect, request, send_file
from werkzeug.http import parse_range_header

from rubberduck.core.errors import DuckError
from rubberduck.web.deps import pipeline

MAX_ANSWER = 4_000_000  # bytes of one range; players ask for the next one


def stored_file(
    key: str,
    content_type: str,
    missing: DuckError,
    *,
    save_as: str | None = None,
    seconds: int | None = None,
) -> Response:
    """Return a stored file, the range that is asked for, or a redirect to the bucket.

    With `save_as`, browsers save it under that name. `seconds` is the life of the bucket's link.
    Raises `missing` if there is no such file.
    """
    storage = pipeline().storage
    if url := storage.url(key, save_as, seconds=seconds):
        return redirect(url)  # type: ignore[return-value]
    path = storage.local_path(key)
    if path is None or not path.is_file():
        raise missing
    _limit_range(path.stat().st_size)
    return send_file(
        path,
        content_type,
        as_attachment=save_as is not None,
        download_name=save_as or path.name,
    )


def _limit_range(size: int) -> None:
    """Shorten the request's range to MAX_ANSWER; remove a range that calls for the whole file."""
    environ = request.environ
    given = parse_range_header(environ.get("HTTP_RANGE"))
    is_weak = environ.get("HTTP_IF_RANGE", "").startswith("W/")
    is_single = given is not None and given.units == "bytes" and len(given.ranges) == 1
    if given is None or not is_single or is_weak or request.method != "GET":
        environ.pop("HTTP_RANGE", None)
    elif part := given.range_for_length(size):
        start, end = part
        environ["HTTP_RANGE"] = f"bytes={start}-{min(end, start + MAX_ANSWER) - 1}"
