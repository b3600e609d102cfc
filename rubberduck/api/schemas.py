"""The bodies of the JSON API: a result and a camera frame."""

from dataclasses import dataclass
from typing import Annotated

from flask import url_for
from pydantic import Field

from rubberduck.core.models import Answer, Box, Label, Result
from rubberduck.core.outlines import Outline, outlines
from rubberduck.imaging.decode import Picture
from rubberduck.web.deps import pipeline
from rubberduck.web.formatting import rfc3339
from rubberduck.web.problem_details import Address
from rubberduck.web.responses import expires_at

Percent = Annotated[float, Field(ge=0, le=100)]
Pixels = Annotated[int, Field(ge=0)]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


@dataclass(frozen=True)
class ResultLinks:
    """Where a result and its pictures are."""

    self: Annotated[Address, Field(description="this result as JSON")]
    page: Annotated[Address, Field(description="the page for people")]
    picture: Annotated[Address, Field(description="the upright picture, as JPEG")]
    marked: Annotated[Address | None, Field(description="with the boxes; null without boxes")]


@dataclass(frozen=True)
class ResultBody:
    """A result as the API shows it."""

    id: Annotated[str, Field(description="128 random bits; who has it can see the result")]
    found: Annotated[bool, Field(description="the answer: yes or no")]
    duck: Annotated[bool, Field(description="the same as `found`", deprecated=True)]
    said: Annotated[str, Field(description="the answer in words")]
    score: Annotated[Percent | None, Field(description="percent; null when the answer is no")]
    threshold: Annotated[Percent, Field(description="labels less sure do not count")]
    boxes: Annotated[tuple[Box, ...], Field(description="of the things that were looked for")]
    labels: Annotated[tuple[Label, ...], Field(description="everything that was seen")]
    because: Annotated[tuple[str, ...], Field(description="the labels that spoke for a yes")]
    missing: Annotated[tuple[str, ...], Field(description="what a yes would also need")]
    remark: Annotated[str | None, Field(description="what else there is to say of a no")]
    engine: Annotated[str, Field(description="who answered")]
    instead_of: Annotated[str | None, Field(description="who should have, but could not")]
    instead_because: Annotated[str | None, Field(description="“failed”, or “budget-spent”")]
    question: Annotated[str, Field(description="what was asked of the picture")]
    width: Annotated[Pixels, Field(description="of the upright picture, in pixels")]
    height: Annotated[Pixels, Field(description="of the upright picture, in pixels")]
    several_frames: Annotated[bool, Field(description="of which the first one was looked at")]
    judged_right: Annotated[bool | None, Field(description="what its owner says of the answer")]
    created_at: Annotated[Moment, Field(description="when it was asked, in UTC")]
    expires_at: Annotated[Moment, Field(description="it is deleted after this")]
    links: ResultLinks


@dataclass(frozen=True)
class FrameBody:
    """The answer to one moment of a camera. Nothing of it is kept."""

    found: Annotated[bool, Field(description="the answer: yes or no")]
    score: Annotated[Percent | None, Field(description="percent; null when the answer is no")]
    labels: Annotated[tuple[Label, ...], Field(description="everything that was seen")]
    outlines: Annotated[tuple[Outline, ...], Field(description="one for each thing")]
    width: Annotated[Pixels, Field(description="of the frame that was looked at")]
    height: Annotated[Pixels, Field(description="of the frame that was looked at")]
    engine: Annotated[str, Field(description="who answered")]


def result_body(result: Result) -> ResultBody:
    verdict, answer = result.verdict, result.answer
    return ResultBody(
        id=result.id,
        found=verdict.found,
        duck=verdict.found,
        said=result.said,
        score=verdict.score,
        threshold=result.min_confidence,
        boxes=verdict.boxes,
        labels=answer.labels,
        because=tuple(label.name for label in verdict.matched_labels),
        missing=verdict.unmatched_groups,
        remark=pipeline().remark(result),
        engine=answer.engine,
        instead_of=answer.fallback_for,
        instead_because=answer.fallback_reason,
        question=result.question,
        width=result.width,
        height=result.height,
        several_frames=result.several_frames,
        judged_right=result.judged_right,
        created_at=rfc3339(result.created_at),
        expires_at=rfc3339(expires_at(result)),
        links=ResultLinks(
            self=url_for("api.result", id=result.id),
            page=url_for("results.show", id=result.id),
            picture=url_for("results.picture", id=result.id),
            marked=url_for("results.marked", id=result.id) if result.marked_key else None,
        ),
    )


def frame_body(picture: Picture, answer: Answer) -> FrameBody:
    width, height = picture.image.size
    return FrameBody(
        found=answer.verdict.found,
        score=answer.verdict.score,
        labels=answer.labels,
        outlines=tuple(outlines(answer.verdict.boxes, (width, height))),
        width=width,
        height=height,
        engine=answer.engine,
    )
