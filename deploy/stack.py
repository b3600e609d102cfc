"""The stack that CloudFormation makes of template.yaml: as it is, and on its way."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from deploy.words import CannotDeploy
from rubberduck.core.settings import ROOT

TEMPLATE = ROOT / "deploy" / "template.yaml"
NOTHING_TO_DO = "No updates are to be performed"
GONE = "DELETE_COMPLETE"
# What keeps a stack from being deployed to, and what to do about it.
STUCK = {
    "ROLLBACK_COMPLETE": "The first deployment failed, and was taken back",
    "ROLLBACK_FAILED": "The first deployment failed, and could not be taken back whole",
    "CREATE_FAILED": "The first deployment failed",
    "DELETE_FAILED": "It could not be deleted whole",
}


@dataclass(frozen=True)
class Stack:
    """What is there."""

    id: str
    status: str
    parameters: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Event:
    id: str
    what: str
    status: str
    why: str
    is_of_stack: bool

    @property
    def is_failure(self) -> bool:
        return self.status.endswith("_FAILED")

    @property
    def is_last(self) -> bool:
        return self.is_of_stack and self.status.endswith(("_COMPLETE", "_FAILED"))

    def __str__(self) -> str:
        return (
            f"  {self.what:<28}{self.status.replace('_', ' ').lower()}{self.why and ': '}{self.why}"
        )


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
        {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])},
        {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])},
    )


def refuse_if_stuck(stack: Stack, name: str) -> None:
    if stack.status.endswith("_IN_PROGRESS"):
        raise CannotDeploy(
            f"Something is under way with {name} already ({stack.status}): wait for it."
        )
    if stack.status in STUCK:
        raise CannotDeploy(
            f"{STUCK[stack.status]}. Remove what is left of it, `make destroy NAME={name}`, "
            "and deploy again."
        )
    if stack.status == "UPDATE_ROLLBACK_FAILED":
        raise CannotDeploy(
            "The last deployment failed, and could not be taken back. Mend what CloudFormation's "
            "console names, then let it go on: "
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
    """Whatever is not given stays as it is. False, if that is everything."""
    same = [
        {"ParameterKey": key, "UsePreviousValue": True}
        for key in stack.parameters
        if key not in parameters
    ]
    try:
        client.update_stack(
            StackName=stack.id,
            TemplateBody=TEMPLATE.read_text(),
            Parameters=[*_listed(parameters), *same],
            Capabilities=["CAPABILITY_IAM"],
        )
    except ClientError as error:
        if NOTHING_TO_DO in error.response["Error"].get("Message", ""):
            return False
        raise
    return True


def _listed(parameters: dict[str, str]) -> list[dict[str, Any]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]


def seen_so_far(client: Any, stack: Stack) -> set[str]:
    return {event.id for event in _events(client, stack.id)}


def follow(client: Any, name: str, seen: set[str], seconds: float = 5.0) -> Iterator[Event]:
    """Every event after those `seen`, as it comes, to the one that ends it all."""
    while True:
        new = [event for event in _events(client, name) if event.id not in seen]
        for event in reversed(new):  # the newest comes first
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
