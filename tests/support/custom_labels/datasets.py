"""Projects, data sets and their entries: what the fake answers."""

from collections import Counter
from functools import partial
from typing import Any

import boto3
from botocore.exceptions import ClientError

from tests.support.custom_labels.entries import Reading, read_lines
from tests.support.custom_labels.faults import Refused
from tests.support.custom_labels.state import Dataset, Project
from tests.support.custom_labels.world import MAX_PROJECTS, World, page

Request = dict[str, Any]
Answer = dict[str, Any]


def create_project(world: World, request: Request) -> Answer:
    name = request["ProjectName"]
    if any(project.name == name for project in world.projects.values()):
        raise Refused("ResourceInUseException", f"A project {name} exists already")
    if len(world.projects) >= MAX_PROJECTS:
        raise Refused("LimitExceededException")
    if request.get("Feature", "CUSTOM_LABELS") != "CUSTOM_LABELS" or "AutoUpdate" in request:
        raise Refused("InvalidParameterException", "AutoUpdate is for content moderation")
    project = Project(world.arn(f"project/{name}"), world.clock.now, "CREATED", name=name)
    world.projects[project.arn] = project
    world.tags[project.arn] = dict(request.get("Tags", {}))
    return {"ProjectArn": project.arn}


def delete_project(world: World, request: Request) -> Answer:
    project = world.project(request["ProjectArn"])
    if project.versions or project.datasets:
        raise Refused("ResourceInUseException", "Delete its models and datasets first")
    project.become("DELETING")
    project.go_on(world.due("deleting"), partial(world.projects.pop, project.arn))
    return {"Status": "DELETING"}


def describe_projects(world: World, request: Request) -> Answer:
    names = request.get("ProjectNames")
    found = [p.description() for p in world.projects.values() if names is None or p.name in names]
    items, more = page(found, request)
    return {"ProjectDescriptions": items, **more}


def create_dataset(world: World, request: Request) -> Answer:
    project, kind = world.project(request["ProjectArn"]), request["DatasetType"]
    if kind in project.datasets:
        raise Refused("ResourceAlreadyExistsException", f"It has a {kind} dataset")
    reading = _from_source(world, request.get("DatasetSource", {}))
    dataset = Dataset(
        world.arn(f"project/{project.name}/dataset/{kind.lower()}"),
        world.clock.now,
        "CREATE_IN_PROGRESS",
        kind=kind,
    )
    project.datasets[kind] = dataset
    end = partial(_add, world, dataset, reading, "CREATE")
    dataset.go_on(world.due("dataset"), end)
    return {"DatasetArn": dataset.arn}


def _from_source(world: World, source: Request) -> Reading:
    if len(source) > 1:
        raise Refused("InvalidParameterException", "one source only")
    if "DatasetArn" in source:
        copied = list(world.dataset(source["DatasetArn"])[1].entries.values())
        return Reading(copied, len(copied))
    if "GroundTruthManifest" not in source:
        return Reading()
    return read_lines(read_object(source["GroundTruthManifest"]["S3Object"]))


def read_object(where: dict[str, str]) -> bytes:
    """Return an object of the bucket. Raises Refused."""
    try:
        found = boto3.client("s3").get_object(Bucket=where["Bucket"], Key=where["Name"])
    except ClientError:
        raise Refused("InvalidS3ObjectException") from None
    return found["Body"].read()


def _add(world: World, dataset: Dataset, reading: Reading, phase: str) -> None:
    """Take the lines over; a whole line replaces an earlier one of the same picture."""
    dataset.updated = world.clock.now
    if reading.is_refused:
        dataset.message = "ERROR_TOO_MANY_RECORDS_IN_ERROR"
        dataset.become(f"{phase}_FAILED")
        return
    dataset.entries |= {entry.source: entry for entry in reading.entries}
    dataset.become(f"{phase}_COMPLETE")


def describe_dataset(world: World, request: Request) -> Answer:
    return {"DatasetDescription": world.dataset(request["DatasetArn"])[1].description()}


def delete_dataset(world: World, request: Request) -> Answer:
    project, dataset = world.dataset(request["DatasetArn"])
    if dataset.state in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS") or _is_training(project):
        raise Refused("ResourceInUseException", "It is being made, changed or trained with")
    dataset.become("DELETE_IN_PROGRESS")
    dataset.go_on(world.due("deleting"), partial(project.datasets.pop, dataset.kind))
    return {}


def _is_training(project: Project) -> bool:
    return any(version.state == "TRAINING_IN_PROGRESS" for version in project.versions.values())


def update_dataset_entries(world: World, request: Request) -> Answer:
    _, dataset = world.dataset(request["DatasetArn"])
    _require_idle(dataset)
    dataset.become("UPDATE_IN_PROGRESS")
    reading = read_lines(request["Changes"]["GroundTruth"])
    dataset.go_on(world.due("dataset"), partial(_add, world, dataset, reading, "UPDATE"))
    return {}


def _require_idle(dataset: Dataset) -> None:
    if dataset.state == "DELETE_IN_PROGRESS":
        raise Refused("ResourceNotFoundException")
    if dataset.state.endswith("IN_PROGRESS"):
        raise Refused("ResourceInUseException", f"It is {dataset.state}")


def list_dataset_entries(world: World, request: Request) -> Answer:
    _, dataset = world.dataset(request["DatasetArn"])
    _require_readable(dataset)
    wanted = set(request.get("ContainsLabels", ()))
    labeled, errors = request.get("Labeled"), request.get("HasErrors")
    text = request.get("SourceRefContains", "")
    found = [
        entry.text()
        for entry in dataset.entries.values()
        if wanted <= entry.labels
        and labeled in (None, entry.is_labeled)
        and errors in (None, bool(entry.errors))
        and text in entry.source
    ]
    items, more = page(found, request)
    return {"DatasetEntries": items, **more}


def _require_readable(dataset: Dataset) -> None:
    if dataset.state == "CREATE_IN_PROGRESS":
        raise Refused("ResourceNotReadyException")
    _require_idle(dataset)


def list_dataset_labels(world: World, request: Request) -> Answer:
    _, dataset = world.dataset(request["DatasetArn"])
    _require_readable(dataset)
    entries, boxes = Counter[str](), Counter[str]()
    for entry in dataset.entries.values():
        entries.update(entry.labels)
        boxes.update(label for label, _ in entry.boxes)
    found = [
        {
            "LabelName": label,
            "LabelStats": {"EntryCount": count, "BoundingBoxCount": boxes[label]},
        }
        for label, count in sorted(entries.items())
    ]
    items, more = page(found, request)
    return {"DatasetLabelDescriptions": items, **more}


def distribute_dataset_entries(world: World, request: Request) -> Answer:
    both = [world.dataset(each["Arn"]) for each in request["Datasets"]]
    kinds = {dataset.kind: dataset for _, dataset in both}
    if len(kinds) < 2 or both[0][0] is not both[1][0]:
        raise Refused("InvalidParameterException", "a TRAIN and a TEST dataset of one project")
    train, test = kinds["TRAIN"], kinds["TEST"]
    if not (train.is_complete and test.is_complete):
        raise Refused("ResourceNotReadyException")
    if test.entries:
        raise Refused("InvalidParameterException", "The test dataset is not empty")
    for dataset in kinds.values():
        dataset.become("UPDATE_IN_PROGRESS")
        dataset.go_on(world.due("dataset"), partial(dataset.become, "UPDATE_COMPLETE"))
    train.go_on(world.due("dataset"), partial(_move, train, test))
    return {}


def _move(train: Dataset, test: Dataset) -> None:
    """Move every fifth picture of each label, and at least one."""
    counts = Counter[str]()
    for entry in list(train.entries.values()):
        counts.update(entry.labels)
        if any(counts[label] % 5 == 1 for label in entry.labels):
            test.entries[entry.source] = train.entries.pop(entry.source)
    short = [label for label, count in counts.items() if count < 2]
    if short:
        train.message = "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_DISTRIBUTE"
    train.become("UPDATE_FAILED" if short else "UPDATE_COMPLETE")


def put_project_policy(world: World, request: Request) -> Answer:
    project = world.project(request["ProjectArn"])
    known = project.policies.get(request["PolicyName"])
    if known and request.get("PolicyRevisionId") != known["PolicyRevisionId"]:
        raise Refused("InvalidPolicyRevisionIdException")
    revision = f"{len(request['PolicyDocument']):032x}"
    project.policies[request["PolicyName"]] = {
        "ProjectArn": project.arn,
        "PolicyName": request["PolicyName"],
        "PolicyRevisionId": revision,
        "PolicyDocument": request["PolicyDocument"],
        "CreationTimestamp": world.clock.now,
        "LastUpdatedTimestamp": world.clock.now,
    }
    return {"PolicyRevisionId": revision}


def list_project_policies(world: World, request: Request) -> Answer:
    project = world.project(request["ProjectArn"])
    items, more = page(project.policies.values(), request, 5)
    return {"ProjectPolicies": items, **more}


def delete_project_policy(world: World, request: Request) -> Answer:
    project = world.project(request["ProjectArn"])
    if project.policies.pop(request["PolicyName"], None) is None:
        raise Refused("ResourceNotFoundException")
    return {}


def tag_resource(world: World, request: Request) -> Answer:
    world.tags.setdefault(request["ResourceArn"], {}).update(request["Tags"])
    return {}


def untag_resource(world: World, request: Request) -> Answer:
    for key in request["TagKeys"]:
        world.tags.get(request["ResourceArn"], {}).pop(key, None)
    return {}


def list_tags_for_resource(world: World, request: Request) -> Answer:
    return {"Tags": world.tags.get(request["ResourceArn"], {})}
