"""The blueprint of the JSON API; importing this module adds all routes to it."""

from rubberduck.api import (
    accounts,
    celebrities,
    corrections,
    evaluations,
    faces,
    jobs,
    labelling,
    model_life,
    models,
    project_data,
    project_pictures,
    projects,
    routes,
    uploads,
    video_frames,
    video_paid,
    video_results,
    videos,
)

api = routes.api
__all__ = [
    "accounts",
    "api",
    "celebrities",
    "corrections",
    "evaluations",
    "faces",
    "jobs",
    "labelling",
    "model_life",
    "models",
    "project_data",
    "project_pictures",
    "projects",
    "uploads",
    "video_frames",
    "video_paid",
    "video_results",
    "videos",
]
