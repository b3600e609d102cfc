"""What one picture asks of the site and of PostgreSQL; `scale` reckons with it.

The site runs whole, on a real PostgreSQL that waits for its disk; S3 and Rekognition answer from
a process beside. Taken are processor time and bytes, which no busy machine changes much.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import psycopg

from bench import endpoints
from bench.fixtures import THREE_BOXES, photo_of
from bench.measure import Comparison, Figures
from bench.sites import PATIENCE, Site, our_site
from bench.visitors import Say, send, upload
from rubberduck.imaging.decode import decode_picture, to_jpeg
from rubberduck.imaging.draw import draw_boxes
from tests.support import postgres

MEGAPIXELS = 2048 * 1536 / 1e6  # what a browser makes of a phone's photo
MAX_BYTES, MOST_SIDE = 15_000_000, 2048  # as settings.py has it
PICTURES, WARM = 150, 20
WHAT = {
    "site": ("A picture that a browser made small: processor of the site", "ms"),
    "database": ("The same picture: processor of PostgreSQL", "ms"),
    "journal": ("The same picture: journal (WAL) that PostgreSQL writes", "kB"),
    "row": ("The same picture: its row, with indexes", "kB"),
    "stored": ("The same picture: what S3 keeps of it, plain and marked", "kB"),
    "page": ("A result's page: processor of the site", "ms"),
    "page_database": ("A result's page: processor of PostgreSQL", "ms"),
}


class Meter(NamedTuple):
    """Seconds of processor and bytes of journal, until now."""

    site: float
    database: float
    journal: int


@dataclass(frozen=True)
class Bench:
    """A site and its database, and how to read their meters."""

    site: Site
    server: postgres.Server
    url: str  # of its database

    def ask(self, question: str) -> Any:
        with psycopg.connect(self.url.replace("+psycopg", "")) as connection:
            (answer,) = connection.execute(question.encode()).fetchone() or (None,)
        return answer

    def read(self) -> Meter:
        journal = self.ask("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")
        return Meter(self.site.cpu(), self.server.cpu(), int(journal))

    @property
    def size(self) -> int:
        return int(self.ask("SELECT pg_total_relation_size('duck_results')"))


def run(rounds: int = 3, pictures: int = PICTURES) -> Iterator[Comparison]:
    if postgres.missing():
        return
    say = upload("/api/v1/pictures", photo_of(MEGAPIXELS))
    with ExitStack() as stack:
        bench = _bench(stack)
        send(bench.site, say, WARM)
        taken = [_pictures(bench, say, pictures) | _pages(bench, pictures) for _ in range(rounds)]
    for name, (what, unit) in WHAT.items():
        yield Comparison(what, unit, Figures("ours", tuple(each[name] for each in taken)))


def _bench(stack: ExitStack) -> Bench:
    server = stack.enter_context(postgres.running(fsync="on"))
    url = stack.enter_context(server.database())
    folder = Path(stack.enter_context(TemporaryDirectory()))
    amazon = stack.enter_context(endpoints.running())
    site = stack.enter_context(our_site(folder, **amazon, DUCK_DATABASE_URL=url))
    return Bench(site, server, url)


def _pictures(bench: Bench, say: Say, count: int) -> dict[str, float]:
    before, size = bench.read(), bench.size
    send(bench.site, say, count)
    after = bench.read()
    return {
        "site": (after.site - before.site) / count * 1000,
        "database": (after.database - before.database) / count * 1000,
        "journal": (after.journal - before.journal) / count / 1000,
        "row": (bench.size - size) / count / 1000,
        "stored": _stored() / 1000,
    }


def _stored() -> int:
    picture = decode_picture(photo_of(MEGAPIXELS), max_bytes=MAX_BYTES, max_side=MOST_SIDE)
    return len(picture.jpeg) + len(to_jpeg(draw_boxes(picture.image, THREE_BOXES)))


def _pages(bench: Bench, count: int) -> dict[str, float]:
    id = bench.ask("SELECT id FROM duck_results WHERE status = 'ready'")
    address = f"http://127.0.0.1:{bench.site.port}/result/{id}"
    page = Request(address, headers={"Accept": "text/html"})
    before = bench.read()
    for _ in range(count):
        with urlopen(page, timeout=PATIENCE) as answer:
            answer.read()
    after = bench.read()
    return {
        "page": (after.site - before.site) / count * 1000,
        "page_database": (after.database - before.database) / count * 1000,
    }
