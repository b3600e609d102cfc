"""A result and a request's number, to show what they look like."""

from datetime import UTC, datetime

from rubberduck.model import Answer, Box, Label, Result, Verdict
from rubberduck.question import RUBBER_DUCK

PLACE = (0.31, 0.22, 0.36, 0.41)
DUCK = Label("Duck", 98.0, (Box(*PLACE, "Duck", 98.0),), ("Animal", "Bird"))
TOY = Label("Toy", 91.0, (Box(*PLACE, "Toy", 91.0),))

A_REQUEST = "4f1d8a0c5b7e2963"
A_RESULT = Result(
    id="Zr8W1mHqTz2v5mJYx0cK3A",
    created_at=datetime(2026, 5, 4, 9, 30, tzinfo=UTC),
    question=RUBBER_DUCK.title,
    said=RUBBER_DUCK.yes,
    min_confidence=RUBBER_DUCK.min_confidence,
    width=1600,
    height=1200,
    several_frames=False,
    picture_key="",
    marked_key="marked",
    answer=Answer(
        labels=(DUCK, TOY),
        verdict=Verdict(because=(DUCK, TOY), boxes=(*DUCK.boxes, *TOY.boxes)),
        engine="Amazon Rekognition",
    ),
)
