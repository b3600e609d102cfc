"""StartLabelDetection and GetLabelDetection, over the site's own analysis."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from flask import Flask

from rubberduck.core.settings import Settings
from rubberduck.emulator import videos
from tests.support.duck_videos import write_duck_video
from tests.support.emulator import run_jobs
from tests.support.recordings import RECORDED

WHERE = {"S3Object": {"Bucket": "rubberduck", "Name": "films/duck.mp4"}}


@pytest.fixture(scope="module")
def film(emulator_settings: Settings) -> Path:
    """Two seconds, a duck in the first one."""
    (folder := emulator_settings.uploads / "films").mkdir()
    return write_duck_video(folder / "duck.mp4", 2.0, lambda seconds: seconds < 1)


@pytest.fixture(scope="module")
def job(client: Any, emulator_app: Flask, film: Path) -> str:
    started = client.start_label_detection(Video=WHERE, JobTag="a-test", ClientRequestToken="one")
    unfinished = client.get_label_detection(JobId=started["JobId"])
    assert (unfinished["JobStatus"], unfinished["Labels"]) == ("IN_PROGRESS", [])
    run_jobs(emulator_app)
    return str(started["JobId"])


def test_a_duck_is_seen_while_it_is_there(client: Any, job: str) -> None:
    answer = client.get_label_detection(JobId=job)
    assert answer["JobStatus"] == "SUCCEEDED", answer
    assert (answer["JobStatus"], answer["JobTag"], answer["Video"]) == (
        "SUCCEEDED",
        "a-test",
        WHERE,
    )
    assert answer["VideoMetadata"]["FrameWidth"] == 640
    assert answer["VideoMetadata"]["DurationMillis"] == pytest.approx(2000, abs=150)
    ducks = [each for each in answer["Labels"] if each["Label"]["Name"] == "Duck"]
    assert ducks
    assert all(each["Timestamp"] <= 1000 for each in ducks)
    assert ducks[0]["Label"]["Instances"]
    times = [each["Timestamp"] for each in answer["Labels"]]
    assert times == sorted(times)


def test_the_rules_of_a_recorded_answer_hold(client: Any, job: str) -> None:
    """By time, then by name; parents are there at the same moment, and as sure."""
    recorded = json.loads((RECORDED / "get_label_detection_penguins_excerpt.json").read_text())
    ours = client.get_label_detection(JobId=job)
    for answer in (recorded, ours):
        at = {
            (each["Timestamp"], each["Label"]["Name"]): each["Label"] for each in answer["Labels"]
        }
        assert list(at) == sorted(at)
        assert len(at) == len(answer["Labels"])
        for (timestamp, _), label in at.items():
            for parent in label["Parents"]:
                assert at[timestamp, parent["Name"]]["Confidence"] >= label["Confidence"]
    assert set(recorded) <= set(ours)
    assert set(recorded["VideoMetadata"]) <= set(ours["VideoMetadata"])
    members = set(recorded["Labels"][0]["Label"])
    assert all(members <= set(each["Label"]) for each in ours["Labels"])


def test_the_pages_are_the_whole(client: Any, job: str) -> None:
    whole = client.get_label_detection(JobId=job, SortBy="NAME")["Labels"]
    by_name = [(each["Label"]["Name"], -each["Label"]["Confidence"]) for each in whole]
    assert by_name == sorted(by_name)
    found: list[Any] = []
    token: dict[str, str] = {}
    while True:
        page = client.get_label_detection(JobId=job, SortBy="NAME", MaxResults=5, **token)
        found += page["Labels"]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert found == whole
    with pytest.raises(ClientError, match="InvalidPaginationTokenException"):
        client.get_label_detection(JobId=job, SortBy="TIMESTAMP", **token)


def test_segments_are_stretches_without_instances(client: Any, job: str) -> None:
    segments = client.get_label_detection(JobId=job, AggregateBy="SEGMENTS")["Labels"]
    (duck,) = [each for each in segments if each["Label"]["Name"] == "Duck"]
    assert duck["StartTimestampMillis"] == duck["Timestamp"] == 0
    assert duck["EndTimestampMillis"] == duck["DurationMillis"] == pytest.approx(1000, abs=250)
    assert "Instances" not in duck["Label"]


def test_a_token_starts_one_job(client: Any, job: str) -> None:
    again = client.start_label_detection(Video=WHERE, JobTag="a-test", ClientRequestToken="one")
    assert again["JobId"] == job
    with pytest.raises(ClientError, match="IdempotentParameterMismatchException"):
        client.start_label_detection(Video=WHERE, ClientRequestToken="one")


def test_a_request_that_is_repeated_while_it_is_answered_starts_one_job(
    client: Any, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SDKs repeat a request that takes too long, with the same token."""
    asked = {"Video": WHERE, "ClientRequestToken": "two"}
    receive, repeated = videos._receive, list[str]()

    def receive_meanwhile(*arguments: Any) -> Any:
        monkeypatch.undo()
        repeated.append(client.start_label_detection(**asked)["JobId"])
        return receive(*arguments)

    monkeypatch.setattr(videos, "_receive", receive_meanwhile)
    assert [client.start_label_detection(**asked)["JobId"]] == repeated


def test_a_token_of_what_failed_can_be_used_again(client: Any, emulator_settings: Settings) -> None:
    where = {"S3Object": {"Bucket": "rubberduck", "Name": "late.txt"}}
    asked = {"Video": where, "ClientRequestToken": "three"}
    with pytest.raises(ClientError, match="InvalidS3ObjectException"):
        client.start_label_detection(**asked)
    (emulator_settings.uploads / "late.txt").write_text("not a film")
    assert client.start_label_detection(**asked)["JobId"]


def test_what_is_no_video_fails_with_a_reason(
    client: Any, emulator_app: Flask, emulator_settings: Settings
) -> None:
    (emulator_settings.uploads / "film.txt").write_text("not a film")
    where = {"S3Object": {"Bucket": "rubberduck", "Name": "film.txt"}}
    job = client.start_label_detection(Video=where)["JobId"]
    run_jobs(emulator_app)
    answer = client.get_label_detection(JobId=job)
    assert answer["JobStatus"] == "FAILED"
    assert answer["StatusMessage"]


def test_jobs_and_videos_that_are_not_there(client: Any) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.get_label_detection(JobId="none")
    where = {"S3Object": {"Bucket": "rubberduck", "Name": "none.mp4"}}
    with pytest.raises(ClientError, match="InvalidS3ObjectException"):
        client.start_label_detection(Video=where)
    topic = {
        "SNSTopicArn": "arn:aws:sns:x:123456789012:t",
        "RoleArn": "arn:aws:iam::123456789012:role/r",
    }
    with pytest.raises(ClientError, match="topics that DUCK_EMULATOR_TOPICS names"):
        client.start_label_detection(Video=WHERE, NotificationChannel=topic)
