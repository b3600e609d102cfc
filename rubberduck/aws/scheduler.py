"""One-time schedules of Amazon EventBridge that stop a model, also when this machine is off.

The schedule calls StopProjectVersion itself, by a universal target, under a role that may do only
that. It is the last resort beside the lease: a stop that arrives while the model starts is refused,
and Scheduler repeats what failed for a day at most.
"""

import json
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from rubberduck.aws.client_errors import translated_errors
from rubberduck.aws.custom_labels_errors import StopNotScheduled
from rubberduck.aws.errors import explain

SERVICE = "Amazon EventBridge Scheduler"
PREFIX = "duck-stop-"
CHECK_ID = "check"
DAY = 86_400  # seconds, the longest that Scheduler retries
MAX_RETRIES = 185
MISSING, EXISTS = "ResourceNotFoundException", "ConflictException"


class StopSchedules:
    """The schedules, one for each run of a model, on a boto3 client for "scheduler".

    `role_arn` is the role by which Scheduler calls Rekognition.

    Every method raises StopNotScheduled.
    """

    def __init__(self, client: Any, role_arn: str) -> None:
        self.client = client
        self.role_arn = role_arn

    def set(self, run_id: str, version_arn: str, at: datetime) -> None:
        """Make the schedule that stops the version at that time, or move it there.

        `run_id` has at most 54 characters: letters, digits, hyphens, underscores, dots.
        """
        partition = self.role_arn.split(":")[1]
        schedule: dict[str, Any] = {
            "Name": PREFIX + run_id,
            "Description": f"Stops the model {version_arn.split('/')[-2]} if its site does not."[
                :512
            ],
            "ScheduleExpression": f"at({at.astimezone(UTC):%Y-%m-%dT%H:%M:%S})",
            "ScheduleExpressionTimezone": "UTC",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ActionAfterCompletion": "DELETE",
            "Target": {
                "Arn": f"arn:{partition}:scheduler:::aws-sdk:rekognition:stopProjectVersion",
                "RoleArn": self.role_arn,
                "Input": json.dumps({"ProjectVersionArn": version_arn}),
                "RetryPolicy": {
                    "MaximumEventAgeInSeconds": DAY,
                    "MaximumRetryAttempts": MAX_RETRIES,
                },
            },
        }
        try:
            self._call("UpdateSchedule", **schedule)  # as often as a lease is renewed
        except StopNotScheduled as error:
            if error.code != MISSING:
                raise
            self._create(schedule)

    def _create(self, schedule: dict[str, Any]) -> None:
        try:
            self._call("CreateSchedule", **schedule)
        except StopNotScheduled as error:
            if error.code != EXISTS:  # made by another process meanwhile
                raise
            self._call("UpdateSchedule", **schedule)

    def delete(self, run_id: str) -> None:
        """Delete the run's schedule, if there is one."""
        try:
            self._call("DeleteSchedule", Name=PREFIX + run_id)
        except StopNotScheduled as error:
            if error.code != MISSING:
                raise

    def check(self) -> None:
        """Try all rights with a schedule of its own, an hour ahead, for no model, and delete it."""
        arn = "arn:aws:rekognition:eu-central-1:123456789012:project/duck-check/version/check/1"
        soon = datetime.fromtimestamp(datetime.now(UTC).timestamp() + 3600, UTC)
        self.set(CHECK_ID, arn, soon)
        self.delete(CHECK_ID)

    def _call(self, operation: str, **arguments: Any) -> None:
        with _translated(operation):
            getattr(self.client, _METHODS[operation])(**arguments)


_METHODS = {
    "CreateSchedule": "create_schedule",
    "UpdateSchedule": "update_schedule",
    "DeleteSchedule": "delete_schedule",
}


def _translated(operation: str) -> AbstractContextManager[None]:
    def refusal(response: Any) -> StopNotScheduled:
        failed = _failed(explain(response, service=SERVICE, permission=f"scheduler:{operation}"))
        failed.code = response["Error"]["Code"]
        return failed

    return translated_errors(SERVICE, refusal, lambda problem: _failed(f"no answer: {problem}"))


def _failed(cause: str) -> StopNotScheduled:
    return StopNotScheduled("Amazon EventBridge Scheduler refused it: {problem}.", problem=cause)
