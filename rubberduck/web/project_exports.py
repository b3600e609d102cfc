"""Exports of projects: those that can be downloaded, and their files."""

from typing import TYPE_CHECKING

from flask import redirect, send_file
from flask.typing import ResponseReturnValue

from rubberduck.web.deps import job_queue, pipeline

if TYPE_CHECKING:
    from rubberduck.jobs.models import Job

MAX_EXPORTS = 5  # that are listed


def finished_exports(project_id: str) -> "list[Job]":
    """Return the newest exports of a project that can be downloaded."""
    done = job_queue().store.newest(f"project:{project_id}", ("done",), 50)
    return [job for job in done if job.kind == "export-project" and job.result][:MAX_EXPORTS]


def export_response(project_id: str, name: str, job_id: str) -> ResponseReturnValue:
    """Return the ZIP of an export, or a redirect to the bucket. Raises NoSuchProject."""
    from rubberduck.custom_models.errors import NoSuchProject
    from rubberduck.custom_models.project_keys import export_key

    storage, key = pipeline().storage, export_key(project_id, job_id)
    if url := storage.url(key, f"{job_id}.zip"):
        return redirect(url)
    path = storage.local_path(key)
    if path is None or not path.is_file():
        raise NoSuchProject
    return send_file(path, "application/zip", as_attachment=True, download_name=f"{name}.zip")
