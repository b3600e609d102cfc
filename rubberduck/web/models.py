"""Access from a request to projects and the versions of their models, imported at first use."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from flask import request

from rubberduck.core.errors import InvalidParameter
from rubberduck.web.deps import job_queue, pipeline, text

if TYPE_CHECKING:
    from rubberduck.custom_models.model_version import ModelVersion
    from rubberduck.custom_models.project_pictures import ProjectPicture
    from rubberduck.custom_models.projects import Project, Projects
    from rubberduck.custom_models.versions import Versions
    from rubberduck.db.engine import Database


def database() -> "Database":
    return pipeline().results.database


def projects() -> "Projects":
    from rubberduck.custom_models.projects import Projects

    return Projects(database(), text)


def versions() -> "Versions":
    from rubberduck.custom_models.versions import Versions

    return Versions(database())


def settled_versions(project: "Project") -> "list[ModelVersion]":
    """Return the project's versions, newest first, none in a training whose job has ended."""
    from rubberduck.services.training_queue import settle_trainings

    settle_trainings(database(), job_queue().store, project.id)
    return versions().list_all(project.id)


def summary_of(version: "ModelVersion") -> dict[str, Any] | None:
    """Return the figures as Amazon Rekognition Custom Labels writes them; None without figures."""
    from rubberduck.custom_models.evaluation_summary import write_summary

    if version.evaluation is None or version.trained_at is None:
        return None
    name = version.arn or f"{version.project_id}/{version.name}"
    return write_summary(version.evaluation, name, version.trained_at)


def find_pictures(project_id: str, ids: Collection[str]) -> "dict[str, ProjectPicture]":
    """Return those of these pictures that the project still has, by id."""
    from rubberduck.custom_models.project_pictures import ProjectPictures, Quota

    store = ProjectPictures(database(), pipeline().storage, 0, Quota(0, 0))
    return {picture.id: picture for picture in store.find(project_id, ids)}


def other_version(known: "list[ModelVersion]", number: int) -> "ModelVersion":
    """Return the version that `?with=` names, to compare. Raises InvalidParameter."""
    for version in known:
        is_asked = str(version.number) == request.args.get("with")
        if is_asked and version.number != number and version.evaluation:
            return version
    raise InvalidParameter("“with” must be the number of another trained version.")
