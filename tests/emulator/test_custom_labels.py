"""Projects, data sets and models, as boto3 drives them: the same rows as the pages'."""

import json
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from flask import Flask

from bench.harness.dataset import fill_project
from rubberduck.core.settings import Settings
from rubberduck.custom_models import training
from rubberduck.custom_models.projects import Projects
from rubberduck.custom_models.tables import project_pictures
from rubberduck.db.emulator_records import EmulatorRecords
from rubberduck.emulator.datasets import DATASET, record_name
from rubberduck.jobs.store import JobStore
from tests.support.emulator import run_jobs
from tests.support.made_up_models import made_up_training
from tests.support.manifests import manifest_line
from tests.support.objects import Drawn, draw_project

NOTHING = "arn:aws:rekognition:us-east-1:123456789012:project/none/1700000000000"
OUTPUT = {"S3Bucket": "rubberduck", "S3KeyPrefix": "out"}


def code_of(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


@dataclass
class Lab:
    """A folder of drawn pictures, and the client."""

    client: Any
    app: Flask
    uploads: Path

    def put(self, folder: str, drawn: list[Drawn]) -> str:
        """Write pictures and their manifest into the uploads; return the manifest's key."""
        (self.uploads / folder).mkdir(exist_ok=True)
        lines = []
        for number, one in enumerate(drawn):
            name = f"{folder}/{number}.jpg"
            (self.uploads / name).write_bytes(one.jpeg)
            lines.append(json.dumps(manifest_line(name, one)))
        (self.uploads / folder / "all.manifest").write_text("\n".join(lines))
        return f"{folder}/all.manifest"

    def create_dataset(self, project: str, side: str, manifest: str | None = None) -> str:
        more: dict[str, Any] = {}
        if manifest:
            where = {"S3Object": {"Bucket": "rubberduck", "Name": manifest}}
            more = {"DatasetSource": {"GroundTruthManifest": where}}
        made = self.client.create_dataset(ProjectArn=project, DatasetType=side, **more)
        return str(made["DatasetArn"])

    def describe(self, dataset: str) -> dict[str, Any]:
        described: dict[str, Any] = self.client.describe_dataset(DatasetArn=dataset)
        return described["DatasetDescription"]  # type: ignore[no-any-return]

    def read(self, where: dict[str, Any]) -> str:
        """Return the text of a file that an answer names."""
        assert where["S3Object"]["Bucket"] == OUTPUT["S3Bucket"]
        return (self.uploads / str(where["S3Object"]["Name"])).read_text()

    def lines(self, result: dict[str, Any], kind: str) -> list[dict[str, Any]]:
        """Return the lines of the Validation or the Output of a TrainingDataResult."""
        (asset,) = result[kind]["Assets"]
        text = self.read(asset["GroundTruthManifest"])
        return [json.loads(line) for line in text.splitlines()]

    def check_manifests(self, trained: dict[str, Any]) -> None:
        """Of 24 pictures that were trained with, and one line that could not be used."""
        given = self.lines(trained["TrainingDataResult"], "Validation")
        assert len(given) == 25
        wrong = [line["cl-errors"][0]["code"] for line in given if "cl-errors" in line]
        assert wrong == ["ERROR_INVALID_IMAGE"]
        summary = json.loads(self.read(trained["ManifestSummary"]))["statistics"]["training"]
        assert summary["use_case"] == "OBJECT_LOCALIZATION"
        lines = [summary[f"{kind}_json_lines"] for kind in ("total", "valid", "invalid", "ignored")]
        assert lines == [25, 24, 1, 0]
        assert summary["error_json_line_indices"] == [24]
        used, tested = (
            self.lines(trained[name], "Output")
            for name in ("TrainingDataResult", "TestingDataResult")
        )
        assert tested
        refs = [line["source-ref"] for line in [*used, *tested]]
        assert sorted(refs) == sorted(line["source-ref"] for line in given[:24])

    def entries(self, dataset: str, **more: Any) -> list[dict[str, Any]]:
        pages = self.client.get_paginator("list_dataset_entries").paginate(
            DatasetArn=dataset, **more
        )
        return [json.loads(each) for page in pages for each in page["DatasetEntries"]]


@pytest.fixture(scope="module")
def lab(client: Any, emulator_app: Flask, emulator_settings: Settings) -> Lab:
    return Lab(client, emulator_app, emulator_settings.uploads)


@pytest.fixture
def project(lab: Lab) -> str:
    """An empty project's ARN."""
    made = lab.client.create_project(ProjectName=f"mugs.{secrets.token_hex(4)}")
    return str(made["ProjectArn"])


def test_a_project_is_one_of_the_site_s(lab: Lab, project: str) -> None:
    name = project.split("/")[1]
    found = lab.client.describe_projects(ProjectNames=[name])["ProjectDescriptions"]
    assert [each["ProjectArn"] for each in found] == [project]
    assert (found[0]["Status"], found[0]["Datasets"]) == ("CREATED", [])
    projects = Projects(lab.app.extensions["pipeline"].results.database)
    assert name in [each.name for each in projects.list_all()]
    assert code_of(lab.client.create_project, ProjectName=name) == "ResourceInUseException"
    assert lab.client.delete_project(ProjectArn=project)["Status"] == "DELETING"
    assert lab.client.describe_projects(ProjectNames=[name])["ProjectDescriptions"] == []
    run_jobs(lab.app)
    assert code_of(lab.client.delete_project, ProjectArn=project) == "ResourceNotFoundException"


def test_projects_come_in_pages(lab: Lab) -> None:
    names = [f"page-{number}" for number in range(5)]
    arns = [lab.client.create_project(ProjectName=name)["ProjectArn"] for name in names]
    paginator = lab.client.get_paginator("describe_projects")
    pages = list(paginator.paginate(ProjectNames=names, PaginationConfig={"PageSize": 2}))
    sizes = [len(page["ProjectDescriptions"]) for page in pages]
    assert sizes == [2, 2, 1]
    found = [each["ProjectArn"] for page in pages for each in page["ProjectDescriptions"]]
    assert found == arns[::-1]
    for token in ("none", "bm9uZQ==", "WyJsYWJlbHMiLCAiYSJd"):
        assert code_of(lab.client.describe_projects, NextToken=token) == (
            "InvalidPaginationTokenException"
        )
    for arn in arns:
        lab.client.delete_project(ProjectArn=arn)
    run_jobs(lab.app)


def test_a_manifest_becomes_a_data_set(lab: Lab, project: str) -> None:
    manifest = lab.put("train", draw_project(6, empty=1))
    dataset = lab.create_dataset(project, "TRAIN", manifest)
    assert lab.describe(dataset)["Status"] == "CREATE_IN_PROGRESS"
    assert code_of(lab.client.update_dataset_entries, DatasetArn=dataset,
                   Changes={"GroundTruth": b"{}"}) == "ResourceInUseException"  # fmt: skip
    run_jobs(lab.app)
    described = lab.describe(dataset)
    assert (described["Status"], described["StatusMessageCode"]) == ("CREATE_COMPLETE", "SUCCESS")
    assert described["DatasetStats"] == {
        "LabeledEntries": 6, "TotalEntries": 7, "TotalLabels": 2, "ErrorEntries": 0,
    }  # fmt: skip
    labels = lab.client.list_dataset_labels(DatasetArn=dataset)["DatasetLabelDescriptions"]
    assert labels == [
        {"LabelName": name, "LabelStats": {"EntryCount": 4, "BoundingBoxCount": 4}}
        for name in ("ball", "mug")
    ]
    sent = (lab.uploads / manifest).read_text().splitlines()
    for given, kept in zip(map(json.loads, sent), lab.entries(dataset), strict=True):
        assert kept["source-ref"] == given["source-ref"]
        assert boxes_of(kept) == boxes_of(given)
        assert kept["cl-metadata"] == {"is_labeled": bool(boxes_of(given))}
    assert code_of(
        lab.client.create_dataset, ProjectArn=project, DatasetType="TRAIN"
    ) == "ResourceAlreadyExistsException"  # fmt: skip


def test_entries_come_in_pages(lab: Lab, project: str) -> None:
    manifest = lab.put("some", draw_project(4))
    (lab.uploads / "some/3.jpg").write_bytes(b"no picture")
    dataset = lab.create_dataset(project, "TRAIN", manifest)
    run_jobs(lab.app)
    database = lab.app.extensions["pipeline"].results.database
    (stored,) = (each for each in Projects(database).list_all() if each.name in project)
    fill_project(database, stored, 250)
    every = lab.entries(dataset)
    assert len(every) == 3 + 250 + 1
    assert "cl-errors" in every[-1]
    for size in (1, 37, 100):
        assert lab.entries(dataset, PaginationConfig={"PageSize": size}) == every
    for chosen, found in (
        ({"ContainsLabels": ["ball"]}, 127),
        ({"HasErrors": True}, 1),
        ({"SourceRefContains": "000007.jpg"}, 1),
        ({"Labeled": False}, 1),
    ):
        assert len(lab.entries(dataset, **chosen, PaginationConfig={"PageSize": 30})) == found
    first = lab.client.list_dataset_entries(DatasetArn=dataset, MaxResults=9)
    next_page = {"DatasetArn": dataset, "NextToken": first["NextToken"]}
    assert code_of(lab.client.list_dataset_entries, **next_page, HasErrors=False) == (
        "InvalidPaginationTokenException"
    )
    where = project_pictures.c.project_id == stored.id
    with database.transaction(writing=True) as connection:
        connection.execute(project_pictures.delete().where(where))
    assert code_of(lab.client.list_dataset_entries, **next_page) == (
        "InvalidPaginationTokenException"
    )


def boxes_of(entry: dict[str, Any]) -> set[tuple[str, int, int, int, int]]:
    names = entry["boxes-metadata"]["class-map"]
    return {
        (names[str(each["class_id"])], each["left"], each["top"], each["width"], each["height"])
        for each in entry["boxes"]["annotations"]
    }


def test_a_dataset_whose_job_was_cancelled_has_failed_and_can_be_deleted(
    lab: Lab, project: str
) -> None:
    dataset = lab.create_dataset(project, "TRAIN", lab.put("cancelled", draw_project(2)))
    assert lab.describe(dataset)["Status"] == "CREATE_IN_PROGRESS"
    database = lab.app.extensions["pipeline"].results.database
    store, records = JobStore(database), EmulatorRecords(database)
    (job,) = store.newest(states=("queued",))
    store.cancel(job.id)
    assert lab.describe(dataset)["Status"] == "CREATE_IN_PROGRESS"  # it may be about to be queued
    name = record_name(project_id := job.arguments["project_id"], "TRAIN")
    earlier = {**(records.get(DATASET, name) or {}), "changed_at": "2026-01-01T00:00:00+00:00"}
    records.put(DATASET, name, earlier, project_id=project_id)
    described = lab.describe(dataset)
    assert (described["Status"], described["StatusMessageCode"]) == (
        "CREATE_FAILED",
        "CLIENT_ERROR",
    )
    assert "was cancelled" in described["StatusMessage"]
    lab.client.delete_dataset(DatasetArn=dataset)
    assert code_of(lab.client.describe_dataset, DatasetArn=dataset) == "ResourceNotFoundException"


def test_entries_are_listed_by_what_they_hold(lab: Lab, project: str) -> None:
    dataset = lab.create_dataset(project, "TRAIN", lab.put("listed", draw_project(6, empty=1)))
    run_jobs(lab.app)
    assert len(lab.entries(dataset, PaginationConfig={"PageSize": 2})) == 7
    assert len(lab.entries(dataset, ContainsLabels=["mug"])) == 4
    assert len(lab.entries(dataset, Labeled=False)) == 1
    assert len(lab.entries(dataset, SourceRefContains="listed/3")) == 1
    assert lab.entries(dataset, HasErrors=True) == []


def test_an_entry_that_comes_again_replaces_the_first(lab: Lab, project: str) -> None:
    drawn = draw_project(4)
    dataset = lab.create_dataset(project, "TRAIN", lab.put("again", drawn))
    run_jobs(lab.app)
    changed = manifest_line("again/0.jpg", drawn[0])
    changed["boxes-metadata"]["class-map"] = {"0": "cup"}
    bad = {**manifest_line("again/none.jpg", drawn[1])}
    third = manifest_line("again/2.jpg", drawn[2])
    ground_truth = "\n".join(map(json.dumps, (changed, bad, third)))
    lab.client.update_dataset_entries(
        DatasetArn=dataset, Changes={"GroundTruth": ground_truth.encode()}
    )
    run_jobs(lab.app)
    assert lab.describe(dataset)["Status"] == "UPDATE_FAILED"  # a third of the lines are bad
    assert lab.describe(dataset)["DatasetStats"]["ErrorEntries"] == 1
    first = lab.entries(dataset, SourceRefContains="again/0.jpg")
    assert {name for name, *_ in boxes_of(first[0])} == {"cup"}
    (faulty,) = lab.entries(dataset, HasErrors=True)
    assert faulty["cl-errors"][0]["code"] == "ERROR_INVALID_IMAGE"
    assert faulty["source-ref"].endswith("none.jpg")


def test_an_empty_manifest_and_one_that_is_not_there(lab: Lab, project: str) -> None:
    (lab.uploads / "empty.manifest").write_text("")
    dataset = lab.create_dataset(project, "TRAIN", "empty.manifest")
    run_jobs(lab.app)
    described = lab.describe(dataset)
    assert (described["Status"], described["StatusMessageCode"]) == (
        "CREATE_FAILED",
        "CLIENT_ERROR",
    )
    assert "ERROR_EMPTY_MANIFEST" in described["StatusMessage"]
    where = {"S3Object": {"Bucket": "rubberduck", "Name": "none.manifest"}}
    source = {"GroundTruthManifest": where}
    assert code_of(
        lab.client.create_dataset, ProjectArn=project, DatasetType="TEST", DatasetSource=source
    ) == "InvalidS3ObjectException"  # fmt: skip


def test_a_fifth_is_moved_to_the_test(lab: Lab, project: str) -> None:
    train = lab.create_dataset(project, "TRAIN", lab.put("moved", draw_project(20)))
    test = lab.create_dataset(project, "TEST")
    run_jobs(lab.app)
    both = [{"Arn": train}, {"Arn": test}]
    assert code_of(
        lab.client.distribute_dataset_entries, Datasets=[{"Arn": train}] * 2
    ) == "InvalidParameterException"  # fmt: skip
    lab.client.distribute_dataset_entries(Datasets=both)
    assert lab.describe(test)["Status"] == "UPDATE_COMPLETE"
    moved = lab.describe(test)["DatasetStats"]["TotalEntries"]
    assert 2 <= moved <= 6
    assert lab.describe(train)["DatasetStats"]["TotalEntries"] == 20 - moved
    assert code_of(lab.client.distribute_dataset_entries, Datasets=both) == (
        "InvalidParameterException"
    )
    lab.client.delete_dataset(DatasetArn=test)
    assert code_of(lab.client.describe_dataset, DatasetArn=test) == "ResourceNotFoundException"
    assert lab.describe(train)["DatasetStats"]["TotalEntries"] == 20 - moved


def test_labels_of_whole_pictures_make_a_project_of_pictures(lab: Lab, project: str) -> None:
    lab.put("whole", drawn := draw_project(2))
    entry = {
        "source-ref": "s3://rubberduck/whole/0.jpg",
        "kind": 1,
        "kind-metadata": {
            "class-name": "kitchen",
            "confidence": 1,
            "type": "groundtruth/image-classification",
            "human-annotated": "yes",
            "creation-date": "2026-11-29T12:00:00.000000",
            "job-name": "labeling-job/kind",
        },
    }
    assert drawn
    (lab.uploads / "whole.manifest").write_text(json.dumps(entry))
    dataset = lab.create_dataset(project, "TRAIN", "whole.manifest")
    run_jobs(lab.app)
    assert lab.describe(dataset)["Status"] == "CREATE_COMPLETE"
    labels = lab.client.list_dataset_labels(DatasetArn=dataset)["DatasetLabelDescriptions"]
    assert [each["LabelName"] for each in labels] == ["kitchen"]
    assert labels[0]["LabelStats"] == {"EntryCount": 1, "BoundingBoxCount": 0}


def test_a_data_set_is_copied_from_another(lab: Lab, project: str) -> None:
    first = lab.create_dataset(project, "TRAIN", lab.put("copied", draw_project(3)))
    run_jobs(lab.app)
    other = lab.client.create_project(ProjectName="a-copy")["ProjectArn"]
    made = lab.client.create_dataset(
        ProjectArn=other, DatasetType="TRAIN", DatasetSource={"DatasetArn": first}
    )
    run_jobs(lab.app)
    ours, theirs = lab.entries(first), lab.entries(made["DatasetArn"])
    assert [boxes_of(each) for each in ours] == [boxes_of(each) for each in theirs]


def test_tags_are_kept_changed_and_gone_with_their_resource(lab: Lab) -> None:
    client = lab.client
    name, tags = f"tagged-{secrets.token_hex(4)}", {"team": "kitchen", "stage": "test"}
    project = client.create_project(ProjectName=name, Tags=tags)["ProjectArn"]
    dataset = client.create_dataset(ProjectArn=project, DatasetType="TRAIN", Tags={"side": "1"})
    for arn, wanted in ((project, tags), (dataset["DatasetArn"], {"side": "1"})):
        assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == wanted
    client.tag_resource(ResourceArn=project, Tags={"stage": "live", "cost": "0"})
    client.untag_resource(ResourceArn=project, TagKeys=["team", "unknown"])
    left = {"stage": "live", "cost": "0"}
    assert client.list_tags_for_resource(ResourceArn=project)["Tags"] == left
    many = {f"tag-{number}": "x" for number in range(49)}
    assert code_of(client.tag_resource, ResourceArn=project, Tags=many) == (
        "ServiceQuotaExceededException"
    )
    client.delete_dataset(DatasetArn=dataset["DatasetArn"])
    again = client.create_dataset(ProjectArn=project, DatasetType="TRAIN")["DatasetArn"]
    assert client.list_tags_for_resource(ResourceArn=again)["Tags"] == {}
    assert code_of(client.list_tags_for_resource, ResourceArn=NOTHING) == (
        "ResourceNotFoundException"
    )


def test_what_does_not_exist_is_not_found(lab: Lab) -> None:
    dataset = NOTHING.replace("/none/", "/none/dataset/train/")
    version = NOTHING.replace("/none/", "/none/version/v1/")
    client, missing = lab.client, "ResourceNotFoundException"
    assert code_of(client.delete_project, ProjectArn=NOTHING) == missing
    assert code_of(client.describe_project_versions, ProjectArn=NOTHING) == missing
    assert code_of(client.describe_dataset, DatasetArn=dataset) == missing
    assert code_of(client.stop_project_version, ProjectVersionArn=version) == missing
    image = {"Bytes": draw_project(1)[0].jpeg}
    assert code_of(client.detect_custom_labels, ProjectVersionArn=version, Image=image) == missing


def test_too_few_pictures_are_not_trained(lab: Lab, project: str) -> None:
    lab.create_dataset(project, "TRAIN", lab.put("few", draw_project(2)))
    run_jobs(lab.app)
    create = lab.client.create_project_version
    version = {"ProjectArn": project, "VersionName": "v1", "OutputConfig": OUTPUT}
    assert code_of(create, **version) == "InvalidParameterException"


def asset(manifest: str) -> dict[str, Any]:
    where = {"S3Object": {"Bucket": "rubberduck", "Name": manifest}}
    return {"GroundTruthManifest": where}


def described_version(lab: Lab, project: str) -> dict[str, Any]:
    (found,) = lab.client.describe_project_versions(ProjectArn=project)[
        "ProjectVersionDescriptions"
    ]
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize("has_test", [True, False])
def test_a_training_takes_manifests_instead_of_datasets(
    lab: Lab, project: str, monkeypatch: pytest.MonkeyPatch, has_test: bool
) -> None:
    """Programs from before data sets give manifests, and the test's or AutoCreate."""
    monkeypatch.setattr(training, "train", made_up_training)
    drawn, name = draw_project(24), f"given{has_test}"
    first, second = lab.put(f"{name}1", drawn[:10]), lab.put(f"{name}2", drawn[10:20])
    test = lab.put(f"{name}3", drawn[20:])
    create, output = lab.client.create_project_version, OUTPUT | {"S3KeyPrefix": name}
    version = {"ProjectArn": project, "VersionName": "v1", "OutputConfig": output}
    assets = {"Assets": [asset(first), asset(second)]}
    testing: dict[str, Any] = {"Assets": [asset(test)]} if has_test else {"AutoCreate": True}
    arn = create(**version, TrainingData=assets, TestingData=testing)["ProjectVersionArn"]
    assert described_version(lab, project)["Status"] == "TRAINING_IN_PROGRESS"
    assert code_of(create, **version | {"VersionName": "v2"}) == "ResourceInUseException"
    run_jobs(lab.app)

    trained = described_version(lab, project)
    assert (trained["ProjectVersionArn"], trained["Status"]) == (arn, "TRAINING_COMPLETED"), trained
    assert len(lab.lines(trained["TrainingDataResult"], "Validation")) == 20
    used, tested = (
        {line["source-ref"] for line in lab.lines(trained[f"{side}DataResult"], "Output")}
        for side in ("Training", "Testing")
    )
    if has_test:
        assert tested == {f"s3://rubberduck/{name}3/{number}.jpg" for number in range(4)}
    assert len(used | tested) == 24 if has_test else 20
    assert not used & tested
    lab.client.start_project_version(ProjectVersionArn=arn, MinInferenceUnits=1)
    image = {"Bytes": drawn[0].jpeg}
    assert lab.client.detect_custom_labels(ProjectVersionArn=arn, Image=image)["CustomLabels"]
    lab.client.stop_project_version(ProjectVersionArn=arn)
    # What the manifests held is the project's now: as data sets, and on its pages.
    with pytest.raises(ClientError, match="The project has datasets"):
        create(**version | {"VersionName": "v2"}, TrainingData=assets, TestingData=testing)


def test_manifests_are_refused_in_words(lab: Lab, project: str) -> None:
    good = asset(lab.put("refused", draw_project(2)))
    version = {"ProjectArn": project, "VersionName": "v1", "OutputConfig": OUTPUT}
    create, automatic = lab.client.create_project_version, {"AutoCreate": True}
    data: dict[str, Any]
    for data, words in (
        ({"TrainingData": {"Assets": [good]}}, "give both"),
        ({"TestingData": automatic}, "give both"),
        ({"TrainingData": {"Assets": []}, "TestingData": automatic}, "has no Assets"),
        (
            {
                "TrainingData": {"Assets": [good]},
                "TestingData": {"Assets": [good], "AutoCreate": True},
            },
            "either Assets or",
        ),
        ({"TrainingData": {"Assets": [good]}, "TestingData": {}}, "either Assets or"),
        (
            {
                "TrainingData": {"Assets": [asset("refused/none.manifest")]},
                "TestingData": automatic,
            },
            "object metadata",
        ),
    ):
        with pytest.raises(ClientError, match=words):
            create(**version, **data)
    assert lab.client.describe_project_versions(ProjectArn=project)[
        "ProjectVersionDescriptions"
    ] == []  # fmt: skip


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("no manifest", "The manifest of the TRAIN dataset cannot be used: .*20 %"),
        ("", "ERROR_EMPTY_MANIFEST"),
    ],
)
def test_a_manifest_that_cannot_be_used_fails_the_training(
    lab: Lab, project: str, content: str, words: str
) -> None:
    name = f"{secrets.token_hex(4)}.manifest"
    (lab.uploads / name).write_text(content)
    lab.client.create_project_version(
        ProjectArn=project,
        VersionName="v1",
        OutputConfig=OUTPUT,
        TrainingData={"Assets": [asset(name)]},
        TestingData={"AutoCreate": True},
    )
    run_jobs(lab.app)
    failed = described_version(lab, project)
    assert failed["Status"] == "TRAINING_FAILED"
    assert re.search(words, failed["StatusMessage"])


def test_a_model_is_trained_started_asked_and_stopped(
    lab: Lab, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its heads are made up: tests/soak/test_emulator.py has a real training."""
    monkeypatch.setattr(training, "train", made_up_training)
    client = lab.client
    manifest = lab.put("trained", draw_project(24))
    with (lab.uploads / manifest).open("a") as file:
        print(f"\n{json.dumps(manifest_line('trained/none.jpg', draw_project(1)[0]))}", file=file)
    lab.create_dataset(project, "TRAIN", manifest)
    run_jobs(lab.app)
    version = client.create_project_version(
        ProjectArn=project,
        VersionName="mugs.1",
        OutputConfig=OUTPUT,
        VersionDescription="a test",
        Tags={"team": "kitchen"},
    )["ProjectVersionArn"]
    assert client.list_tags_for_resource(ResourceArn=version)["Tags"] == {"team": "kitchen"}
    again = {"ProjectArn": project, "VersionName": "mugs.1", "OutputConfig": OUTPUT}
    assert code_of(client.create_project_version, **again) == "ResourceInUseException"

    def described() -> dict[str, Any]:
        answer = client.describe_project_versions(ProjectArn=project, VersionNames=["mugs.1"])
        return answer["ProjectVersionDescriptions"][0]  # type: ignore[no-any-return]

    assert described()["Status"] == "TRAINING_IN_PROGRESS"
    starting = {"ProjectVersionArn": version, "MinInferenceUnits": 1}
    assert code_of(client.start_project_version, **starting) == "ResourceInUseException"
    assert code_of(client.delete_project_version, ProjectVersionArn=version) == (
        "ResourceInUseException"
    )
    run_jobs(lab.app)
    trained = described()
    assert (trained["Status"], trained["VersionDescription"]) == ("TRAINING_COMPLETED", "a test")
    assert 0 <= trained["EvaluationResult"]["F1Score"] <= 1
    summary = json.loads(lab.read(trained["EvaluationResult"]["Summary"]))
    assert summary["EvaluationDetails"]["ProjectVersionArn"] == version
    lab.check_manifests(trained)
    client.get_waiter("project_version_training_completed").wait(ProjectArn=project)

    picture = draw_project(100)[99]
    asking = {"ProjectVersionArn": version, "Image": {"Bytes": picture.jpeg}}
    assert code_of(client.detect_custom_labels, **asking) == "ResourceNotReadyException"
    too_many = {**starting, "MinInferenceUnits": 6}
    assert code_of(client.start_project_version, **too_many) == "LimitExceededException"
    assert client.start_project_version(**starting)["Status"] == "STARTING"
    client.get_waiter("project_version_running").wait(ProjectArn=project, VersionNames=["mugs.1"])
    assert code_of(client.start_project_version, **starting) == "ResourceInUseException"
    assert code_of(client.delete_project, ProjectArn=project) == "ResourceInUseException"

    found = client.detect_custom_labels(**asking)["CustomLabels"]
    assert {label["Name"] for label in found} <= {"mug", "ball"}
    all_found = client.detect_custom_labels(**asking, MinConfidence=0)["CustomLabels"]
    assert len(all_found) >= len(found)
    confidences = [label["Confidence"] for label in all_found]
    assert confidences == sorted(confidences, reverse=True)
    assert len(client.detect_custom_labels(**asking, MinConfidence=0, MaxResults=1)[
        "CustomLabels"]) == 1  # fmt: skip
    assert all(0 <= side <= 1 for side in all_found[0]["Geometry"]["BoundingBox"].values())

    assert client.stop_project_version(ProjectVersionArn=version)["Status"] == "STOPPING"
    assert described()["Status"] == "STOPPED"
    assert code_of(client.stop_project_version, ProjectVersionArn=version) == (
        "ResourceInUseException"
    )
    assert client.delete_project_version(ProjectVersionArn=version)["Status"] == "DELETING"
    listed = client.describe_project_versions(ProjectArn=project)
    assert listed["ProjectVersionDescriptions"] == []
