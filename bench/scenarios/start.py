"""From process start to the first page and picture; without preload, and bare Flask, to compare."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.harness.fixtures import photo
from bench.harness.load import send_pictures, upload_request
from bench.harness.measuring import Aim, Comparison, Sample, compare
from bench.harness.servers import run_gunicorn, run_site
from rubberduck.core.settings import ROOT

WORKERS = "4"
BARE = """from flask import Flask
app = Flask(__name__)
@app.get("/")
def index():
    return "Is there a rubber duck in this image?"
"""
AIM = Aim(0.5, 0.3, absolute=True)


def run(rounds: int = 9) -> Iterator[Comparison]:
    ours, no_preload = ("ours", start_site), ("without preload", lambda: start_site(preload=False))
    what = f"Start to the first answer, {WORKERS} workers"
    yield compare(what, "s", [ours, no_preload], rounds, AIM)
    with TemporaryDirectory() as folder:
        yield compare(what, "s", [ours, ("bare Flask", _bare(Path(folder)))], rounds, AIM)
    sides = [
        ("ours", lambda: start_site(picture=True)),
        ("without preload", lambda: start_site(preload=False, picture=True)),
    ]
    yield compare("Start to the first picture's answer", "s", sides, rounds)


def start_site(*, preload: bool = True, picture: bool = False) -> Sample:
    """Return the seconds until the first page or, with `picture`, the first result."""
    with TemporaryDirectory() as folder:
        config = Path(folder, "config.py")
        text = (ROOT / "gunicorn.conf.py").read_text()
        config.write_text(f"{text}\npreload_app = {preload}\n")
        with run_site("-c", str(config), "-w", WORKERS) as site:
            since = time.perf_counter()
            if picture:
                frame = upload_request("/api/v1/pictures", photo("camera frame"))
                send_pictures(site, frame, 1, clients=1)
            return Sample(site.start_seconds + time.perf_counter() - since, site.cpu())


def _bare(folder: Path) -> Callable[[], Sample]:
    (folder / "bare.py").write_text(BARE)
    arguments = ("-k", "gthread", "--preload", "-w", WORKERS)

    def start() -> Sample:
        with run_gunicorn("bare:app", arguments, folder) as site:
            return Sample(site.start_seconds, site.cpu())

    return start
