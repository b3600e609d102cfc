"""Our site compared with a Gradio interface, and our drawing with roboflow's supervision.

`make bench` installs both into .venv-bench; without it they are skipped with a message. The
original site is compared by the scenario `camera`.
"""

import asyncio
import json
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen

import click
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from bench.harness import endpoints
from bench.harness.fixtures import photo
from bench.harness.load import Answers, measure_clients, measure_load, upload_request
from bench.harness.measuring import Comparison, Measured, Sample, compare, measured
from bench.harness.servers import TIMEOUT, Server, run_server, run_site
from rubberduck.core.settings import ROOT

PYTHON = ROOT / ".venv-bench" / "bin" / "python"
CLIENTS, SECONDS, DELAY = 8, 8.0, 0.3
DRAWINGS = 5  # a round: they take milliseconds


def run(rounds: int = 5, seconds: float = SECONDS) -> Iterator[Measured]:
    if not PYTHON.exists():
        click.echo("Gradio and supervision are skipped: `make bench` installs them.", err=True)
        return
    command = [str(PYTHON), "-m", "bench.peers.supervision_drawing", str(DRAWINGS * rounds)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    yield measured.validate_json(done.stdout.splitlines()[-1])
    with endpoints.running(DELAY) as aws, run_site(**aws) as ours, _run_gradio() as gradio:
        for size in ("camera frame", "12 MP"):
            yield _compare_with_gradio(ours, gradio, size, rounds, seconds)


@contextmanager
def _run_gradio() -> Iterator[Server]:
    with TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        answer.write_bytes(endpoints.LABELS)
        command = [str(PYTHON), "-m", "bench.peers.gradio_app", "{port}", str(DELAY), str(answer)]
        private = {"GRADIO_TEMP_DIR": f"{folder}/gradio", "GRADIO_ANALYTICS_ENABLED": "False"}
        with run_server(command, ROOT, **private) as server:
            yield server


def _compare_with_gradio(
    ours: Server, gradio: Server, size: str, rounds: int, seconds: float
) -> Comparison:
    request = upload_request("/api/v1/pictures", photo(size))
    return compare(
        f"Pictures per second, {size}, {CLIENTS} clients, a detector of {DELAY * 1000:.0f} ms",
        "pictures/s",
        [
            ("ours", lambda: measure_load(ours, request, CLIENTS, seconds).rate()),
            ("Gradio", lambda: _measure_gradio(gradio, photo(size), seconds)),
        ],
        rounds,
        note="ours stores picture, marked picture and result; Gradio draws at full size",
    )


def _measure_gradio(server: Server, picture: bytes, seconds: float) -> Sample:
    boundary, body = encode_multipart({"files": FileStorage(BytesIO(picture), "photo.jpg")})
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}

    def client(numbers: Iterator[int]) -> Answers:
        answers = []
        for _ in numbers:
            begin = time.perf_counter()
            _ask_gradio(server.port, body, headers)
            answers.append((time.perf_counter(), time.perf_counter() - begin))
        return answers

    with ThreadPoolExecutor(CLIENTS) as pool:

        async def in_a_thread(numbers: Iterator[int]) -> Answers:
            return await asyncio.get_running_loop().run_in_executor(pool, client, numbers)

        return measure_clients(server, in_a_thread, CLIENTS, seconds).rate()


def _ask_gradio(port: int, body: bytes, headers: dict[str, str]) -> None:
    """Take Gradio's three steps: upload the file, start the call, wait for its event."""
    root = f"http://127.0.0.1:{port}/gradio_api"
    (path,) = json.loads(_fetch(Request(f"{root}/upload", body, headers)))
    data = json.dumps({"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}]}).encode()
    call = Request(f"{root}/call/classify", data, {"Content-Type": "application/json"})
    event = json.loads(_fetch(call))["event_id"]
    answer = _fetch(Request(f"{root}/call/classify/{event}"))
    if b"event: complete" not in answer:
        raise RuntimeError(f"Gradio did not answer: {answer[:300]!r}")


def _fetch(request: Request) -> bytes:
    with urlopen(request, timeout=TIMEOUT) as answer:
        return bytes(answer.read())
