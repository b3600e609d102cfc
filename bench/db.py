"""The database: a connection that is kept beside a new one for each picture, and its fsyncs."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import Aim, Comparison, Figures, in_turns
from bench.rows import a_result, an_upload
from db_setup import set_up
from rubberduck.core.settings import ROOT
from rubberduck.db.results import Results

FEW, MANY = 20, 320  # pictures; what the process itself costs is in both
COUNTING = ("strace", "-f", "--seccomp-bpf", "-c", "-e", "trace=fsync,fdatasync")


def run(rounds: int = 15) -> Iterator[Comparison]:
    with TemporaryDirectory() as name:
        url = _new_database(Path(name))
        kept = Results(url)
        yield in_turns(
            "Writing a picture down, its answer, and reading it, SQLite",
            ("connection kept", lambda: _keep_one(kept)),
            ("a new one each time", lambda: _on_new_connections(url)),
            rounds,
        )
        kept.close()
    yield _syncs()


def _new_database(folder: Path) -> str:
    url = f"sqlite:///{folder / 'duck.db'}"
    set_up(url)
    return url


def _keep_one(results: Results) -> None:
    upload = an_upload()
    results.begin(upload, "the detector")
    results.save(replace(a_result(), id=upload.id))
    results.get(upload.id)


def _on_new_connections(url: str) -> None:
    results = Results(url)
    _keep_one(results)
    results.close()


def _syncs() -> Comparison:
    what = "fsyncs a picture, SQLite"
    if not can_count_syncs():
        nothing = Figures("not counted", (0.0,))
        return Comparison(what, "", nothing, note="not counted: strace cannot be used here")
    sides = [
        Figures(name, (syncs_a_picture(how, MANY),))
        for name, how in (("connection kept", "kept"), ("a new one each time", "new"))
    ]
    return Comparison(what, "", sides[0], sides[1], Aim(0.1, absolute=True))


def can_count_syncs() -> bool:
    if not shutil.which("strace"):
        return False
    return subprocess.run([*COUNTING, "true"], check=False, capture_output=True).returncode == 0


def syncs_a_picture(how: str, many: int) -> float:
    return (_count(how, many) - _count(how, FEW)) / (many - FEW)


def _count(how: str, pictures: int) -> int:
    with TemporaryDirectory() as folder:
        url = _new_database(Path(folder))
        done = subprocess.run(
            [*COUNTING, sys.executable, "-m", "bench.db", how, str(pictures), url],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
    lines = (line.split() for line in done.stderr.splitlines() if line.endswith("sync"))
    return sum(int(calls) for _share, _seconds, _each, calls, *_ in lines)


def _keep(how: str, pictures: str, url: str) -> None:
    results = Results(url)
    for _ in range(int(pictures)):
        if how == "kept":
            _keep_one(results)
        else:
            _on_new_connections(url)
    results.close()


if __name__ == "__main__":
    _keep(*sys.argv[1:])
