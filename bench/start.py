"""From nothing to the first page and the first answer: beside no preload, and a bare Flask."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.fixtures import photo
from bench.measure import Aim, Comparison, Sample, compared
from bench.sites import gunicorn, our_site
from bench.visitors import send, upload
from rubberduck.core.settings import ROOT

WORKERS = "4"
BARE = """from flask import Flask
app = Flask(__name__)
@app.get("/")
def index():
    return "Is there a rubber duck in this image?"
"""
say = upload("/api/v1/pictures", photo("camera frame"))
AIM = Aim(0.5, 0.3, absolute=True)


def run(rounds: int = 9) -> Iterator[Comparison]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        site, bare = ("ours", ours(folder)), ("bare Flask", _bare(folder))
        without = "without preload", ours(folder, preload=False)
        what = f"Start to the first answer, {WORKERS} workers"
        yield compared(what, "s", [site, without], rounds, AIM)
        yield compared(what, "s", [site, bare], rounds, AIM)
        sides = [
            ("ours", ours(folder, picture=True)),
            ("without preload", ours(folder, preload=False, picture=True)),
        ]
        yield compared("Start to the first picture's answer", "s", sides, rounds)


def ours(folder: Path, *, preload: bool = True, picture: bool = False) -> Callable[[], Sample]:
    config = folder / f"preload_{preload}.py"
    text = (ROOT / "gunicorn.conf.py").read_text()
    config.write_text(f"{text}\npreload_app = {preload}\n")

    def start() -> Sample:
        with our_site(folder, "-c", str(config), "-w", WORKERS) as site:
            since = time.perf_counter()
            if picture:
                send(site, say, 1, clients=1)
            return Sample(site.seconds + time.perf_counter() - since, site.cpu())

    return start


def _bare(folder: Path) -> Callable[[], Sample]:
    (folder / "bare.py").write_text(BARE)
    arguments = ("-k", "gthread", "--preload", "-w", WORKERS)

    def start() -> Sample:
        with gunicorn("bare:app", arguments, folder, folder) as site:
            return Sample(site.seconds, site.cpu())

    return start
