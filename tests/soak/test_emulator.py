"""The emulator at length: 2,000 generated requests, and a training for real in its processes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import create_app
from composition import build_pipeline
from rubberduck.core.settings import Settings
from tests.support.databases import create_database
from tests.support.emulator import PATH, rekognition
from tests.support.generated_requests import Asked, ask_generated
from tests.support.manifests import manifest_line
from tests.support.objects import draw_project
from tests.support.server import serving, until
from tests.support.workers import working

CASES = 2000


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("generated")
    (folder / "uploads").mkdir()
    site = Settings(
        database_url=f"sqlite:///{folder / 'duck.db'}",
        uploads=folder / "uploads",
        secret_key="a key of the tests",
        min_free_disk=0,
        emulator=True,
    )
    create_database(site.database_url, with_jobs=True)
    pipeline = build_pipeline(site)
    yield Asked(create_app(site, pipeline=pipeline), site.uploads)
    pipeline.close()


@settings(max_examples=CASES, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def send(asked: Asked, data: st.DataObject) -> None:
    ask_generated(asked, data, 0.8)


@pytest.mark.soak
def test_generated_requests_get_valid_answers_and_no_fault(asked: Asked) -> None:
    asked.statuses.clear()
    send(asked)
    print(f"answers by status: {dict(asked.statuses)}")
    assert sum(asked.statuses.values()) >= CASES
    assert asked.statuses[200] >= sum(asked.statuses.values()) / 2


@pytest.mark.soak
def test_a_model_is_trained_for_real_by_the_worker(tmp_path: Path) -> None:
    uploads, drawn = tmp_path / "uploads", draw_project(60, empty=10)
    (uploads / "mugs").mkdir(parents=True)
    for number, one in enumerate(drawn):
        (uploads / "mugs" / f"{number}.jpg").write_bytes(one.jpeg)
    lines = [json.dumps(manifest_line(f"mugs/{n}.jpg", one)) for n, one in enumerate(drawn)]
    (uploads / "mugs.manifest").write_text("\n".join(lines))
    database = f"sqlite:///{tmp_path / 'duck.db'}"
    with (
        serving(tmp_path, DUCK_EMULATOR="1") as site,
        working(tmp_path, database, DUCK_UPLOADS=str(uploads)),
    ):
        client: Any = rekognition(f"{site.url}{PATH}")
        project = client.create_project(ProjectName="mugs")["ProjectArn"]
        where = {"S3Object": {"Bucket": "rubberduck", "Name": "mugs.manifest"}}
        train = client.create_dataset(
            ProjectArn=project,
            DatasetType="TRAIN",
            DatasetSource={"GroundTruthManifest": where},
        )["DatasetArn"]
        test = client.create_dataset(ProjectArn=project, DatasetType="TEST")["DatasetArn"]

        def status(dataset: str) -> str:
            described = client.describe_dataset(DatasetArn=dataset)
            return str(described["DatasetDescription"]["Status"])

        until(lambda: status(train) == "CREATE_COMPLETE")
        client.distribute_dataset_entries(Datasets=[{"Arn": train}, {"Arn": test}])
        version = client.create_project_version(
            ProjectArn=project, VersionName="v1", OutputConfig={"S3Bucket": "rubberduck"}
        )["ProjectVersionArn"]

        def described() -> dict[str, Any]:
            answer = client.describe_project_versions(ProjectArn=project)
            return dict(answer["ProjectVersionDescriptions"][0])

        # As programs wait: a question every 50 ms would take the processor from the training.
        waiter = client.get_waiter("project_version_training_completed")
        waiter.wait(ProjectArn=project, WaiterConfig={"Delay": 5, "MaxAttempts": 720})
        trained = described()
        assert trained["Status"] == "TRAINING_COMPLETED", trained
        print(f"F1 {trained['EvaluationResult']['F1Score']:.2f}")
        assert trained["EvaluationResult"]["F1Score"] > 0.6
        client.start_project_version(ProjectVersionArn=version, MinInferenceUnits=1)
        picture = draw_project(200)[199]
        found = client.detect_custom_labels(
            ProjectVersionArn=version, Image={"Bytes": picture.jpeg}
        )["CustomLabels"]
        assert {label["Name"] for label in found} == {label for label, _ in picture.boxes}
        client.stop_project_version(ProjectVersionArn=version)
