"""Visitors who send pictures while something breaks, and what was answered: is it still there?"""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request

import time_machine
from sqlalchemy import func, select

from rubberduck.db.results import Results
from rubberduck.db.tables import READY, duck_results
from rubberduck.services.observation import Swept
from rubberduck.services.retention import Sweeper
from rubberduck.storage.folder import FolderStorage
from tests.support.pictures import encoded
from tests.support.server import Site, fetch, upload

CREATED, ACCEPTED = 201, 202
FAR = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass
class Diary:
    """What visitors sent, each picture under a key of its own, and what came of it.

    An answer with a status of `refusals` counts as a request that broke off.
    """

    url: str
    refusals: frozenset[int] = frozenset()
    answered: dict[str, dict[str, str]] = field(default_factory=dict)  # key → links
    broken: set[str] = field(default_factory=set)  # keys whose request broke off

    def send(self, key: str) -> None:
        try:
            status, body = fetch(request(self.url, key))
            while status == ACCEPTED:  # its first attempt is still in work
                time.sleep(0.2)
                status, body = fetch(request(self.url, key))
        except (OSError, HTTPException):  # killed while it answered us
            self.broken.add(key)
            return
        if status in self.refusals:
            self.broken.add(key)
            return
        assert status == CREATED, body
        self.answered[key] = json.loads(body)["links"]
        self.broken.discard(key)


def request(url: str, key: str) -> Request:
    return upload(url, encoded(comment=key), Idempotency_Key=key)


@contextmanager
def visited(
    site: Site, visitors: int = 4, pause: float = 0.0, refusals: frozenset[int] = frozenset()
) -> Iterator[Diary]:
    """Visitors who send one picture after the other."""
    diary, over = Diary(site.url, refusals), threading.Event()

    def visit(visitor: int) -> None:
        number = 0
        while not over.is_set():
            diary.send(f"picture {number} of visitor {visitor}")
            number += 1
            over.wait(pause)

    with ThreadPoolExecutor(visitors) as pool:
        visits = [pool.submit(visit, number) for number in range(visitors)]
        try:
            yield diary
        finally:
            over.set()
        for each in visits:
            each.result()


def all_is_there(site: Site, diary: Diary) -> None:
    for links in diary.answered.values():
        assert site.get(links["self"])[0] == 200
        assert site.get(links["picture"])[0] == 200


def mend(diary: Diary) -> None:
    """Everybody whose request broke off sends it again, until it is answered."""
    for key in sorted(diary.broken):
        diary.send(key)
    assert diary.broken == set()


def one_row_each(url: str, diary: Diary) -> None:
    results = Results(url)
    with results.database.engine.connect() as connection:
        ready = connection.scalar(
            select(func.count()).select_from(duck_results).where(duck_results.c.status == READY)
        )
    results.close()
    assert ready == len(diary.answered)


def nothing_is_left_behind(url: str, folder: Path, diary: Diary) -> Swept:
    """Sweep as it is done two hours later, and return what was left until then."""
    results, storage = Results(url), FolderStorage(folder)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=2)):
        swept = Sweeper(lambda: results, storage).sweep()
    results.close()
    assert len(set(storage.keys_older_than(FAR))) == len(diary.answered)  # no ducks, so no boxes
    return swept
