"""Stops by EventBridge Scheduler, at moto over the wire."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from rubberduck.aws.custom_labels_errors import StopNotScheduled
from rubberduck.aws.scheduler import StopSchedules

ROLE = "arn:aws:iam::123456789012:role/stop-models"
VERSION = "arn:aws:rekognition:eu-central-1:123456789012:project/duck-mugs/version/v1/1764000000000"
RUN = "a-version_of_16c-20261129T121500000001"  # as Life.run_id makes it
MOMENT = datetime(2026, 11, 29, 12, 30, tzinfo=UTC)


@pytest.fixture
def client(aws: str) -> Any:
    return boto3.client("scheduler", config=Config(retries={"total_max_attempts": 1}))


def test_a_stop_is_made_moved_and_deleted(client: Any) -> None:
    schedules = StopSchedules(client, ROLE)
    schedules.set(RUN, VERSION, MOMENT)
    schedules.set(RUN, VERSION, MOMENT + timedelta(minutes=15))
    made = client.get_schedule(Name=f"duck-stop-{RUN}")
    assert made["ScheduleExpression"] == "at(2026-11-29T12:45:00)"
    assert (made["ScheduleExpressionTimezone"], made["FlexibleTimeWindow"]) == (
        "UTC",
        {"Mode": "OFF"},
    )
    assert made["ActionAfterCompletion"] == "DELETE"
    target = made["Target"]
    assert target["Arn"] == "arn:aws:scheduler:::aws-sdk:rekognition:stopProjectVersion"
    assert target["RoleArn"] == ROLE
    assert json.loads(target["Input"]) == {"ProjectVersionArn": VERSION}
    for _ in range(2):
        schedules.delete(RUN)
    with pytest.raises(ClientError):
        client.get_schedule(Name=f"duck-stop-{RUN}")
    schedules.check()
    assert client.list_schedules()["Schedules"] == []


def test_what_cannot_be_scheduled_says_why(client: Any) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("update_schedule", "AccessDeniedException", "no", 403)
        with pytest.raises(StopNotScheduled, match="allow scheduler:UpdateSchedule"):
            StopSchedules(client, ROLE).set(RUN, VERSION, MOMENT)
    away = boto3.client(
        "scheduler",
        endpoint_url="http://127.0.0.1:9",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(StopNotScheduled, match="no answer"):
        StopSchedules(away, ROLE).delete(RUN)
