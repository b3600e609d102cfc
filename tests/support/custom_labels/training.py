"""A training: it fails on data that would fail, writes what the service writes, and "learns".

What it has learnt is to answer the boxes and labels of the pictures that it was trained and tested
with, recognised by their bytes.
"""

import hashlib
import json
from collections import Counter
from io import BytesIO
from typing import Any

import boto3
from botocore.exceptions import ClientError
from PIL import Image, UnidentifiedImageError

from tests.support.custom_labels.entries import Entry, training_errors, use_case
from tests.support.custom_labels.state import Project, Version
from tests.support.custom_labels.world import World

THRESHOLDS = (0.014, 0.988, 0.5)  # in turn; the first two are in one of AWS's own samples
IGNORED = "ignored"


def end_training(world: World, project: Project, version: Version, sets: dict[str, Any]) -> None:
    """Decide the training of a version with these TRAIN and TEST entries."""
    checked = {name: [_check(entry) for entry in entries] for name, entries in sets.items()}
    kind = use_case(entry for entries in sets.values() for entry in entries)
    usable = {
        name: [entry for entry, errors in both if not errors and entry.kind == kind]
        for name, both in checked.items()
    }
    errors = training_errors(usable["TRAIN"], usable["TEST"], kind)
    total = sum(map(len, checked.values()))
    bad = sum(any(e != IGNORED for e in errors) for both in checked.values() for _, errors in both)
    if bad > 0.2 * total:
        errors.append("ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST")
    if not total:
        errors.append("ERROR_EMPTY_MANIFEST")
    if world.training_error:
        errors, world.training_error = [world.training_error], None
    _write_summary(version, checked, errors, kind)
    version.more["TrainingEndTimestamp"] = world.clock.now
    if errors:
        version.message = f"The manifest file contains errors: {', '.join(errors)}"
        version.become("TRAINING_FAILED")
        return
    version.more["BillableTrainingTimeInSeconds"] = int(world.durations["training"])
    _learn(version, usable)
    _write_evaluation(world, version, usable)
    version.become("TRAINING_COMPLETED")


def _check(entry: Entry) -> tuple[Entry, list[str]]:
    """Return the errors of an entry and of its picture; IGNORED where there is nothing to learn."""
    errors = list(entry.errors)
    try:
        bucket, key = entry.bucket_and_key
        data = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        with Image.open(BytesIO(data)) as image:
            turned = image.getexif().get(0x0112, 1) >= 5
            size, form = image.size[::-1] if turned else image.size, image.format
        short, long = sorted(size)
        if form not in ("JPEG", "PNG", "MPO") or len(data) > 15_000_000:
            errors.append("ERROR_INVALID_IMAGE")
        if short < 64 or long > 4096 or long >= 20 * short:
            errors.append("ERROR_INVALID_IMAGE_DIMENSION")
        assert entry.size in (None, size), f"boxes for {entry.size}, the picture has {size}"
        entry.line.setdefault("_digest", hashlib.sha256(data).hexdigest())
    except ClientError:
        errors.append("ERROR_FAILED_IMAGES_S3_COPY")
    except (UnidentifiedImageError, OSError):
        errors.append("ERROR_INVALID_IMAGE")
    if not errors and not entry.kind:
        errors.append(IGNORED)
    return entry, errors


def _put(version: Version, name: str, body: Any) -> dict[str, Any]:
    prefix = version.output.get("S3KeyPrefix", "").rstrip("/")
    key = f"{prefix}/{version.name}/{name}".lstrip("/")
    text = body if isinstance(body, str) else json.dumps(body)
    boto3.client("s3").put_object(Bucket=version.output["S3Bucket"], Key=key, Body=text.encode())
    return {"S3Object": {"Bucket": version.output["S3Bucket"], "Name": key}}


def _write_summary(version: Version, checked: Any, errors: list[str], kind: str) -> None:
    statistics = {}
    for name, part in (("TRAIN", "training"), ("TEST", "testing")):
        wrong = [[e for e in errors if e != IGNORED] for _, errors in checked[name]]
        statistics[part] = {
            "use_case": kind,
            "total_json_lines": len(wrong),
            "valid_json_lines": sum(not each for each in wrong),
            "invalid_json_lines": sum(bool(each) for each in wrong),
            "ignored_json_lines": sum(IGNORED in errors for _, errors in checked[name]),
            "errors": [],
            "error_json_line_indices": [number for number, each in enumerate(wrong) if each],
        }
        lines = [
            _with_errors(entry, each) for (entry, _), each in zip(checked[name], wrong, strict=True)
        ]
        where = _put(version, f"{part}_manifest_with_validation.json", "\n".join(lines))
        result = "TrainingDataResult" if name == "TRAIN" else "TestingDataResult"
        version.more[result] = {"Validation": {"Assets": [{"GroundTruthManifest": where}]}}
    found = [{"code": code, "message": f"{code}, said the fake"} for code in errors]
    summary = {"errors": found, "statistics": statistics}
    version.more["ManifestSummary"] = _put(version, "manifest_summary.json", summary)


def _with_errors(entry: Entry, errors: list[str]) -> str:
    line = {key: value for key, value in entry.line.items() if key != "_digest"}
    if errors:
        line["cl-errors"] = [{"code": code, "message": f"{code}, said the fake"} for code in errors]
    return json.dumps(line)


def _learn(version: Version, usable: dict[str, list[Entry]]) -> None:
    entries = [*usable["TRAIN"], *usable["TEST"]]
    labels = sorted({label for entry in entries for label in entry.labels})
    version.thresholds = {
        label: THRESHOLDS[number % len(THRESHOLDS)] for number, label in enumerate(labels)
    }
    for entry in entries:
        version.pictures[entry.source] = entry
        version.digests[entry.line.pop("_digest")] = entry.source


def _write_evaluation(world: World, version: Version, usable: dict[str, list[Entry]]) -> None:
    tested = Counter(label for entry in usable["TEST"] for label in entry.labels)
    figures = {"F1Score": world.f1_score, "Precision": 0.9, "Recall": 0.72}
    matrix = [
        {"GroundTruthLabel": label, "PredictedLabel": label, "Value": 0.72} for label in tested
    ]
    summary = {
        "Version": 1,
        "AggregatedEvaluationResults": {"ConfusionMatrix": matrix, **figures},
        "EvaluationDetails": {
            "EvaluationEndTimestamp": "2026-11-29T08:00:00.000000",
            "Labels": sorted(version.thresholds),
            "NumberOfTestingImages": len(usable["TEST"]),
            "NumberOfTrainingImages": len(usable["TRAIN"]),
            "ProjectVersionArn": version.arn,
        },
        "LabelEvaluationResults": [
            {
                "Label": label,
                "Metrics": {**figures, "Threshold": threshold},
                "NumberOfTestingImages": tested[label],
            }
            for label, threshold in version.thresholds.items()
        ],
    }
    number = version.arn.rpartition("/")[2]
    where = _put(version, f"EvaluationResultSummary-{version.name}-{number}.json", summary)
    version.more["EvaluationResult"] = {"F1Score": world.f1_score, "Summary": where}
