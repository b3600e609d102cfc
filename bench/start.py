"""From nothing to the first answer: ours beside itself without preload, and beside a bare Flask."""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import Aim, Comparison, Sample, compared
from bench.sites import gunicorn, our_site
from rubberduck.settings import ROOT

WORKERS = "4"
BARE = """from flask import Flask
app = Flask(__name__)
@app.get("/")
def index():
    return "Is there a rubber duck in this image?"
"""
AIM = Aim(0.5, 0.3, absolute=True)


def run(rounds: int = 9) -> Iterator[Comparison]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        ours, bare = ("ours", _ours(folder, preload=True)), ("bare Flask", _bare(folder))
        without = "without preload", _ours(folder, preload=False)
        what = f"Start to the first answer, {WORKERS} workers"
        yield compared(what, "s", [ours, without], rounds, AIM)
        yield compared(what, "s", [ours, bare], rounds)


def _ours(folder: Path, preload: bool) -> Callable[[], Sample]:
    config = folder / f"preload_{preload}.py"
    text = (ROOT / "gunicorn.conf.py").read_text()
    config.write_text(f"{text}\npreload_app = {preload}\n")

    def start() -> Sample:
        with our_site(folder, "-c", str(config), "-w", WORKERS) as site:
            return Sample(site.seconds, site.cpu())

    return start


def _bare(folder: Path) -> Callable[[], Sample]:
    (folder / "bare.py").write_text(BARE)
    arguments = ("-k", "gthread", "--preload", "-w", WORKERS)

    def start() -> Sample:
        with gunicorn("bare:app", arguments, folder, folder) as site:
            return Sample(site.seconds, site.cpu())

    return start
