"""Workers killed, restarted and told to stop, with visitors on them: nothing answered is lost."""

import os
import random
import signal
import socket
import sqlite3
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from tests.support.aws import BUCKET
from tests.support.diary import (
    Diary,
    all_is_there,
    mend,
    nothing_is_left_behind,
    one_row_each,
    request,
    visited,
)
from tests.support.rekognition_endpoint import RekognitionEndpoint
from tests.support.server import PATIENCE, Site, amazon, serving, until

report = sys.stdout.write  # figures, which `make soak` shows


def kill_under_load(site: Site, kills: int) -> Diary:
    with visited(site) as diary:
        for _ in range(kills):
            before, killed = len(diary.answered), random.choice(alive(site))
            os.kill(killed, signal.SIGKILL)
            until(partial(others_came, site, {killed}))
            until(partial(more_answered, diary, before + 3))
    return diary


def others_came(site: Site, old: set[int]) -> bool:
    now = set(alive(site))
    return len(now) >= 2 and not now & old


def more_answered(diary: Diary, than: int) -> bool:
    return len(diary.answered) > than


def alive(site: Site) -> list[int]:
    children = Path(f"/proc/{site.process.pid}/task/{site.process.pid}/children").read_text()
    return [int(pid) for pid in children.split()]


def is_sound(file: Path) -> bool:
    with closing(sqlite3.connect(file)) as database:
        return bool(database.execute("PRAGMA integrity_check").fetchone() == ("ok",))


def test_killed_workers_lose_no_answered_picture(tmp_path: Path) -> None:
    with serving(tmp_path) as site:
        diary = kill_under_load(site, 3)
        all_is_there(site, diary)
    assert len(diary.answered) > 9
    assert is_sound(tmp_path / "duck.db")


KILLS = {"sqlite": 200, "postgresql": 40}


@pytest.mark.soak
def test_hundreds_of_kills(tmp_path: Path, database_url: str) -> None:
    kind = make_url(database_url).get_backend_name()
    kills = KILLS[kind]
    started = time.monotonic()
    with serving(tmp_path, DUCK_DATABASE_URL=database_url) as site:
        diary = kill_under_load(site, kills)
        broken = len(diary.broken)
        mend(diary)
        all_is_there(site, diary)
    one_row_each(database_url, diary)
    swept = nothing_is_left_behind(database_url, tmp_path / "uploads", diary)
    report(f"\nswept: {swept}\n{kills} kills on {kind}, {len(diary.answered)} answered, ")
    report(f"{broken} broken off; ")
    report(f"sent again, 0 lost, 0 twice; {time.monotonic() - started:.0f} s\n")


def restart_under_load(site: Site, restarts: int) -> Diary:
    """As a deployment does: new workers come, the old ones finish what they have."""
    with visited(site, visitors=2, pause=0.4) as diary:
        for _ in range(restarts):
            before, old = len(diary.answered), set(alive(site))
            site.process.send_signal(signal.SIGHUP)
            until(partial(others_came, site, old))
            until(partial(more_answered, diary, before + 3))
    return diary


def test_a_restart_loses_nothing(tmp_path: Path) -> None:
    with serving(tmp_path) as site:
        diary = restart_under_load(site, 2)
        for key in sorted(diary.broken):
            diary.send(key)
        all_is_there(site, diary)
    assert diary.broken == set()
    one_row_each(f"sqlite:///{tmp_path / 'duck.db'}", diary)


@pytest.mark.soak
def test_fifty_restarts(tmp_path: Path) -> None:
    with serving(tmp_path) as site:
        memory = resident(site.process.pid)
        diary = restart_under_load(site, 50)
        broken, more = len(diary.broken), resident(site.process.pid) - memory
        mend(diary)
        all_is_there(site, diary)
    one_row_each(f"sqlite:///{tmp_path / 'duck.db'}", diary)
    report(f"\n50 restarts, {len(diary.answered)} answered, {broken} broken off, 0 lost, 0 twice; ")
    report(f"the first process grew by {more} MB\n")
    assert broken <= len(diary.answered) / 100


def resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) // 1000


def test_who_is_told_to_stop_finishes_first(
    tmp_path: Path, s3: Any, eyes: RekognitionEndpoint
) -> None:
    eyes.delay = 3.0
    with serving(tmp_path, DUCK_BUCKET=BUCKET, **amazon()) as site:
        diary = Diary(site.url)
        with ThreadPoolExecutor(3) as pool:
            sent = [pool.submit(diary.send, f"picture {number}") for number in range(3)]
            until(lambda: s3.list_objects_v2(Bucket=BUCKET, Prefix="uploads/")["KeyCount"] == 3)
            stopping = time.monotonic()
            site.process.terminate()
            for each in sent:
                each.result()
        assert site.process.wait(PATIENCE) == 0
        report(f"\nstopped after {time.monotonic() - stopping:.1f} s, its answers took 3 s\n")
    assert (len(diary.answered), len(diary.broken)) == (3, 0)


def test_an_upload_cut_off_by_a_restart_can_safely_be_sent_again(tmp_path: Path) -> None:
    with serving(tmp_path) as site:
        whole = request(site.url, "the picture of one visitor")
        body, headers = whole.data, {**whole.headers, "Host": "localhost", "Connection": "close"}
        assert isinstance(body, bytes)
        headers["Content-Length"] = str(len(body))
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        with socket.create_connection(("127.0.0.1", site.port), timeout=PATIENCE) as slow:
            head = "".join(["POST /api/v1/pictures HTTP/1.1\r\n", *lines, "\r\n"])
            slow.sendall(head.encode())
            slow.sendall(body[: len(body) // 2])
            time.sleep(0.5)  # so that a worker reads
            site.process.terminate()
            time.sleep(0.5)
            with suppress(OSError):  # it may have hung up
                slow.sendall(body[len(body) // 2 :])
                answered = slow.recv(12)
                assert answered in (b"", b"HTTP/1.1 201", b"HTTP/1.1 503")
        site.process.wait(PATIENCE)
    with serving(tmp_path) as site:
        diary = Diary(site.url)
        diary.send("the picture of one visitor")
        all_is_there(site, diary)
    assert diary.broken == set()
    one_row_each(f"sqlite:///{tmp_path / 'duck.db'}", diary)


@pytest.mark.soak
def test_a_silent_sender_delays_the_stop_for_less_than_thirty_seconds(tmp_path: Path) -> None:
    with serving(tmp_path) as site, socket.create_connection(("127.0.0.1", site.port)) as silent:
        silent.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999\r\n\r\nabc")
        time.sleep(1)
        stopping = time.monotonic()
        site.process.terminate()
        site.process.wait(PATIENCE)
        took = time.monotonic() - stopping
    report(f"\nwith a silent sender, stopped after {took:.1f} s\n")
    assert took < 30
