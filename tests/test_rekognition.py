"""Amazon Rekognition over the wire: real boto3, real HTTP, an endpoint of our own at the end."""

import json
import socket
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from PIL import Image

import composition
from rekognition import Rekognition
from rubberduck.aws.errors import ADVICE
from rubberduck.aws.image_calls import PICTURE_ERRORS
from rubberduck.core.errors import DetectorFailed, NotBilled
from rubberduck.core.models import Box
from rubberduck.core.rules import RUBBER_DUCK, judge
from rubberduck.core.settings import Settings
from rubberduck.imaging.decode import decode_picture
from tests.support.fake_rekognition import HANG_UP, FakeRekognition, recorded
from tests.support.pictures import encoded

PICTURE = decode_picture(encoded(), max_bytes=15_000_000, max_side=2048)


@pytest.fixture
def rekognition(eyes: FakeRekognition, aws_settings: Settings) -> Rekognition:
    """As the site composes it."""
    return composition.rekognition(aws_settings, RUBBER_DUCK)


def test_a_recorded_answer_becomes_labels(rekognition: Rekognition) -> None:
    labels = rekognition.labels(PICTURE)
    assert [label.name for label in labels] == ["Inflatable", "Bird", "Toy"]
    assert labels[1].boxes[1] == giant_box()
    verdict = judge(RUBBER_DUCK, labels)
    assert verdict.score == 88.78921890258789
    assert len(verdict.boxes) == 2


def giant_box() -> Box:
    bird = recorded("detect_labels_giant_duck_boxes")["Labels"][1]["Instances"][1]
    sides = bird["BoundingBox"]
    where = (sides["Left"], sides["Top"], sides["Width"], sides["Height"])
    return Box(*where, "Bird", bird["Confidence"])


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("detect_labels_giant_duck_no_box", True),
        ("detect_labels_five_dogs", False),
        ("detect_labels_electronics", False),
    ],
)
def test_other_recorded_answers(
    rekognition: Rekognition, eyes: FakeRekognition, name: str, found: bool
) -> None:
    eyes.answer = recorded(name)
    assert judge(RUBBER_DUCK, rekognition.labels(PICTURE)).found is found


def test_parents_are_kept(rekognition: Rekognition, eyes: FakeRekognition) -> None:
    eyes.answer = recorded("detect_labels_giant_duck_no_box")
    assert rekognition.labels(PICTURE)[1].parents == ("Animal", "Bird")


def test_near_misses_are_asked_for_too(rekognition: Rekognition, eyes: FakeRekognition) -> None:
    rekognition.labels(PICTURE)
    assert eyes.requests == [
        {"Image": {"Bytes": PICTURE.jpeg}, "MaxLabels": 320, "MinConfidence": 10.0}
    ]


def test_the_request_is_the_one_that_the_service_model_knows() -> None:
    client = boto3.client(
        "rekognition", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    expected = {"Image": {"Bytes": PICTURE.jpeg}, "MaxLabels": 320, "MinConfidence": 60.0}
    with Stubber(client) as stub:
        stub.add_response("detect_labels", recorded("detect_labels_five_dogs"), expected)
        assert Rekognition(client, 60.0, 0.001).labels(PICTURE)[0].name == "Pet"


def test_a_picture_too_heavy_for_a_request_is_made_lighter(
    rekognition: Rekognition, eyes: FakeRekognition
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
    rekognition: Rekognition, eyes: FakeRekognition, fault: str, requests: int
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
    assert (problem.status, problem.slug, problem.retry_after) == (503, "unavailable", 60)
    assert problem.why == "Amazon Rekognition is unavailable."


@pytest.mark.parametrize("fault", CALLS_BEFORE_FAILURE)
def test_only_what_is_about_one_picture_is_no_outage(
    rekognition: Rekognition, eyes: FakeRekognition, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    eyes.always = fault
    with pytest.raises(DetectorFailed) as error:
        rekognition.labels(PICTURE)
    assert error.value.is_outage is (fault not in PICTURE_ERRORS)


def test_no_credentials_are_named(
    eyes: FakeRekognition, aws_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(NotBilled) as error:
        composition.rekognition(aws_settings, RUBBER_DUCK).labels(PICTURE)
    assert "Unable to locate credentials" in str(error.value.cause)
    assert "Check the AWS credentials" in str(error.value.cause)
    assert eyes.requests == []


def test_a_missing_permission_is_named(rekognition: Rekognition, eyes: FakeRekognition) -> None:
    eyes.always = "AccessDeniedException"
    with pytest.raises(DetectorFailed) as error:
        rekognition.labels(PICTURE)
    assert "allow rekognition:DetectLabels" in str(error.value.cause)
    assert "rekognition:" not in error.value.problem.why


def test_one_bad_moment_is_overcome(rekognition: Rekognition, eyes: FakeRekognition) -> None:
    eyes.faults.extend(["ThrottlingException", "InternalServerError"])
    assert rekognition.labels(PICTURE)


def test_who_hangs_up_is_not_asked_again(rekognition: Rekognition, eyes: FakeRekognition) -> None:
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


def test_who_is_too_slow_is_not_waited_for(rekognition: Rekognition, eyes: FakeRekognition) -> None:
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


def test_the_check_costs_nothing(rekognition: Rekognition, eyes: FakeRekognition) -> None:
    rekognition.check()
    assert len(eyes.requests) == 1  # refused as no picture, so not billed
    eyes.always = "AccessDeniedException"
    with pytest.raises(DetectorFailed):
        rekognition.check()
    eyes.always = HANG_UP
    with pytest.raises(DetectorFailed):
        rekognition.check()


class TestTheFakeEndpoint:
    """It must refuse what the service refuses, or the tests above prove nothing."""

    @pytest.fixture
    def client(self, eyes: FakeRekognition) -> Any:
        return boto3.client("rekognition")

    @pytest.mark.parametrize(
        ("request_", "code"),
        [
            ({"Image": {"Bytes": b"quack"}}, "InvalidImageFormatException"),
            ({"Image": {"Bytes": encoded(format="WEBP")}}, "InvalidImageFormatException"),
            ({"Image": {"Bytes": PICTURE.jpeg[:900]}}, "InvalidImageFormatException"),
            ({"Image": {"Bytes": bytes(5_242_881)}}, "ImageTooLargeException"),
            (
                {"Image": {"Bytes": encoded(Image.new("RGB", (79, 80)))}},
                "InvalidParameterException",
            ),
            (
                {"Image": {"Bytes": PICTURE.jpeg}, "MinConfidence": 101.0},
                "InvalidParameterException",
            ),
            (
                {"Image": {"S3Object": {"Bucket": "nobodys-bucket", "Name": "x"}}},
                "InvalidS3ObjectException",
            ),
        ],
    )
    def test_refuses(self, client: Any, request_: dict[str, Any], code: str) -> None:
        with pytest.raises(client.exceptions.ClientError) as error:
            client.detect_labels(**request_)
        assert error.value.response["Error"]["Code"] == code

    def test_reads_the_object_from_s3(self, client: Any, s3: Any) -> None:
        s3.put_object(Bucket="ducks-of-the-tests", Key="duck.jpg", Body=PICTURE.jpeg)
        where = {"S3Object": {"Bucket": "ducks-of-the-tests", "Name": "duck.jpg"}}
        assert client.detect_labels(Image=where)["Labels"]

    def test_applies_the_limits(self, client: Any, eyes: FakeRekognition) -> None:
        eyes.answer = recorded("detect_labels_electronics")
        image = {"Bytes": PICTURE.jpeg}
        assert len(client.detect_labels(Image=image, MaxLabels=3)["Labels"]) == 3
        sure = client.detect_labels(Image=image, MinConfidence=99.0)["Labels"]
        assert all(label["Confidence"] >= 99.0 for label in sure)

    def test_knows_a_wrong_answer_of_its_own(self, client: Any, eyes: FakeRekognition) -> None:
        eyes.answer = {"Labels": [{"Name": 7, "Confidence": 99.0}]}
        client.detect_labels(Image={"Bytes": PICTURE.jpeg})
        assert "Labels[0].Name" in eyes.mistakes.pop()


def test_recordings_are_what_they_say() -> None:
    labels = recorded("detect_labels_giant_duck_boxes")["Labels"]
    assert json.dumps(labels).count("BoundingBox") == 2
