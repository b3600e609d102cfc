"""Our site, where also the camera asks the recorded answers: the same detector as its peers'."""

from dataclasses import replace

from app import create_app
from composition import build_pipeline, rekognition
from rekognition import Rekognition
from rubberduck.core.settings import load_settings
from rubberduck.services.pipeline import Pipeline


class Recorded(Rekognition):
    """A detector for the camera must cost nothing, and these answers do."""

    name = "recorded answers"
    cost_per_call_usd = 0.0


def _finder() -> Pipeline:
    pipeline = build_pipeline(settings)
    real = rekognition(settings, pipeline.question)
    eyes = Recorded(real.client, real.min_confidence)
    return replace(pipeline, detector=eyes, fallback_detector=None)


settings = load_settings()
app = create_app(settings, pipeline=_finder())
