"""Versions of a model and what they detect: what the fake answers."""

import hashlib
from functools import partial
from io import BytesIO
from typing import Any

from PIL import Image, UnidentifiedImageError

from tests.support.custom_labels.datasets import read_object
from tests.support.custom_labels.entries import Entry, read_lines
from tests.support.custom_labels.faults import Refused
from tests.support.custom_labels.state import Project, Version
from tests.support.custom_labels.training import end_training
from tests.support.custom_labels.world import (
    ACTIVE,
    MAX_RUNNING,
    MAX_TRAININGS,
    MAX_UNITS,
    MAX_VERSIONS,
    World,
    page,
)

Request = dict[str, Any]
Answer = dict[str, Any]
MAX_PICTURE_BYTES = 4 * 1024 * 1024
STARTABLE = ("TRAINING_COMPLETED", "STOPPED", "COPYING_COMPLETED", "FAILED")


def create_project_version(world: World, request: Request) -> Answer:
    project, name = world.project(request["ProjectArn"]), request["VersionName"]
    if name in project.versions:
        raise Refused("ResourceInUseException", f"A version {name} exists already")
    if len(project.versions) >= MAX_VERSIONS:
        raise Refused("ServiceQuotaExceededException")
    sets = _training_sets(project, request)
    training = [each for each in world.versions() if each.state == "TRAINING_IN_PROGRESS"]
    if len(training) >= MAX_TRAININGS:
        raise Refused("LimitExceededException", "Two trainings run already")
    version = _new_version(world, project, request, "TRAINING_IN_PROGRESS")
    world.trainings[version.arn] += 1
    version.go_on(world.due("training"), partial(end_training, world, project, version, sets))
    return {"ProjectVersionArn": version.arn}


def _new_version(world: World, project: Project, request: Request, state: str) -> Version:
    name = request["VersionName"]
    arn = world.arn(f"project/{project.name}/version/{name}")
    version = Version(arn, world.clock.now, state, name=name, output=request["OutputConfig"])
    for member in ("KmsKeyId", "VersionDescription"):
        if member in request:
            version.more[member] = request[member]
    project.versions[name] = version
    world.tags[arn] = dict(request.get("Tags", {}))
    return version


def _training_sets(project: Project, request: Request) -> dict[str, list[Entry]]:
    if {"S3Bucket"} - request["OutputConfig"].keys():
        raise Refused("InvalidParameterException", "OutputConfig needs a bucket")
    given = {"TrainingData", "TestingData"} & request.keys()
    if not given:
        if "TRAIN" not in project.datasets:
            raise Refused("InvalidParameterException", "The project has no training dataset")
        if not all(dataset.is_complete for dataset in project.datasets.values()):
            raise Refused("ResourceInUseException", "A dataset is not complete")
        train = list(project.datasets["TRAIN"].entries.values())
        test = project.datasets.get("TEST")
        return _split_if_needed(train, list(test.entries.values()) if test else [])
    if project.datasets or len(given) < 2:
        raise Refused("InvalidParameterException", "both, and no datasets, or neither")
    train = _assets(request["TrainingData"])
    return _split_if_needed(train, _assets(request["TestingData"]))


def _assets(data: Request) -> list[Entry]:
    return [
        entry
        for asset in data.get("Assets", ())
        for entry in read_lines(read_object(asset["GroundTruthManifest"]["S3Object"])).entries
    ]


def _split_if_needed(train: list[Entry], test: list[Entry]) -> dict[str, list[Entry]]:
    if test:
        return {"TRAIN": train, "TEST": test}
    return {"TRAIN": [e for i, e in enumerate(train) if i % 5], "TEST": train[::5]}


def describe_project_versions(world: World, request: Request) -> Answer:
    project, names = world.project(request["ProjectArn"]), request.get("VersionNames")
    found = [
        version.description()
        for version in reversed(project.versions.values())
        if names is None or version.name in names
    ]
    items, more = page(found, request)
    return {"ProjectVersionDescriptions": items, **more}


def start_project_version(world: World, request: Request) -> Answer:
    _, version = world.version(request["ProjectVersionArn"])
    units = request["MinInferenceUnits"]
    if max(units, request.get("MaxInferenceUnits", units)) > MAX_UNITS:
        raise Refused("LimitExceededException", f"at most {MAX_UNITS} inference units")
    if request.get("MaxInferenceUnits", units) < units:
        raise Refused("InvalidParameterException", "MaxInferenceUnits is below MinInferenceUnits")
    if version.state in (*ACTIVE, "TRAINING_IN_PROGRESS", "COPYING_IN_PROGRESS"):
        raise Refused("ResourceInUseException", f"It is {version.state}")
    if version.state not in STARTABLE:
        raise Refused("InvalidParameterException", f"It is {version.state}")
    if sum(each.state in ACTIVE for each in world.versions()) >= MAX_RUNNING:
        raise Refused("LimitExceededException", "Two models run already")
    version.units = units
    version.become("STARTING")
    version.go_on(world.due("starting"), partial(_run, version))
    return {"Status": "STARTING"}


def _run(version: Version) -> None:
    version.become("RUNNING")


def stop_project_version(world: World, request: Request) -> Answer:
    _, version = world.version(request["ProjectVersionArn"])
    if version.state in ("STARTING", "STOPPING"):
        raise Refused("ResourceInUseException", f"It is {version.state}")
    if version.state != "RUNNING":
        raise Refused("InvalidParameterException", f"It is {version.state}")
    version.become("STOPPING")
    version.go_on(world.due("stopping"), partial(version.become, "STOPPED"))
    return {"Status": "STOPPING"}


def delete_project_version(world: World, request: Request) -> Answer:
    project, version = world.version(request["ProjectVersionArn"])
    if version.state in (*ACTIVE, "TRAINING_IN_PROGRESS", "COPYING_IN_PROGRESS"):
        raise Refused("ResourceInUseException", f"It is {version.state}")
    version.become("DELETING")
    version.go_on(world.due("deleting"), partial(project.versions.pop, version.name))
    return {"Status": "DELETING"}


def copy_project_version(world: World, request: Request) -> Answer:
    source_project, source = world.version(request["SourceProjectVersionArn"])
    target = world.project(request["DestinationProjectArn"])
    if source_project.arn != request["SourceProjectArn"] or not source.thresholds:
        raise Refused("InvalidParameterException", "no trained version of that project")
    if request["VersionName"] in target.versions:
        raise Refused("ResourceInUseException")
    version = _new_version(world, target, request, "COPYING_IN_PROGRESS")
    version.more["SourceProjectVersionArn"] = source.arn
    version.thresholds, version.pictures = source.thresholds, source.pictures
    version.digests = source.digests
    version.go_on(world.due("training"), partial(version.become, "COPYING_COMPLETED"))
    return {"ProjectVersionArn": version.arn}


def detect_custom_labels(world: World, request: Request) -> Answer:
    _, version = world.version(request["ProjectVersionArn"])
    if version.state != "RUNNING":
        raise Refused("ResourceNotReadyException", f"It is {version.state}")
    data = _picture(request["Image"])
    given = request.get("MinConfidence")
    found = world.detections if world.detections is not None else _learnt(version, data)
    kept = [
        each
        for each in found
        if each["Confidence"] >= (_threshold(version, each["Name"]) if given is None else given)
    ]
    kept.sort(key=lambda each: -each["Confidence"])
    return {"CustomLabels": kept[: request.get("MaxResults") or None]}


def _threshold(version: Version, label: str) -> float:
    return 100 * version.thresholds.get(label, 0.5)


def _picture(image: Request) -> bytes:
    if ("Bytes" in image) == ("S3Object" in image):
        raise Refused("InvalidParameterException", "bytes or an object")
    data: bytes = image["Bytes"] if "Bytes" in image else read_object(image["S3Object"])
    if "Bytes" in image and len(data) > MAX_PICTURE_BYTES:
        raise Refused("ImageTooLargeException")
    try:
        with Image.open(BytesIO(data), formats=("JPEG", "PNG")) as picture:
            short, long = sorted(picture.size)
    except (UnidentifiedImageError, OSError):
        raise Refused("InvalidImageFormatException") from None
    if short < 64 or long > 4096 or long >= 20 * short:
        raise Refused("InvalidParameterException", "the picture's sides")
    return data


def _learnt(version: Version, data: bytes) -> list[Answer]:
    source = version.digests.get(hashlib.sha256(data).hexdigest())
    if source is None:
        return []
    entry = version.pictures[source]
    names = [{"Name": name, "Confidence": 99.0} for name in entry.names]
    return names + [_box(entry, *both) for both in entry.boxes]


def _box(entry: Entry, label: str, box: dict[str, int]) -> Answer:
    assert entry.size
    width, height = entry.size
    sides = {
        "Width": box["width"] / width,
        "Height": box["height"] / height,
        "Left": box["left"] / width,
        "Top": box["top"] / height,
    }
    return {"Name": label, "Confidence": 99.0, "Geometry": {"BoundingBox": sides}}
