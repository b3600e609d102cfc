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
MOMENT = datetime(2026, 11, 29, 12, 30, tzinfo=UTC)


@pytest.fixture
def client(aws: str) -> Any:
    return boto3.client("scheduler", config=Config(retries={"total_max_attempts": 1}))


def test_a_stop_is_made_moved_and_deleted(client: Any) -> None:
    schedules = StopSchedules(client, ROLE)
    schedules.set("id-1", VERSION, MOMENT)
    schedules.set("id-1", VERSION, MOMENT + timedelta(minutes=15))
    made = client.get_schedule(Name="duck-stop-id-1")
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
        schedules.delete("id-1")
    with pytest.raises(ClientError):
        client.get_schedule(Name="duck-stop-id-1")
    schedules.check()
    assert client.list_schedules()["Schedules"] == []


def test_what_cannot_be_scheduled_says_why(client: Any) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("update_schedule", "AccessDeniedException", "no", 403)
        with pytest.raises(StopNotScheduled, match="allow scheduler:UpdateSchedule"):
            StopSchedules(client, ROLE).set("id-1", VERSION, MOMENT)
    away = boto3.client(
        "scheduler",
        endpoint_url="http://127.0.0.1:9",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(StopNotScheduled, match="no answer"):
        StopSchedules(away, ROLE).delete("id-1")
