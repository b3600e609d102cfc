"""The errors of the site, with texts for visitors: what happened, why, and what to do next."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from rubberduck.core.sentences import Sentence


@dataclass(frozen=True)
class Problem:
    """The contents of an error page or a problem+json response.

    `slug` identifies the kind of problem to programs and never changes. `reason` may contain
    {placeholders} for `values`, so that one translation serves all values.
    """

    slug: str
    status: int
    title: str
    reason: str
    hint: str
    retry_after: int | None = None
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def why(self) -> str:
        return self.reason.format(**self.values)

    @property
    def sentence(self) -> Sentence:
        """Return `why` with what is needed to translate it later."""
        return Sentence(self.reason, **self.values) if self.values else Sentence(self.why)

    @property
    def advice(self) -> Sentence:
        """Return `sentence` and what to do next, where no page shows the hint beside it."""
        if not self.hint:
            return self.sentence
        return Sentence("{why} {hint}", why=self.sentence, hint=Sentence(self.hint))


class DuckError(Exception):
    """Base class of the site's errors: visitors see `reason`; `cause` is for the operator's log.

    >>> str(TooSmall("It has only {width} pixels.", width=7))
    'It has only 7 pixels.'
    """

    slug: ClassVar[str] = "duck-error"  # public: the last part of the problem's "type"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong on our side"
    hint: ClassVar[str] = "Please try again in a minute."
    retry_after: int | None = None
    # True if the event is logged elsewhere: one line for each visitor would flood the log.
    already_logged: ClassVar[bool] = False

    def __init__(self, reason: str, *, cause: str | None = None, **values: object) -> None:
        why = reason.format(**values)
        super().__init__(why if cause is None else f"{why} ({cause})")
        self.reason = reason
        self.values = values
        self.cause = cause

    @property
    def operator_message(self) -> str:
        return self.cause or self.problem.why

    @property
    def problem(self) -> Problem:
        return replace(self.to_problem(self.reason, **self.values), retry_after=self.retry_after)

    @classmethod
    def to_problem(cls, reason: str, **values: object) -> Problem:
        return Problem(cls.slug, cls.status, cls.title, reason, cls.hint, cls.retry_after, values)


class NoPicture(DuckError):
    status = 400
    slug = "no-picture"
    title = "No picture received"
    hint = "Choose a picture, then send it again."


class UploadIncomplete(DuckError):
    status = 400
    slug = "upload-incomplete"
    title = "The upload was interrupted"
    hint = "Check your connection and send the picture again."


class PictureTooLarge(DuckError):
    status = 413
    slug = "picture-too-large"
    title = "This file is too large"
    hint = "Send a smaller version of the picture, for example a screenshot of it."


class NotAPicture(DuckError):
    status = 415
    slug = "not-a-picture"
    title = "This file is not a picture we can read"
    hint = "Send a JPEG, PNG, WebP, GIF, AVIF, HEIC, BMP or TIFF."


class CompressedBody(NotAPicture):
    title = "This request is compressed"
    hint = "Send it without Content-Encoding."


class RawFile(NotAPicture):
    slug = "raw-file"
    title = "This is a raw file"
    hint = "Export it as a JPEG and send that."


class DamagedPicture(DuckError):
    status = 422
    slug = "broken-picture"
    title = "This picture is damaged"
    hint = "Send another copy of it, or another picture."


class TooCostly(DuckError):
    """Decoding the picture crashed or exceeded its memory or time limit."""

    status = 422
    slug = "too-costly"
    title = "This picture takes too much to decode"
    hint = "Save it again as a JPEG with another program, or send a screenshot of it."


class TooManyPixels(DuckError):
    status = 422
    slug = "too-many-pixels"
    title = "This picture has too many pixels"
    hint = "Send a smaller version of the picture, for example a screenshot of it."


class TooSmall(DuckError):
    status = 422
    slug = "too-small"
    title = "This picture is too small"
    hint = "Send a larger version of the picture."


class TooNarrow(TooSmall):
    slug = "too-narrow"
    title = "This picture is too narrow"
    hint = "Crop it to the part that matters and send that."


class NoSuchResult(DuckError):
    status = 404
    slug = "no-such-result"
    title = "Page not found"
    hint = "Check the link, or upload a picture of your own."

    def __init__(self) -> None:
        super().__init__("There is no page or result at this address, or it was deleted.")


class ResultPending(DuckError):
    """The picture with this id is still being processed."""

    status = 202
    slug = "pending"
    title = "Your picture is being checked"
    hint = "This page shows the answer as soon as it is ready."
    retry_after = 1

    def __init__(self, id: str) -> None:
        super().__init__("The answer is not ready yet.")
        self.id = id


class UnknownHost(DuckError):
    status = 400
    slug = "wrong-host"
    title = "Unknown host name"
    hint = "Check the address that you opened."


class CrossOrigin(DuckError):
    status = 403
    slug = "from-elsewhere"
    title = "Request from another site"
    hint = "Start from our home page."


class FormExpired(DuckError):
    status = 403
    slug = "page-too-old"
    title = "This form has expired"
    hint = (
        "Go back, reload the page and send the form again. Your browser has to accept our cookie."
    )


class RateLimited(DuckError):
    status = 429
    slug = "too-often"
    title = "Too many requests"
    hint = "Wait a moment, then continue where you were."
    retry_after = 60

    def __init__(self, seconds: int) -> None:
        super().__init__(
            "You have sent more requests than the limit allows. Try again in {seconds} s.",
            seconds=seconds,
        )
        self.retry_after = seconds


class LiveAnalysisUnavailable(DuckError):
    status = 404
    slug = "no-live-answers"
    title = "Live answers are not available"
    hint = "Take one picture and send that."


class InvalidToken(DuckError):
    """The request has a bearer token that is malformed, unknown, revoked or expired."""

    status = 401
    slug = "invalid-key"
    title = "API key not accepted"
    hint = "Make a new key where this one was made, or leave out the Authorization header."


class TooManyTokens(DuckError):
    status = 409
    slug = "too-many-keys"
    title = "Too many API keys"
    hint = "Revoke one that you no longer need, then try again."

    def __init__(self, limit: int) -> None:
        super().__init__("You have {limit} API keys, which is the maximum.", limit=limit)


class VisitorStorageFull(DuckError):
    """The visitor's pictures would take more than the settings allow; nothing was stored."""

    status = 413
    slug = "visitor-storage-full"
    title = "You have no room for another picture"
    hint = "Delete some on “My pictures”, then send this one again."


class IdempotencyKeyReused(DuckError):
    status = 422
    slug = "key-reused"
    title = "Idempotency-Key already used"
    hint = "Use a new Idempotency-Key for each new picture, preferably a UUID."


class InvalidParameter(DuckError):
    status = 400
    slug = "wrong-parameter"
    title = "Invalid request"
    hint = "Correct it, or leave it out, and try again."


class NoSuchQuestion(InvalidParameter):
    slug = "no-such-question"
    title = "Unknown question"
    hint = "Choose one of them, or leave out “question” for the default one."

    def __init__(self, offered: Iterable[str]) -> None:
        super().__init__(
            "This site does not offer this question. “question” may be: {offered}.",
            offered=", ".join(offered) or "none",
        )


class InvalidCursor(InvalidParameter):
    hint = "Start with the first page of the list."


class Unavailable(DuckError):
    """A service that the site depends on failed; the visitor may try again soon."""

    status = 503
    slug = "unavailable"
    title = "We cannot check pictures at the moment"
    hint = "Please try again in a minute. Your existing results are safe."
    retry_after: int | None = 60


class TooBusy(Unavailable):
    slug = "too-busy"
    title = "Too many pictures at once"
    hint = "Please try again in a few seconds."
    retry_after = 5


class DetectorFailed(Unavailable):
    # Why the fallback detector was used: stored with the result and returned by the API.
    fallback_reason: ClassVar[str] = "failed"
    is_outage: ClassVar[bool] = True  # False if only this picture failed


class NotBilled(DetectorFailed):
    """The call failed and was not billed: it was rejected, or never reached the service."""


class PictureRefused(NotBilled):
    """The service cannot take this picture; the next one may be sent."""

    status = 422
    slug = "picture-not-taken"
    title = "Amazon Rekognition cannot take this picture"
    hint = "Try another picture, or another copy of this one."
    retry_after = None
    is_outage = False


class DetectorCircuitOpen(DetectorFailed):
    """The detector was not called, because its circuit breaker is open."""

    already_logged = True


class BudgetSpent(DetectorFailed):
    """The detector was not called; the budget is renewed in `seconds`."""

    slug = "budget-spent"
    title = "Our budget for answers is used up"
    hint = "Please come back then. Your existing results are safe."
    fallback_reason = "budget-spent"
    is_outage = False
    already_logged = True

    def __init__(self, reason: str, *, seconds: int, **values: object) -> None:
        super().__init__(reason, cause=None, **values)
        self.retry_after = seconds


class SiteStorageFull(Unavailable):
    """All that is stored would take more than the settings allow; nothing was stored."""

    slug = "site-storage-full"
    title = "This site has no room at the moment"
    hint = "Please try again later. All that is stored already is safe."
    retry_after = 3600


class StorageFailed(Unavailable):
    pass


class StorageCircuitOpen(StorageFailed):
    """The storage was not called, because its circuit breaker is open."""

    already_logged = True


class ResultsUnavailable(Unavailable):
    pass


class NoSuchJob(DuckError):
    status = 404
    slug = "no-such-job"
    title = "Page not found"
    hint = "Check the link, or look at the list of your jobs."

    def __init__(self) -> None:
        super().__init__("There is no job at this address, or it was deleted.")


class JobEnded(DuckError):
    """The job is in a state that does not allow this."""

    status = 409
    slug = "job-ended"
    title = "The job is in another state by now"
    hint = "Reload its page to see what became of it."


class TooManyJobs(DuckError):
    status = 429
    slug = "too-many-jobs"
    title = "Too many jobs are waiting"
    hint = "Wait until one of them has ended, or cancel one."
    retry_after = 60


class JobsUnavailable(Unavailable):
    title = "The job could not be queued"
    hint = "Please try again in a minute. Nothing was started."


class InvalidQuestion(DuckError):
    """The question file cannot be used; found at start, so only the operator sees it."""


class InvalidModel(DuckError):
    """The embedded detector's model file cannot be used; only the operator sees it."""
