"""The analysis of a video, compared with the same detector in a loop of OpenCV."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from fractions import Fraction
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import click
import numpy as np

from bench.harness.figures import Aim, Measured
from bench.harness.fixtures import scene
from bench.harness.measuring import Sample, compare
from bench.peers.environment import load_peer
from bench.peers.opencv_video import analyse
from rubberduck.detectors.base import Detector
from rubberduck.detectors.embedded import OnnxDetector
from rubberduck.services.video_frames import FrameAnalysis
from rubberduck.videos.models import Segment
from rubberduck.videos.reading import frames

SIZE, FRAMES_PER_SECOND, RATE = (1280, 720), 30, 5.0
SECONDS = 60.0
REAL_TIME, FASTER = 3.0, 1.5


def videos(rounds: int = 5, seconds: float = SECONDS) -> Iterator[Measured]:
    """Seconds of a 720p video that are analysed in a second, at five samples a second."""
    detector = OnnxDetector()
    with TemporaryDirectory() as folder:
        file = write_clip(Path(folder, "clip.mp4"), seconds)
        ours = partial(_speed, partial(_ours, file, detector), seconds)
        what = f"720p H.264, {RATE:g} of {FRAMES_PER_SECOND} frames a second, × real time"
        aim = Aim(REAL_TIME, at_least=True, absolute=True)
        yield compare(what, "×", {"ours": ours}, rounds, aim)
        if (cv2 := load_peer("cv2")) is None:
            click.echo("OpenCV is skipped: `make bench` installs it.", err=True)
            return
        opencv = partial(_speed, partial(analyse, cv2, file, detector, RATE), seconds)
        yield compare(
            f"{what}, beside OpenCV",
            "×",
            {"ours": ours, "OpenCV": opencv},
            rounds,
            Aim(FASTER, at_least=True),
            "the same detector and session; OpenCV decodes with its own threads",
        )


def write_clip(file: Path, seconds: float) -> Path:
    """Write a clip of a duck in something like a photo, past which the camera moves."""
    whole = np.asarray(scene(2048, 1536))
    width, height = SIZE
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "23"}
        for number in range(round(seconds * FRAMES_PER_SECOND)):
            angle = 2 * np.pi * number / (10 * FRAMES_PER_SECOND)
            x = round((whole.shape[1] - width) * (0.5 + 0.4 * np.sin(angle)))
            y = round((whole.shape[0] - height) * (0.4 + 0.3 * np.cos(angle)))
            pixels = np.ascontiguousarray(whole[y : y + height, x : x + width])
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_SECOND)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file


def _ours(file: Path, detector: Detector) -> int:
    """Analyse as the job does: decode in the sandbox, let the detector see, take segments."""

    def save(_: Segment) -> bool:
        return True

    with closing(frames(file, RATE)) as reading:
        return sum(1 for _ in FrameAnalysis(detector, save).run(reading))


def _speed(work: Callable[[], int], seconds: float) -> Sample:
    """Return how many seconds of the video are analysed in one."""
    cpu, began = _cpu_seconds(), time.perf_counter()
    looked_at = work()
    wall = time.perf_counter() - began
    if looked_at < seconds * RATE:
        raise RuntimeError(f"only {looked_at} frames were analysed")
    return Sample(seconds / wall, _cpu_seconds() - cpu)


def _cpu_seconds() -> float:
    """Return what this process and its children that ended have used."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system
