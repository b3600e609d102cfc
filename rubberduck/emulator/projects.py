"""CreateProject, DescribeProjects, DeleteProject: the projects of the site."""

from typing import Any

from rubberduck.custom_models.errors import InvalidProject, NameTaken
from rubberduck.custom_models.projects import MAX_NAME, Project
from rubberduck.emulator.arns import (
    dataset_arn,
    find_project,
    plain_name,
    project_arn,
    versions_of,
)
from rubberduck.emulator.datasets import datasets_of
from rubberduck.emulator.errors import ServiceError, in_use, invalid_parameter
from rubberduck.emulator.paging import page_of
from rubberduck.emulator.site import OPERATOR, Site
from rubberduck.emulator.tag_records import Resource, require_few, set_tags
from rubberduck.jobs.models import DELETE_PROJECT

MAX_PROJECTS = 100  # the quota of an account
CUSTOM_LABELS = "CUSTOM_LABELS"


def create_project(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    if given.get("Feature", CUSTOM_LABELS) != CUSTOM_LABELS or "AutoUpdate" in given:
        raise invalid_parameter("The emulator has no content moderation")
    name, tags = given["ProjectName"], require_few(given.get("Tags"))
    projects = site.projects
    if len(projects.list_all()) >= MAX_PROJECTS:
        raise limit_exceeded(f"There are {MAX_PROJECTS} projects, as many as an account may have")
    try:
        # Boxes, until the first labels that come say otherwise.
        project = projects.create(name, "boxes", (), OPERATOR)
    except NameTaken:
        raise in_use(f"The project name {name} is taken") from None
    except InvalidProject:
        raise invalid_parameter(f"The emulator's names have up to {MAX_NAME} characters") from None
    set_tags(site, Resource(project.id, project.id), tags)
    return {"ProjectArn": project_arn(project)}


def describe_projects(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    if CUSTOM_LABELS not in given.get("Features", (CUSTOM_LABELS,)):
        return {"ProjectDescriptions": []}
    names = given.get("ProjectNames")
    projects = sorted(site.projects.list_all(), key=lambda each: each.created_at, reverse=True)
    chosen = [each for each in projects if names is None or plain_name(each.name) in names]
    page, token = page_of(chosen, given, "projects", lambda each: each.id)
    return {
        "ProjectDescriptions": [_description(site, project) for project in page],
        "NextToken": token,
    }


def _description(site: Site, project: Project) -> dict[str, Any]:
    return {
        "ProjectArn": project_arn(project),
        "CreationTimestamp": project.created_at,
        "Status": "CREATING" if site.is_settling(project.created_at) else "CREATED",
        "Datasets": [
            {
                "CreationTimestamp": dataset.created_at,
                "DatasetType": dataset.side,
                "DatasetArn": dataset_arn(project, dataset.side, dataset.created_at),
                "Status": dataset.status(site),
                "StatusMessage": dataset.message,
                "StatusMessageCode": dataset.code,
            }
            for dataset in datasets_of(site, project).values()
        ],
        "Feature": CUSTOM_LABELS,
    }


def delete_project(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    project = find_project(site, given["ProjectArn"])
    if versions_of(site, project) or site.versions.list_all(project.id):
        raise in_use("The project has models: delete them first")
    # It ends all others, so it needs no room among them.
    owner = f"project:{project.id}"
    job_id = site.jobs.enqueue_beyond_limit(DELETE_PROJECT, owner, project_id=project.id)
    site.projects.mark_deleting(project.id)  # at once; if this fails, the job does it
    site.jobs.cancel_others(owner, job_id)
    return {"Status": "DELETING"}


def limit_exceeded(message: str) -> ServiceError:
    return ServiceError("LimitExceededException", message)
