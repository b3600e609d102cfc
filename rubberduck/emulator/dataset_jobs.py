"""The job that takes entries into a data set, in a worker."""

from typing import TYPE_CHECKING, Any

from rubberduck.jobs.registry import job

if TYPE_CHECKING:
    from rubberduck.jobs.child import Task
    from rubberduck.jobs.context import Context


@job("emulator-import", needs_disk=True)
def import_entries(
    context: "Context",
    project_id: str,
    side: str,
    source: dict[str, Any],
    limits: dict[str, Any],
) -> Any:
    from rubberduck.jobs.context import StepFailed

    try:
        return context.step("import", run_import, project_id, side, source, limits)
    except StepFailed as error:
        context.step("failed", fail_import, project_id, side, str(error))
        raise


def run_import(
    task: "Task", project_id: str, side: str, source: dict[str, Any], limits: dict[str, Any]
) -> dict[str, int]:
    from rubberduck.emulator.imports import EntryImport

    return EntryImport.of(task, project_id, side, limits).run(source)


def fail_import(task: "Task", project_id: str, side: str, message: str) -> None:
    from rubberduck.emulator.imports import set_outcome

    set_outcome(task.site.results.database, project_id, side, "FAILED", message)
