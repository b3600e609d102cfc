"""Small videos made with PyAV, and what Rekognition Video would say about them."""

from collections.abc import Iterable
from fractions import Fraction
from io import BytesIO
from typing import Any

import av
import numpy as np

from rubberduck.aws.video import TimedCelebrity

RATE = 10


def encoded_video(
    seconds: float = 2.0, *, codec: str = "libx264", format: str = "mp4", side: int = 128
) -> bytes:
    """Return a video whose frames get lighter from black to white."""
    file = BytesIO()
    frames = round(seconds * RATE)
    with av.open(file, "w", format=format) as container:
        stream = container.add_stream(codec, rate=RATE)
        assert isinstance(stream, av.VideoStream)
        stream.width = stream.height = side
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            shade = 255 * number // max(frames - 1, 1)
            pixels = np.full((side, side, 3), shade, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def seen_label(
    milliseconds: int,
    name: str,
    confidence: float,
    *,
    box: bool = False,
    parents: Iterable[str] = (),
) -> dict[str, Any]:
    """Return an item of GetLabelDetection's answer by timestamps."""
    sides = {"Width": 0.25, "Height": 0.5, "Left": 0.125, "Top": 0.25}
    instances = [{"BoundingBox": sides, "Confidence": confidence}] if box else []
    label = {
        "Name": name,
        "Confidence": confidence,
        "Instances": instances,
        "Parents": [{"Name": parent} for parent in parents],
        "Aliases": [],
        "Categories": [{"Name": "Animals and Pets"}],
    }
    return {"Timestamp": milliseconds, "Label": label}


def seen_celebrity(milliseconds: int, name: str, confidence: float = 98.0) -> dict[str, Any]:
    """Return an item of GetCelebrityRecognition's answer."""
    body = {"Width": 0.5, "Height": 0.9, "Left": 0.1, "Top": 0.0}
    face = {"BoundingBox": {**body, "Width": 0.3, "Height": 0.4}, "Confidence": 99.0}
    person = {
        "Name": name,
        "Id": name.replace(" ", ""),
        "Confidence": confidence,
        "Urls": [f"www.imdb.com/name/{name[:2]}"],
        "BoundingBox": body,
        "Face": face,
    }
    return {"Timestamp": milliseconds, "Celebrity": person}


def seen_people() -> list[TimedCelebrity]:
    """Return two celebrities: one after a minute, the other one at the start."""
    both = {"Grace H": (0.0,), "Ada L": (65.0, 65.5, 66.0, 70.0)}
    return [
        TimedCelebrity(at, name, name, 98.0, (f"https://www.imdb.com/name/{name[:2]}",))
        for name, times in both.items()
        for at in times
    ]
