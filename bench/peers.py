"""Other people's ways beside ours: a Gradio interface, and roboflow's supervision for the drawing.

They are installed apart, by `make bench`, into .venv-bench; where they are not, that is said. The
original site's way is in `camera`.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen

import click
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from bench import endpoints
from bench.fixtures import photo
from bench.measure import Comparison, Measured, Sample, compared, measured
from bench.sites import PATIENCE, Site, free_port, our_site, running
from bench.visitors import upload, visit
from rubberduck.core.settings import ROOT
from tests.support.fake_rekognition import recorded

PEERS = ROOT / ".venv-bench" / "bin" / "python"
CLIENTS, SECONDS, DELAY = 8, 8.0, 0.3
DRAWINGS = 5  # a round: they take milliseconds


def run(rounds: int = 5, seconds: float = SECONDS) -> Iterator[Measured]:
    if not PEERS.exists():
        click.echo("Gradio and supervision are skipped: `make bench` installs them.", err=True)
        return
    command = [str(PEERS), "-m", "bench.supervision_peer", str(DRAWINGS * rounds)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    yield measured.validate_json(done.stdout.splitlines()[-1])
    with ExitStack() as stack:
        amazon = stack.enter_context(endpoints.running(DELAY))
        folder = Path(stack.enter_context(TemporaryDirectory()))
        ours = stack.enter_context(our_site(folder, **amazon))
        gradio = stack.enter_context(_gradio(folder))
        for size in ("camera frame", "12 MP"):
            yield _beside_gradio(ours, gradio, size, rounds, seconds)


def _gradio(folder: Path) -> AbstractContextManager[Site]:
    port = free_port()
    answer = folder / "answer.json"
    answer.write_text(json.dumps(recorded("detect_labels_giant_duck_boxes")))
    command = [str(PEERS), "-m", "bench.gradio_peer", str(port), str(DELAY), str(answer)]
    private = {"GRADIO_TEMP_DIR": str(folder / "gradio"), "GRADIO_ANALYTICS_ENABLED": "False"}
    return running(command, port, folder, ROOT, **private)


def _beside_gradio(ours: Site, gradio: Site, size: str, rounds: int, seconds: float) -> Comparison:
    say = upload("/api/v1/pictures", photo(size))
    return compared(
        f"Pictures a second, {size}, {CLIENTS} visitors, a detector of {DELAY * 1000:.0f} ms",
        "pictures/s",
        [
            ("ours", lambda: visit(ours, say, CLIENTS, seconds).rate()),
            ("Gradio", lambda: _visit_gradio(gradio, photo(size), seconds)),
        ],
        rounds,
        note="ours keeps picture, marked picture and result; Gradio draws in full size",
    )


def _visit_gradio(site: Site, picture: bytes, seconds: float) -> Sample:
    """What is answered within `seconds`, after one that does not count, as for ours."""
    boundary, body = encode_multipart({"files": FileStorage(BytesIO(picture), "photo.jpg")})
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    start = time.perf_counter() + 1.0
    end = start + seconds

    def ask(_: int) -> int:
        count = 0
        while time.perf_counter() < end:
            _ask_gradio(site.port, body, kind)
            count += start <= time.perf_counter() <= end
        return count

    with ThreadPoolExecutor(CLIENTS) as pool:
        counts = pool.map(ask, range(CLIENTS))
        time.sleep(1.0)
        cpu = site.cpu()
        time.sleep(seconds)
        cpu = site.cpu() - cpu
        count = sum(counts)
    return Sample(count / seconds, cpu / count)


def _ask_gradio(port: int, body: bytes, kind: dict[str, str]) -> None:
    """Its own three steps: send the file, ask about it, listen for the answer."""
    root = f"http://127.0.0.1:{port}/gradio_api"
    (path,) = json.loads(_ask(Request(f"{root}/upload", body, kind)))
    data = [{"path": path, "meta": {"_type": "gradio.FileData"}}]
    question = json.dumps({"data": data}).encode()
    asked = Request(f"{root}/call/look", question, {"Content-Type": "application/json"})
    event = json.loads(_ask(asked))["event_id"]
    answer = _ask(Request(f"{root}/call/look/{event}"))
    if b"event: complete" not in answer:
        raise RuntimeError(f"Gradio did not answer: {answer[:300]!r}")


def _ask(request: Request) -> bytes:
    with urlopen(request, timeout=PATIENCE) as answer:
        return bytes(answer.read())
