"""What can go wrong, in words fit for a visitor: what happened, why, and what to do next."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar


@dataclass(frozen=True)
class Problem:
    """What an error page, or a problem+json answer, says; `name` is for programs, and stays.

    `reason` may hold {names} of `values`, so that a translation finds the same words each time.
    """

    name: str
    status: int
    happened: str
    reason: str
    next_step: str
    retry_after: int | None = None
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def why(self) -> str:
        return self.reason.format(**self.values)


class DuckError(Exception):
    """Ours: the reason is shown to the visitor, `cause` only to the operator, in the log.

    >>> str(TooSmall("It has only {width} pixels.", width=7))
    'It has only 7 pixels.'
    """

    status: ClassVar[int] = 500
    happened: ClassVar[str] = "Something broke on our side"
    next_step: ClassVar[str] = "Please try again in a minute."
    retry_after: int | None = None
    # The log has its line already, from where it began; one for each visitor would drown the rest.
    is_known: ClassVar[bool] = False

    def __init__(self, reason: str, *, cause: str | None = None, **values: object) -> None:
        why = reason.format(**values)
        super().__init__(why if cause is None else f"{why} ({cause})")
        self.reason = reason
        self.values = values
        self.cause = cause

    @property
    def for_operator(self) -> str:
        return self.cause or self.problem.why

    @property
    def problem(self) -> Problem:
        return replace(self.because(self.reason, **self.values), retry_after=self.retry_after)

    @classmethod
    def because(cls, reason: str, **values: object) -> Problem:
        told = (cls.name(), cls.status, cls.happened, reason, cls.next_step)
        return Problem(*told, cls.retry_after, values)

    @classmethod
    def name(cls) -> str:
        """For programs: the class that says what happened.

        >>> NotAPicture.name(), StorageFailed.name()
        ('not-a-picture', 'unavailable')
        """
        teller = next(each for each in cls.__mro__ if "happened" in vars(each))
        return re.sub(r"(?<!^)(?=[A-Z])", "-", teller.__name__).lower()


class NoPicture(DuckError):
    status = 400
    happened = "No picture arrived"
    next_step = "Choose a picture, then send it again."


class UploadIncomplete(DuckError):
    status = 400
    happened = "The upload stopped half-way"
    next_step = "Check your connection and send the picture again."


class PictureTooLarge(DuckError):
    status = 413
    happened = "That file is too big"
    next_step = "Send a smaller version of the picture; a screenshot of it will do."


class NotAPicture(DuckError):
    status = 415
    happened = "That is not a picture we can read"
    next_step = "Send a JPEG, PNG, WebP, GIF, AVIF, HEIC, BMP or TIFF."


class BrokenPicture(DuckError):
    status = 422
    happened = "That picture is broken"
    next_step = "Send another copy of it, or another picture."


class TooManyParts(BrokenPicture):
    def __init__(self) -> None:
        super().__init__("It is made of far more parts than a picture needs.")


class TooManyPixels(DuckError):
    status = 422
    happened = "That picture has too many pixels"
    next_step = "Send a smaller version of the picture; a screenshot of it will do."


class TooSmall(DuckError):
    status = 422
    happened = "That picture is too small"
    next_step = "Send a larger version of the picture."


class TooNarrow(TooSmall):
    happened = "That picture is too narrow"
    next_step = "Cut out the part that matters and send that."


class NoSuchResult(DuckError):
    status = 404
    happened = "There is nothing here"
    next_step = "Check the link, or ask about a picture of your own."

    def __init__(self) -> None:
        super().__init__("No page and no result has this address.")


class WrongHost(DuckError):
    status = 400
    happened = "That is not our name"
    next_step = "Check the address that you opened."


class FromElsewhere(DuckError):
    status = 403
    happened = "That came from another site"
    next_step = "Start from our own first page."


class PageTooOld(DuckError):
    status = 403
    happened = "That page is not of this visit any more"
    next_step = "Go back, reload the page, then send it again; your browser has to keep our cookie."


class TooOften(DuckError):
    status = 429
    happened = "That was a lot at once"
    next_step = "Wait a moment, then go on where you were."
    retry_after = 60

    def __init__(self, seconds: int) -> None:
        super().__init__(
            "You have asked more often than one visitor may. In {seconds} seconds you may again.",
            seconds=seconds,
        )
        self.retry_after = seconds


class NoLiveAnswers(DuckError):
    status = 404
    happened = "No live answers here"
    next_step = "Take one picture and send that."


class KeyReused(DuckError):
    status = 422
    happened = "That request was another one before"
    next_step = "Send each new picture with a new Idempotency-Key, best a UUID."


class WrongParameter(DuckError):
    status = 400
    happened = "We could not understand that request"
    next_step = "Correct it, or leave it out, and try again."


class WrongCursor(WrongParameter):
    next_step = "Start with the first page, and go on from there."


class Unavailable(DuckError):
    """A part that we lean on does not answer; the visitor may try again soon."""

    status = 503
    happened = "We cannot look at pictures just now"
    next_step = "Please try again in a minute. Results that you already have are safe."
    retry_after = 60


class TooBusy(Unavailable):
    happened = "Too many pictures at once"
    next_step = "Please try again in a few seconds."
    retry_after = 5


class DetectorFailed(Unavailable):
    # Why a stand-in answers: kept with the result, and told by the API.
    instead_because: ClassVar[str] = "failed"
    is_outage: ClassVar[bool] = True  # and not just about this one picture


class NotBilled(DetectorFailed):
    """It failed without costing anything: it refused, or was never reached."""


class PictureRefused(NotBilled):
    is_outage = False


class DetectorLeftAlone(DetectorFailed):
    """It failed too often just now, and was not asked."""

    is_known = True


class BudgetSpent(DetectorFailed):
    """It was not asked, and will not be before `seconds` have passed."""

    happened = "Our budget for answers is spent"
    next_step = "Please come back then. Results that you already have are safe."
    instead_because = "budget-spent"
    is_outage = False
    is_known = True

    def __init__(self, reason: str, *, seconds: int, **values: object) -> None:
        super().__init__(reason, cause=None, **values)
        self.retry_after = seconds


class StorageFailed(Unavailable):
    pass


class StorageLeftAlone(StorageFailed):
    """It failed too often just now, and was not asked."""

    is_known = True


class ResultsUnavailable(Unavailable):
    pass


class WrongQuestion(DuckError):
    """The question file cannot be used; found at start, so only the operator sees it."""


class BrokenModel(DuckError):
    """The embedded detector's model file cannot be used; only the operator sees it."""
