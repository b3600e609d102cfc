"""RecognizeCelebrities over the wire: real boto3, and a fake held against botocore's model."""

import pytest

from aws_clients import aws_client
from rubberduck.aws.celebrities import CelebrityAnswer, RekognitionCelebrities
from rubberduck.core.errors import DetectorFailed, NotBilled, PictureRefused
from rubberduck.core.settings import Settings
from tests.support.custom_labels import LOSE_ANSWER, FakeCustomLabels
from tests.support.custom_labels.celebrities import celebrity, face
from tests.support.pictures import encoded

OPERATION = "RecognizeCelebrities"


@pytest.fixture
def recognizer(custom_labels: FakeCustomLabels, aws_settings: Settings) -> RekognitionCelebrities:

    client = aws_client(aws_settings, "rekognition", 3, signature_version="v4")
    return RekognitionCelebrities(client)


def test_links_get_their_scheme_and_unknown_faces_are_counted(
    recognizer: RekognitionCelebrities, custom_labels: FakeCustomLabels
) -> None:
    """In pictures Amazon says MatchConfidence and Face; its Urls lack "https://" (the API
    reference of RecognizeCelebrities, as of 2025: "www.imdb.com/name/…")."""
    custom_labels.celebrities.seen = [celebrity("Ada", 0.1, "www.imdb.com/name/nm0", "a.example")]
    custom_labels.celebrities.unknown = [face(0.5), face(0.7)]
    answer = recognizer.recognize(encoded())
    (ada,) = answer.celebrities
    assert (ada.name, ada.confidence) == ("Ada", 98.5)
    assert ada.urls == ("https://www.imdb.com/name/nm0", "https://a.example")
    assert (ada.box.left, ada.box.label, ada.box.confidence) == (0.1, "Ada", 98.5)
    assert answer.unknown_faces == 2


def test_a_picture_without_faces(recognizer: RekognitionCelebrities) -> None:
    assert recognizer.recognize(encoded()) == CelebrityAnswer((), 0)


def test_a_crowd_has_64_faces(
    recognizer: RekognitionCelebrities, custom_labels: FakeCustomLabels
) -> None:
    custom_labels.celebrities.seen = [celebrity(f"N{number}", 0.1) for number in range(60)]
    custom_labels.celebrities.unknown = [face(0.5)] * 60
    answer = recognizer.recognize(encoded())
    assert (len(answer.celebrities), answer.unknown_faces) == (60, 4)


@pytest.mark.parametrize(
    ("fault", "kind", "cause"),
    [
        ("InvalidImageFormatException", PictureRefused, "Rekognition takes JPEG and PNG only"),
        ("AccessDeniedException", NotBilled, "allow rekognition:RecognizeCelebrities to the user"),
        ("ProvisionedThroughputExceededException", NotBilled, "exceeds this account's quota"),
        (LOSE_ANSWER, DetectorFailed, "Check the AWS credentials, DUCK_REGION and the network"),
    ],
)
def test_refusals_are_explained(
    recognizer: RekognitionCelebrities,
    custom_labels: FakeCustomLabels,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    kind: type[DetectorFailed],
    cause: str,
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    custom_labels.faults.order(OPERATION, fault, times=3)
    with pytest.raises(kind) as caught:
        recognizer.recognize(encoded())
    assert type(caught.value) is kind
    assert cause in caught.value.operator_message
    # What may have been billed is not asked for again.
    assert custom_labels.celebrities.billed == (1 if fault == LOSE_ANSWER else 0)


def test_the_check_costs_nothing_and_finds_a_missing_right(
    recognizer: RekognitionCelebrities, custom_labels: FakeCustomLabels
) -> None:
    recognizer.check()
    assert custom_labels.celebrities.billed == 0
    custom_labels.faults.denied.add(OPERATION)
    with pytest.raises(DetectorFailed):
        recognizer.check()
