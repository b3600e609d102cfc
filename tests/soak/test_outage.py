"""Two hundred visitors while Amazon is silent: who waits how long, and how often is it asked?"""

import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from rubberduck.core.circuit_breaker import FAILURE_THRESHOLD
from tests.support.aws import BUCKET
from tests.support.pictures import encoded
from tests.support.server import Site, amazon, serving

VISITORS = 200
# Of both workers: as many as have a thread, and who gets one that is free before the fifth failure.
AT_MOST = 2 * (8 + FAILURE_THRESHOLD - 1)
report = sys.stdout.write


class Silent:
    """Takes every connection, and never says a word."""

    def __init__(self, server: socket.socket) -> None:
        self.server = server
        self.url = f"http://127.0.0.1:{server.getsockname()[1]}"
        self.taken: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        with suppress(OSError):  # the end
            while True:
                self.taken.append(self.server.accept()[0])

    def hang_up(self) -> None:
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        for each in self.taken:
            each.close()


@pytest.fixture
def silent() -> Iterator[Silent]:
    silent = Silent(socket.create_server(("127.0.0.1", 0), backlog=500))
    yield silent
    silent.hang_up()


def send(site: Site, name: str) -> tuple[int, float]:
    started = time.monotonic()
    status, _ = site.post(encoded(comment=name))
    return status, time.monotonic() - started


def all_at_once(site: Site, wave: str) -> tuple[Counter[int], list[float]]:
    with ThreadPoolExecutor(VISITORS) as pool:
        came = list(pool.map(lambda number: send(site, f"{wave} {number}"), range(VISITORS)))
    seconds = sorted(took for _, took in came)
    statuses = Counter(status for status, _ in came)
    half, most = seconds[VISITORS // 2], seconds[-1]
    report(f"\n{wave}: {dict(statuses)}, half of them after {half:.2f} s, all after {most:.1f} s")
    return statuses, seconds


@pytest.mark.soak
def test_s3_is_silent(tmp_path: Path, eyes: Any, silent: Silent) -> None:
    there = amazon() | {"AWS_ENDPOINT_URL_S3": silent.url}
    with serving(tmp_path, DUCK_BUCKET=BUCKET, **there) as site:
        alone, waited = send(site, "the first of all")
        report(f"\none visitor waits {waited:.1f} s")
        first, _ = all_at_once(site, "S3 silent, first wave")
        requests = len(silent.taken)
        second, seconds = all_at_once(site, "S3 silent, second wave")
        report(f"\nS3 was asked {requests} times, then {len(silent.taken) - requests} times\n")
    assert (alone, set(first), set(second)) == (503, {503}, {503})
    assert waited < 12
    assert requests <= 2 * 2 * (AT_MOST + 1)  # two attempts each, to store and to clear up
    assert seconds[VISITORS // 2] < 5


@pytest.mark.soak
def test_rekognition_is_silent(tmp_path: Path, s3: Any, silent: Silent) -> None:
    there = amazon() | {"AWS_ENDPOINT_URL_REKOGNITION": silent.url}
    with serving(tmp_path, DUCK_BUCKET=BUCKET, **there) as site:
        first, _ = all_at_once(site, "Rekognition silent, first wave")
        requests = len(silent.taken)
        second, _ = all_at_once(site, "Rekognition silent, second wave")
        report(
            f"\nRekognition was asked {requests} times, then {len(silent.taken) - requests} times\n"
        )
    assert set(first) | set(second) <= {201, 503}
    assert second[201] >= 0.9 * VISITORS  # the others were told that it is busy
    assert requests <= 3 * AT_MOST
    assert len(silent.taken) - requests <= 3 * 2  # each process tries once in half a minute
