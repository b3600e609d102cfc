"""Workers killed, restarted and told to stop, with visitors on them: nothing answered is lost."""

import json
import os
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request

from tests.pictures import encoded, form
from tests.server import PATIENCE, Site, ask, serving

FAR = datetime(9999, 1, 1, tzinfo=UTC)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@dataclass
class Diary:
    """What visitors sent, each picture under a key of its own, and what came of it."""

    url: str
    answered: dict[str, str] = field(default_factory=dict)  # key → link
    broken: set[str] = field(default_factory=set)  # keys whose request broke off

    def send(self, key: str) -> None:
        try:
            status, body = ask(request(self.url, key))
        except (OSError, HTTPException):  # killed while it answered us
            self.broken.add(key)
            return
        assert status == 201, body
        self.answered[key] = json.loads(body)["links"]["self"]
        self.broken.discard(key)


def request(url: str, key: str) -> Request:
    parts = form(encoded(comment=key))
    headers = {"Content-Type": parts["content_type"], "Idempotency-Key": key}
    return Request(f"{url}/api/v1/pictures", parts["data"], headers)


@contextmanager
def visited(site: Site, visitors: int = 4, pause: float = 0.0) -> Iterator[Diary]:
    """Visitors who send one picture after the other."""
    diary, over = Diary(site.url), threading.Event()

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


def kill_under_load(site: Site, kills: int) -> Diary:
    with visited(site) as diary:
        for _ in range(kills):
            before, booted = len(diary.answered), len(site.workers)
            until(lambda before=before: len(diary.answered) > before + 3)  # type: ignore[misc]
            os.kill(random.choice(alive(site)), signal.SIGKILL)
            until(lambda booted=booted: len(site.workers) > booted)  # type: ignore[misc]
    return diary


def alive(site: Site) -> list[int]:
    children = Path(f"/proc/{site.process.pid}/task/{site.process.pid}/children").read_text()
    return [int(pid) for pid in children.split()]


def all_is_there(site: Site, diary: Diary) -> None:
    for link in diary.answered.values():
        assert site.get(link)[0] == 200
        assert site.get(link + ".jpg")[0] == 200


def is_sound(file: Path) -> bool:
    with closing(sqlite3.connect(file)) as database:
        return bool(database.execute("PRAGMA integrity_check").fetchone() == ("ok",))


def test_killed_workers_lose_no_answered_picture(tmp_path: Path) -> None:
    with serving(tmp_path) as site:
        diary = kill_under_load(site, 3)
        all_is_there(site, diary)
    assert len(diary.answered) > 9
    assert is_sound(tmp_path / "duck.db")
