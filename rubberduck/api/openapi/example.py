"""A result and a request's number, to show what they look like."""

from datetime import UTC, datetime

from rubberduck.core.models import Answer, Box, Label, Result
from rubberduck.core.rules import Question, judge

A_REQUEST = "4f1d8a0c5b7e2963"
SURE = 95.5
PLACE = (0.31, 0.22, 0.36, 0.41)


def example(question: Question) -> Result:
    """A yes, with what the question looks for."""
    names = [name for group in question.groups for name in group.all_of or group.any_of[:1]]
    labels = tuple(Label(name, SURE, (Box(*PLACE, name, SURE),)) for name in names)
    return Result(
        id="Zr8W1mHqTz2v5mJYx0cK3A",
        created_at=datetime(2026, 5, 4, 9, 30, tzinfo=UTC),
        question=question.title,
        said=question.yes,
        min_confidence=question.min_confidence,
        width=1600,
        height=1200,
        several_frames=False,
        picture_key="",
        marked_key="marked",
        answer=Answer(labels, judge(question, labels), engine="Amazon Rekognition"),
    )
