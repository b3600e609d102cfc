"""Exports and deletions of projects, as jobs."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rubberduck.custom_models import project_deletion
from rubberduck.custom_models.dataset import InvalidDataset
from rubberduck.custom_models.errors import InvalidArchive, NoSuchProject
from rubberduck.custom_models.project_export import Export
from rubberduck.custom_models.project_keys import ZIP, export_key
from rubberduck.custom_models.projects import Projects
from rubberduck.jobs.models import DELETE_PROJECT
from rubberduck.jobs.registry import job

if TYPE_CHECKING:
    from rubberduck.jobs.child import Task
    from rubberduck.jobs.context import Context


@job("export-project", needs_disk=True)
def export_project(context: "Context", project_id: str, format: str, with_pictures: bool) -> Any:
    return context.step("export", export_to_storage, project_id, format, with_pictures)


def export_to_storage(
    task: "Task", project_id: str, format: str, with_pictures: bool
) -> dict[str, Any]:
    """Write the export into the storage, where it lies for a day; return its key and bytes."""
    site = task.site
    project = Projects(site.results.database).get(project_id)
    export = Export(site.results.database, site.storage, project)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "export.zip"
        try:
            with file.open("wb") as target:
                notes = export.write_zip(target, format, with_pictures, task.progress)
        except InvalidDataset as error:
            raise InvalidArchive(
                "{problem}. {advice}.", problem=error.problem, advice=error.advice
            ) from error
        for note in notes:
            task.log(note)
        key = export_key(project_id, task.job_id)
        site.storage.put_file(key, file, ZIP)
        return {"key": key, "bytes": file.stat().st_size}


@job(DELETE_PROJECT, waits=True)  # for a training at Amazon
def delete_project(context: "Context", project_id: str) -> Any:
    # Imported late: an idle worker does without it.
    from rubberduck.services.aws_deletion import delete_from_amazon

    context.step("hide", hide_project, project_id)
    delete_from_amazon(context, project_id)
    objects = context.step("objects", delete_objects, project_id)
    rows = context.step("rows", delete_rows, project_id)
    return {"objects": objects, "rows": rows}


def hide_project(task: "Task", project_id: str) -> None:
    try:
        Projects(task.site.results.database).mark_deleting(project_id)
    except NoSuchProject:  # it is hidden already
        return


def delete_objects(task: "Task", project_id: str) -> int:
    """Delete the project's pictures, and all other objects below its prefixes."""
    site = task.site
    return project_deletion.delete_objects_of(site.results.database, site.storage, project_id)


def delete_rows(task: "Task", project_id: str) -> int:
    return project_deletion.delete_rows_of(task.site.results.database, project_id)
