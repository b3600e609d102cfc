"""Our site with recorded labels as its detector, also for the camera: an app for gunicorn.

`DETECTOR_DELAY=0.3` waits in this process; without it, Rekognition is called over the network.
"""

import os
import time
from dataclasses import replace

from app import create_app
from bench.harness.database import LABELS
from composition import build_pipeline, rekognition
from rubberduck.core.models import Label
from rubberduck.core.settings_loading import load_settings
from rubberduck.imaging.decode import Picture
from tests.support.fake_detector import FakeDetector


class Recorded(FakeDetector):
    """Costs nothing: the camera page uses only such detectors."""

    def labels(self, picture: Picture) -> list[Label]:
        if not DELAY:
            return remote.labels(picture)
        time.sleep(DELAY)
        return super().labels(picture)


DELAY = float(os.environ.get("DETECTOR_DELAY", "0"))
settings = load_settings()
pipeline = build_pipeline(settings)
remote = rekognition(settings, pipeline.question) if not DELAY else pipeline.detector
recorded = replace(pipeline, detector=Recorded(*LABELS), fallback_detector=None)
app = create_app(settings, pipeline=recorded)
