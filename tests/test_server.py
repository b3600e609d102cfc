"""The site as it is served, with the embedded detector, over real HTTP."""

import contextlib
import json
import os
import re
import shlex
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from urllib.request import Request
from zipfile import ZipFile

import psutil
import pytest

from deploy import bundle
from rubberduck.core.settings import ROOT
from rubberduck.detectors.model_file import MODEL, TRUNK
from tests.support.ducks import duck_photo
from tests.support.pictures import encoded, form
from tests.support.server import (
    PATIENCE,
    Site,
    environment_for,
    fetch,
    free_port,
    serving,
    upload,
)


def test_a_photo_of_a_duck_is_a_yes_and_one_without_is_a_no(site: Site) -> None:
    status, body = site.post(duck_photo())
    answer = json.loads(body)
    assert (status, answer["duck"], answer["engine"]) == (201, True, "embedded detector")
    assert answer["boxes"]
    status, body = site.post(encoded())
    assert (status, json.loads(body)["duck"]) == (201, False)


def test_who_answers_is_said_once_in_the_log(site: Site) -> None:
    started = "site started storage='a folder on this server' detector='embedded detector'"
    assert site.log.count(started) == 1


def test_two_workers_share_the_visitors_and_lose_nothing(site: Site) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: site.post(encoded()), range(40)))
    assert [status for status, _ in answers] == [201] * 40
    links = [json.loads(body)["links"]["self"] for _, body in answers]
    assert len(set(links)) == 40
    assert {site.get(link)[0] for link in links} == {200}
    assert len(set(site.workers)) == 2


def test_an_upload_that_stops_half_way_is_told_so(site: Site) -> None:
    parts = form(duck_photo())
    head = (
        f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {parts['content_type']}\r\n"
        f"Content-Length: {len(parts['data'])}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", site.port), timeout=30) as connection:
        connection.sendall(head.encode() + parts["data"][: len(parts["data"]) // 2])
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    assert answer.startswith("HTTP/1.1 400 ")
    assert "The upload was interrupted" in answer


def test_silent_senders_do_not_stop_the_site(tmp_path: Path) -> None:
    """More than the worker has threads; its patience with them is a second instead of twenty."""
    impatient = tmp_path / "impatient.py"
    ours = (ROOT / "gunicorn.conf.py").read_text(encoding="utf-8")
    impatient.write_text(f"{ours}\nassert BODY_READ_TIMEOUT\nBODY_READ_TIMEOUT = 1\n")
    head = (
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 999\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\nabc"
    )
    with contextlib.ExitStack() as stack:
        options = {"GUNICORN_CMD_ARGS": f"--config {impatient}", "WEB_CONCURRENCY": "1"}
        site = stack.enter_context(serving(tmp_path, **options))
        for _ in range(40):
            sender = stack.enter_context(socket.create_connection(("127.0.0.1", site.port)))
            sender.sendall(head)
        assert site.get("/healthz")[0] == 200


@pytest.mark.parametrize(
    ("line", "body", "status"),
    [
        pytest.param("POST / HTTP/1.1", b"zz\r\nquack", 400, id="no chunk size"),
        pytest.param("POST / HTTP/1.1", b"5\r\nqua", 400, id="half a chunk"),
        pytest.param("POST /nowhere HTTP/1.1", b"5\r\nqua", 404, id="half a chunk, to nowhere"),
    ],
)
def test_broken_chunks_are_the_senders_fault(
    site: Site, line: str, body: bytes, status: int
) -> None:
    head = (
        f"{line}\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", site.port), timeout=30) as connection:
        connection.sendall(head.encode() + body)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    assert answer.startswith(f"HTTP/1.1 {status} ")


def test_an_upload_that_is_too_big_gets_its_page(site: Site) -> None:
    """curl, as it sends a body of 20 MB, has to see the answer, not a reset connection."""
    status, body = fetch(upload(site.url, bytes(20_000_000), "/"))
    assert status == 413
    assert b"This file is too large" in body


LIMIT = 15_000_000  # bytes: DUCK_MAX_BYTES, where nobody sets it


@pytest.mark.parametrize(
    ("length", "status"),
    [(LIMIT - 1, 201), (LIMIT, 201), (LIMIT + 1, 413), (10 * LIMIT, 413)],
)
@pytest.mark.parametrize("chunked", [False, True], ids=["told", "in chunks"])
def test_the_size_limit_is_exact_over_http(
    site: Site, length: int, status: int, chunked: bool
) -> None:
    """A picture may be followed by anything, which makes it as long as one likes."""
    parts = form(encoded().ljust(length, b"\0"))
    headers = {"Content-Type": parts["content_type"]}
    body = BytesIO(parts["data"])
    if not chunked:
        headers["Content-Length"] = str(len(parts["data"]))
    assert fetch(Request(f"{site.url}/api/v1/pictures", body, headers))[0] == status


@pytest.mark.parametrize(
    ("length", "status"), [("12", 400), ("0", 400), ("-1", 400), ("15 MB", 400), ("1" * 30, 413)]
)
def test_a_length_that_is_a_lie(site: Site, length: str, status: int) -> None:
    parts = form(encoded())
    head = (
        f"POST /api/v1/pictures HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: {parts['content_type']}\r\nContent-Length: {length}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as connection:
        connection.sendall(head.encode() + parts["data"])
        with contextlib.suppress(OSError):  # it may have answered, and gone, already
            connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(65536).decode()
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert site.get("/healthz")[0] == 200


def test_no_thread_is_there_to_call_home_or_to_die_in_a_fork() -> None:
    """onnxruntime 1.29 brought telemetry: a thread, a connection, and workers that hang at exit."""
    count = "import os, app; print(len(os.listdir('/proc/self/task')))"
    done = subprocess.run(
        [sys.executable, "-c", count],
        cwd=ROOT,
        env={"OPENBLAS_NUM_THREADS": "1", "FLASK_SKIP_DOTENV": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1\n"


PAGES = ("README.md", "docs/aws.md", "docs/detectors.md", "docs/questions.md")
DOCUMENTED = "".join((ROOT / page).read_text() for page in PAGES)


def shell_lines() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", DOCUMENTED, re.M | re.S)
    return "".join(blocks).replace("\\\n", "").splitlines()


def test_the_documented_make_targets_exist() -> None:
    targets = set(re.findall(r"make (run|quick|test|soak|bench|detector)\b", DOCUMENTED))
    assert targets == {"run", "quick", "test", "soak", "bench", "detector"}
    for target in targets:
        subprocess.run(["make", "-n", target], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


# The export of judgements needs the database of a site: tests/cli/test_judgements.py runs it.
OURS = [
    line
    for line in shell_lines()
    if line.startswith((".venv/bin/flask", "curl")) and "judgements export" not in line
]


@pytest.mark.parametrize("line", OURS)
def test_the_documented_commands_work(site: Site, tmp_path: Path, line: str) -> None:
    for name in ("photo.jpg", "photos/duck/one.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(duck_photo())
    (tmp_path / "photos" / "no-duck").mkdir()
    (tmp_path / "photos" / "no-duck" / "none.jpg").write_bytes(encoded())
    line = line.replace(".venv/bin/flask", f"{sys.executable} -m flask --app {ROOT / 'wsgi.py'}")
    line = line.replace("http://127.0.0.1:8000", site.url)
    done = subprocess.run(
        shlex.split(line),
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": str(ROOT),
            "FLASK_SKIP_DOTENV": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    right = ("yes", '"duck": true', '"duck":true', "recall                          1.000")
    assert any(words in done.stdout for words in right)


def test_the_documented_commands_are_all_known() -> None:
    make_a_key = 'echo "DUCK_SECRET_KEY=$(openssl rand -hex 32)" >> .env'
    ours = ("make ", ".venv/bin/flask ", 'echo "DUCK_BUCKET=my-ducks" >> .env', make_a_key)
    known = (*ours, "curl ", "aws ", "DUCK_QUESTIONS=rubber-duck,")
    assert [line for line in shell_lines() if not line.startswith(known)] == []
    assert len(OURS) >= 3


def test_what_looks_at_pictures_is_loaded_once_for_all_workers(site: Site) -> None:
    """The first one shows pages meanwhile, and is replaced."""
    assert all(_has_loaded(pid, "onnxruntime") for pid in (site.process.pid, *site.workers))
    assert site.booted[0] not in site.workers
    assert len(site.workers) == 2


def _has_loaded(process: int, library: str) -> bool:
    return any(library in each.path for each in psutil.Process(process).memory_maps())


@pytest.mark.parametrize(
    ("workers", "model", "advice"),
    [
        (1, MODEL, "Restore it from the repository, or make it again with `make detector`."),
        (2, MODEL, "Restore it from the repository, or make it again with `make detector`."),
        (2, TRUNK, "trunk.onnx is damaged. Restore it from the repository."),
    ],
)
def test_a_model_that_cannot_be_loaded_stops_the_site_in_plain_words(
    tmp_path: Path, workers: int, model: Path, advice: str
) -> None:
    """It is not looked at before the first page is shown, but soon after."""
    bundle.write(tmp_path / "bundle.zip")
    with ZipFile(tmp_path / "bundle.zip") as zipped:
        zipped.extractall(tmp_path / "site")
    (tmp_path / "site" / model.relative_to(ROOT)).write_text("quack")
    environment = environment_for(tmp_path, free_port(), WEB_CONCURRENCY=str(workers))
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", "wsgi:app"],
        cwd=tmp_path / "site",
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode != 0
    assert "The site does not start. The embedded detector cannot be loaded." in done.stdout
    assert advice in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
