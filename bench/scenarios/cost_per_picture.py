"""CPU time and bytes that one picture takes of the site and of PostgreSQL; `scale` builds on it.

The whole site runs on a real PostgreSQL with fsync; S3 and Rekognition answer from a separate
process. CPU time and bytes are measured, which other load on the machine hardly changes.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import psycopg

from bench.harness import endpoints
from bench.harness.fixtures import BROWSER_MEGAPIXELS, THREE_BOXES, photo_of
from bench.harness.load import send_pictures, upload_request
from bench.harness.measuring import Comparison, Figures
from bench.harness.servers import TIMEOUT, Server, run_site
from rubberduck.imaging.decode import decode_picture, to_jpeg
from rubberduck.imaging.draw import draw_boxes
from tests.support import postgres

MAX_BYTES, MAX_SIDE = 15_000_000, 2048  # the defaults of settings.py
PICTURES, WARM_UP = 150, 20
FIGURES = {
    "site": ("A picture of 2048 × 1536: CPU time of the site", "ms"),
    "database": ("The same picture: CPU time of PostgreSQL", "ms"),
    "journal": ("The same picture: write-ahead log (WAL) of PostgreSQL", "kB"),
    "row": ("The same picture: its row, with indexes", "kB"),
    "stored": ("The same picture: its two objects in S3, plain and marked", "kB"),
    "page": ("A result's page: CPU time of the site", "ms"),
    "page_database": ("A result's page: CPU time of PostgreSQL", "ms"),
}


class Meter(NamedTuple):
    """Reads what a site and its database have used so far."""

    site: Server
    server: postgres.Server
    url: str  # of the database

    def query(self, sql: str) -> Any:
        with psycopg.connect(self.url.replace("+psycopg", "")) as connection:
            (answer,) = connection.execute(sql.encode()).fetchone() or (None,)
        return answer

    def usage(self, work: Callable[[], object], count: int) -> dict[str, float]:
        """Return what `work` takes for one of `count`: CPU milliseconds, and kilobytes."""
        before = self._read()
        work()
        return {name: (value - before[name]) / count for name, value in self._read().items()}

    def _read(self) -> dict[str, float]:
        journal = self.query("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")
        return {
            "site": self.site.cpu() * 1000,
            "database": self.server.cpu() * 1000,
            "journal": int(journal) / 1000,
            "row": self.query("SELECT pg_total_relation_size('duck_results')") / 1000,
        }


def run(rounds: int = 3, pictures: int = PICTURES) -> Iterator[Comparison]:
    if postgres.missing():
        return
    with (
        postgres.running(fsync="on") as server,
        server.database() as url,
        endpoints.running() as aws,
        run_site(**aws, DUCK_DATABASE_URL=url) as site,
    ):
        meter = Meter(site, server, url)
        request = upload_request("/api/v1/pictures", photo_of(BROWSER_MEGAPIXELS))
        send_pictures(site, request, WARM_UP)
        costs = []
        for _ in range(rounds):
            cost = meter.usage(lambda: send_pictures(site, request, pictures), pictures)
            page = meter.usage(lambda: _open_pages(meter, pictures), pictures)
            cost |= {"page": page["site"], "page_database": page["database"]}
            costs.append(cost | {"stored": _stored_bytes() / 1000})
    for name, (what, unit) in FIGURES.items():
        yield Comparison(what, unit, Figures("ours", tuple(cost[name] for cost in costs)))


def _stored_bytes() -> int:
    data = photo_of(BROWSER_MEGAPIXELS)
    picture = decode_picture(data, max_bytes=MAX_BYTES, max_side=MAX_SIDE)
    return len(picture.jpeg) + len(to_jpeg(draw_boxes(picture.image, THREE_BOXES)))


def _open_pages(meter: Meter, count: int) -> None:
    id = meter.query("SELECT id FROM duck_results WHERE status = 'ready'")
    url = f"http://127.0.0.1:{meter.site.port}/result/{id}"
    page = Request(url, headers={"Accept": "text/html"})
    for _ in range(count):
        with urlopen(page, timeout=TIMEOUT) as answer:
            answer.read()
