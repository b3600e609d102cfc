"""Amazon Rekognition over the wire: real boto3, real HTTP, an endpoint of our own at the end."""

import json
import socket

import boto3
import pytest
from botocore.stub import Stubber
from PIL import Image

import composition
from rekognition import Rekognition
from rubberduck.aws.errors import ADVICE
from rubberduck.aws.image_calls import PICTURE_ERRORS
from rubberduck.core.errors import DetectorFailed, NotBilled
from rubberduck.core.models import Box, Label
from rubberduck.core.rules import RUBBER_DUCK, judge
from rubberduck.core.settings import Settings
from rubberduck.imaging.decode import decode_picture
from tests.support.pictures import encoded
from tests.support.recordings import DETECT_LABELS, recorded, recorded_labels
from tests.support.rekognition_endpoint import HANG_UP, RekognitionEndpoint

PICTURE = decode_picture(encoded(), max_bytes=15_000_000, max_side=2048)


@pytest.fixture
def rekognition(eyes: RekognitionEndpoint, aws_settings: Settings) -> Rekognition:
    """As the site composes it."""
    return composition.rekognition(aws_settings, RUBBER_DUCK)


def labels_of(name: str) -> list[Label]:
    """What the product reads in a recorded answer, which comes as it was recorded."""
    client = boto3.client(
        "rekognition", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    expected = {"Image": {"Bytes": PICTURE.jpeg}, "MaxLabels": 320, "MinConfidence": 60.0}
    with Stubber(client) as stub:
        stub.add_response("detect_labels", recorded(name), expected)
        return Rekognition(client, 60.0, 0.001).labels(PICTURE)


@pytest.mark.parametrize("name", DETECT_LABELS)
def test_a_recorded_answer_becomes_its_labels(name: str) -> None:
    """Read by the product and by the tests."""
    assert labels_of(name) == recorded_labels(name)


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("detect_labels_giant_duck_boxes", 88.78921890258789),
        ("detect_labels_giant_duck_no_box", 54.05283546447754),
        ("detect_labels_five_dogs", None),
        ("detect_labels_electronics", None),
    ],
)
def test_the_rule_judges_recorded_answers(name: str, score: float) -> None:
    verdict = judge(RUBBER_DUCK, labels_of(name))
    assert (verdict.score if verdict.found else None) == score


def test_boxes_and_parents_are_kept() -> None:
    labels = labels_of("detect_labels_giant_duck_boxes")
    assert [label.name for label in labels] == ["Inflatable", "Bird", "Toy"]
    assert labels[1].boxes[1] == giant_box()
    assert len(judge(RUBBER_DUCK, labels).boxes) == 2
    assert labels_of("detect_labels_giant_duck_no_box")[1].parents == ("Animal", "Bird")


def giant_box() -> Box:
    bird = recorded("detect_labels_giant_duck_boxes")["Labels"][1]["Instances"][1]
    sides = bird["BoundingBox"]
    where = (sides["Left"], sides["Top"], sides["Width"], sides["Height"])
    return Box(*where, "Bird", bird["Confidence"])


def test_what_comes_over_the_wire_becomes_labels(
    rekognition: Rekognition, eyes: RekognitionEndpoint
) -> None:
    eyes.detector.answer = recorded_labels("detect_labels_electronics")
    assert rekognition.labels(PICTURE) == eyes.detector.answer


def test_near_misses_are_asked_for_too(rekognition: Rekognition, eyes: RekognitionEndpoint) -> None:
    rekognition.labels(PICTURE)
    assert eyes.requests == [
        {"Image": {"Bytes": PICTURE.jpeg}, "MaxLabels": 320, "MinConfidence": 10.0}
    ]


def test_a_picture_too_heavy_for_a_request_is_made_lighter(
    rekognition: Rekognition, eyes: RekognitionEndpoint
) -> None:
    noise = Image.effect_noise((3000, 2400), 150).convert("RGB")
    heavy = decode_picture(encoded(noise, quality=98), max_bytes=30_000_000, max_side=8192)
    assert len(heavy.jpeg) > 5_242_880
    rekognition.labels(heavy)
    assert len(eyes.requests[0]["Image"]["Bytes"]) <= 5_242_880


# Each error of DetectLabels and of request signing, and how often botocore calls before giving up.
CALLS_BEFORE_FAILURE = {
    "ThrottlingException": 3,
    "ProvisionedThroughputExceededException": 3,
    "InternalServerError": 3,
    "AccessDeniedException": 1,
    "InvalidImageFormatException": 1,
    "ImageTooLargeException": 1,
    "InvalidParameterException": 1,
    "LimitExceededException": 3,
    "ExpiredTokenException": 1,
    "UnrecognizedClientException": 1,
    "InvalidSignatureException": 1,
    "RequestTimeTooSkewed": 1,
    "RequestExpired": 1,
    "SubscriptionRequiredException": 1,
    "ServiceUnavailableException": 3,
    "ResourceNotFoundException": 1,
    "ResourceNotReadyException": 1,
    "InvalidS3ObjectException": 1,
}


@pytest.mark.parametrize(("fault", "requests"), CALLS_BEFORE_FAILURE.items())
def test_every_refusal_has_its_cause_and_only_passing_ones_are_tried_again(
    rekognition: Rekognition, eyes: RekognitionEndpoint, fault: str, requests: int
) -> None:
    eyes.always = fault
    with pytest.raises(NotBilled) as error:
        rekognition.labels(PICTURE)
    advice = ADVICE[fault].format(
        service="Amazon Rekognition", permission="rekognition:DetectLabels"
    )
    assert error.value.cause == f"{fault}: {advice}"
    assert len(eyes.requests) == requests
    problem = error.value.problem
    if fault in PICTURE_ERRORS:
        expected = (422, "picture-not-taken", "Its format or size is not what it takes.")
    else:
        expected = (503, "unavailable", "Amazon Rekognition is unavailable.")
    assert (problem.status, problem.slug, problem.why) == expected
    assert problem.retry_after == (60 if problem.status == 503 else None)


@pytest.mark.parametrize("fault", CALLS_BEFORE_FAILURE)
def test_only_what_is_about_one_picture_is_no_outage(
    rekognition: Rekognition, eyes: RekognitionEndpoint, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    eyes.always = fault
    with pytest.raises(DetectorFailed) as error:
        rekognition.labels(PICTURE)
    assert error.value.is_outage is (fault not in PICTURE_ERRORS)


def test_no_credentials_are_named(
    eyes: RekognitionEndpoint, aws_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(NotBilled) as error:
        composition.rekognition(aws_settings, RUBBER_DUCK).labels(PICTURE)
    assert "Unable to locate credentials" in str(error.value.cause)
    assert "Check the AWS credentials" in str(error.value.cause)
    assert eyes.requests == []


def test_a_missing_permission_is_named(rekognition: Rekognition, eyes: RekognitionEndpoint) -> None:
    eyes.always = "AccessDeniedException"
    with pytest.raises(DetectorFailed) as error:
        rekognition.labels(PICTURE)
    assert "allow rekognition:DetectLabels" in str(error.value.cause)
    assert "rekognition:" not in error.value.problem.why


def test_one_bad_moment_is_overcome(rekognition: Rekognition, eyes: RekognitionEndpoint) -> None:
    eyes.faults.extend(["ThrottlingException", "InternalServerError"])
    assert rekognition.labels(PICTURE)


def test_who_hangs_up_is_not_asked_again(
    rekognition: Rekognition, eyes: RekognitionEndpoint
) -> None:
    """Once is enough: the picture was sent, and what was sent may be billed."""
    eyes.always = HANG_UP
    with pytest.raises(DetectorFailed) as error:
        rekognition.labels(PICTURE)
    assert "Connection was closed" in str(error.value.cause)
    assert not isinstance(error.value, NotBilled)
    assert eyes.arrived == 1


def test_who_is_not_there_bills_nothing(
    aws_settings: Settings, aws: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens there
        where = f"http://127.0.0.1:{closed.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", where)
        with pytest.raises(NotBilled) as error:
            composition.rekognition(aws_settings, RUBBER_DUCK).labels(PICTURE)
    assert "Could not connect to the endpoint URL" in str(error.value.cause)
    assert "DUCK_REGION" in str(error.value.cause)


def test_who_is_too_slow_is_not_waited_for(
    rekognition: Rekognition, eyes: RekognitionEndpoint
) -> None:
    config = rekognition.client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (2, 5)  # type: ignore[attr-defined]
    assert config.retries["total_max_attempts"] == 3  # type: ignore[attr-defined]
    impatient = boto3.client(
        "rekognition",
        config=config.merge(type(config)(read_timeout=0.2)),
    )
    eyes.delay = 1.0
    with pytest.raises(DetectorFailed) as error:
        Rekognition(impatient, 35.0, 0.001).labels(PICTURE)
    assert "Read timeout" in str(error.value.cause)
    assert not isinstance(error.value, NotBilled)
    assert eyes.arrived == 1


def test_the_check_costs_nothing(rekognition: Rekognition, eyes: RekognitionEndpoint) -> None:
    rekognition.check()
    assert len(eyes.requests) == 1  # refused as no picture, so not billed
    eyes.always = "AccessDeniedException"
    with pytest.raises(DetectorFailed):
        rekognition.check()
    eyes.always = HANG_UP
    with pytest.raises(DetectorFailed):
        rekognition.check()


def test_recordings_are_what_they_say() -> None:
    labels = recorded("detect_labels_giant_duck_boxes")["Labels"]
    assert json.dumps(labels).count("BoundingBox") == 2
