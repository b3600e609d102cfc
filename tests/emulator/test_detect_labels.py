"""DetectLabels, as boto3 asks it."""

import json
import shutil
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.exceptions import ClientError
from flask import Flask
from PIL import Image

from app import create_app
from composition import build_pipeline
from rubberduck.core.settings import Settings
from rubberduck.emulator.errors import ServiceError
from rubberduck.emulator.service_model import input_shape
from rubberduck.emulator.wire import parse
from rubberduck.imaging.decode import decode_picture
from tests.support.aws import BUCKET, REGION
from tests.support.databases import create_database
from tests.support.emulator import rekognition, serving_here
from tests.support.pictures import encoded
from tests.support.rekognition_endpoint import RekognitionEndpoint


def names(answer: dict[str, Any]) -> list[str]:
    return [label["Name"] for label in answer["Labels"]]


def refused(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_duck_is_found_with_its_box_parents_and_categories(client: Any, duck: Path) -> None:
    answer = client.detect_labels(Image={"Bytes": duck.read_bytes()})
    assert set(names(answer)) == {"Duck", "Bird", "Toy", "Animal"}
    found = next(label for label in answer["Labels"] if label["Name"] == "Duck")
    assert found["Confidence"] > 80
    box = found["Instances"][0]["BoundingBox"]
    assert box["Left"] < 0.6 < box["Left"] + box["Width"]
    assert found["Parents"] == [{"Name": "Animal"}, {"Name": "Bird"}]
    assert found["Categories"] == [{"Name": "Animals and Pets"}]
    confidences = [label["Confidence"] for label in answer["Labels"]]
    assert confidences == sorted(confidences, reverse=True)
    assert answer["LabelModelVersion"] == "3.0"


def test_what_is_left_of_the_labels_is_what_the_parameters_say(client: Any, duck: Path) -> None:
    image = {"Bytes": duck.read_bytes()}

    def labels(**more: Any) -> list[str]:
        return names(client.detect_labels(Image=image, **more))

    def filtered(**filters: list[str]) -> set[str]:
        return set(labels(Settings={"GeneralLabels": filters}))

    assert len(labels(MaxLabels=2)) == 2
    assert labels(MaxLabels=0) == []
    assert labels(MinConfidence=100) == []
    assert filtered(LabelInclusionFilters=["Duck", "Car"]) == {"Duck"}
    assert filtered(LabelExclusionFilters=["Duck"]) == {"Bird", "Toy", "Animal"}
    animals = "Animals and Pets"
    assert filtered(LabelCategoryInclusionFilters=[animals]) == {"Duck", "Bird", "Animal"}
    assert filtered(LabelCategoryExclusionFilters=[animals]) == {"Toy"}
    both = {"LabelInclusionFilters": ["Toy"], "LabelCategoryExclusionFilters": [animals]}
    assert filtered(**both) == {"Toy"}


def test_below_55_percent_only_those_are_answered_who_ask(client: Any) -> None:
    grey = {"Bytes": encoded(Image.new("RGB", (160, 120), (90, 90, 90)))}
    assert client.detect_labels(Image=grey)["Labels"] == []
    for label in client.detect_labels(Image=grey, MinConfidence=0)["Labels"]:
        assert label["Confidence"] < 55


def test_the_colours_of_a_picture_are_its_own(client: Any) -> None:
    pixels = np.full((100, 200, 3), (255, 255, 0), np.uint8)
    pixels[:, :50] = (0, 0, 255)
    image = {"Bytes": encoded(Image.fromarray(pixels), "PNG")}
    answer = client.detect_labels(
        Image=image,
        Features=["IMAGE_PROPERTIES"],
        Settings={"ImageProperties": {"MaxDominantColors": 2}},
    )
    assert answer["Labels"] == []
    colours = answer["ImageProperties"]["DominantColors"]
    assert [colour["CSSColor"] for colour in colours] == ["yellow", "blue"]
    assert colours[0]["PixelPercent"] == pytest.approx(75, abs=2)
    assert "Foreground" not in answer["ImageProperties"]


def test_a_duck_is_the_foreground(client: Any, duck: Path) -> None:
    both = ["GENERAL_LABELS", "IMAGE_PROPERTIES"]
    answer = client.detect_labels(Image={"Bytes": duck.read_bytes()}, Features=both)
    front = answer["ImageProperties"]["Foreground"]["DominantColors"]
    assert "yellow" in {colour["SimplifiedColor"] for colour in front}
    assert answer["ImageProperties"]["Background"]["Quality"]["Brightness"] > 0


def test_wrong_parameters_get_the_words_of_the_service(client: Any, duck: Path) -> None:
    """The messages are those of the service for other operations; botocore checks none of these."""
    image = {"Bytes": duck.read_bytes()}
    assert refused(client.detect_labels, Image=image, MinConfidence=101) == (
        "ValidationException",
        "1 validation error detected: Value '101.0' at 'minConfidence' failed to satisfy "
        "constraint: Member must have value less than or equal to 100",
    )
    code, message = refused(client.detect_labels, Image=image, Features=["NOTHING"] * 3)
    assert code == "ValidationException"
    assert message.startswith("4 validation errors detected: ")
    assert "Member must satisfy enum value set: [GENERAL_LABELS, IMAGE_PROPERTIES]" in message
    assert refused(client.detect_labels, Image={}) == (
        "InvalidParameterException",
        "Request has invalid parameters",
    )
    colours = {"ImageProperties": {"MaxDominantColors": 2}}
    assert refused(client.detect_labels, Image=image, Settings=colours)[0] == (
        "InvalidParameterException"
    )
    code, message = refused(
        client.detect_labels, Image={"S3Object": {"Bucket": "not/a bucket", "Name": "x"}}
    )
    assert code == "ValidationException"
    assert r"pattern: [0-9A-Za-z\.\-_]*" in message


@pytest.mark.parametrize("number", [10**400, 2**31, 1e300, 0.5])
def test_numbers_that_are_no_integers_are_refused(number: float) -> None:
    """botocore itself refuses some of them, other SDKs and hands do not."""
    with pytest.raises(ServiceError, match="can not be converted to an Integer"):
        parse(json.dumps({"MaxLabels": number}).encode(), input_shape("DetectLabels"))


def test_numbers_that_are_none_are_refused(client: Any, duck: Path) -> None:
    """botocore 1.44.5 sends NaN as NaN, which is no JSON, and True as true."""
    image = {"Bytes": duck.read_bytes()}
    assert refused(client.detect_labels, Image=image, MinConfidence=float("nan"))[0] == (
        "SerializationException"
    )


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"not a picture", "InvalidImageFormatException"),
        (encoded(format="GIF"), "InvalidImageFormatException"),
        (encoded(format="WEBP"), "InvalidImageFormatException"),
        (encoded()[:500], "InvalidImageFormatException"),
        (encoded(Image.new("RGB", (79, 200))), "InvalidParameterException"),
        (encoded(Image.new("RGB", (10_001, 80)), "PNG"), "InvalidParameterException"),
    ],
    ids=["text", "gif", "webp", "truncated", "too small", "too long"],
)
def test_pictures_that_the_service_refuses_are_refused(client: Any, data: bytes, code: str) -> None:
    assert refused(client.detect_labels, Image={"Bytes": data})[0] == code


def test_the_limit_of_bytes_is_the_service_s(client: Any) -> None:
    """The CLI and boto3 send 6 MB without a word."""
    code, message = refused(client.detect_labels, Image={"Bytes": bytes(6_000_000)})
    assert code == "ValidationException"
    assert "at 'image.bytes' failed to satisfy constraint" in message
    assert "Member must have length less than or equal to 5242880" in message


def test_a_narrow_picture_is_fine(client: Any) -> None:
    """The site shrinks what it stores, and would refuse this one."""
    narrow = encoded(Image.new("RGB", (6000, 90)), "PNG")
    assert client.detect_labels(Image={"Bytes": narrow})["Labels"] == []


def test_an_object_is_a_file_below_the_uploads(
    client: Any, emulator_settings: Settings, duck: Path
) -> None:
    settings = emulator_settings
    (settings.uploads / "ducks").mkdir(parents=True)
    shutil.copy(duck, settings.uploads / "ducks" / "röd anka+1.jpg")
    image = {"S3Object": {"Bucket": "rubberduck", "Name": "ducks/röd anka+1.jpg"}}
    assert "Duck" in names(client.detect_labels(Image=image))


@pytest.mark.parametrize(
    "name", ["none.jpg", "../duck.db", "/etc/passwd", "ducks/../../duck.db", ".", "a" * 1000, "\0"]
)
def test_nothing_outside_the_uploads_is_read(client: Any, name: str) -> None:
    image = {"S3Object": {"Bucket": "rubberduck", "Name": name}}
    code, message = refused(client.detect_labels, Image=image)
    assert code == "InvalidS3ObjectException"
    assert message.startswith("Unable to get object metadata from S3.")


def test_buckets_are_read_only_if_they_are_named(settings: Settings, s3: Any, duck: Path) -> None:
    """Also where the server's own rights reach further."""
    s3.put_object(Bucket=BUCKET, Key="a duck.jpg", Body=duck.read_bytes())
    other: Any = boto3.client("s3")
    place = {"LocationConstraint": REGION}
    other.create_bucket(Bucket="another-bucket", CreateBucketConfiguration=place)
    other.put_object(Bucket="another-bucket", Key="a duck.jpg", Body=duck.read_bytes())
    named = settings.model_copy(update={"emulator": True, "emulator_buckets": (BUCKET,)})
    create_database(named.database_url)
    with serving_here(create_app(named, pipeline=build_pipeline(named))) as url:
        client = rekognition(url)

        def detect(bucket: str, key: str, **more: str) -> Any:
            where = {"Bucket": bucket, "Name": key, **more}
            return client.detect_labels(Image={"S3Object": where})

        assert "Duck" in names(detect(BUCKET, "a duck.jpg"))
        for where in (("another-bucket", "a duck.jpg"), (BUCKET, "none.jpg")):
            assert refused(detect, bucket=where[0], key=where[1])[0] == "InvalidS3ObjectException"
        assert refused(detect, bucket=BUCKET, key="a duck.jpg", Version="none")[0] == (
            "InvalidS3ObjectException"
        )
    other.delete_object(Bucket="another-bucket", Key="a duck.jpg")
    other.delete_bucket(Bucket="another-bucket")


def test_amazon_is_never_asked(
    settings: Settings,
    eyes: RekognitionEndpoint,
    s3: Any,
    duck: Path,
    composed: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The site itself asks Rekognition here; the emulator does not."""
    at_amazon = settings.model_copy(
        update={"bucket": BUCKET, "emulator": True, "engine": "rekognition"}
    )
    pipeline = composed(at_amazon)
    pipeline.detector.labels(decode_picture(encoded(), max_bytes=100_000, max_side=2048))
    assert eyes.arrived == 1
    # The tests' endpoint is an emulator too; a server that asks one does not start.
    monkeypatch.delenv("AWS_ENDPOINT_URL_REKOGNITION")
    app: Flask = create_app(at_amazon, pipeline=pipeline)
    with serving_here(app) as url:
        image = {"Bytes": duck.read_bytes()}
        assert "Duck" in names(rekognition(url).detect_labels(Image=image))
        folder = {"S3Object": {"Bucket": "rubberduck", "Name": "duck.jpg"}}
        code, _ = refused(rekognition(url).detect_labels, Image=folder)
        assert code == "InvalidS3ObjectException"  # there is no folder
    assert eyes.arrived == 1
