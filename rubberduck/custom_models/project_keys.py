"""Where files of projects lie in the storage, beside their pictures: imports and exports."""

from datetime import timedelta

from rubberduck.storage.base import SWEPT_PREFIXES

IMPORTS, EXPORTS, PROJECTS = "imports/", "exports/", "projects/"
# Files that are sent for an import or made by an export are kept so long, then swept.
KEPT = timedelta(days=1)
# What the site itself stores: never taken in by an import of a prefix of the same bucket.
OWN_PREFIXES = (*SWEPT_PREFIXES, IMPORTS, EXPORTS, PROJECTS)
ZIP = "application/zip"


def import_key(project_id: str, name: str) -> str:
    return f"{IMPORTS}{project_id}/{name}"


def export_key(project_id: str, job_id: str) -> str:
    return f"{EXPORTS}{project_id}/{job_id}.zip"


def prefixes_of(project_id: str) -> tuple[str, ...]:
    """Return the prefixes below which everything belongs to the project."""
    return tuple(f"{prefix}{project_id}/" for prefix in (PROJECTS, IMPORTS, EXPORTS))
