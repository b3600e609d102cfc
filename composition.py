"""The composition root: builds the parts of the site from the settings."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache, partial
from typing import TYPE_CHECKING

from amazon_services import (
    SLOW_SECONDS,
    amazon_faces,
    amazon_video,
    celebrities_opener,
    collections_opener,
    custom_labels_opener,
    ledger,
    ledger_and_prices,
    lowest_confidence,
    stop_schedules_opener,
)
from aws_clients import aws_client, s3_client
from rubberduck.core.errors import InvalidQuestion
from rubberduck.core.models import StorageLimits
from rubberduck.core.question_file import load_questions, translated
from rubberduck.core.rules import Question
from rubberduck.core.settings import SQLITE, InvalidSettings, Settings
from rubberduck.core.translations import load_translations
from rubberduck.detectors.base import Detector
from rubberduck.detectors.lazy import LazyEmbeddedDetector
from rubberduck.detectors.with_breaker import DetectorWithBreaker
from rubberduck.services.pipeline import Offer, Pipeline
from rubberduck.storage.base import Storage
from rubberduck.storage.folder import FolderStorage
from rubberduck.storage.s3 import S3Storage

if TYPE_CHECKING:
    from rekognition import Rekognition
    from rubberduck.aws.topics import Topic
    from rubberduck.db.results import Results
    from rubberduck.events.delivery import Delivery
    from rubberduck.events.queue_poller import QueuePoller
    from rubberduck.faces.finders import FaceFinders
    from rubberduck.services.answering_models import AnsweringModels
    from rubberduck.storage.s3_conditional import ConditionalS3
    from rubberduck.videos.models import VideoLimits


def build_pipeline(settings: Settings) -> Pipeline:
    """Build the pipeline: folder and embedded detector; with a bucket, S3 and Rekognition."""
    translate = load_translations(settings.language).gettext
    loaded = load_questions(settings.offered_questions)
    questions = {key: translated(question, translate) for key, question in loaded.items()}
    open_results = _results_opener(settings)
    detector, offers = _detectors(settings, questions, open_results)
    default = next(iter(offers.values()))
    return Pipeline(
        question=default.question,
        detector=detector,
        fallback_detector=default.fallback_detector,
        offers=offers,
        storage=_storage(settings),
        open_results=open_results,
        max_bytes=settings.max_bytes,
        max_side=settings.max_side,
        share_answers=settings.share_answers,
        storage_limits=StorageLimits(settings.visitor_bytes, settings.site_bytes),
        open_custom_labels=custom_labels_opener(settings, open_results),
        open_stop_schedules=stop_schedules_opener(settings),
        open_ledger=lambda: ledger_and_prices(settings, open_results()),
        amazon_video=amazon_video(settings, detector, questions.values(), open_results),
        open_celebrities=celebrities_opener(settings, open_results),
        open_collections=collections_opener(settings, open_results),
        open_bucket=partial(open_bucket, settings),
        open_topic=partial(open_topic, settings),
        open_faces=_faces_opener(settings, open_results),
        open_video_limits=partial(_video_limits, settings),
        open_models=partial(_answering_models, settings),
    )


def _video_limits(settings: Settings) -> "VideoLimits":
    from rubberduck.videos.models import VideoLimits

    return VideoLimits.of(settings)


def _answering_models(settings: Settings, site: Pipeline) -> "AnsweringModels":
    """Return the models of projects that answer; for jobs, which have no app."""
    from rubberduck.services.answering_models import AnsweringModels
    from rubberduck.services.model_watch import build_hosting

    translate = load_translations(settings.language).gettext
    return AnsweringModels(site, lambda: build_hosting(site, settings), translate)


def _results_opener(settings: Settings) -> Callable[[], "Results"]:
    """Return a function that opens the results on first use, so that pages load no SQLAlchemy."""

    @cache
    def open_results() -> "Results":
        from rubberduck.db.results import Results

        return Results(settings.database_url, timedelta(days=settings.keep_days))

    return open_results


def _storage(settings: Settings) -> Storage:
    if settings.bucket is None:
        return FolderStorage(settings.uploads)
    client = s3_client(settings)
    return S3Storage(client, settings.bucket, settings.link_seconds, settings.kms_key)


def _faces_opener(
    settings: Settings, open_results: Callable[[], "Results"]
) -> "Callable[[], FaceFinders] | None":
    """Return a function that opens what finds faces on first use; None if it is switched off."""
    if settings.faces == "off":
        return None

    @cache
    def open_faces() -> "FaceFinders":
        from rubberduck.faces.embedded import EmbeddedFaces
        from rubberduck.faces.finders import FaceFinders

        amazon = amazon_faces(settings, open_results())
        return FaceFinders(EmbeddedFaces(), amazon, with_gender=settings.faces == "all")

    return open_faces


def _detectors(
    settings: Settings, questions: dict[str, Question], open_results: Callable[[], "Results"]
) -> tuple[Detector, dict[str, Offer]]:
    """Return the detector, and the questions with their fallback detectors.

    Raises InvalidQuestion, InvalidSettings.
    """
    local = LazyEmbeddedDetector()
    answerable = {
        key: question.is_answerable_with(local.supported_labels)
        for key, question in questions.items()
    }
    if settings.answering_engine == "rekognition":
        if not all(answerable.values()):
            _require_budget(settings)
        offers = {
            key: Offer(question, local if answerable[key] else None)
            for key, question in questions.items()
        }
        most_lenient = min(questions.values(), key=lambda question: question.min_confidence)
        return guarded_rekognition(settings, most_lenient, open_results()), offers
    for key in questions:
        if not answerable[key]:
            raise InvalidQuestion(
                "{setting} asks for labels that the {name} does not know (it knows {known}):"
                " set DUCK_ENGINE=rekognition, and Amazon Rekognition answers.",
                setting=f"DUCK_QUESTIONS ({key})" if settings.questions else "DUCK_QUESTION",
                name=local.name,
                known=", ".join(sorted(local.supported_labels)),
            )
    return local, {key: Offer(question, None) for key, question in questions.items()}


def _require_budget(settings: Settings) -> None:
    if not (settings.daily_calls and settings.monthly_calls):
        raise InvalidSettings(
            "DUCK_DAILY_CALLS and DUCK_MONTHLY_CALLS must be more than 0: "
            "only Amazon Rekognition can answer what DUCK_QUESTION asks."
        )


def guarded_rekognition(settings: Settings, question: Question, results: "Results") -> Detector:
    """Return Rekognition behind its budget and circuit breaker."""
    from rubberduck.billing.budget import Budget
    from rubberduck.detectors.with_budget import DetectorWithBudget

    client_detector = rekognition(settings, question)
    budget = Budget(
        results.database,
        client_detector.name,
        client_detector.cost_per_call_usd,
        settings.daily_calls,
        settings.monthly_calls,
        ledger(settings, results),
    )
    return DetectorWithBreaker(DetectorWithBudget(client_detector, budget))


def rekognition(settings: Settings, question: Question) -> "Rekognition":
    from rekognition import Rekognition
    from rubberduck.billing.prices import load_prices

    client = aws_client(settings, "rekognition", 3, signature_version="v4")
    price = load_prices(settings.prices)["detect-labels"]
    return Rekognition(client, lowest_confidence([question]), price.dollars)


def build_delivery(settings: Settings, pipeline: Pipeline) -> "Delivery | None":
    """Return what answers pictures that arrive in a bucket; None if no place is set for them.

    Raises InvalidSettings.
    """
    if settings.events_input is None and settings.events_output is None:
        return None
    # Imported late: most sites take no pictures from a bucket.
    from rubberduck.aws.event_queue import EventQueue
    from rubberduck.db.event_claims import DatabaseClaims
    from rubberduck.events.claims import BucketClaims, Claims
    from rubberduck.events.delivery import Delivery
    from rubberduck.events.handler import EventHandler
    from rubberduck.events.places import InvalidPlace, Place, Places

    if settings.events_input is None or settings.events_output is None:
        raise InvalidSettings("Set DUCK_EVENTS_INPUT and DUCK_EVENTS_OUTPUT, or neither.")
    try:
        places = Places(Place.parse(settings.events_input), Place.parse(settings.events_output))
    except InvalidPlace as error:
        raise InvalidSettings(f"DUCK_EVENTS_OUTPUT is wrong: {error}.") from None
    bucket = open_bucket(settings, places.output.bucket)
    # Other machines and functions do not see a file of SQLite.
    is_shared = not settings.database_url.startswith(SQLITE)
    in_bucket = BucketClaims(bucket, places.claim_key)
    claims = Claims(DatabaseClaims(pipeline.results.database) if is_shared else in_bucket)
    dead_url = settings.events_dead_queue
    dead = EventQueue(aws_client(settings, "sqs", 3), dead_url) if dead_url else None
    return Delivery(EventHandler(pipeline, bucket, places, claims), dead)


def open_bucket(settings: Settings, name: str) -> "ConditionalS3":
    """Return any bucket that the credentials allow. Raises InvalidSettings."""
    from rubberduck.storage.s3_conditional import ConditionalS3

    return ConditionalS3(s3_client(settings), name, settings.link_seconds, settings.kms_key)


def open_topic(settings: Settings, arn: str) -> "Topic":
    """Return a topic that DUCK_EMULATOR_TOPICS names. Raises InvalidSettings."""
    from rubberduck.aws.topics import Topic, region_of

    return Topic(aws_client(settings, "sns", 3, region_name=region_of(arn)), arn)


def build_event_poller(settings: Settings, pipeline: Pipeline) -> "QueuePoller | None":
    """Return what takes events from the queue; None without one. Raises InvalidSettings."""
    if settings.events_queue is None:
        return None
    from rubberduck.aws.event_queue import EventQueue
    from rubberduck.aws.sqs import LONGEST_POLL
    from rubberduck.events.queue_poller import QueuePoller

    if (delivery := build_delivery(settings, pipeline)) is None:
        raise InvalidSettings("DUCK_EVENTS_QUEUE needs DUCK_EVENTS_INPUT and DUCK_EVENTS_OUTPUT.")
    client = aws_client(settings, "sqs", 3, read_timeout=LONGEST_POLL + SLOW_SECONDS)
    queue = EventQueue(client, settings.events_queue)
    return QueuePoller(queue, delivery, at_once=settings.worker_jobs)
