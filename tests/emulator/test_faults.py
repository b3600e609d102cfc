"""Faults to order, and the quota: what people try their own fallbacks with."""

import secrets
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError
from flask import Flask

from app import create_app
from rubberduck.core.settings import Settings
from rubberduck.emulator.service_model import version_states
from rubberduck.services.pipeline import Pipeline
from tests.support.emulator import rekognition, serving_here
from tests.support.objects import draw_project
from tests.support.pictures import tiny
from tests.support.trained_projects import create_project

IMAGE = {"Bytes": tiny(1)}


def order(client: Any, faults: str) -> None:
    """Send the header with every request of this client."""

    def add(request: Any, **_: Any) -> None:
        request.headers["X-Duck-Faults"] = faults

    client.meta.events.register("before-sign.rekognition", add)


def code_of(call: Any, **parameters: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("throttle", ("ThrottlingException", 400)),
        ("quota", ("ProvisionedThroughputExceededException", 400)),
        ("fail", ("InternalServerError", 500)),
        ("unavailable", ("ServiceUnavailableException", 503)),
        ("error=ExpiredTokenException", ("ExpiredTokenException", 400)),
        ("error=InvalidS3ObjectException", ("InvalidS3ObjectException", 400)),
    ],
)
def test_the_next_calls_fail_as_ordered(
    emulator: str, fault: str, expected: tuple[str, int]
) -> None:
    ordering, other = rekognition(emulator), rekognition(emulator)
    order(ordering, f"{fault}*2")
    assert code_of(ordering.detect_labels, Image=IMAGE) == expected
    assert code_of(other.detect_labels, Image=IMAGE) == expected
    assert other.detect_labels(Image=IMAGE)["Labels"] == []


def test_an_sdk_that_repeats_a_request_orders_once(emulator: str) -> None:
    """botocore sends the header again with each attempt, and says which request it repeats."""
    client = rekognition(emulator, attempts=3)
    order(client, "throttle*2")
    answer = client.detect_labels(Image=IMAGE)
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2


def test_a_fault_waits_for_its_operation(emulator: str) -> None:
    client = rekognition(emulator)
    order(client, "DetectLabels:fail")
    assert code_of(client.list_collections)[0] == "AccessDeniedException"
    again = rekognition(emulator)
    assert code_of(again.detect_labels, Image=IMAGE)[0] == "InternalServerError"
    assert again.detect_labels(Image=IMAGE)["Labels"] == []


def test_the_connection_can_end_without_an_answer(emulator: str) -> None:
    client = rekognition(emulator)
    order(client, "hang-up")
    with pytest.raises((ConnectionClosedError, EndpointConnectionError)):
        client.detect_labels(Image=IMAGE)


def test_an_answer_can_be_lost_after_the_work_is_done(emulator: str) -> None:
    """What a program that repeats a call must be ready for."""
    client, name = rekognition(emulator), f"lost-{secrets.token_hex(4)}"
    order(client, "CreateProject:lose-answer")
    with pytest.raises((ConnectionClosedError, EndpointConnectionError)):
        client.create_project(ProjectName=name)
    again = rekognition(emulator)
    assert code_of(again.create_project, ProjectName=name)[0] == "ResourceInUseException"


def test_a_model_can_be_said_to_be_in_any_of_the_14_states(
    settings: Settings, pipeline: Pipeline
) -> None:
    """As programs meet them that poll; without a training, or the embedded detector."""
    create_project(pipeline.results.database, pipeline.storage, draw_project(20), name="mugs")
    app = create_app(settings.model_copy(update={"emulator": True}), pipeline=pipeline)
    with serving_here(app) as url:
        client = rekognition(url)
        (project,) = client.describe_projects()["ProjectDescriptions"]
        arn = {"ProjectArn": project["ProjectArn"]}
        output = {"S3Bucket": "rubberduck", "S3KeyPrefix": "out"}
        client.create_project_version(**arn, VersionName="v1", OutputConfig=output)

        def state() -> str:
            (found,) = client.describe_project_versions(**arn)["ProjectVersionDescriptions"]
            return str(found["Status"])

        before = state()
        order(ordering := rekognition(url), ",".join(f"state={each}" for each in version_states()))
        ordering.describe_projects()  # no call that the faults wait for
        assert [state() for _ in range(14)] == list(version_states())
        assert state() == before


def test_an_answer_can_take_its_time(emulator: str) -> None:
    client = rekognition(emulator)
    order(client, "slow=0.3")
    start = time.monotonic()
    client.detect_labels(Image=IMAGE)
    assert time.monotonic() - start >= 0.3


@pytest.mark.parametrize("fault", ["explode", "slow", "throttle=3", "error", "state=SLEEPING"])
def test_a_fault_that_does_not_exist_is_refused(emulator: str, fault: str) -> None:
    client = rekognition(emulator)
    order(client, fault)
    assert code_of(client.detect_labels, Image=IMAGE)[0] == "InvalidParameterException"


def test_the_setting_orders_for_the_start_of_the_server(
    settings: Settings, pipeline: Pipeline
) -> None:
    changes = {"emulator": True, "emulator_faults": "throttle*2, fail"}
    app: Flask = create_app(settings.model_copy(update=changes), pipeline=pipeline)
    with serving_here(app) as url:
        client = rekognition(url)
        codes = [code_of(client.detect_labels, Image=IMAGE)[0] for _ in range(3)]
        assert codes == ["ThrottlingException", "ThrottlingException", "InternalServerError"]
        assert client.detect_labels(Image=IMAGE)["Labels"] == []


def test_calls_beyond_the_quota_are_throttled(settings: Settings, pipeline: Pipeline) -> None:
    changes = {"emulator": True, "emulator_quota": 2}
    app = create_app(settings.model_copy(update=changes), pipeline=pipeline)
    with serving_here(app) as url:
        client = rekognition(url)
        codes = set()
        for _ in range(40):  # they take less than 13 seconds
            try:
                client.detect_labels(Image={})
            except ClientError as error:
                codes.add(error.response["Error"]["Code"])
            if len(codes) == 2:
                break
        assert codes == {"InvalidParameterException", "ThrottlingException"}
