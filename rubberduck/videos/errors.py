"""The errors of videos, with texts for visitors: what happened, why, and what to do next."""

from rubberduck.core.errors import DuckError


class NoSuchVideo(DuckError):
    status = 404
    slug = "no-such-video"
    title = "Page not found"
    hint = "Check the link. Videos are deleted after some time, or by who sent them."

    def __init__(self) -> None:
        super().__init__("There is no video at this address, or it has been deleted.")


class VideoRefused(DuckError):
    """What was sent is not a video that can be analysed; the reason says why."""

    status = 415
    slug = "video-refused"
    title = "This video cannot be analysed"
    hint = "Send an MP4, MOV, WebM, MKV, AVI or MPEG transport stream with a picture."


class VideoTooLarge(DuckError):
    """It has more bytes, minutes or pixels than the settings allow."""

    status = 413
    slug = "video-too-large"
    title = "This video is too large"
    hint = "Cut it, or save it smaller, and send it again."


class VideoNotReady(DuckError):
    """It is still being analysed, or its analysis failed."""

    status = 409
    slug = "video-not-ready"
    title = "This video is not ready"
    hint = "Wait until its analysis has ended, and try again."


class VideosFull(DuckError):
    """The visitor has stored as much as the settings allow."""

    status = 413
    slug = "videos-full"
    title = "You have no room for this video"
    hint = "Delete some of your videos, and send it again."


class NoFreeAnalysis(DuckError):
    """Only a service that is paid for each picture knows the answer; an operator decides that."""

    status = 403
    slug = "no-free-analysis"
    title = "This question cannot be asked about videos here"
    hint = "Choose another question."


class AnalysisOver(DuckError):
    """It has ended, so that it cannot be cancelled."""

    status = 409
    slug = "analysis-over"
    title = "The analysis has ended"
    hint = "Reload the page to see what became of it."


class NoSuchPaidAnalysis(NoSuchVideo):
    """There is no paid analysis with this id, or it is of another video."""


class PaidAnalysisRuns(DuckError):
    """A video is analysed for money once at a time."""

    status = 409
    slug = "paid-analysis-runs"
    title = "This video is being analysed already"
    hint = "Wait until that analysis has ended, or cancel it."


class CannotAskAmazon(DuckError):
    """This video cannot be analysed in this way; the reason says why. Nothing was spent."""

    status = 409
    slug = "cannot-ask-amazon"
    title = "Amazon cannot analyse this video so"
    hint = "Choose another way to analyse it. Nothing was spent."


class NotYourVideo(DuckError):
    """Visitors allow training with their pictures, if they do, never with their videos."""

    status = 403
    slug = "not-your-video"
    title = "This is somebody else's video"
    hint = "Send the video yourself if you may train with it."

    def __init__(self) -> None:
        super().__init__("Only frames of your own videos can be taken into a project.")
