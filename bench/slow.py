"""Our site with a detector in the process that takes 300 ms, all of it waiting."""

import time
from dataclasses import dataclass, replace

from app import create_app
from bench.serve import DELAY
from composition import build_pipeline
from rekognition import label_from
from rubberduck.core.models import Label
from rubberduck.core.settings import load_settings
from rubberduck.imaging.decode import Picture
from tests.support.fake_rekognition import recorded

LABELS = [label_from(item) for item in recorded("detect_labels_giant_duck_boxes")["Labels"]]


@dataclass(frozen=True)
class Slow:
    name = "recorded answers"
    words = None
    cost_per_call_usd = 0.0

    def labels(self, picture: Picture) -> list[Label]:
        time.sleep(DELAY)
        return LABELS

    def check(self) -> None:
        """Always ready."""


settings = load_settings()
app = create_app(settings, pipeline=replace(build_pipeline(settings), detector=Slow()))
