"""The operations that are answered, and what stands behind each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from rubberduck.emulator.custom_labels import detect_custom_labels
from rubberduck.emulator.datasets import (
    create_dataset,
    delete_dataset,
    distribute_dataset_entries,
    update_dataset_entries,
)
from rubberduck.emulator.entries import (
    describe_dataset,
    list_dataset_entries,
    list_dataset_labels,
)
from rubberduck.emulator.errors import access_denied
from rubberduck.emulator.faces import detect_faces, recognize_celebrities
from rubberduck.emulator.labels import detect_labels
from rubberduck.emulator.projects import create_project, delete_project, describe_projects
from rubberduck.emulator.site import Site
from rubberduck.emulator.tags import list_tags_for_resource, tag_resource, untag_resource
from rubberduck.emulator.versions import (
    create_project_version,
    delete_project_version,
    describe_project_versions,
    start_project_version,
    stop_project_version,
)
from rubberduck.emulator.videos import get_label_detection, start_label_detection

Answer = Callable[[Site, dict[str, Any]], dict[str, Any]]
Kind = Literal["real", "canned", "refused"]


@dataclass(frozen=True)
class Operation:
    """An operation; `by` says what answers it, for the documentation."""

    answer: Answer
    kind: Kind
    by: str


def _without_vectors(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    raise access_denied(
        "The embedded engine has no face vectors, so it has no collections: faces are found, and "
        "nobody is recognised."
    )


PROJECTS = "the projects of the site"
DATASETS = "the labelled pictures of the project; pictures are fetched by the worker"
VERSIONS = "the embedded models of the project"
VIDEOS = "the site's analysis of videos, by the worker; notices to topics that a setting names"
TAGGED = "tags of projects, data sets and models, kept in the database"
COLLECTIONS = (
    "AssociateFaces",
    "CompareFaces",
    "CreateCollection",
    "CreateUser",
    "DeleteCollection",
    "DeleteFaces",
    "DeleteUser",
    "DescribeCollection",
    "DisassociateFaces",
    "IndexFaces",
    "ListCollections",
    "ListFaces",
    "ListUsers",
    "SearchFaces",
    "SearchFacesByImage",
    "SearchUsers",
    "SearchUsersByImage",
)
OPERATIONS: dict[str, Operation] = {
    "DetectLabels": Operation(
        detect_labels,
        "real",
        "the embedded detector: Duck, Bird, Toy and Animal; image properties are computed",
    ),
    "DetectCustomLabels": Operation(
        detect_custom_labels, "real", "a running embedded model of a project"
    ),
    "DetectFaces": Operation(
        detect_faces,
        "real",
        "the embedded face finder: boxes, eyes and nose, roll, quality, smiles, expressions and "
        "ages; gender with DUCK_FACES=all; no other landmarks, no yaw and pitch, no beards, "
        "glasses, open eyes and mouths, occlusion, eye direction",
    ),
    "RecognizeCelebrities": Operation(
        recognize_celebrities, "real", "the same; it knows nobody, so all faces are unrecognised"
    ),
    "StartLabelDetection": Operation(start_label_detection, "real", VIDEOS),
    "GetLabelDetection": Operation(get_label_detection, "real", VIDEOS),
    "CreateProject": Operation(create_project, "real", PROJECTS),
    "DescribeProjects": Operation(describe_projects, "real", PROJECTS),
    "DeleteProject": Operation(delete_project, "real", PROJECTS),
    "CreateDataset": Operation(create_dataset, "real", DATASETS),
    "DescribeDataset": Operation(describe_dataset, "real", DATASETS),
    "ListDatasetEntries": Operation(list_dataset_entries, "real", DATASETS),
    "ListDatasetLabels": Operation(list_dataset_labels, "real", DATASETS),
    "UpdateDatasetEntries": Operation(update_dataset_entries, "real", DATASETS),
    "DistributeDatasetEntries": Operation(
        distribute_dataset_entries, "real", "the site's split: by label, groups stay together"
    ),
    "DeleteDataset": Operation(delete_dataset, "real", DATASETS),
    "CreateProjectVersion": Operation(
        create_project_version,
        "real",
        "a training on this machine, by the worker; with the project's datasets, or with manifests",
    ),
    "DescribeProjectVersions": Operation(describe_project_versions, "real", VERSIONS),
    "StartProjectVersion": Operation(start_project_version, "real", VERSIONS),
    "StopProjectVersion": Operation(stop_project_version, "real", VERSIONS),
    "DeleteProjectVersion": Operation(delete_project_version, "real", VERSIONS),
    "TagResource": Operation(tag_resource, "real", TAGGED),
    "UntagResource": Operation(untag_resource, "real", TAGGED),
    "ListTagsForResource": Operation(list_tags_for_resource, "real", TAGGED),
    **{
        name: Operation(_without_vectors, "refused", "AccessDeniedException: no face vectors")
        for name in COLLECTIONS
    },
}


def answered_names() -> list[str]:
    return sorted(name for name, each in OPERATIONS.items() if each.kind != "refused")
