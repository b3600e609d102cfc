"""Custom Labels over the wire: real boto3 and real HTTP against the fake, pictures in moto's S3."""

import json
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError
from PIL import Image

from rubberduck.aws.custom_labels import CustomLabels, S3Address, chunks
from rubberduck.aws.custom_labels_errors import (
    CustomLabelsBusy,
    CustomLabelsRefused,
    ModelNotRunning,
    PictureNotTaken,
)
from rubberduck.aws.version_states import STATES
from tests.support.aws import BUCKET
from tests.support.custom_labels import LOSE_ANSWER, FakeCustomLabels
from tests.support.pictures import encoded

OUTPUT = S3Address(BUCKET, "models")


def photo(width: int = 320, height: int = 240, red: int = 9) -> bytes:
    return encoded(Image.new("RGB", (width, height), (red, 9, 9)))


@pytest.fixture
def fake(custom_labels: FakeCustomLabels) -> FakeCustomLabels:
    return custom_labels


@pytest.fixture
def client(fake: FakeCustomLabels) -> Any:
    """Without retries, which would wait."""
    return boto3.client("rekognition", config=Config(retries={"total_max_attempts": 1}))


@pytest.fixture
def service(client: Any) -> CustomLabels:
    return CustomLabels(client)


def line(key: str, label: str, number: int = 0, box: tuple[int, ...] = (10, 10, 50, 50)) -> str:
    left, top, width, height = box
    sides = {"class_id": 0, "left": left, "top": top, "width": width, "height": height}
    details = {"objects": [{"confidence": 1}], "class-map": {"0": label}}
    details |= {"type": "groundtruth/object-detection", "human-annotated": "yes"}
    details |= {"creation-date": "2026-11-29T08:00:00.000000", "job-name": "labeling-job/mugs"}
    size = [{"width": 320, "height": 240, "depth": 3}]
    boxes = {"image_size": size, "annotations": [sides]}
    entry = {"source-ref": f"s3://{BUCKET}/{key}", "boxes": boxes, "boxes-metadata": details}
    return json.dumps(entry)


@pytest.fixture
def pictures(s3: Any) -> list[str]:
    """Twelve pictures in the bucket; gives the lines of their manifest, six for each label."""
    lines = []
    for number in range(12):
        key = f"in/{number} ä+.jpg"
        s3.put_object(Bucket=BUCKET, Key=key, Body=photo(red=20 * number))
        lines.append(line(key, "mug" if number % 2 else "Kännchen"))
    return lines


def test_data_sets_are_filled_checked_and_distributed(
    service: CustomLabels, fake: FakeCustomLabels, pictures: list[str]
) -> None:
    project = service.create_project("duck-mugs")
    assert service.create_project("duck-mugs") == project  # it exists, and is found
    train, test = service.create_dataset(project, "TRAIN"), service.create_dataset(project, "TEST")
    assert train
    assert test
    assert service.create_dataset(project, "TRAIN") is None
    fake.clock.per_describe = 0
    assert not service.datasets("duck-mugs")["TRAIN"].is_complete
    with pytest.raises(CustomLabelsRefused, match="wait"):
        service.update_entries(train, b"{}")
    fake.clock.per_describe = 60
    described = service.describe_dataset(train)
    assert described
    assert (described.state, described.total) == ("CREATE_COMPLETE", 0)
    # Two lines that vanish without a word, one with an error, and one that replaces an earlier one.
    lines = [*pictures, pictures[0], "no JSON", line("in/x.jpg", "mug", box=(300, 0, 50, 50))]
    service.update_entries(train, "\n".join(lines).encode())
    described = service.describe_dataset(train)
    assert described
    assert (described.state, described.total, described.errors) == ("UPDATE_COMPLETE", 13, 1)
    (wrong,) = service.entries(train, with_errors=True)
    assert json.loads(wrong)["cl-errors"][0]["code"] == "ERROR_INVALID_BOUNDING_BOX"
    assert service.labels(train) == {"Kännchen": 6, "mug": 6}
    service.distribute(train, test)
    assert service.describe_dataset(test)
    with pytest.raises(CustomLabelsRefused, match="InvalidParameter"):
        service.distribute(train, test)  # it has moved entries, so TEST is not empty any more
    assert len(list(service.entries(test))) == 4


def filled(service: CustomLabels, fake: FakeCustomLabels, train: list[str], test: list[str]) -> str:
    """Return the ARN of a project with these lines in its data sets."""
    project = service.create_project("duck-mugs")
    made = service.create_dataset(project, "TRAIN"), service.create_dataset(project, "TEST")
    fake.advance(30)
    for arn, lines in zip(made, (train, test), strict=True):
        assert arn
        service.update_entries(arn, "\n".join(lines).encode())
    fake.advance(30)
    return project


def test_a_model_from_its_training_to_its_deletion(
    service: CustomLabels, fake: FakeCustomLabels, pictures: list[str], s3: Any
) -> None:
    project = filled(service, fake, pictures[:8], pictures[8:])
    datasets = [dataset.arn for dataset in service.datasets("duck-mugs").values()]
    arn = service.create_version(project, "v1", OUTPUT, "ours")
    assert service.create_version(project, "v1", OUTPUT, "ours") == arn
    with pytest.raises(CustomLabelsRefused, match="another model named v1"):
        service.create_version(project, "v1", OUTPUT, "of a database that was set back")
    assert fake.world.trainings == {arn: 1}
    with pytest.raises(CustomLabelsRefused, match="trained with"):
        service.delete_dataset(datasets[0])
    fake.advance(3600)
    (version,) = service.versions(project)
    assert (version.name, version.state.name) == ("v1", "TRAINING_COMPLETED")
    assert (version.f1_score, version.billable_seconds) == (0.8, 3600)
    assert version.evaluation
    body = s3.get_object(Bucket=BUCKET, Key=version.evaluation.key)["Body"].read()
    assert json.loads(body)["EvaluationDetails"]["Labels"] == ["Kännchen", "mug"]

    picture = S3Address(BUCKET, "in/1 ä+.jpg")
    with pytest.raises(ModelNotRunning):
        service.detect(arn, picture)
    assert service.start(arn, 1).name == "STARTING"
    with pytest.raises(CustomLabelsRefused, match="when it runs"):
        service.stop(arn)
    fake.advance(600)
    (found,) = service.detect(arn, picture)
    assert found.name == "mug"
    assert found.box == pytest.approx((10 / 320, 10 / 240, 50 / 320, 50 / 240))
    with pytest.raises(CustomLabelsRefused, match="stop it"):
        service.delete_version(arn)
    assert service.stop(arn).name == "STOPPING"
    fake.advance(120)
    with pytest.raises(CustomLabelsRefused, match="models or data sets"):
        service.delete_project(project)
    for delete, what in (
        (service.delete_version, arn),
        *((service.delete_dataset, dataset) for dataset in datasets),
        (service.delete_project, project),
    ):
        delete(what)
        fake.advance(30)
        delete(what)  # it is gone, which is no error
    assert service.find_project("duck-mugs") is None
    assert fake.world.projects == {}


def test_thresholds_of_each_label_hold_unless_asked_otherwise(
    service: CustomLabels, fake: FakeCustomLabels
) -> None:
    version = fake.add_version(state="RUNNING")
    version.thresholds = {"mug": 0.014, "pot": 0.988}
    fake.world.detections = [
        {"Name": "mug", "Confidence": 2.0},
        {"Name": "pot", "Confidence": 97.0},
        {"Name": "mug", "Confidence": 1.0},
    ]
    picture = photo()
    assert [(x.name, x.confidence, x.box) for x in service.detect(version.arn, picture)] == [
        ("mug", 2.0, None)
    ]
    assert len(service.detect(version.arn, picture, min_confidence=0)) == 3
    assert [x.name for x in service.detect(version.arn, picture, 0, max_results=1)] == ["pot"]
    with pytest.raises(PictureNotTaken) as caught:
        service.detect(version.arn, b"GIF89a")
    assert caught.value.status == 422
    with pytest.raises(PictureNotTaken):
        service.detect(version.arn, photo(63))
    with pytest.raises(PictureNotTaken):
        service.detect(version.arn, bytes(4_500_000))  # below botocore's limit


def test_what_the_account_may_not_do_at_once(service: CustomLabels, fake: FakeCustomLabels) -> None:
    one, two, three = (fake.add_version(name) for name in ("one", "two", "three"))
    with pytest.raises(CustomLabelsRefused, match="more than 5 units"):
        service.start(one.arn, 6)
    service.start(one.arn, 1)
    service.start(two.arn, 5, max_units=5)
    with pytest.raises(CustomLabelsRefused, match="two models of this account run"):
        service.start(three.arn, 1)
    with pytest.raises(CustomLabelsRefused, match="starting, running or stopping already"):
        service.start(one.arn, 1)
    fake.advance(600)
    assert sorted(fake.left_running()) == ["one", "two"]
    fake.advance(3600)
    assert (one.billed_unit_seconds, two.billed_unit_seconds) == (3600, 18_000)
    project = fake.add_project("other")
    with pytest.raises(CustomLabelsRefused, match="InvalidParameter"):  # it has no data
        service.create_version(project.arn, "v1", OUTPUT, "ours")


def test_all_states_have_a_row_and_start_as_the_table_says(
    service: CustomLabels, fake: FakeCustomLabels, client: Any
) -> None:
    shape = client.meta.service_model.shape_for("ProjectVersionStatus")
    assert set(STATES) == set(shape.enum)
    assert len(STATES) == 14
    fake.clock.per_call = 1  # so that nothing is throttled
    for name, state in STATES.items():
        version = fake.add_version(name, state=name)
        project = next(iter(fake.world.projects))
        assert [v.state for v in service.versions(project, name)] == [state]
        if state.start in ("yes", "by hand"):
            assert service.start(version.arn, 1).name == "STARTING"
        else:
            with pytest.raises(CustomLabelsRefused):
                service.start(version.arn, 1)
        del fake.world.projects[project].versions[name]


def test_more_than_five_calls_a_second_are_throttled(
    service: CustomLabels, fake: FakeCustomLabels, client: Any
) -> None:
    fake.clock.per_call = fake.clock.per_describe = 0
    project = fake.add_project()
    for _ in range(5):
        assert service.versions(project.arn) == []
    with pytest.raises(CustomLabelsBusy) as caught:
        service.versions(project.arn)
    assert caught.value.code == "ThrottlingException"
    assert service.find_project("mugs") == project.arn  # another operation has its own count
    fake.advance(1)
    assert service.versions(project.arn) == []


def test_a_lost_answer_is_not_known_to_be_a_failure(
    service: CustomLabels, fake: FakeCustomLabels
) -> None:
    version = fake.add_version()
    fake.faults.order("StartProjectVersion", LOSE_ANSWER)
    with pytest.raises(CustomLabelsBusy, match="no answer"):
        service.start(version.arn, 1)
    assert version.state == "STARTING"
    fake.faults.order("StopProjectVersion", "InternalServerError", times=5)
    for _ in range(5):
        with pytest.raises(CustomLabelsBusy, match="it passes"):
            service.stop(version.arn)
    fake.faults.denied.add("StopProjectVersion")
    with pytest.raises(CustomLabelsRefused, match="allow rekognition:StopProjectVersion"):
        service.stop(version.arn)


def test_lists_are_read_to_their_last_page(service: CustomLabels, fake: FakeCustomLabels) -> None:
    for number in range(100):
        fake.add_version(f"v{number}", state="STOPPED")
    fake.world.project(next(iter(fake.world.projects))).versions["extra"] = fake.add_version("x")
    project = next(iter(fake.world.projects))
    assert len(service.versions(project)) == 102
    assert fake.calls["DescribeProjectVersions"] == 2
    assert len(service.versions(project, "v7", "v8")) == 2


def test_entries_are_sent_in_chunks_of_bytes() -> None:
    sent = list(chunks(["ä" * 99_000] * 30))
    assert [len(chunk) for chunk in sent] == [5_148_026, 792_004]
    with pytest.raises(ValueError, match="100,001 characters"):
        list(chunks(["x" * 100_001]))


def test_the_rest_of_the_api_as_other_programs_use_it(
    client: Any, fake: FakeCustomLabels, pictures: list[str], s3: Any
) -> None:
    """Manifests in S3, copies, policies, tags; and what botocore lets pass."""
    s3.put_object(Bucket=BUCKET, Key="train.manifest", Body="\n".join(pictures).encode())
    manifest = {"GroundTruthManifest": {"S3Object": {"Bucket": BUCKET, "Name": "train.manifest"}}}
    project = client.create_project(ProjectName="mugs", Tags={"of": "Ada"})["ProjectArn"]
    where = {"S3Bucket": BUCKET, "S3KeyPrefix": "out"}
    training = {"Assets": [manifest]}
    version = {"ProjectArn": project, "OutputConfig": where, "TrainingData": training}

    def refused(code: str, method: str, **arguments: Any) -> None:
        with pytest.raises(ClientError) as caught:
            getattr(client, method)(**arguments)
        assert caught.value.response["Error"]["Code"] == code

    invalid = "InvalidParameterException"
    refused(invalid, "create_project_version", VersionName="v0", **version)  # no TestingData
    automatic = {"TestingData": {"AutoCreate": True, "Assets": []}, **version}
    arn = client.create_project_version(VersionName="v1", **automatic)["ProjectVersionArn"]
    fake.advance(3600)
    found = client.describe_project_versions(ProjectArn=project)["ProjectVersionDescriptions"]
    assert found[0]["Status"] == "TRAINING_COMPLETED"

    made = client.create_dataset(ProjectArn=project, DatasetType="TRAIN", DatasetSource=manifest)
    refused(invalid, "create_project_version", VersionName="v2", **automatic)  # it has datasets
    refused("ResourceNotReadyException", "list_dataset_labels", DatasetArn=made["DatasetArn"])
    fake.advance(30)
    entries = client.list_dataset_entries(
        DatasetArn=made["DatasetArn"],
        ContainsLabels=["mug"],
        Labeled=True,
        SourceRefContains="in/1 ",
    )["DatasetEntries"]
    assert len(entries) == 1
    other = client.create_project(ProjectName="other")["ProjectArn"]
    copy = client.create_dataset(
        ProjectArn=other, DatasetType="TEST", DatasetSource={"DatasetArn": made["DatasetArn"]}
    )
    both = [{"Arn": made["DatasetArn"]}, {"Arn": copy["DatasetArn"]}]
    refused(invalid, "distribute_dataset_entries", Datasets=both)  # of two projects
    client.copy_project_version(
        SourceProjectArn=project,
        SourceProjectVersionArn=arn,
        DestinationProjectArn=other,
        VersionName="copy",
        OutputConfig=where,
    )
    fake.advance(3600)
    assert fake.version("copy").state == "COPYING_COMPLETED"
    policy = client.put_project_policy(ProjectArn=project, PolicyName="p", PolicyDocument="{}")
    assert policy["PolicyRevisionId"]
    (listed,) = client.list_project_policies(ProjectArn=project)["ProjectPolicies"]
    client.delete_project_policy(ProjectArn=project, PolicyName=listed["PolicyName"])
    client.tag_resource(ResourceArn=project, Tags={"to": "Bob"})
    client.untag_resource(ResourceArn=project, TagKeys=["of"])
    assert client.list_tags_for_resource(ResourceArn=project)["Tags"] == {"to": "Bob"}
    # botocore checks neither enums nor patterns nor maxima; the service does.
    refused(invalid, "create_dataset", ProjectArn=project, DatasetType="VALIDATION")
    refused(invalid, "create_project", ProjectName="ä" * 300)
    refused(invalid, "describe_projects", MaxResults=101)
    refused(invalid, "distribute_dataset_entries", Datasets=both * 2)
    with pytest.raises(ParamValidationError):
        client.start_project_version(ProjectVersionArn=arn, MinInferenceUnits=0)
    refused("UnknownOperationException", "list_stream_processors")
    refused(
        "InvalidS3ObjectException",
        "create_dataset",
        ProjectArn=other,
        DatasetType="TRAIN",
        DatasetSource={"GroundTruthManifest": {"S3Object": {"Bucket": BUCKET, "Name": "no"}}},
    )


def test_a_training_fails_on_data_that_would_fail(
    service: CustomLabels, fake: FakeCustomLabels, pictures: list[str], s3: Any
) -> None:
    """And writes why into the bucket."""
    s3.delete_object(Bucket=BUCKET, Key="in/1 ä+.jpg")
    project = filled(service, fake, pictures[:6], [line("in/7 ä+.jpg", "jug")])
    service.create_version(project, "v1", OUTPUT, "ours")
    fake.advance(3600)
    (version,) = service.versions(project)
    assert version.state.name == "TRAINING_FAILED"
    assert "ERROR_INSUFFICIENT_USABLE_LABEL_OVERLAP" in version.message
    assert version.billable_seconds is None  # only trainings that succeed are billed
    assert version.manifest_summary
    body = s3.get_object(Bucket=BUCKET, Key=version.manifest_summary.key)["Body"].read()
    statistics = json.loads(body)["statistics"]["training"]
    assert statistics["error_json_line_indices"] == [1]
    validated = s3.get_object(Bucket=BUCKET, Key="models/v1/training_manifest_with_validation.json")
    assert b"ERROR_FAILED_IMAGES_S3_COPY" in validated["Body"].read()
