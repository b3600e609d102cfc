"""Tags of projects, data sets and models: TagResource, UntagResource, ListTagsForResource."""

from typing import Any

from rubberduck.emulator.arns import find_project, find_version, is_dataset, is_version
from rubberduck.emulator.datasets import find_dataset
from rubberduck.emulator.site import Site
from rubberduck.emulator.tag_records import Resource, set_tags, tags_of


def tag_resource(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    resource = _find(site, given["ResourceArn"])
    set_tags(site, resource, {**tags_of(site, resource), **given["Tags"]})
    return {}


def untag_resource(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    resource, gone = _find(site, given["ResourceArn"]), set(given["TagKeys"])
    kept = {key: value for key, value in tags_of(site, resource).items() if key not in gone}
    set_tags(site, resource, kept)
    return {}


def list_tags_for_resource(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": tags_of(site, _find(site, given["ResourceArn"]))}


def _find(site: Site, arn: str) -> Resource:
    """Return what an ARN names. Raises ServiceError."""
    if is_version(arn):
        named = find_version(site, arn)
        return Resource(named.version.id, named.project.id)
    if is_dataset(arn):
        project, dataset = find_dataset(site, arn)
        return Resource(dataset.name, project.id)
    project = find_project(site, arn)
    return Resource(project.id, project.id)
