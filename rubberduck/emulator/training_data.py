"""TrainingData and TestingData of CreateProjectVersion: manifests instead of data sets.

The job of the training takes their lines into the project first, so that they become its data sets.
"""

from datetime import UTC, datetime
from typing import Any

from rubberduck.custom_models.projects import Project
from rubberduck.emulator.arns import TEST, TRAIN
from rubberduck.emulator.datasets import Dataset, datasets_of, manifest_source, save
from rubberduck.emulator.errors import invalid_parameter
from rubberduck.emulator.site import Site

Manifests = dict[str, list[dict[str, Any]]]  # the sources of the lines of each side


def given_manifests(site: Site, project: Project, given: dict[str, Any]) -> Manifests | None:
    """Return the manifests to train with; None to train with the project's data sets.

    Raises ServiceError.
    """
    training, testing = given.get("TrainingData"), given.get("TestingData")
    if training is None and testing is None:
        return None
    if training is None or testing is None:
        raise invalid_parameter("TrainingData and TestingData belong together: give both")
    if datasets_of(site, project):
        raise invalid_parameter(
            "The project has datasets: delete them first, or leave out TrainingData and TestingData"
        )
    if bool(testing.get("Assets")) == testing.get("AutoCreate", False):
        raise invalid_parameter("TestingData has either Assets or AutoCreate")
    manifests = {TRAIN: _sources(site, training), TEST: _sources(site, testing)}
    if not manifests[TRAIN]:
        raise invalid_parameter("TrainingData has no Assets")
    return {side: sources for side, sources in manifests.items() if sources}


def _sources(site: Site, data: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        manifest_source(site, asset.get("GroundTruthManifest", {}))
        for asset in data.get("Assets", ())
    ]


def add_datasets(site: Site, project: Project, manifests: Manifests) -> None:
    """Make the project's data sets, on which the job of the training works."""
    now = datetime.now(UTC)
    for side in manifests:
        save(site, Dataset(project.id, side, now, now, outcome=None))
