"""The composition root: builds the parts of the site from the settings."""

import os
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal

from rubberduck.core.errors import InvalidQuestion
from rubberduck.core.question_file import load_questions, translated
from rubberduck.core.rules import Question
from rubberduck.core.settings import SQLITE, InvalidSettings, Settings
from rubberduck.core.translations import load_translations
from rubberduck.detectors.base import Detector
from rubberduck.detectors.lazy import LazyEmbeddedDetector
from rubberduck.detectors.with_breaker import DetectorWithBreaker
from rubberduck.services.amazon_video import AmazonVideo
from rubberduck.services.pipeline import Offer, Pipeline
from rubberduck.storage.base import Storage
from rubberduck.storage.folder import FolderStorage
from rubberduck.storage.s3 import S3Storage

if TYPE_CHECKING:
    from rekognition import Rekognition
    from rubberduck.aws.custom_labels import CustomLabels
    from rubberduck.aws.scheduler import StopSchedules
    from rubberduck.aws.video import RekognitionVideo
    from rubberduck.aws.video_notices import NoticeQueue
    from rubberduck.billing.ledger import Ledger
    from rubberduck.billing.prices import Prices
    from rubberduck.db.results import Results
    from rubberduck.events.delivery import Delivery
    from rubberduck.events.queue_poller import QueuePoller
    from rubberduck.faces.finders import FaceFinders
    from rubberduck.services.amazon_faces import AmazonFaces
    from rubberduck.services.answering_models import AnsweringModels
    from rubberduck.services.celebrities import Celebrities
    from rubberduck.services.face_collections import CollectionService
    from rubberduck.services.paid_calls import PaidCalls
    from rubberduck.storage.s3_conditional import ConditionalS3
    from rubberduck.videos.models import VideoLimits

AWS_CONNECTIONS = 32
SLOW_SECONDS = 10  # Custom Labels takes 5 MB of entries, and looks at pictures of 4,096 pixels
CUSTOM_LABELS_RATE = 5  # calls a second of each operation, the quota of an account
# Calls of DetectLabels a second, the quota of an account, and the share that videos may take.
FAST_REGIONS, FAST_RATE, RATE = ("us-east-1", "us-west-2", "eu-west-1"), 50, 5
VIDEO_SHARE = 0.8
# Percent, below every rule's threshold: pages also show near misses, at no extra cost.
MIN_LABEL_CONFIDENCE = 10.0


def build_pipeline(settings: Settings) -> Pipeline:
    """Build the pipeline: folder and embedded detector; with a bucket, S3 and Rekognition."""
    translate = load_translations(settings.language).gettext
    loaded = load_questions(settings.offered_questions)
    questions = {key: translated(question, translate) for key, question in loaded.items()}
    open_results = _results_opener(settings)
    detector, offers = _detectors(settings, questions, open_results)
    default = next(iter(offers.values()))
    amazon_video = _amazon_video(settings, detector, questions.values(), open_results)
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
        open_custom_labels=_custom_labels_opener(settings, open_results),
        open_stop_schedules=_stop_schedules_opener(settings),
        open_ledger=lambda: _ledger_and_prices(settings, open_results()),
        amazon_video=amazon_video,
        open_celebrities=_celebrities_opener(settings, open_results),
        open_collections=_collections_opener(settings, open_results),
        open_bucket=partial(open_bucket, settings),
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
    client = _s3_client(settings)
    return S3Storage(client, settings.bucket, settings.link_seconds, settings.kms_key)


def _s3_client(settings: Settings) -> Any:
    # The regional address: the global one redirects, which breaks signed links. Other servers, such
    # as those of tests, may not support bucket host names.
    is_amazon = not (os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"))
    style = {"addressing_style": "virtual" if is_amazon else "path"}
    # "s3v4" is S3's name for signature version 4. Two attempts: a visitor waits, and there is no
    # fallback. Rekognition gets three.
    return _client(settings, "s3", 2, signature_version="s3v4", s3=style)


def _custom_labels_opener(
    settings: Settings, open_results: Callable[[], "Results"]
) -> Callable[[], "CustomLabels"] | None:
    """Return a function that opens Custom Labels on first use; None if it is switched off."""
    if not settings.custom_labels:
        return None
    if settings.bucket is None:
        raise InvalidSettings(
            "DUCK_CUSTOM_LABELS needs DUCK_BUCKET: Amazon reads the pictures to train with there."
        )

    @cache
    def open_custom_labels() -> "CustomLabels":
        from rubberduck.aws.custom_labels import CustomLabels
        from rubberduck.db.call_rates import CallRate

        client = _client(
            settings, "rekognition", 2, signature_version="v4", read_timeout=SLOW_SECONDS
        )
        rate = CallRate(open_results().database, "rekognition", CUSTOM_LABELS_RATE)
        return CustomLabels(client, rate.wait)

    return open_custom_labels


def _stop_schedules_opener(settings: Settings) -> Callable[[], "StopSchedules"] | None:
    """Return a function that opens the schedules on first use; None without a role for them."""
    if not settings.custom_labels or (role := settings.scheduler_role) is None:
        return None

    @cache
    def open_stop_schedules() -> "StopSchedules":
        from rubberduck.aws.scheduler import StopSchedules

        return StopSchedules(_client(settings, "scheduler", 2), role)

    return open_stop_schedules


def _amazon_video(
    settings: Settings,
    detector: Detector,
    questions: Iterable[Question],
    open_results: Callable[[], "Results"],
) -> AmazonVideo | None:
    """Return what analyses videos for money; None if Rekognition is switched off."""
    if settings.rekognition_video and settings.bucket is None:
        raise InvalidSettings(
            "DUCK_REKOGNITION_VIDEO needs DUCK_BUCKET: Amazon reads the videos there."
        )
    channel = settings.video_topic, settings.video_role, settings.video_queue
    if any(channel) and not all(channel):
        raise InvalidSettings(
            "DUCK_VIDEO_TOPIC, DUCK_VIDEO_ROLE and DUCK_VIDEO_QUEUE belong together: set all or "
            "none."
        )
    if settings.answering_engine != "rekognition":
        return None
    quota = FAST_RATE if settings.region in FAST_REGIONS else RATE
    return AmazonVideo(
        detector=detector,
        min_confidence=_lowest_confidence(questions),
        calls_per_second=VIDEO_SHARE * quota,
        daily_calls=settings.daily_calls,
        monthly_calls=settings.monthly_calls,
        open_service=_video_service_opener(settings, open_results),
        open_notices=_notices_opener(settings),
    )


def _video_service_opener(
    settings: Settings, open_results: Callable[[], "Results"]
) -> "Callable[[], RekognitionVideo] | None":
    """Return a function that opens Rekognition Video on first use; None if it is switched off."""
    if not settings.rekognition_video:
        return None

    @cache
    def open_service() -> "RekognitionVideo":
        from rubberduck.aws.video import Channel, RekognitionVideo
        from rubberduck.db.call_rates import CallRate

        client = _client(
            settings, "rekognition", 2, signature_version="v4", read_timeout=SLOW_SECONDS
        )
        topic, role = settings.video_topic, settings.video_role
        channel = Channel(topic, role) if topic and role else None
        rate = CallRate(open_results().database, "rekognition", CUSTOM_LABELS_RATE)
        return RekognitionVideo(client, channel, rate.wait)

    return open_service


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

        amazon = _amazon_faces(settings, open_results())
        return FaceFinders(EmbeddedFaces(), amazon, with_gender=settings.faces == "all")

    return open_faces


def _amazon_faces(settings: Settings, results: "Results") -> "AmazonFaces | None":
    """Return DetectFaces within the budget; None if Rekognition is switched off."""
    if settings.answering_engine != "rekognition":
        return None
    from rubberduck.aws.faces import OPERATION, RekognitionFaces
    from rubberduck.billing.prices import load_prices
    from rubberduck.services.amazon_faces import AmazonFaces

    client = _client(settings, "rekognition", 3, signature_version="v4")
    dollars = load_prices(settings.prices)["detect-faces"].dollars
    calls = _paid_calls(settings, results, OPERATION, dollars)
    return AmazonFaces(RekognitionFaces(client), calls, dollars)


def _notices_opener(settings: Settings) -> "Callable[[], NoticeQueue] | None":
    if not settings.rekognition_video or (url := settings.video_queue) is None:
        return None

    @cache
    def open_notices() -> "NoticeQueue":
        from rubberduck.aws.sqs import LONGEST_POLL
        from rubberduck.aws.video_notices import NoticeQueue

        return NoticeQueue(_client(settings, "sqs", 2, read_timeout=LONGEST_POLL + 5), url)

    return open_notices


def _celebrities_opener(
    settings: Settings, open_results: Callable[[], "Results"]
) -> "Callable[[], Celebrities] | None":
    """Return a function that opens RecognizeCelebrities on first use; None if it is off."""
    if not settings.celebrities or settings.answering_engine != "rekognition":
        return None

    @cache
    def open_celebrities() -> "Celebrities":
        from rubberduck.aws.celebrities import OPERATION, RekognitionCelebrities
        from rubberduck.billing.prices import load_prices
        from rubberduck.services.celebrities import Celebrities

        client = _client(settings, "rekognition", 3, signature_version="v4")
        dollars = load_prices(settings.prices)["recognize-celebrities"].dollars
        calls = _paid_calls(settings, open_results(), OPERATION, dollars)
        return Celebrities(RekognitionCelebrities(client), calls, dollars)

    return open_celebrities


def _collections_opener(
    settings: Settings, open_results: Callable[[], "Results"]
) -> "Callable[[], CollectionService] | None":
    """Return a function that opens face collections on first use; None if they are off."""
    if not settings.face_collections:
        return None
    if settings.faces == "off" or settings.answering_engine != "rekognition":
        raise InvalidSettings(
            "DUCK_FACE_COLLECTIONS needs DUCK_FACES=1 and Amazon Rekognition: set DUCK_BUCKET or "
            "DUCK_ENGINE=rekognition."
        )

    @cache
    def open_collections() -> "CollectionService":
        from rubberduck.aws.collections import FaceCollections
        from rubberduck.billing.prices import load_prices
        from rubberduck.db.call_rates import CallRate
        from rubberduck.db.indexed_people import IndexedPeople
        from rubberduck.services.face_charges import FaceCharges
        from rubberduck.services.face_collections import CollectionService

        results, prices = open_results(), load_prices(settings.prices)
        client = _client(
            settings, "rekognition", 2, signature_version="v4", read_timeout=SLOW_SECONDS
        )
        rate = CallRate(results.database, "rekognition", CUSTOM_LABELS_RATE)
        return CollectionService(
            FaceCollections(client, rate.wait),
            IndexedPeople(results.database),
            _paid_calls(settings, results, "IndexFaces", prices["index-faces"].dollars),
            _paid_calls(settings, results, "SearchFaces", prices["search-faces"].dollars),
            FaceCharges(ledger(settings, results), prices["face-storage"]),
            timedelta(days=settings.face_keep_days),
        )

    return open_collections


def _paid_calls(
    settings: Settings, results: "Results", operation: str, dollars_a_call: float
) -> "PaidCalls":
    """Return the guard of an operation; it counts as DUCK_DAILY_CALLS counts DetectLabels."""
    from rubberduck.aws.image_calls import SERVICE
    from rubberduck.billing.budget import Budget
    from rubberduck.services.paid_calls import PaidCalls

    limits = settings.daily_calls, settings.monthly_calls
    costs = ledger(settings, results)
    budget = Budget(results.database, SERVICE, dollars_a_call, *limits, costs)
    return PaidCalls(operation, budget)


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

    client = _client(settings, "rekognition", 3, signature_version="v4")
    price = load_prices(settings.prices)["detect-labels"]
    return Rekognition(client, _lowest_confidence([question]), price.dollars)


def _lowest_confidence(questions: Iterable[Question]) -> float:
    """Return below how many percent no label matters."""
    return min(MIN_LABEL_CONFIDENCE, *(question.min_confidence for question in questions))


def _ledger_and_prices(settings: Settings, results: "Results") -> "tuple[Ledger, Prices]":
    from rubberduck.billing.prices import load_prices

    return ledger(settings, results), load_prices(settings.prices)


def ledger(settings: Settings, results: "Results") -> "Ledger":
    """Return the ledger of all services, with its limits."""
    from rubberduck.billing.ledger import Ledger, limits_of
    from rubberduck.billing.prices import load_prices

    return Ledger(results.database, limits_of(settings, load_prices(settings.prices)))


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
    dead = EventQueue(_client(settings, "sqs", 3), dead_url) if dead_url else None
    return Delivery(EventHandler(pipeline, bucket, places, claims), dead)


def open_bucket(settings: Settings, name: str) -> "ConditionalS3":
    """Return any bucket that the credentials allow. Raises InvalidSettings."""
    from rubberduck.storage.s3_conditional import ConditionalS3

    return ConditionalS3(_s3_client(settings), name, settings.link_seconds, settings.kms_key)


def build_event_poller(settings: Settings, pipeline: Pipeline) -> "QueuePoller | None":
    """Return what takes events from the queue; None without one. Raises InvalidSettings."""
    if settings.events_queue is None:
        return None
    from rubberduck.aws.event_queue import EventQueue
    from rubberduck.aws.sqs import LONGEST_POLL
    from rubberduck.events.queue_poller import QueuePoller

    if (delivery := build_delivery(settings, pipeline)) is None:
        raise InvalidSettings("DUCK_EVENTS_QUEUE needs DUCK_EVENTS_INPUT and DUCK_EVENTS_OUTPUT.")
    client = _client(settings, "sqs", 3, read_timeout=LONGEST_POLL + SLOW_SECONDS)
    queue = EventQueue(client, settings.events_queue)
    return QueuePoller(queue, delivery, at_once=settings.worker_jobs)


def _client(
    settings: Settings,
    service: Literal["s3", "rekognition", "scheduler", "sqs"],
    attempts: int,
    **more: Any,
) -> Any:
    # Imported late: without a bucket the site starts without boto3.
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, UnknownRegionError

    options: dict[str, Any] = {
        "region_name": settings.region,
        "connect_timeout": 2,
        "read_timeout": 5,
        "retries": {"mode": "standard", "total_max_attempts": attempts},
        "max_pool_connections": AWS_CONNECTIONS,
    }
    config = Config(**options | more)
    try:
        session = boto3.Session()
        session.get_partition_for_region(settings.region)
        return session.client(service, config=config)
    except UnknownRegionError:
        raise InvalidSettings(
            f"DUCK_REGION is wrong: AWS has no region {settings.region}. "
            "It must be the region of the bucket and of Rekognition."
        ) from None
    except (BotoCoreError, ValueError) as error:
        raise InvalidSettings(
            f"AWS's own settings are wrong ({type(error).__name__}): look at AWS_PROFILE, "
            "AWS_CONFIG_FILE, and any AWS_ENDPOINT_URL."
        ) from None
