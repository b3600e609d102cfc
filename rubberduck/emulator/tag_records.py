"""Where the tags of projects, data sets and models are kept."""

from typing import NamedTuple

from rubberduck.emulator.errors import ServiceError
from rubberduck.emulator.site import Site

TAGS = "tags"  # the kind of the records
MAX_TAGS = 50  # of a resource, as everywhere at AWS


class Resource(NamedTuple):
    """What has tags: the name of its record, and its project's id."""

    name: str
    project_id: str


def tags_of(site: Site, resource: Resource) -> dict[str, str]:
    record = site.records.get(TAGS, resource.name)
    return dict(record["tags"]) if record else {}


def set_tags(site: Site, resource: Resource, tags: dict[str, str] | None) -> None:
    """Replace the tags of a resource. Raises ServiceError."""
    if tags := require_few(tags):
        site.records.put(TAGS, resource.name, {"tags": tags}, project_id=resource.project_id)
    else:
        site.records.delete(TAGS, resource.name)


def require_few(tags: dict[str, str] | None) -> dict[str, str]:
    """Return the tags. Raises ServiceError for more than a resource may have."""
    if len(tags or ()) > MAX_TAGS:
        message = f"A resource has {MAX_TAGS} tags at most"
        raise ServiceError("ServiceQuotaExceededException", message)
    return tags or {}
