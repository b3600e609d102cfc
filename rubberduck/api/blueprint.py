"""The blueprint of the JSON API; importing this module adds all routes to it."""

from rubberduck.api import (
    corrections,
    labelling,
    model_life,
    models,
    project_data,
    project_pictures,
    projects,
    routes,
    video_frames,
    video_results,
)

api = routes.api
__all__ = [
    "api",
    "corrections",
    "labelling",
    "model_life",
    "models",
    "project_data",
    "project_pictures",
    "projects",
    "video_frames",
    "video_results",
]
