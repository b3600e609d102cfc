"""The API of frames of videos as pictures of projects."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated

from flask.typing import ResponseReturnValue
from pydantic import FailFast, Field

from rubberduck.api.blueprint import api
from rubberduck.api.body_classes import body_class
from rubberduck.api.project_schemas import job_body
from rubberduck.api.requests import parsed_body
from rubberduck.api.schemas import WHOLE, Percent
from rubberduck.core.errors import InvalidParameter
from rubberduck.web.operators import require_operator
from rubberduck.web.responses import as_json
from rubberduck.web.video_frames import DEFAULT_FRAMES, MAX_FRAMES, enqueue_frames

Time = Annotated[int, Field(ge=-(2**62), le=2**62), WHOLE]
Text = Annotated[str, Field(max_length=255)]


@body_class
class FramesRequestBody:
    """Which frames of a video become pictures of a project; without a choice, the best ones."""

    video: Annotated[str, Field(max_length=24, description="the id of one of your own videos")]
    frames: Annotated[
        tuple[Time, ...] | None,
        FailFast(),
        Field(max_length=MAX_FRAMES, description="presentation times of analysed frames"),
    ] = None
    every_seconds: Annotated[
        float | None, Field(ge=0.01, le=3600, description="one frame every so many seconds")
    ] = None
    most: Annotated[
        int, Field(ge=1, le=MAX_FRAMES, description="at most so many frames"), WHOLE
    ] = DEFAULT_FRAMES
    min: Annotated[Percent | None, Field(description="judge again at this confidence")] = None
    label: Annotated[Text | None, Field(description="of this label alone")] = None
    label_id: Annotated[
        Text | None, Field(description="for objects whose name is no label of the project")
    ] = None


@api.post("/projects/<id>/video-frames")
def take_in_video_frames(id: str) -> ResponseReturnValue:
    """Queue a job that takes frames of a video into a project."""
    require_operator()
    given = asdict(parsed_body(FramesRequestBody))
    if given["frames"] is not None and given["every_seconds"] is not None:
        raise InvalidParameter("Give either “frames” or “every_seconds”.")
    given["min_confidence"] = given.pop("min")
    job_id = enqueue_frames(id, given.pop("video"), label_id=given.pop("label_id"), **given)
    return as_json(job_body(job_id), HTTPStatus.ACCEPTED)
