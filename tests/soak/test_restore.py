"""Twenty rounds of backup and restore; `make soak`."""

import json
import signal
import sqlite3
from pathlib import Path

import pytest

from tests.support.restoring import command, stop, upload
from tests.support.server import serving


@pytest.mark.soak
def test_twenty_restores(tmp_path: Path) -> None:
    """Each round keeps what was uploaded before its backup and loses only what came after it."""
    kept: list[str] = []
    gone: list[str] = []
    for number in range(21):
        file = tmp_path / f"backup-{number}.tar"
        with serving(tmp_path) as site:
            assert {site.get(path)[0] for path in kept} <= {200}
            assert {site.get(path)[0] for path in gone} <= {404}
            for path in kept:
                links = json.loads(site.get(path)[1])["links"]
                assert site.get(links["picture"])[0] == 200
            if number == 20:
                break
            kept.append(upload(site, 2 * number))
            assert command(tmp_path, "backup", str(file)).returncode == 0
            gone.append(upload(site, 2 * number + 1))
            stop(site, (signal.SIGTERM, signal.SIGKILL)[number % 2])
        done = command(tmp_path, "restore", str(file))
        assert done.returncode == 0, done.stderr
    with sqlite3.connect(tmp_path / "duck.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    print(f"\n20 restores: {len(kept)} results kept, 0 lost, {len(gone)} later ones gone")
