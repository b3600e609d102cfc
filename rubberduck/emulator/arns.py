"""ARNs of projects, data sets and versions, and what they name on this site.

The digits at the end of an ARN are the moment of creation, as the service has it. Region and
account of an ARN are not compared: there is one of each.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from rubberduck.custom_models.model_version import DELETING, EMBEDDED, ModelVersion
from rubberduck.custom_models.projects import Project
from rubberduck.emulator.errors import ServiceError, invalid_parameter, not_found
from rubberduck.emulator.site import Site

PREFIX = "arn:aws:rekognition:us-east-1:123456789012:project"
NAME_RE = re.compile(r"[^a-zA-Z0-9_.\-]")
ARN_RE = re.compile(
    r"arn:[^:]+:rekognition:[^:]+:\d{12}:project/(?P<project>[^/]+)"
    r"(/version/(?P<version>[^/]+)|/dataset/(?P<dataset>train|test))?/(?P<moment>\d+)"
)
TRAIN, TEST = "TRAIN", "TEST"  # types of data sets


@dataclass(frozen=True)
class Named:
    """A version of a project, found by its ARN."""

    project: Project
    version: ModelVersion


def plain_name(name: str) -> str:
    """Return a name of the site as an ARN may hold it.

    >>> plain_name("our mugs"), plain_name("v1.2_b")
    ('our-mugs', 'v1.2_b')
    """
    return NAME_RE.sub("-", name)[:255]


def project_arn(project: Project) -> str:
    return f"{PREFIX}/{plain_name(project.name)}/{_moment(project.created_at)}"


def dataset_arn(project: Project, side: str, created_at: datetime) -> str:
    return f"{PREFIX}/{plain_name(project.name)}/dataset/{side.lower()}/{_moment(created_at)}"


def version_arn(site: Site, project: Project, version: ModelVersion) -> str:
    name, moment = version_name(site, version), _moment(version.created_at)
    return f"{PREFIX}/{plain_name(project.name)}/version/{name}/{moment}"


def is_version(arn: str) -> bool:
    found = ARN_RE.fullmatch(arn)
    return bool(found and found["version"])


def is_dataset(arn: str) -> bool:
    found = ARN_RE.fullmatch(arn)
    return bool(found and found["dataset"])


def version_name(site: Site, version: ModelVersion) -> str:
    """Return the VersionName that the version was asked for with, or the site's own name."""
    record = site.records.get("version", version.id)
    return record["name"] if record else plain_name(version.name)


def find_project(site: Site, arn: str) -> Project:
    """Return the project. Raises ServiceError."""
    found = ARN_RE.fullmatch(arn)
    if found is None or found["version"] or found["dataset"]:
        raise invalid_parameter()
    for project in projects_named(site, found["project"]):
        if _moment(project.created_at) == found["moment"]:
            return project
    raise gone(arn)


def find_version(site: Site, arn: str) -> Named:
    """Return the embedded version; those at Amazon do not exist here. Raises ServiceError."""
    found = ARN_RE.fullmatch(arn)
    if found is None or not found["version"]:
        raise invalid_parameter()
    for project in projects_named(site, found["project"]):
        for version in versions_of(site, project):
            same_moment = _moment(version.created_at) == found["moment"]
            if same_moment and version_name(site, version) == found["version"]:
                return Named(project, version)
    raise gone(arn)


def versions_of(site: Site, project: Project) -> list[ModelVersion]:
    """Return the embedded versions, newest first."""
    found = site.versions.list_all(project.id)
    return [each for each in found if each.engine == EMBEDDED and each.state != DELETING]


def split_dataset_arn(site: Site, arn: str) -> tuple[list[Project], str, str]:
    """Return the projects that an ARN may mean, TRAIN or TEST, and the digits at the end."""
    found = ARN_RE.fullmatch(arn)
    if found is None or not found["dataset"]:
        raise invalid_parameter()
    return projects_named(site, found["project"]), found["dataset"].upper(), found["moment"]


def projects_named(site: Site, name: str) -> list[Project]:
    return [each for each in site.projects.list_all() if plain_name(each.name) == name]


def is_moment(moment: datetime, digits: str) -> bool:
    return _moment(moment) == digits


def gone(arn: str) -> ServiceError:
    return not_found(f"The resource {arn} does not exist")


def _moment(moment: datetime) -> str:
    return str(round(moment.timestamp() * 1000))
