"""The bodies of the JSON API's requests and responses, and the functions that build them."""

from typing import Annotated

from flask import url_for
from pydantic import BeforeValidator, Field

from rubberduck.api.body_classes import body_class
from rubberduck.core.models import Answer, Box, Label, Result
from rubberduck.core.outlines import Outline, merge_boxes, outlines
from rubberduck.imaging.decode import Picture
from rubberduck.web.deps import default_pipeline, pipeline
from rubberduck.web.formatting import rfc3339
from rubberduck.web.problem_details import Address
from rubberduck.web.responses import expires_at


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


# In requests, after the limits: for JSON Schema 2.0 is an integer, for strict pydantic it is none.
WHOLE = BeforeValidator(_whole)
Percent = Annotated[float, Field(ge=0, le=100)]
Pixels = Annotated[int, Field(ge=0)]
Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


@body_class
class ResultLinks:
    """The URLs of a result and of its pictures."""

    self: Annotated[Address, Field(description="the result as JSON")]
    page: Annotated[Address, Field(description="the result as a web page")]
    picture: Annotated[Address, Field(description="the upright picture as JPEG")]
    marked: Annotated[Address | None, Field(description="with boxes drawn; null without boxes")]


@body_class
class ResultBody:
    """The result of checking one picture."""

    id: Annotated[str, Field(description="128 random bits; anyone who has it can read the result")]
    found: Annotated[bool, Field(description="the answer: yes or no")]
    duck: Annotated[bool, Field(description="the same as `found`", deprecated=True)]
    message: Annotated[str, Field(description="the answer in words")]
    said: Annotated[str, Field(description="the same as `message`", deprecated=True)]
    score: Annotated[Percent | None, Field(description="confidence in percent; null for a no")]
    threshold: Annotated[Percent, Field(description="minimum confidence of a label, in percent")]
    boxes: Annotated[tuple[Box, ...], Field(description="one for each object in question")]
    labels: Annotated[
        tuple[Label, ...], Field(description="all detected labels, each with its boxes")
    ]
    because: Annotated[tuple[str, ...], Field(description="the labels that support a yes")]
    missing: Annotated[tuple[str, ...], Field(description="what else a yes would require")]
    remark: Annotated[str | None, Field(description="an explanation of a no; may be null")]
    engine: Annotated[str, Field(description="the detector that answered")]
    engine_version: Annotated[str | None, Field(description="the version of its model")]
    instead_of: Annotated[str | None, Field(description="the detector it replaced; usually null")]
    instead_because: Annotated[str | None, Field(description="why: “failed” or “budget-spent”")]
    question: Annotated[str, Field(description="the question about the picture")]
    width: Annotated[Pixels, Field(description="width of the upright picture in pixels")]
    height: Annotated[Pixels, Field(description="height of the upright picture in pixels")]
    several_frames: Annotated[bool, Field(description="more than one frame; the first is analysed")]
    is_truncated: Annotated[bool, Field(description="the end of the file is missing")]
    judged_right: Annotated[bool | None, Field(description="the owner's judgement, null if none")]
    created_at: Annotated[Timestamp, Field(description="creation time")]
    expires_at: Annotated[Timestamp, Field(description="the result is deleted after this time")]
    links: ResultLinks


@body_class
class CreatedBody(ResultBody):
    """The response to an upload: the result, and what only its sender learns."""

    delete_token: Annotated[
        str, Field(description="deletes the result without its cookie: header Delete-Token")
    ]
    idempotency_key_ignored: Annotated[
        bool, Field(description="the key is too short to identify a client without a cookie")
    ]


@body_class
class PendingBody:
    """A picture that is being processed: its result will be at the same address."""

    id: Annotated[str, Field(description="the id of the result to come")]
    status: Annotated[str, Field(description="“pending”")]
    self: Annotated[Address, Field(description="where the result will be")]
    delete_token: Annotated[
        str | None, Field(description="as in the response to an upload; null when read")
    ]


@body_class
class FrameBody:
    """The answer for one camera frame, which is not stored."""

    found: Annotated[bool, Field(description="the answer: yes or no")]
    score: Annotated[Percent | None, Field(description="confidence in percent; null for a no")]
    labels: Annotated[tuple[Label, ...], Field(description="all detected labels")]
    outlines: Annotated[tuple[Outline, ...], Field(description="one for each object")]
    width: Annotated[Pixels, Field(description="width of the analysed frame in pixels")]
    height: Annotated[Pixels, Field(description="height of the analysed frame in pixels")]
    engine: Annotated[str, Field(description="the detector that answered")]


@body_class
class ListLinks:
    """The URL of the next page."""

    next: Annotated[Address | None, Field(description="the next page; null on the last one")]


@body_class
class ListBody:
    """One page of the visitor's own results, newest first."""

    results: Annotated[tuple[ResultBody, ...], Field(description="at most “limit” results")]
    links: ListLinks


@body_class
class DeletedBody:
    """The response to the deletion of all results."""

    deleted: Annotated[int, Field(ge=0, description="the number of deleted results")]


@body_class
class JudgementBody:
    """The owner's judgement of an answer."""

    right: Annotated[bool, Field(description="whether the answer was right")]


def result_body(result: Result) -> ResultBody:
    """Return the body of a result, with its URLs on this site."""
    verdict, answer = result.verdict, result.answer
    asked = default_pipeline().for_result(result)
    # A project's model answers a question of its own.
    thing = asked.question.thing if asked.question.title == result.question else None
    return ResultBody(
        id=result.id,
        found=verdict.found,
        duck=verdict.found,
        message=result.said,
        said=result.said,
        score=verdict.score,
        threshold=result.min_confidence,
        boxes=tuple(merge_boxes(verdict.boxes, thing)),
        labels=answer.labels,
        because=tuple(label.name for label in verdict.matched_labels),
        missing=verdict.unmatched_groups,
        remark=asked.remark(result),
        engine=answer.engine,
        engine_version=answer.engine_version,
        instead_of=answer.fallback_for,
        instead_because=answer.fallback_reason,
        question=result.question,
        width=result.width,
        height=result.height,
        several_frames=result.several_frames,
        is_truncated=result.is_truncated,
        judged_right=result.judged_right,
        created_at=rfc3339(result.created_at),
        expires_at=rfc3339(expires_at(result)),
        links=ResultLinks(
            self=url_for("api.get_result", id=result.id),
            page=url_for("results.show", id=result.id),
            picture=url_for("results.picture", id=result.id),
            marked=url_for("results.marked", id=result.id) if result.marked_key else None,
        ),
    )


def frame_body(picture: Picture, answer: Answer) -> FrameBody:
    """Return the body of a camera frame's answer; its outlines are inside the frame."""
    width, height = picture.image.size
    return FrameBody(
        found=answer.verdict.found,
        score=answer.verdict.score,
        labels=answer.labels,
        outlines=tuple(outlines(answer.verdict.boxes, (width, height), pipeline().question.thing)),
        width=width,
        height=height,
        engine=answer.engine,
    )
