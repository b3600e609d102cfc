"""What the steps of an analysis that costs money share: its rows, and Amazon's services."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any

from rubberduck.aws.video import CELEBRITIES as REMOTE_CELEBRITIES
from rubberduck.aws.video import LABELS, RekognitionVideo
from rubberduck.aws.video_errors import RekognitionVideoOff, VideoServiceBusy
from rubberduck.core.errors import (
    BudgetSpent,
    DetectorFailed,
    PictureRefused,
    ResultsUnavailable,
    StorageFailed,
    TooBusy,
)
from rubberduck.core.sentences import Sentence
from rubberduck.services.video_files import copy_file
from rubberduck.storage.s3 import S3Storage
from rubberduck.videos.errors import AnalysisOver
from rubberduck.videos.paid import CELEBRITIES, PaidAnalyses
from rubberduck.videos.reading import probe
from rubberduck.videos.store import Videos

if TYPE_CHECKING:
    from pathlib import Path

    from rubberduck.aws.video import Kind
    from rubberduck.billing.videos import VideoCharges
    from rubberduck.jobs.child import Task
    from rubberduck.services.pipeline import Pipeline
    from rubberduck.videos.models import Video, VideoInfo
    from rubberduck.videos.paid import PaidAnalysis

Outcome = dict[str, Any]


@dataclass
class Run:
    """The analysis that a job makes, with all that its steps need. Reads on first use."""

    task: "Task"
    id: str

    @property
    def site(self) -> "Pipeline":
        site: Pipeline = self.task.site
        return site

    @property
    def analyses(self) -> PaidAnalyses:
        return PaidAnalyses(self.site.results.database)

    @property
    def videos(self) -> Videos:
        return Videos(self.site.results.database)

    @cached_property
    def analysis(self) -> "PaidAnalysis":
        return self.analyses.get(self.id)

    @cached_property
    def video(self) -> "Video":
        return self.videos.get(self.analysis.video_id)

    @property
    def service(self) -> RekognitionVideo:
        amazon = self.site.amazon_video
        if amazon is None or amazon.open_service is None:
            raise RekognitionVideoOff("This site is not connected to Amazon Rekognition Video.")
        return amazon.open_service()

    @property
    def storage(self) -> S3Storage:
        if not isinstance(self.site.storage, S3Storage):
            raise RekognitionVideoOff("Amazon Rekognition reads videos in a bucket only.")
        return self.site.storage

    @property
    def kind(self) -> "Kind":
        return REMOTE_CELEBRITIES if self.analysis.way == CELEBRITIES else LABELS

    @property
    def remote_id(self) -> str:
        if (id := self.analysis.remote_id) is None:
            raise AnalysisOver("Its job at Amazon was not started.")
        return id

    def charges(self) -> "VideoCharges | None":
        from rubberduck.billing.videos import VideoCharges

        return VideoCharges(self.site.open_ledger()[0]) if self.site.open_ledger else None

    @contextmanager
    def copy(self) -> "Iterator[tuple[Path, VideoInfo]]":
        """Yield the stored copy as a file, and what is inside."""
        with copy_file(self.site.storage, self.video) as file:
            yield file, probe(file, self.site.video_limits)


def step(function: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """Make a step of a function of a Run: what passes is waited for."""

    @wraps(function)
    def run(task: "Task", analysis_id: str, *arguments: Any) -> Outcome:
        try:
            return function(Run(task, analysis_id), *arguments)
        except (BudgetSpent, PictureRefused):
            raise
        except (
            DetectorFailed,
            VideoServiceBusy,
            StorageFailed,
            ResultsUnavailable,
            TooBusy,
        ) as error:
            task.log(Sentence("waits: {cause}", cause=error.operator_message))
            return {"wait": error.operator_message}

    return run
