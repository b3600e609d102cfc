"""Amazon's paid services as the settings allow them; each is opened on first use."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from aws_clients import aws_client
from rubberduck.aws.labels import quota_of
from rubberduck.core.rules import Question
from rubberduck.core.settings import InvalidSettings, Settings
from rubberduck.detectors.base import Detector
from rubberduck.services.amazon_video import AmazonVideo

if TYPE_CHECKING:
    from rubberduck.aws.custom_labels import CustomLabels
    from rubberduck.aws.scheduler import StopSchedules
    from rubberduck.aws.video import RekognitionVideo
    from rubberduck.aws.video_notices import NoticeQueue
    from rubberduck.billing.ledger import Ledger
    from rubberduck.billing.prices import Prices
    from rubberduck.db.results import Results
    from rubberduck.services.amazon_faces import AmazonFaces
    from rubberduck.services.celebrities import Celebrities
    from rubberduck.services.face_collections import CollectionService
    from rubberduck.services.paid_calls import PaidCalls

SLOW_SECONDS = 10  # Custom Labels takes 5 MB of entries, and looks at pictures of 4,096 pixels
CUSTOM_LABELS_RATE = 5  # calls a second of each operation, the quota of an account
VIDEO_SHARE = 0.8  # of the quota of DetectLabels
# Percent, below every rule's threshold: pages also show near misses, at no extra cost.
MIN_LABEL_CONFIDENCE = 10.0


def custom_labels_opener(
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

        client = aws_client(
            settings, "rekognition", 2, signature_version="v4", read_timeout=SLOW_SECONDS
        )
        rate = CallRate(open_results().database, "rekognition", CUSTOM_LABELS_RATE)
        return CustomLabels(client, rate.wait)

    return open_custom_labels


def stop_schedules_opener(settings: Settings) -> Callable[[], "StopSchedules"] | None:
    """Return a function that opens the schedules on first use; None without a role for them."""
    if not settings.custom_labels or (role := settings.scheduler_role) is None:
        return None

    @cache
    def open_stop_schedules() -> "StopSchedules":
        from rubberduck.aws.scheduler import StopSchedules

        return StopSchedules(aws_client(settings, "scheduler", 2), role)

    return open_stop_schedules


def amazon_video(
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
    return AmazonVideo(
        detector=detector,
        min_confidence=lowest_confidence(questions),
        calls_per_second=VIDEO_SHARE * quota_of(settings.region),
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

        client = aws_client(
            settings, "rekognition", 2, signature_version="v4", read_timeout=SLOW_SECONDS
        )
        topic, role = settings.video_topic, settings.video_role
        channel = Channel(topic, role) if topic and role else None
        rate = CallRate(open_results().database, "rekognition", CUSTOM_LABELS_RATE)
        return RekognitionVideo(client, channel, rate.wait)

    return open_service


def _notices_opener(settings: Settings) -> "Callable[[], NoticeQueue] | None":
    if not settings.rekognition_video or (url := settings.video_queue) is None:
        return None

    @cache
    def open_notices() -> "NoticeQueue":
        from rubberduck.aws.sqs import LONGEST_POLL
        from rubberduck.aws.video_notices import NoticeQueue

        return NoticeQueue(aws_client(settings, "sqs", 2, read_timeout=LONGEST_POLL + 5), url)

    return open_notices


def amazon_faces(settings: Settings, results: "Results") -> "AmazonFaces | None":
    """Return DetectFaces within the budget; None if Rekognition is switched off."""
    if settings.answering_engine != "rekognition":
        return None
    from rubberduck.aws.faces import OPERATION, RekognitionFaces
    from rubberduck.billing.prices import load_prices
    from rubberduck.services.amazon_faces import AmazonFaces

    client = aws_client(settings, "rekognition", 3, signature_version="v4")
    dollars = load_prices(settings.prices)["detect-faces"].dollars
    calls = _paid_calls(settings, results, OPERATION, dollars)
    return AmazonFaces(RekognitionFaces(client), calls, dollars)


def celebrities_opener(
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

        client = aws_client(settings, "rekognition", 3, signature_version="v4")
        dollars = load_prices(settings.prices)["recognize-celebrities"].dollars
        calls = _paid_calls(settings, open_results(), OPERATION, dollars)
        return Celebrities(RekognitionCelebrities(client), calls, dollars)

    return open_celebrities


def collections_opener(
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
        client = aws_client(
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


def lowest_confidence(questions: Iterable[Question]) -> float:
    """Return below how many percent no label matters."""
    return min(MIN_LABEL_CONFIDENCE, *(question.min_confidence for question in questions))


def ledger_and_prices(settings: Settings, results: "Results") -> "tuple[Ledger, Prices]":
    from rubberduck.billing.prices import load_prices

    return ledger(settings, results), load_prices(settings.prices)


def ledger(settings: Settings, results: "Results") -> "Ledger":
    """Return the ledger of all services, with its limits."""
    from rubberduck.billing.ledger import Ledger, limits_of
    from rubberduck.billing.prices import load_prices

    return Ledger(results.database, limits_of(settings, load_prices(settings.prices)))
