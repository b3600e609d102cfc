"""The database: a kept connection or a new one for each picture, and the fsyncs of both."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from bench.harness.database import save_one
from bench.harness.measuring import Aim, Comparison, Figures, compare_times
from db_setup import set_up
from rubberduck.core.settings import ROOT
from rubberduck.db.results import Results

FEW, MANY = 20, 320  # pictures; what the process itself costs is in both
COUNTING = ("strace", "-f", "--seccomp-bpf", "-c", "-e", "trace=fsync,fdatasync")
SIDES = {"connection kept": "kept", "a new one each time": "new"}


def run(rounds: int = 15) -> Iterator[Comparison]:
    with _new_database() as url:
        kept = Results(url)
        what = "Inserting an upload, saving its result, and reading it, SQLite"
        works = {
            "connection kept": lambda: _save_and_read(kept),
            "a new one each time": lambda: _on_a_new_connection(url),
        }
        yield compare_times(what, works, rounds)
        kept.close()
    what = "fsyncs a picture, SQLite"
    if can_count_syncs():
        ours, other = (Figures(name, (syncs_a_picture(how, MANY),)) for name, how in SIDES.items())
        yield Comparison(what, "", ours, other, Aim(0.1, absolute=True))
    else:
        note = "not counted: strace cannot be used here"
        yield Comparison(what, "", Figures("not counted", (0.0,)), note=note)


@contextmanager
def _new_database() -> Iterator[str]:
    with TemporaryDirectory() as folder:
        set_up(url := f"sqlite:///{folder}/duck.db")
        yield url


def _save_and_read(results: Results) -> None:
    results.get(save_one(results))


def _on_a_new_connection(url: str) -> None:
    results = Results(url)
    _save_and_read(results)
    results.close()


def can_count_syncs() -> bool:
    if not shutil.which("strace"):
        return False
    return subprocess.run([*COUNTING, "true"], check=False, capture_output=True).returncode == 0


def syncs_a_picture(how: str, many: int) -> float:
    """Return the fsyncs of one picture on a connection that is "kept", or "new" each time."""
    return (_count(how, many) - _count(how, FEW)) / (many - FEW)


def _count(how: str, pictures: int) -> int:
    with _new_database() as url:
        command = [*COUNTING, sys.executable, "-m", __name__, how, str(pictures), url]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    lines = (line.split() for line in done.stderr.splitlines() if line.endswith("sync"))
    return sum(int(calls) for _share, _seconds, _each, calls, *_ in lines)


def _main(how: str, pictures: str, url: str) -> None:
    results = Results(url)
    for _ in range(int(pictures)):
        if how == "kept":
            _save_and_read(results)
        else:
            _on_a_new_connection(url)
    results.close()


if __name__ == "__main__":
    _main(*sys.argv[1:])
