"""Take files that become jobs of a project: archives, files of labels, prefixes of a bucket."""

import re
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import FileStorage

from rubberduck.core.errors import InvalidParameter
from rubberduck.web.deps import job_queue, pipeline
from rubberduck.web.projects import projects, quota, who

if TYPE_CHECKING:
    from rubberduck.custom_models.projects import Project

ZIP_BEGINNINGS = (b"PK\3\4", b"PK\5\6")
LABEL_SUFFIXES = (".json", ".manifest", ".jsonl", ".zip")
S3_ADDRESS = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\x00-\x1f\x7f]{0,900})?")
FORMATS = ("manifest", "coco", "yolo", "voc", "label-studio")


def is_archive(file: FileStorage) -> bool:
    """Return whether a file is imported by a job: a ZIP, or a file of labels."""
    beginning = file.stream.read(4)
    file.stream.seek(0)
    name = (file.filename or "").lower()
    return beginning in ZIP_BEGINNINGS or name.endswith(LABEL_SUFFIXES)


def enqueue_import(project: "Project", file: FileStorage, options: Mapping[str, Any]) -> str:
    """Store the file and queue its import; return the job's id. Raises TooManyJobs."""
    from rubberduck.custom_models.project_keys import ZIP, import_key

    name = (file.filename or "").lower()
    suffix = next((each for each in LABEL_SUFFIXES if name.endswith(each)), ".zip")
    job_queue().require_room(f"project:{project.id}")
    key = import_key(project.id, secrets.token_urlsafe(12) + suffix)
    storage = pipeline().storage
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload"
        file.save(path)
        storage.put_file(key, path, ZIP if suffix == ".zip" else "application/json")
    try:
        return _enqueue("import-pictures", project, key=key, options=_with_quota(options))
    except BaseException:
        storage.delete(key)
        raise


def enqueue_s3_import(project: "Project", address: str, options: Mapping[str, Any]) -> str:
    """Queue the import of a prefix; return the job's id. Raises InvalidParameter."""
    from rubberduck.storage.s3 import S3Storage

    if not isinstance(pipeline().storage, S3Storage):
        raise InvalidParameter(
            "This site stores pictures in a folder, so it cannot read buckets. Send a ZIP instead."
        )
    if not S3_ADDRESS.fullmatch(address):
        raise InvalidParameter("The address must look like s3://bucket/folder/.")
    return _enqueue("import-s3", project, address=address, options=_with_quota(options))


def enqueue_export(project: "Project", format: str, with_pictures: bool) -> str:
    """Queue an export; return the job's id. Raises InvalidParameter."""
    if format not in (*FORMATS, "everything"):
        raise InvalidParameter("The format must be one of {formats}.", formats=", ".join(FORMATS))
    return job_queue().enqueue(
        "export-project",
        f"project:{project.id}",
        project_id=project.id,
        format=format,
        with_pictures=with_pictures,
    )


def enqueue_deletion(project: "Project") -> str:
    """Hide the project, queue its deletion and cancel its other jobs; return the job's id."""
    from rubberduck.jobs.models import DELETE_PROJECT

    queue, owner = job_queue(), f"project:{project.id}"
    # It ends all others, so it needs no room among them.
    job_id = queue.enqueue_beyond_limit(DELETE_PROJECT, owner, project_id=project.id)
    projects().mark_deleting(project.id)  # at once; if this fails, the job does it
    queue.cancel_others(owner, job_id)
    return job_id


def _enqueue(kind: str, project: "Project", **arguments: Any) -> str:
    return job_queue().enqueue(
        kind, f"project:{project.id}", project_id=project.id, operator_id=who(), **arguments
    )


def _with_quota(options: Mapping[str, Any]) -> dict[str, Any]:
    limits = quota()
    return {**options, "quota_pictures": limits.pictures, "quota_bytes": limits.bytes}
