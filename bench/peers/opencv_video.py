"""The same detector in a loop of OpenCV, as many programs analyse videos."""

from pathlib import Path
from typing import Any

from PIL import Image

from rubberduck.detectors.base import Detector
from rubberduck.imaging.decode import Picture


def analyse(cv2: Any, file: Path, detector: Detector, rate: float) -> int:
    """Look at `rate` frames a second; return their number.

    grab() goes past the frames between them, retrieve() converts those that are looked at.
    """
    video = cv2.VideoCapture(str(file))
    wanted, looked_at = 0.0, 0
    while video.grab():
        if video.get(cv2.CAP_PROP_POS_MSEC) / 1000 + 1e-6 < wanted:
            continue
        wanted += 1 / rate
        _, pixels = video.retrieve()
        image = Image.fromarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
        detector.labels(Picture(image, image.size))
        looked_at += 1
    video.release()
    return looked_at
