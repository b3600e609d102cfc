"""Programs written for the service, and other people's clients, run against the emulator.

Each in a process of its own, with nothing changed but its constants and the environment.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import matplotlib
import pytest
from flask import Flask
from PIL import Image

from app import create_app
from composition import build_pipeline
from rubberduck.core.settings import ROOT, Settings
from rubberduck.custom_models import training
from tests.support.aws import BUCKET
from tests.support.databases import create_database
from tests.support.duck_videos import write_duck_video
from tests.support.ducks import duck_photo
from tests.support.emulator import PATH, REGION, rekognition, run_jobs, serving_here
from tests.support.made_up_models import made_up_training
from tests.support.objects import draw_project
from tests.support.trained_projects import create_project

PROGRAMS = Path(__file__).parent / "programs"
CLIENTS = Path(__file__).parent / "clients"
AWS = ROOT / ".venv-clients" / "bin" / "aws"
FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
TOPIC = f"arn:aws:sns:{REGION}:123456789012:AmazonRekognitionExample"  # moto's account
ASTRONAUT = ROOT / "tests/faces/pictures/astronaut.jpg"


@pytest.fixture
def app(settings: Settings, s3: Any) -> Iterator[Flask]:
    """The emulator, which may read the bucket of the tests, and publish to a topic."""
    given = {"emulator": True, "emulator_buckets": (BUCKET,), "emulator_topics": (TOPIC,)}
    named = settings.model_copy(update=given)
    create_database(named.database_url, with_jobs=True)
    pipeline = build_pipeline(named)
    yield create_app(named, pipeline=pipeline)
    pipeline.close()


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    with serving_here(app) as url:
        yield url


def environment(url: str) -> dict[str, str]:
    """As a user sets it: where Rekognition is, any key, and S3 of the tests."""
    aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    return {
        **aws,
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "AWS_ENDPOINT_URL_REKOGNITION": url,
        "AWS_REGION": aws["AWS_DEFAULT_REGION"],
    }


def run(command: list[str], url: str, folder: Path) -> str:
    done = subprocess.run(
        command, env=environment(url), cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_program(name: str, url: str, folder: Path, *arguments: str, **constants: str) -> str:
    """Run a copy of the program with other constants; return what it prints."""
    return run([sys.executable, prepared(name, folder, **constants), *arguments], url, folder)


def prepared(name: str, folder: Path, **constants: str) -> str:
    """Write a copy of the program with other constants; return its name."""
    source = (PROGRAMS / name).read_text()
    for constant, value in constants.items():
        source, count = re.subn(
            rf'^{constant} = ".*"$', f"{constant} = {value!r}", source, flags=re.MULTILINE
        )
        assert count == 1, constant
    (folder / name).write_text(source)
    return name


def test_a_course_s_three_programs_start_ask_and_stop_a_model(
    app: Flask, url: str, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "train", made_up_training)
    pipeline = app.extensions["pipeline"]
    create_project(pipeline.results.database, pipeline.storage, draw_project(20), name="mugs")
    client = rekognition(url)
    (project,) = client.describe_projects()["ProjectDescriptions"]
    output = {"S3Bucket": BUCKET, "S3KeyPrefix": "out"}
    version = client.create_project_version(
        ProjectArn=project["ProjectArn"], VersionName="v1", OutputConfig=output
    )["ProjectVersionArn"]
    run_jobs(app)
    s3.put_object(Bucket=BUCKET, Key="mugs/1.jpg", Body=draw_project(1)[0].jpeg)

    names = {"MODEL_ARN": version}
    analysed = analyse(url, s3, tmp_path)
    assert f"Model: {version} TRAINING_COMPLETED: The model is ready to run." in analysed
    assert re.search(r"Manifests: out/manifest_summary-\S+\.json\n", analysed)
    assert re.search(r"Trained with: out/training_manifest_snapshot-\S+\.manifest\n", analysed)
    started = run_program(
        "start_model.py", url, tmp_path, PROJECT_ARN=project["ProjectArn"], **names
    )
    assert "Status: RUNNING" in started
    drawn = run_program("detect_and_draw.py", url, tmp_path, BUCKET=BUCKET, FONT=str(FONT), **names)
    assert re.search(r"Custom labels detected: \d+", drawn)
    with Image.open(tmp_path / "drawn.jpg") as image:
        assert image.size[0] > 0
    assert "Status: STOPPING" in run_program("stop_model.py", url, tmp_path, **names)
    described = client.describe_project_versions(ProjectArn=project["ProjectArn"])
    (described_version,) = described["ProjectVersionDescriptions"]
    assert described_version["Status"] == "STOPPED"
    where = described_version["EvaluationResult"]["Summary"]["S3Object"]
    summary = s3.get_object(Bucket=BUCKET, Key=where["Name"])["Body"].read()
    assert json.loads(summary)["EvaluationDetails"]["ProjectVersionArn"] == version


@pytest.fixture
def film(s3: Any, tmp_path: Path) -> str:
    """The name of a video in the bucket: two seconds, a duck in the first one."""
    file = write_duck_video(tmp_path / "duck.mp4", 2.0, lambda seconds: seconds < 1)
    s3.upload_file(str(file), BUCKET, "films/duck.mp4")
    return "films/duck.mp4"


def watch(url: str, folder: Path, film: str, app: Flask) -> tuple[int, str]:
    """Run the sample for stored videos beside a worker; return its exit status and what it says."""
    source = prepared("watch_video.py", folder, BUCKET=BUCKET, VIDEO=film)
    with subprocess.Popen(
        [sys.executable, source],
        env=environment(url),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as program:
        assert program.stdout
        said = program.stdout.readline()
        if said.startswith("Start Job Id: "):
            run_jobs(app)
        said += program.stdout.read()
    return program.returncode, said


def test_a_sample_for_videos_waits_for_the_notice(
    app: Flask, url: str, film: str, tmp_path: Path
) -> None:
    """A topic, a queue, StartLabelDetection with both, the notice, and the pages of labels."""
    status, said = watch(url, tmp_path, film, app)
    assert status == 0, said
    assert f"StartLabelDetection DetectionExample: SUCCEEDED\nOf {BUCKET}/{film}\n" in said
    assert "Codec: h264" in said
    assert re.search(r"Timestamp: 0  Label: Duck\n   Instances: 1\n", said)
    assert said.count("Codec:") > 1  # pages


def test_a_sample_for_videos_is_told_of_one_that_is_none(
    app: Flask, url: str, s3: Any, tmp_path: Path
) -> None:
    s3.put_object(Bucket=BUCKET, Key="film.txt", Body=b"not a film")
    status, said = watch(url, tmp_path, "film.txt", app)
    assert (status, "DetectionExample: FAILED" in said) == (1, True), said


def test_a_topic_that_is_gone_costs_the_notice_alone(
    app: Flask, url: str, film: str, caplog: pytest.LogCaptureFixture
) -> None:
    channel = {"SNSTopicArn": TOPIC, "RoleArn": "arn:aws:iam::123456789012:role/r"}
    client, video = rekognition(url), {"S3Object": {"Bucket": BUCKET, "Name": film}}
    started = client.start_label_detection(Video=video, NotificationChannel=channel)
    run_jobs(app)
    assert client.get_label_detection(JobId=started["JobId"])["JobStatus"] == "SUCCEEDED"
    assert f"notice not sent video={started['JobId']} problem=NotFound" in caplog.text


def analyse(url: str, s3: Any, folder: Path) -> str:
    """Run the program in the way of the service's samples; return what it prints."""
    s3.put_object(Bucket=BUCKET, Key="in/scene.jpg", Body=duck_photo())
    s3.put_object(Bucket=BUCKET, Key="in/portrait.jpg", Body=ASTRONAUT.read_bytes())
    keys = ("in/scene.jpg", "in/portrait.jpg")
    printed = run_program("analyse_bucket.py", url, folder, BUCKET, *keys)
    labels = re.findall(r"Label: (\w+) (\d+)", printed)
    assert {name for name, _ in labels} == {"Duck", "Bird", "Animal"}
    assert re.search(r"Foreground: \[.*'yellow'.*\], sharpness \d+\n", printed)
    assert re.search(r"Face: \d+ to \d+ years\nEmotions: \['HAPPY'\] Has: \['Smile'\]", printed)
    assert "Celebrities: []\nOthers: 1\n" in printed
    assert re.search(r"Dataset: TRAIN CREATE_COMPLETE\nEntries: \d+ of \d+\n", printed)
    return printed


def test_a_home_automation_s_camera_counts_ducks(url: str, duck: Path, tmp_path: Path) -> None:
    seen = json.loads(run_program("home_camera.py", url, tmp_path, str(duck)))
    assert (seen["state"], seen["summary"]) == (1, {"duck": 1, "person": 0})
    (target,) = seen["targets"]
    assert 0.5 < target["centre"][0] < 0.75
    assert "animal" in seen["labels"]


def test_a_workshop_s_program_uploads_draws_and_links(url: str, s3: Any, tmp_path: Path) -> None:
    shutil.copy(ASTRONAUT, tmp_path / "me.jpg")
    printed = run_program("show_emotions.py", url, tmp_path, "me.jpg", BUCKET=BUCKET)
    emotion, link = printed.split()
    assert emotion == "HAPPY"
    with urlopen(link) as answer:
        assert answer.read()[:2] == b"\xff\xd8"


@pytest.mark.skipif(
    not AWS.exists(), reason="the AWS CLI is not installed: make .venv-clients/.installed"
)
def test_the_aws_cli_reads_the_answers(url: str, duck: Path, tmp_path: Path) -> None:
    def aws(*arguments: str) -> Any:
        printed = run([str(AWS), "rekognition", *arguments], url, tmp_path)
        return json.loads(printed) if printed else None

    answer = aws("detect-labels", "--image-bytes", f"fileb://{duck}", "--min-confidence", "70")
    assert "Duck" in {label["Name"] for label in answer["Labels"]}
    arn = aws("create-project", "--project-name", "of-the-cli")["ProjectArn"]
    (found,) = aws("describe-projects", "--project-names", "of-the-cli")["ProjectDescriptions"]
    assert found["ProjectArn"] == arn
    assert found["CreationTimestamp"] > 1_700_000_000 or "T" in str(found["CreationTimestamp"])
    refused = subprocess.run(
        [str(AWS), "rekognition", "detect-text", "--image-bytes", f"fileb://{duck}"],
        env=environment(url), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode != 0
    assert "UnknownOperationException" in refused.stderr


@pytest.mark.skipif(
    not (CLIENTS / "node_modules").exists(),
    reason="the SDK for JavaScript is not installed: make .venv-clients/.installed",
)
def test_the_sdk_for_javascript_reads_the_answers(url: str, duck: Path) -> None:
    """It posts to the address with a slash at its end: with a redirect it would fail."""
    made = rekognition(url).create_project(ProjectName="of-javascript")
    assert made["ProjectArn"]
    printed = json.loads(run(["node", "detect.mjs", str(duck)], url, CLIENTS))
    assert "Duck" in printed["labels"]
    assert printed["confidence"] > 70
    assert len(printed["requestId"]) == 36
    assert printed["created"][0].startswith("20")
    assert (printed["error"], printed["status"]) == ("AccessDeniedException", 400)


def test_the_address_is_the_one_in_the_documentation() -> None:
    assert f"http://127.0.0.1:8000{PATH}" in (ROOT / "docs" / "emulator.md").read_text()
