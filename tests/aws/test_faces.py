"""DetectFaces over the wire: real boto3, and a fake held against botocore's model."""

import json

import pytest

from aws_clients import aws_client
from rubberduck.aws.faces import RekognitionFaces
from rubberduck.core.errors import DetectorFailed, NotBilled, PictureRefused
from rubberduck.core.faces import AgeRange, Gender, Smile
from rubberduck.core.settings import Settings
from tests.support.custom_labels import LOSE_ANSWER, FakeCustomLabels
from tests.support.custom_labels.faces import face_detail
from tests.support.pictures import encoded
from tests.support.recordings import RECORDED

OPERATION = "DetectFaces"


@pytest.fixture
def recognizer(custom_labels: FakeCustomLabels, aws_settings: Settings) -> RekognitionFaces:
    client = aws_client(aws_settings, "rekognition", 3, signature_version="v4")
    return RekognitionFaces(client)


def test_a_recorded_answer_becomes_a_face(
    recognizer: RekognitionFaces, custom_labels: FakeCustomLabels
) -> None:
    """The service lists emotions in no order, and boxes and confidence unasked."""
    recorded = json.loads((RECORDED / "detect_faces_emotions.json").read_text())
    custom_labels.faces.seen = recorded["FaceDetails"]
    (face,) = recognizer.find(encoded())
    assert face.box.left == pytest.approx(0.43916672)
    assert face.box.confidence == pytest.approx(99.99996)
    assert face.smile == Smile(False, 99.56895446777344)
    assert face.ages == AgeRange(46, 64)
    assert face.gender is None
    assert [emotion.name for emotion in face.emotions[:3]] == ["CALM", "SAD", "ANGRY"]
    assert len(face.emotions) == 8


def test_only_what_is_shown_is_asked_for(
    recognizer: RekognitionFaces, custom_labels: FakeCustomLabels
) -> None:
    custom_labels.faces.seen = [face_detail(0.1)]
    (without,), (with_gender,) = (
        recognizer.find(encoded(), with_gender=asked) for asked in (False, True)
    )
    assert (without.gender, with_gender.gender) == (None, Gender("Female", 98.0))
    asked = [request["Attributes"] for _, request in custom_labels.requests]
    assert asked == [
        ["AGE_RANGE", "EMOTIONS", "SMILE"],
        ["AGE_RANGE", "EMOTIONS", "SMILE", "GENDER"],
    ]
    assert {operation for operation, _ in custom_labels.requests} == {OPERATION}


def test_a_hundred_faces_the_largest_first(
    recognizer: RekognitionFaces, custom_labels: FakeCustomLabels
) -> None:
    custom_labels.faces.seen = [face_detail(0.1, number / 1000) for number in range(50, 170)]
    widths = [face.box.width for face in recognizer.find(encoded())]
    assert widths == sorted(widths, reverse=True)
    assert (len(widths), widths[0]) == (100, 0.169)


def test_no_face(recognizer: RekognitionFaces) -> None:
    assert recognizer.find(encoded()) == ()


@pytest.mark.parametrize(
    ("fault", "kind", "cause"),
    [
        ("InvalidImageFormatException", PictureRefused, "Rekognition takes JPEG and PNG only"),
        ("AccessDeniedException", NotBilled, "allow rekognition:DetectFaces to the user"),
        ("ProvisionedThroughputExceededException", NotBilled, "exceeds this account's quota"),
        (LOSE_ANSWER, DetectorFailed, "Check the AWS credentials, DUCK_REGION and the network"),
    ],
)
def test_refusals_are_explained_and_billed_at_most_once(
    recognizer: RekognitionFaces,
    custom_labels: FakeCustomLabels,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    kind: type[DetectorFailed],
    cause: str,
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    custom_labels.faults.order(OPERATION, fault, times=3)
    with pytest.raises(kind) as caught:
        recognizer.find(encoded())
    assert type(caught.value) is kind
    assert cause in caught.value.operator_message
    assert custom_labels.faces.billed == (1 if fault == LOSE_ANSWER else 0)


def test_the_check_costs_nothing_and_finds_a_missing_right(
    recognizer: RekognitionFaces, custom_labels: FakeCustomLabels
) -> None:
    recognizer.check()
    assert custom_labels.faces.billed == 0
    custom_labels.faults.denied.add(OPERATION)
    with pytest.raises(DetectorFailed):
        recognizer.check()
