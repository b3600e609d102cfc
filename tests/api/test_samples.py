"""Every code sample of /api runs against the real site: curl, Python, Node.js."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
from flask import Flask
from werkzeug.serving import make_server

from rubberduck.accounts.tokens import Tokens
from rubberduck.api.openapi.samples import many_pictures, many_pictures_with_curl
from rubberduck.core.settings import ROOT
from rubberduck.db.results import Results
from rubberduck.jobs.queue import JobQueue
from rubberduck.videos.store import Videos
from tests.support.analysed_videos import add_video, queued_video, swimming_ducks
from tests.support.operators import sign_in
from tests.support.pictures import corners, encoded
from tests.support.server import Site
from tests.support.visitor import Visit, make_key

pytestmark = pytest.mark.enable_socket

COMMANDS = {
    "curl": ["bash", "-euc"],
    "Python": [sys.executable, "-c"],
    "JavaScript": ["node", "--input-type=module", "--eval"],
}
# In an order in which each finds what it needs; the last one leaves nothing.
ORDER = ["look", "glance", "list_results", "get_result", "get_picture", "judge"]
ORDER += ["put_corrections", "get_corrections", "delete_corrections", "forget"]
VIDEOS = ["list_videos", "cancel_video", "get_video", "export_video"]
VIDEOS += ["list_video_labels", "list_video_tracks", "delete_video"]
UPLOADS = ["create_video", "create_upload", "get_upload", "append_upload", "delete_upload"]
JOBS = ["list_jobs", "get_job", "cancel_job", "retry_job"]
ORDER += [*VIDEOS, *UPLOADS, *JOBS, "get_storage", "get_statistics", "delete_results", "revoke_key"]
# These need what the site of this test does not offer.
FACES = ["analyze_faces", "analyze_face_frame", "get_faces", "delete_faces"]
OTHER_SITES = {*FACES, "ask_which", "recognize_celebrities"}
ASTRONAUT = ROOT / "tests" / "faces" / "pictures" / "astronaut.jpg"
VIDEO = bytes(6000)  # what is inside is found out by the job; as large as the sample announces


@pytest.fixture
def results(site: Site) -> Iterator[Results]:
    results = Results(f"sqlite:///{site.log_file.parent / 'duck.db'}")
    yield results
    results.close()


@pytest.fixture
def owner() -> str:
    return f"visitor {uuid4()}"


@pytest.fixture
def key(results: Results, owner: str) -> str:
    """An API key of the site, made as its pages make one."""
    secret, _ = Tokens(results.database).create(owner, "samples", timedelta(days=30))
    return secret


@pytest.fixture
def ids(results: Results, owner: str) -> Iterator[dict[str, str]]:
    """What operations on videos and jobs take: a video that is analysed, one that waits, a job."""
    ready = add_video(results.database, swimming_ducks(), id=f"ready-{uuid4()}"[:24], owner=owner)
    waiting, queue = f"waits-{uuid4()}"[:24], JobQueue(results.database, 3)
    job_id = queue.enqueue("analyse-video", owner, video_id=waiting)
    Videos(results.database).create(queued_video(id=waiting, owner=owner, job_id=job_id))
    job = dict.fromkeys(JOBS, queue.enqueue("analyse-video", owner, video_id="none"))
    yield dict.fromkeys(VIDEOS, ready.id) | {"cancel_video": waiting} | job
    Videos(results.database).forget(waiting)


def samples(url: str) -> dict[str, list[dict[str, str]]]:
    with urlopen(f"{url}/api/openapi.json") as response:
        paths: dict[str, Any] = json.load(response)["paths"]
    return {
        operation["operationId"]: operation["x-codeSamples"]
        for item in paths.values()
        for method, operation in item.items()
        if method != "parameters" and operation.get("security") != [{"operator": []}]
    }


def run(language: str, source: str, key: str, folder: Path) -> str:
    command = COMMANDS[language]
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed: SKIPPED")
    source = source.replace("curl ", "curl --silent --show-error --fail-with-body ")
    environment = {"PATH": os.environ["PATH"], "DUCK_KEY": key}
    done = subprocess.run(
        [*command, source], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{source}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("language", COMMANDS)
def test_every_sample_runs(
    site: Site, key: str, ids: dict[str, str], tmp_path: Path, language: str
) -> None:
    size = 200 + list(COMMANDS).index(language)  # another picture for each language
    (tmp_path / "picture.jpg").write_bytes(encoded(corners(size, 160)))
    (tmp_path / "video.mp4").write_bytes(VIDEO)
    by_operation = samples(site.url)
    assert set(ORDER) == set(by_operation) - OTHER_SITES
    printed, id = {}, "ID"
    for operation in ORDER:
        source = sample(by_operation, operation, language)
        source = source.replace("/ID", f"/{ids.get(operation, id)}")
        printed[operation] = run(language, source, key, tmp_path)
        if operation == "look":
            id = only_result(site, key)
        if operation == "create_upload":
            id = re.findall(r"/uploads/([\w-]{22})", printed[operation])[0]
    assert "queued" in printed["create_video"]
    with_answer = {name for name, output in printed.items() if "found" in output}
    assert with_answer - set(VIDEOS) == {
        "look",
        "glance",
        "list_results",
        "get_result",
        "get_picture",
        "get_statistics",
    }
    assert (printed["judge"], printed["forget"], printed["delete_video"]) == ("", "", "")
    assert "cancelled" in printed["cancel_video"]
    assert "queued" in printed["list_jobs"]
    assert "cancelled" in printed["cancel_job"]
    assert "pictures" in printed["get_storage"]
    assert "by_day" in printed["get_statistics"]
    assert "deleted" in printed["delete_results"]
    with pytest.raises(HTTPError, match="401"):  # the last sample revoked the key
        only_result(site, key)


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve a site of this process; yield its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("language", COMMANDS)
def test_the_samples_of_faces_and_of_named_ducks_run(
    visit: Visit, duck: Path, tmp_path: Path, language: str
) -> None:
    client = visit(engine="local", faces="on")
    client.get("/")
    secret = make_key(client)
    picture = {"picture": ASTRONAUT.open("rb"), "consent": "yes", "keep": "yes"}
    answer = client.post("/api/v1/faces", data=picture)
    assert answer.status_code == 201, answer.text
    kept = answer.headers["Location"]
    sign_in(client)
    named = client.post("/api/v1/named-objects", json={"name": "Quackers"})
    assert named.status_code == 201, named.text
    client.post(
        f"{named.headers['Location']}/photos", data=duck.read_bytes(), content_type="image/jpeg"
    )
    with served(client.application) as url:
        by_operation = samples(url)
        printed = {}
        for operation in [*FACES, "ask_which"]:
            source = sample(by_operation, operation, language)
            source = source.replace("/ID", f"/{kept.split('/')[-2]}")
            shown = duck if operation == "ask_which" else ASTRONAUT
            (tmp_path / "picture.jpg").write_bytes(shown.read_bytes())
            printed[operation] = run(language, source, secret, tmp_path)
    assert {name for name, text in printed.items() if "smile" in text} == set(FACES[:3])
    assert printed["delete_faces"] == ""
    assert "Quackers" in printed["ask_which"]


@pytest.mark.parametrize("language", COMMANDS)
def test_the_sample_of_celebrities_runs(visit: Visit, tmp_path: Path, language: str) -> None:
    client = visit(celebrities=True)
    client.get("/")
    secret = make_key(client)
    with served(client.application) as url:
        (tmp_path / "picture.jpg").write_bytes(encoded(corners(300, 200)))
        source = sample(samples(url), "recognize_celebrities", language)
        assert "celebrities" in run(language, source, secret, tmp_path)


def sample(by_operation: dict[str, list[dict[str, str]]], operation: str, language: str) -> str:
    return next(s["source"] for s in by_operation[operation] if s["label"] == language)


def only_result(site: Site, key: str) -> str:
    headers = {"Authorization": f"Bearer {key}"}
    with urlopen(Request(f"{site.url}/api/v1/results", headers=headers)) as response:
        (result,) = json.load(response)["results"]
    return str(result["id"])


def test_a_folder_of_pictures(site: Site, key: str, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.jpg").write_bytes(encoded(corners(210, 160)))
    (tmp_path / "pictures" / "b.txt").write_text("quack")
    printed = run("Python", many_pictures(f"{site.url}/api/v1"), key, tmp_path).splitlines()
    assert [line.partition("\t")[0] for line in printed] == ["a.jpg", "b.txt"]
    assert "Send a JPEG" in printed[1]


def test_a_folder_of_pictures_with_curl(site: Site, key: str, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for name, width in (("a.jpg", 220), ("b c.jpg", 230)):
        (tmp_path / "pictures" / name).write_bytes(encoded(corners(width, 160)))
    printed = run("curl", many_pictures_with_curl(f"{site.url}/api/v1"), key, tmp_path)
    assert printed.count('"delete_token"') == 2
