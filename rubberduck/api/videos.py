"""The API of videos, as far as it takes them; what was seen in them is read in video_results."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import ConfigDict, Field

from rubberduck.api.blueprint import api
from rubberduck.api.body_classes import body_class
from rubberduck.api.requests import parsed_body
from rubberduck.core.errors import InvalidParameter
from rubberduck.web.deps import pipeline, video_service
from rubberduck.web.operators import audit, require_operator
from rubberduck.web.problem_details import Address
from rubberduck.web.responses import as_json
from rubberduck.web.sessions import visitor
from rubberduck.web.video_uploads import video_uploads, whole_video

if TYPE_CHECKING:
    from rubberduck.videos.models import Video


def _require_one(schema: dict[str, Any]) -> None:
    schema["oneOf"] = [{"required": [name]} for name in schema.pop("required")]
    for field in schema["properties"].values():
        del field["default"]


@body_class
class VideoSourceBody:
    """Where a video comes from, if it is not in the request: give one of the two."""

    __pydantic_config__ = ConfigDict(json_schema_extra=_require_one)

    upload: Annotated[
        str,
        Field(min_length=1, description="the id of an upload in parts that has all its bytes"),
    ] = ""
    address: Annotated[
        str,
        Field(min_length=1, description="for operators: s3://BUCKET/KEY, in the site's region"),
    ] = ""


@body_class
class ReceivedVideoLinks:
    """The URLs of a video and of its analysis."""

    self: Address
    page: Annotated[Address, Field(description="the page for people")]
    job: Annotated[Address | None, Field(description="how far the analysis is, as JSON")]


@body_class
class ReceivedVideoBody:
    """A video that was received; its analysis is a job."""

    id: Annotated[str, Field(description="the id of the video")]
    status: Annotated[str, Field(description="“queued”, unless an upload is sent again")]
    links: ReceivedVideoLinks


@api.post("/videos")
def create_video() -> ResponseReturnValue:
    """Take a video, from the request itself, an upload in parts, or S3; return 202 and its job."""
    if request.is_json:
        return _received(_from_elsewhere(parsed_body(VideoSourceBody)))
    with whole_video() as (path, size):
        return _received(video_service().receive(path, visitor(), size))


def _from_elsewhere(source: VideoSourceBody) -> "Video":
    if bool(source.upload) == bool(source.address):
        raise InvalidParameter("Give either “upload” or “address”.")
    if source.upload:
        return video_uploads().accept(source.upload, visitor())
    from rubberduck.services.video_addresses import bytes_at

    require_operator()
    size, owner = bytes_at(pipeline().storage, source.address), visitor()
    video_uploads().require_turn(owner)
    video = video_service().receive(source.address, owner, size)
    audit("video.receive", source.address, id=video.id)
    return video


def _received(video: "Video") -> Response:
    address = f"{url_for('api.create_video')}/{video.id}"
    links = ReceivedVideoLinks(
        self=address,
        page=url_for("videos.show", id=video.id),
        job=url_for("api.get_job", id=video.job_id) if video.job_id else None,
    )
    body = ReceivedVideoBody(video.id, video.status, links)
    return as_json(body, HTTPStatus.ACCEPTED, Location=address)
