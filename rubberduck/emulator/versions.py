"""Versions of models: embedded trainings and embedded hosting, with the service's states."""

from datetime import UTC, datetime, timedelta
from typing import Any

from rubberduck.core.ids import random_id
from rubberduck.custom_models.hosting_errors import AlreadyRunning, CannotStart, NotRunning
from rubberduck.custom_models.model_version import (
    FAILED,
    RUNNING,
    STOPPED,
    TRAINED,
    TRAINING,
    ModelVersion,
)
from rubberduck.custom_models.projects import Project
from rubberduck.custom_models.version_errors import CannotTrain, VersionBusy
from rubberduck.emulator.arns import (
    TEST,
    find_project,
    find_version,
    version_arn,
    version_name,
    versions_of,
)
from rubberduck.emulator.datasets import datasets_of, keep_sides_apart, limits_of, require_ready
from rubberduck.emulator.errors import in_use, invalid_parameter
from rubberduck.emulator.paging import page_of
from rubberduck.emulator.projects import limit_exceeded
from rubberduck.emulator.site import OPERATOR, Site
from rubberduck.emulator.tag_records import TAGS, Resource, require_few, set_tags
from rubberduck.emulator.training_data import add_datasets, given_manifests
from rubberduck.emulator.training_results import RESULTS, TrainingResults

MAX_VERSIONS, MAX_RUNNING, MAX_UNITS = 100, 2, 5  # quotas of an account
VERSION, STOPPING = "version", "stopping"  # kinds of records
READY_MESSAGE = "The model is ready to run."


def create_project_version(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    """Begin a training: the row of the version at once, and its job."""
    from rubberduck.services.training_queue import TRAIN as TRAIN_JOB
    from rubberduck.services.training_queue import (
        TRAIN_FROM_MANIFESTS,
        active_trainings,
        owner_of,
    )

    project = find_project(site, given["ProjectArn"])
    if "FeatureConfig" in given:
        raise invalid_parameter("The emulator has no content moderation")
    tags = require_few(given.get("Tags"))
    known = versions_of(site, project)
    if given["VersionName"] in {version_name(site, each) for each in known}:
        raise in_use(f"The version name {given['VersionName']} is taken")
    if len(known) >= MAX_VERSIONS:
        raise limit_exceeded(f"A project has {MAX_VERSIONS} models at most")
    if active_trainings(site.jobs.store, project.id):
        raise in_use("The project is being trained")
    manifests = given_manifests(site, project, given)
    if manifests is None:
        _require_trainable(site, project)
    job_id = random_id()
    labels = [(label.id, label.name) for label in project.labels]
    version = site.versions.begin(project.id, job_id, created_by=OPERATOR, labels=labels)
    site.versions.rename(version.id, given["VersionName"])
    record = {
        "name": given["VersionName"],
        "output": given["OutputConfig"],
        "description": given.get("VersionDescription"),
        "key": given.get("KmsKeyId"),
        "manifests": manifests is not None,
    }
    site.records.put(VERSION, version.id, record, project_id=project.id)
    set_tags(site, Resource(version.id, project.id), tags)
    # The job finds the version by its own id.
    arguments: dict[str, Any] = {"project_id": project.id, "created_by": OPERATOR, "seed": 0}
    if manifests is None:
        TrainingResults(site, project, version, given["OutputConfig"]).write_manifests()
        site.jobs.store.insert(job_id, TRAIN_JOB, owner_of(project.id), arguments)
    else:
        add_datasets(site, project, manifests)
        arguments |= {"version_id": version.id, "manifests": manifests, "limits": limits_of(site)}
        site.jobs.store.insert(job_id, TRAIN_FROM_MANIFESTS, owner_of(project.id), arguments)
    return {"ProjectVersionArn": version_arn(site, project, version)}


def _require_trainable(site: Site, project: Project) -> None:
    """Raise ServiceError unless the project's data sets suffice for a training."""
    from rubberduck.custom_models.training_checks import require_trainable
    from rubberduck.services.training_queue import set_of

    datasets = datasets_of(site, project)
    for dataset in datasets.values():
        require_ready(site, dataset)
    if TEST in datasets:
        keep_sides_apart(site.database, project.id, list(site.pictures.each(project.id)))
    try:
        require_trainable(set_of(site.database, project).findings())
    except CannotTrain as error:
        raise invalid_parameter(error.problem.why) from None


def describe_project_versions(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    from rubberduck.services.training_queue import settle_trainings

    project = find_project(site, given["ProjectArn"])
    settle_trainings(site.database, site.jobs.store, project.id)
    names = given.get("VersionNames")
    chosen = [
        version
        for version in versions_of(site, project)
        if names is None or version_name(site, version) in names
    ]
    page, token = page_of(chosen, given, f"versions {project.id}", lambda each: each.id)
    return {
        "ProjectVersionDescriptions": [_description(site, project, each) for each in page],
        "NextToken": token,
    }


def state_of(site: Site, version: ModelVersion) -> str:
    """Return the state, which lasts DUCK_EMULATOR_DELAY where the service takes its time."""
    if version.state in (TRAINED, FAILED) and site.is_settling(version.created_at):
        return TRAINING
    if version.state == RUNNING and site.is_settling(version.started_at):
        return "STARTING"
    if version.state == STOPPED and site.records.get(STOPPING, version.id):
        return "STOPPING"
    return version.state


def _description(site: Site, project: Project, version: ModelVersion) -> dict[str, Any]:
    record = site.records.get(VERSION, version.id) or {}
    state = state_of(site, version)
    is_trained = version.is_trained and state != TRAINING
    output = record.get("output")
    results = TrainingResults(site, project, version, output or {})
    if record.get("manifests") and version.state != TRAINING:
        results.write_missing_manifests()
    return {
        "ProjectVersionArn": version_arn(site, project, version),
        "CreationTimestamp": version.created_at,
        "MinInferenceUnits": version.units if version.state == RUNNING else None,
        "Status": state,
        "StatusMessage": _message(state, version),
        "BillableTrainingTimeInSeconds": (
            round(version.training_seconds or 0) if is_trained else None
        ),
        "TrainingEndTimestamp": version.trained_at if is_trained else None,
        "OutputConfig": output,
        **results.describe(is_trained),
        "KmsKeyId": record.get("key"),
        "VersionDescription": record.get("description"),
        "Feature": "CUSTOM_LABELS",
    }


def _message(state: str, version: ModelVersion) -> str:
    if state == TRAINED:
        return READY_MESSAGE
    return version.state_message or f"The model is {state}."


def start_project_version(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    named = find_version(site, given["ProjectVersionArn"])
    units, most = given["MinInferenceUnits"], given.get("MaxInferenceUnits", MAX_UNITS)
    if not units <= most <= MAX_UNITS:
        raise limit_exceeded(f"A model runs with {MAX_UNITS} inference units at most")
    running = [life for life in site.open_hosting().lives.running() if life.is_embedded]
    if len([life for life in running if life.id != named.version.id]) >= MAX_RUNNING:
        raise limit_exceeded(f"{MAX_RUNNING} models run already, as many as an account may run")
    if state_of(site, named.version) in (TRAINING, "STOPPING"):
        raise in_use(f"The model is {state_of(site, named.version)}")
    try:
        site.open_hosting().start(named.version.id, units, OPERATOR)
    except (AlreadyRunning, CannotStart) as error:
        raise in_use(error.problem.why) from None
    return {"Status": "STARTING"}


def stop_project_version(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    named = find_version(site, given["ProjectVersionArn"])
    if state_of(site, named.version) != RUNNING:
        raise in_use(f"The model is {state_of(site, named.version)}, not RUNNING")
    lasts = timedelta(seconds=site.settings.emulator_delay)
    site.records.put(
        STOPPING,
        named.version.id,
        {"at": datetime.now(UTC).isoformat()},
        project_id=named.project.id,
        lasts=lasts,
    )
    try:
        site.open_hosting().stop(named.version.id, "emulator")
    except NotRunning as error:
        raise in_use(error.problem.why) from None
    return {"Status": "STOPPING"}


def delete_project_version(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    from rubberduck.services.training_queue import delete_version

    named = find_version(site, given["ProjectVersionArn"])
    if state_of(site, named.version) in (TRAINING, "STARTING", RUNNING, "STOPPING"):
        raise in_use(f"The model is {state_of(site, named.version)}")
    try:
        delete_version(site.pipeline, named.project.id, named.version.number)
    except VersionBusy as error:
        raise in_use(error.problem.why) from None
    for kind in (VERSION, STOPPING, RESULTS, TAGS):
        site.records.delete(kind, named.version.id)
    return {"Status": "DELETING"}
