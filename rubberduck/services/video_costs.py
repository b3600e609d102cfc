"""What analysing a video at Amazon would cost and take, and whether it can be done, before it is.

One call answers for one frame, one job for a whole video. The greatest price is shown: a frame at
each regular moment and at each cut, and whole minutes.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rubberduck.billing.spending import calls_left
from rubberduck.core.errors import DuckError
from rubberduck.storage.s3 import S3Storage
from rubberduck.videos.errors import CannotAskAmazon, VideoNotReady
from rubberduck.videos.models import READY, Video, VideoInfo
from rubberduck.videos.paid import CELEBRITIES, IMAGES, MODEL, WAYS, WHOLE
from rubberduck.videos.store import Videos

if TYPE_CHECKING:
    from rubberduck.billing.prices import Prices
    from rubberduck.db.engine import Database
    from rubberduck.db.model_activity import AnsweringModel
    from rubberduck.services.amazon_video import AmazonVideo
    from rubberduck.services.pipeline import Pipeline

RATES = (0.2, 0.5, 1.0, 2.0, 5.0)  # frames a second that pages offer
DEFAULT_RATE, MIN_RATE, MAX_RATE = 1.0, 0.05, 30.0
MIN_SIDES = {IMAGES: 80, MODEL: 64}  # pixels that the services take
# DetectCustomLabels: calls a second of an inference unit, as Amazon's own sample counts, and the
# share that a video may take.
UNIT_RATE, SHARE = 5, 0.8
HOUR, MINUTE = 3600, 60
MAX_SECONDS, MAX_BYTES = 6 * HOUR, 10_000_000_000  # of Rekognition Video
# Codecs that a copy keeps although it is no H.264; all others are encoded anew.
KEPT_CODECS = ("vp8", "vp9", "av1")
MP4 = "video/mp4"
PRICES = {WHOLE: "rekognition-video", CELEBRITIES: "rekognition-celebrities"}


@dataclass(frozen=True)
class Estimate:
    """What a way to analyse a video costs at most, in millionths of a US dollar.

    `calls` are those with pictures, `minutes` of video are billed for a whole one; `seconds` is
    about how long it takes. `is_about`: nobody compared the price with Amazon's own page.
    `problem` says why it cannot be started now.
    """

    way: str
    calls: int
    minutes: int
    microdollars: int
    seconds: float
    is_about: bool
    rate: float | None = None
    model: str | None = None
    model_name: str | None = None
    problem: str | None = None


@dataclass(frozen=True)
class VideoCosts:
    """Estimates for videos of this site. Raises ResultsUnavailable when the database fails."""

    site: "Pipeline"

    def choices(self, video: Video, rates: tuple[float, ...] = RATES) -> list[Estimate]:
        """Return all ways that this site may offer, also those that cannot be started now."""
        if self.site.amazon_video is None and self.site.open_custom_labels is None:
            return []
        return list(self._choices(video, rates, self._cuts(video)))

    def _choices(self, video: Video, rates: tuple[float, ...], cuts: int) -> Iterator[Estimate]:
        amazon = self.site.amazon_video
        if amazon is not None:
            for rate in rates:
                yield self._checked(video, IMAGES, cuts, rate)
        for model in self.models():
            for rate in rates:
                yield self._checked(video, MODEL, cuts, rate, model.project_id)
        if amazon is not None and amazon.open_service is not None:
            yield self._checked(video, WHOLE, cuts)
            yield self._checked(video, CELEBRITIES, cuts)

    def require(
        self, video: Video, way: str, rate: float | None = None, model: str | None = None
    ) -> Estimate:
        """Return the estimate of what can be started now.

        Raises VideoNotReady, CannotAskAmazon and SpendingLimitReached.
        """
        estimate = self._estimate(video, way, self._cuts(video), rate, model)
        self._require_possible(video, estimate)
        self._require_money(estimate)
        return estimate

    def models(self) -> "list[AnsweringModel]":
        """Return the models of projects that run at Amazon."""
        from rubberduck.db.model_activity import answering_models

        if self.site.open_custom_labels is None:
            return []
        found = answering_models(self.site.results.database)
        return [model for model in found if model.is_remote and model.is_running]

    def _checked(
        self,
        video: Video,
        way: str,
        cuts: int,
        rate: float | None = None,
        model: str | None = None,
    ) -> Estimate:
        estimate = self._estimate(video, way, cuts, rate, model)
        try:
            self._require_possible(video, estimate)
            self._require_money(estimate)
        except DuckError as error:
            return replace(estimate, problem=error.problem.why)
        return estimate

    def _estimate(
        self, video: Video, way: str, cuts: int, rate: float | None, model: str | None
    ) -> Estimate:
        if video.status != READY or video.info is None:
            raise VideoNotReady("Its own analysis has not ended.")
        if way in (IMAGES, MODEL):
            rate = DEFAULT_RATE if rate is None else rate
            if not MIN_RATE <= rate <= MAX_RATE:
                raise CannotAskAmazon(
                    "“rate” must be from {least} to {most} frames a second.",
                    least=f"{MIN_RATE:g}",
                    most=f"{MAX_RATE:g}",
                )
            calls = max_calls(video.info.seconds, rate, cuts)
            if way == IMAGES:
                return self._of_images(calls, rate)
            return self._of_model(calls, rate, model)
        if way in (WHOLE, CELEBRITIES):
            return self._of_whole(video.info, way)
        raise CannotAskAmazon("“way” may be: {ways}.", ways=", ".join(WAYS))

    def _cuts(self, video: Video) -> int:
        return sum(sample.is_cut for sample in Videos(self._database).samples(video.id))

    def _of_images(self, calls: int, rate: float) -> Estimate:
        price, seconds = self._prices["detect-labels"], calls / self._amazon.calls_per_second
        return Estimate(IMAGES, calls, 0, calls * price.of(1), seconds, not price.verified, rate)

    def _of_model(self, calls: int, rate: float, project_id: str | None) -> Estimate:
        found = [model for model in self.models() if model.project_id == project_id]
        if not found:
            raise CannotAskAmazon("No such model runs at Amazon: start it first.")
        model, price = found[0], self._prices["custom-labels-running"]
        seconds = calls / model_calls_per_second(model.units)
        cost = price.of(model.units * seconds / HOUR)
        names = model.project_id, model.name
        return Estimate(MODEL, calls, 0, cost, seconds, not price.verified, rate, *names)

    def _of_whole(self, info: VideoInfo, way: str) -> Estimate:
        price, minutes = self._prices[PRICES[way]], billed_minutes(info.seconds)
        cost = price.of(minutes)
        return Estimate(way, 0, minutes, cost, max(MINUTE, info.seconds), not price.verified)

    def _require_possible(self, video: Video, estimate: Estimate) -> None:
        info = video.info
        assert info
        if video.copy_key is None:
            raise CannotAskAmazon("No copy of this video is stored.")
        if estimate.calls and min(info.width, info.height) < (least := MIN_SIDES[estimate.way]):
            raise CannotAskAmazon(
                "Its pictures have less than {least} pixels on a side.", least=least
            )
        if estimate.way in PRICES:
            self._require_whole(video, info)

    def _require_whole(self, video: Video, info: VideoInfo) -> None:
        if self._amazon.open_service is None:
            raise CannotAskAmazon("Amazon Rekognition Video is switched off on this site.")
        if not isinstance(self.site.storage, S3Storage):
            raise CannotAskAmazon("Amazon reads videos in a bucket only.")
        if video.copy_type != MP4 or info.codec in KEPT_CODECS:
            raise CannotAskAmazon("Amazon Rekognition Video takes only H.264 in MP4 or MOV.")
        if info.seconds > MAX_SECONDS or video.stored_bytes > MAX_BYTES:
            raise CannotAskAmazon("Amazon Rekognition Video takes 6 hours and 10 GB at most.")

    def _require_money(self, estimate: Estimate) -> None:
        """Raise CannotAskAmazon or SpendingLimitReached if it exceeds what is left."""
        if estimate.way == MODEL:
            return  # the running model's meter has entered its minutes
        if estimate.way == IMAGES:
            amazon = self._amazon
            limits = amazon.daily_calls, amazon.monthly_calls
            left = calls_left(self._database, amazon.detector.name, *limits)
            if estimate.calls > left:
                raise CannotAskAmazon(
                    "This takes up to {calls} calls, and the budget has {left} left: take fewer "
                    "frames, or raise DUCK_DAILY_CALLS and DUCK_MONTHLY_CALLS.",
                    calls=f"{estimate.calls:,}",
                    left=f"{left:,}",
                )
        if self.site.open_ledger is not None:
            ledger, _ = self.site.open_ledger()
            ledger.require_room(estimate.microdollars)

    @property
    def _amazon(self) -> "AmazonVideo":
        if (amazon := self.site.amazon_video) is None:
            raise CannotAskAmazon("Amazon Rekognition is switched off on this site.")
        return amazon

    @property
    def _prices(self) -> "Prices":
        if self.site.open_ledger is None:
            raise CannotAskAmazon("Amazon Rekognition is switched off on this site.")
        return self.site.open_ledger()[1]

    @property
    def _database(self) -> "Database":
        return self.site.results.database


def max_calls(seconds: float, rate: float, cuts: int) -> int:
    """Return the greatest number of frames that are looked at: regular ones, and at cuts.

    >>> max_calls(3600, 5, 0), max_calls(2.5, 1, 2)
    (18001, 5)
    """
    return math.floor(seconds * rate) + 1 + cuts


def billed_minutes(seconds: float) -> int:
    """Return the whole minutes that are billed at most.

    >>> billed_minutes(5.3), billed_minutes(60.0), billed_minutes(3600.1)
    (1, 1, 61)
    """
    return max(1, math.ceil(round(seconds / MINUTE, 6)))


def model_calls_per_second(units: int) -> float:
    """Return how many calls a second an analysis makes of a running model."""
    return SHARE * UNIT_RATE * max(1, units)
