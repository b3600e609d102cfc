"""What was seen in a video as a file to save: sent piece by piece, and not made again for a client
that has it.
"""

import hashlib
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Response, request

from rubberduck.web.deps import video_service
from rubberduck.web.formatting import video_name
from rubberduck.web.responses import CACHE_REVALIDATE
from rubberduck.web.videos import ready_video, requested_report

if TYPE_CHECKING:
    from rubberduck.videos.exports import Format

CHUNK = 64 * 1024  # characters sent at once


def export_response(id: str, format: "Format", parameter: str = "min") -> Response:
    """Return the file of an analysed video, judged at the percent in a parameter and for `?label=`.

    Raises NoSuchVideo, VideoNotReady, InvalidParameter.
    """
    from rubberduck.videos.exports import FORMATS, Exported

    video, written = ready_video(id), FORMATS[format]
    response = Response(mimetype=written.media_type)
    response.headers["Cache-Control"] = CACHE_REVALIDATE
    asked = request.args.get(parameter), request.args.get("label")
    known = repr((video, format, asked)).encode()  # another analysis changes the row
    response.set_etag(hashlib.sha1(known, usedforsecurity=False).hexdigest())
    if request.if_none_match.contains(response.get_etag()[0] or ""):
        response.status_code = HTTPStatus.NOT_MODIFIED
        return response
    report, videos = requested_report(video, parameter), video_service().videos
    exported = Exported(
        video, report.verdict, report.min_confidence, lambda: videos.samples(video.id)
    )
    response.response = _chunks(written.write(exported))
    name = video_name(video, written.extension)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def _chunks(pieces: Iterable[str]) -> Iterator[str]:
    waiting: list[str] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= CHUNK:
            yield "".join(waiting)
            waiting, size = [], 0
    yield "".join(waiting)
