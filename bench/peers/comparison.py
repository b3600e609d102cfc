"""Our site compared with a Gradio interface, and our drawing with roboflow's supervision.

`make bench` installs both into .venv-bench; without it they are skipped with a message. The
original site is compared by the scenario `camera`.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bench.harness import endpoints
from bench.harness.figures import Measured, measured
from bench.harness.fixtures import CAMERA_FRAME, photo
from bench.harness.load import Visit, fetch, http_request, upload
from bench.harness.servers import Server, run_server, run_site
from bench.scenarios.sites import PICTURES, compare_loads
from rubberduck.core.settings import ROOT
from tests.support.pictures import form

PYTHON = ROOT / ".venv-bench" / "bin" / "python"
CLIENTS, DELAY = 8, 0.3
DRAWINGS = 5  # a round: they take milliseconds


def peers(rounds: int = 5, seconds: float = 8.0) -> Iterator[Measured]:
    """Gradio's interface for the same work, and supervision's drawing."""
    if not PYTHON.exists():
        click.echo("Gradio and supervision are skipped: `make bench` installs them.", err=True)
        return
    command = [str(PYTHON), "-m", "bench.peers.supervision_drawing", str(DRAWINGS * rounds)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    yield measured.validate_json(done.stdout.splitlines()[-1])
    note = "ours stores picture, marked picture and result; Gradio draws at full size"
    with endpoints.running(DELAY) as aws, run_site(**aws) as site, _run_gradio() as gradio:
        for size, picture in (("camera frame", photo(CAMERA_FRAME)), ("12 MP", photo())):
            what = f"Pictures per second, {size}, {CLIENTS} clients, a detector of 300 ms"
            sides = {"ours": (site, upload(PICTURES, picture)), "Gradio": (gradio, _ask(picture))}
            yield compare_loads(what, sides, CLIENTS, seconds, rounds, note=note)


@contextmanager
def _run_gradio() -> Iterator[Server]:
    with TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        answer.write_bytes(endpoints.LABELS)
        command = [str(PYTHON), "-m", "bench.peers.gradio_app", "{port}", str(DELAY), str(answer)]
        private = {"GRADIO_TEMP_DIR": f"{folder}/gradio", "GRADIO_ANALYTICS_ENABLED": "False"}
        with run_server(command, ROOT, **private) as server:
            yield server


def _ask(picture: bytes) -> Visit:
    """Take Gradio's three steps: upload the file, start the call, wait for its event."""
    sent = form(picture, field="files")
    root = "/gradio_api"
    send_file = http_request(f"{root}/upload", sent["data"], sent["content_type"])

    async def visit(port: int, _number: int) -> None:
        (path,) = json.loads(await fetch(port, send_file))
        data = {"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}]}
        call = http_request(f"{root}/call/classify", json.dumps(data).encode(), "application/json")
        event = json.loads(await fetch(port, call))["event_id"]
        answer = await fetch(port, http_request(f"{root}/call/classify/{event}"))
        if b"event: complete" not in answer:
            raise RuntimeError(f"Gradio did not answer: {answer[:300]!r}")

    return visit
