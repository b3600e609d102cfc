"""Models at Amazon Rekognition Custom Labels that would cost on without their site."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deploy.account import Account
from deploy.errors import DeploymentError
from deploy.stack import Stack
from rubberduck.aws.version_states import TRAINING_IN_PROGRESS, state_of

PROJECTS = "duck-"  # how the sites of this account name their projects
PARAMETER = "CustomLabels"


@dataclass(frozen=True)
class BilledModel:
    """A version that is being trained, or that only a stop ends."""

    arn: str
    state: str

    @property
    def title(self) -> str:
        """Return the project and the version's name.

        >>> arn = "arn:aws:rekognition:eu-central-1:1:project/duck-a/version/v3/1700000000000"
        >>> BilledModel(arn, "RUNNING").title
        'duck-a v3'
        """
        _, project, _, version, *_ = self.arn.split("/")
        return f"{project} {version}"

    def remedy(self, region: str) -> str:
        if self.state == TRAINING_IN_PROGRESS:
            return "nothing can end a training: wait until it has ended"
        stop = f"aws rekognition stop-project-version --region {region} --project-version-arn "
        late = " (refused while it starts: repeat it)" if self.state == "STARTING" else ""
        return f"stop it on its page, or with{late}:\n  {stop}{self.arn}"


def refuse_billed(current: Stack, account: Account) -> None:
    """Raise DeploymentError if models of the site run or are trained.

    Only the site watches them, and the stop that it scheduled at Amazon may be hours away.
    """
    if found := billed(current, account):
        raise DeploymentError(
            "Models of this site cost money at Amazon Rekognition, and without the site nobody "
            f"would stop them in time:\n{described(found, account)}\nNothing was changed. Run this "
            "command again when none of them costs any more: stopping takes some minutes."
        )


def report_billed(current: Stack, account: Account) -> None:
    """Raise DeploymentError if a model was started while the site was being switched off."""
    if found := billed(current, account):
        raise DeploymentError(
            "A model was started meanwhile. It costs about $4 an hour and unit, and this site does "
            f"not watch it any more:\n{described(found, account)}"
        )


def billed(current: Stack, account: Account) -> list[BilledModel]:
    """Return the site's models that run, start or are trained; none without CUSTOM_LABELS=yes."""
    bucket = current.outputs.get("Pictures")
    if current.parameters.get(PARAMETER) != "yes" or bucket is None:
        return []
    return list(_billed(account.rekognition(), bucket))


def described(found: list[BilledModel], account: Account) -> str:
    lines = (f"- {each.title}: {each.state}; {each.remedy(account.region)}" for each in found)
    return "\n".join(lines)


def _billed(client: Any, bucket: str) -> Iterator[BilledModel]:
    """Yield the models whose training was told to write to the site's bucket."""
    for projects in client.get_paginator("describe_projects").paginate():
        for project in projects["ProjectDescriptions"]:
            arn = str(project["ProjectArn"])
            if not arn.split("/")[1].startswith(PROJECTS):
                continue
            versions = client.get_paginator("describe_project_versions")
            for page in versions.paginate(ProjectArn=arn):
                for version in page["ProjectVersionDescriptions"]:
                    state = state_of(version["Status"])
                    costs = state.may_stop or state.name == TRAINING_IN_PROGRESS
                    if costs and version.get("OutputConfig", {}).get("S3Bucket") == bucket:
                        yield BilledModel(str(version["ProjectVersionArn"]), state.name)
