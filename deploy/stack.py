"""The CloudFormation stack of template.yaml: its state, its changes and its events."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from deploy.errors import DeploymentError
from rubberduck.core.settings import ROOT

TEMPLATE = ROOT / "deploy" / "template.yaml"
NO_CHANGES = "No updates are to be performed"
# States that allow no deployment, and how a stack got there.
FAILED_STATES = {
    "ROLLBACK_COMPLETE": "The first deployment failed and was rolled back",
    "ROLLBACK_FAILED": "The first deployment failed and could not be rolled back",
    "CREATE_FAILED": "The first deployment failed",
    "DELETE_FAILED": "Its deletion failed",
}


@dataclass(frozen=True)
class Stack:
    id: str
    status: str
    parameters: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def is_in_progress(self) -> bool:
        return self.status.endswith("_IN_PROGRESS")


@dataclass(frozen=True)
class Event:
    id: str
    resource: str
    status: str
    reason: str
    is_of_stack: bool

    @property
    def is_failure(self) -> bool:
        return self.status.endswith("_FAILED")

    @property
    def is_last(self) -> bool:
        return self.is_of_stack and self.status.endswith(("_COMPLETE", "_FAILED"))

    def __str__(self) -> str:
        status = self.status.replace("_", " ").lower()
        return f"  {self.resource:<28}{status}{self.reason and ': '}{self.reason}"


def find(client: Any, name: str) -> Stack | None:
    try:
        found = client.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in error.response["Error"].get("Message", ""):
            return None
        raise
    return Stack(
        found["StackId"],
        found["StackStatus"],
        {one["ParameterKey"]: one["ParameterValue"] for one in found.get("Parameters", [])},
        {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])},
    )


def refuse_if_stuck(stack: Stack, name: str) -> None:
    if stack.is_in_progress:
        raise DeploymentError(f"{name} is being changed already ({stack.status}): wait for it.")
    if stack.status in FAILED_STATES:
        raise DeploymentError(
            f"{FAILED_STATES[stack.status]}. Run `make destroy NAME={name}`, then deploy again."
        )
    if stack.status == "UPDATE_ROLLBACK_FAILED":
        raise DeploymentError(
            "The last deployment failed and could not be rolled back. Fix what CloudFormation's "
            "console reports, then continue: "
            f"`aws cloudformation continue-update-rollback --stack-name {name}`."
        )


def create(client: Any, name: str, parameters: dict[str, str]) -> None:
    client.create_stack(
        StackName=name,
        TemplateBody=TEMPLATE.read_text(),
        Parameters=_listed(parameters),
        Capabilities=["CAPABILITY_IAM"],
    )


def update(client: Any, stack: Stack, parameters: dict[str, str]) -> bool:
    """Update the stack, keeping all other parameters. Return False if nothing changes."""
    unchanged = [
        {"ParameterKey": key, "UsePreviousValue": True}
        for key in stack.parameters
        if key not in parameters
    ]
    try:
        client.update_stack(
            StackName=stack.id,
            TemplateBody=TEMPLATE.read_text(),
            Parameters=[*_listed(parameters), *unchanged],
            Capabilities=["CAPABILITY_IAM"],
        )
    except ClientError as error:
        if NO_CHANGES in error.response["Error"].get("Message", ""):
            return False
        raise
    return True


def _listed(parameters: dict[str, str]) -> list[dict[str, Any]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]


def event_ids(client: Any, stack: Stack) -> set[str]:
    return {event.id for event in _events(client, stack.id)}


def follow(client: Any, name: str, seen: set[str], seconds: float = 5.0) -> Iterator[Event]:
    """Poll every `seconds` and yield the events not yet `seen`, until the stack has finished."""
    while True:
        new = [event for event in _events(client, name) if event.id not in seen]
        for event in reversed(new):  # AWS returns the newest first
            seen.add(event.id)
            yield event
            if event.is_last:
                return
        time.sleep(seconds)


def _events(client: Any, name: str) -> Iterator[Event]:
    for page in client.get_paginator("describe_stack_events").paginate(StackName=name):
        for each in page["StackEvents"]:
            yield Event(
                each["EventId"],
                each["LogicalResourceId"],
                each["ResourceStatus"],
                each.get("ResourceStatusReason", ""),
                each.get("PhysicalResourceId") == each["StackId"],
            )
