"""The operations of the parts of the site that are loaded with their first use."""

from typing import Any

from rubberduck.api.openapi import (
    accounts,
    celebrities,
    collections,
    evaluations,
    faces,
    jobs,
    labelling,
    model_life,
    models,
    named_objects,
    project_data,
    project_pictures,
    projects,
    statistics,
    storage,
    video_paid,
    video_results,
    video_uploads,
)
from rubberduck.api.openapi.builders import JsonObject

# Of requests and responses; the types inside them follow.
BODIES: tuple[Any, ...] = (
    *accounts.BODIES,
    *evaluations.BODIES,
    *jobs.BODIES,
    *celebrities.BODIES,
    *collections.BODIES,
    *faces.BODIES,
    *labelling.BODIES,
    *model_life.BODIES,
    *models.BODIES,
    *named_objects.BODIES,
    *projects.BODIES,
    *project_pictures.BODIES,
    *project_data.BODIES,
    *statistics.BODIES,
    *storage.BODIES,
    *video_results.BODIES,
    *video_uploads.BODIES,
    *video_paid.BODIES,
)


def wings() -> JsonObject:
    """Return the operations by path; those on one path may come from several modules."""
    operations: JsonObject = {}
    for part in (
        accounts.accounts(),
        evaluations.evaluations(),
        jobs.jobs(),
        celebrities.celebrities(),
        collections.collections(),
        faces.faces(),
        labelling.labelling(),
        model_life.model_life(),
        models.models(),
        named_objects.named_objects(),
        projects.projects(),
        project_pictures.project_pictures(),
        project_data.project_data(),
        statistics.statistics(),
        storage.storage(),
        video_results.videos(),
        video_uploads.video_uploads(),
        video_paid.video_paid(),
    ):
        for path, item in part.items():
            operations[path] = operations.get(path, {}) | item
    return operations
