"""The parts of the site, put together as the settings say."""

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, cast

from werkzeug.local import LocalProxy

from rubberduck.core.errors import InvalidQuestion
from rubberduck.core.once import once
from rubberduck.core.question_file import load_question
from rubberduck.core.rules import Question
from rubberduck.core.settings import InvalidSettings, Settings
from rubberduck.detectors.base import Detector
from rubberduck.detectors.lazy import LazyEmbeddedDetector
from rubberduck.detectors.with_breaker import DetectorWithBreaker
from rubberduck.services.pipeline import Pipeline
from rubberduck.storage.base import Storage
from rubberduck.storage.folder import FolderStorage
from rubberduck.storage.s3 import S3Storage

if TYPE_CHECKING:
    from rekognition import Rekognition
    from rubberduck.db.results import Results

AWS_CONNECTIONS = 32
# Less sure than any rule counts: near misses are worth showing, and cost nothing more.
NEAR_MISS = 10.0


def build_pipeline(settings: Settings) -> Pipeline:
    """A folder and the embedded detector; with a bucket, S3 and Amazon Rekognition."""
    question = load_question(settings.question)
    results = _results(settings)
    detector, fallback_detector = _detectors(settings, question, results)
    return Pipeline(
        question=question,
        detector=detector,
        fallback_detector=fallback_detector,
        storage=_storage(settings),
        results=results,
        max_bytes=settings.max_bytes,
        max_side=settings.max_side,
    )


def _results(settings: Settings) -> "Results":
    """Opened when first asked: the first page is shown before SQLAlchemy is loaded."""

    def opened() -> "Results":
        from rubberduck.db.results import Results

        return Results(settings.database_url, timedelta(days=settings.keep_days))

    return cast("Results", LocalProxy(once(opened)))


def _storage(settings: Settings) -> Storage:
    if settings.bucket is None:
        return FolderStorage(settings.uploads)
    # Amazon's bucket is asked at its regional address: the global one redirects, and a signed link
    # breaks on the way. Another server, such as a test's, need not know its buckets as host names.
    is_amazons = not (os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"))
    style = {"addressing_style": "virtual" if is_amazons else "path"}
    # S3's own name for the signature that the rest of AWS calls "v4".
    # A visitor waits for it, and nothing stands in: it is tried twice, Rekognition three times.
    client = _client(settings, "s3", 2, signature_version="s3v4", s3=style)
    return S3Storage(client, settings.bucket, settings.link_seconds)


def _detectors(
    settings: Settings, question: Question, results: "Results"
) -> tuple[Detector, Detector | None]:
    """Who answers, and who stands in."""
    local = LazyEmbeddedDetector()
    knows_the_words = question.is_answerable_with(local.words)
    if settings.answering_engine == "rekognition":
        if not knows_the_words:
            _refuse_an_empty_budget(settings)
        return guarded_rekognition(settings, question, results), local if knows_the_words else None
    if knows_the_words:
        return local, None
    known = ", ".join(sorted(local.words))
    raise InvalidQuestion(
        "DUCK_QUESTION asks for labels that the {name} does not know (it knows {known}):"
        " set DUCK_ENGINE=rekognition, and Amazon Rekognition answers.",
        name=local.name,
        known=known,
    )


def _refuse_an_empty_budget(settings: Settings) -> None:
    if not (settings.daily_calls and settings.monthly_calls):
        raise InvalidSettings(
            "DUCK_DAILY_CALLS and DUCK_MONTHLY_CALLS must be more than 0: "
            "only Amazon Rekognition can answer what DUCK_QUESTION asks."
        )


def guarded_rekognition(settings: Settings, question: Question, results: "Results") -> Detector:
    """Rekognition, and around it what guards it."""
    from rubberduck.billing.budget import Budget
    from rubberduck.detectors.with_budget import DetectorWithBudget

    client_detector = rekognition(settings, question)
    budget = Budget(
        results.database,
        client_detector.name,
        client_detector.cost_per_call_usd,
        settings.daily_calls,
        settings.monthly_calls,
    )
    return DetectorWithBreaker(DetectorWithBudget(client_detector, budget))


def rekognition(settings: Settings, question: Question) -> "Rekognition":
    from rekognition import Rekognition

    client = _client(settings, "rekognition", 3, signature_version="v4")
    return Rekognition(client, min(question.min_confidence, NEAR_MISS))


def _client(
    settings: Settings, service: Literal["s3", "rekognition"], attempts: int, **more: Any
) -> Any:
    # Not at the top: without a bucket the site starts without Amazon's library.
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    config = Config(
        region_name=settings.region,
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=AWS_CONNECTIONS,
        **more,
    )
    try:
        return boto3.Session().client(service, config=config)
    except (BotoCoreError, ValueError) as error:
        raise InvalidSettings(
            f"AWS's own settings are wrong ({type(error).__name__}): look at AWS_PROFILE, "
            "AWS_CONFIG_FILE, and any AWS_ENDPOINT_URL."
        ) from None
