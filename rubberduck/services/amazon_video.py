"""What of Amazon may analyse videos for money: built at the start, opened at its first use."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rubberduck.aws.video import RekognitionVideo
    from rubberduck.aws.video_notices import NoticeQueue
    from rubberduck.detectors.base import Detector

MAX_CALLS_AT_ONCE = 16


@dataclass(frozen=True)
class AmazonVideo:
    """Amazon's services for videos; there is none where Rekognition is switched off.

    `detector` is DetectLabels behind its budget, `calls_per_second` the share of the account's
    quota that analyses of videos may take. Without `open_service` only frames can be analysed;
    without `open_notices` nobody says that a job has ended, and its state is asked for.
    """

    detector: "Detector"
    min_confidence: float
    calls_per_second: float
    daily_calls: int
    monthly_calls: int
    open_service: "Callable[[], RekognitionVideo] | None" = None
    open_notices: "Callable[[], NoticeQueue] | None" = None


def calls_at_once(per_second: float) -> int:
    """Return how many calls are in flight at most: a call takes about a second."""
    return min(MAX_CALLS_AT_ONCE, max(1, round(per_second)))
