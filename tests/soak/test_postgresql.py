"""PostgreSQL that vanishes, is demoted, or lies behind a pooler that is killed; `make soak`.

Visitors send pictures all the while. What the site could not save it says (503), and what it
acknowledged is there afterwards, once.
"""

import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.support import pgbouncer, postgres_proxy
from tests.support.diary import (
    Diary,
    all_is_there,
    mend,
    nothing_is_left_behind,
    one_row_each,
    visited,
)
from tests.support.postgres import Server
from tests.support.server import Site, serving, until

pytestmark = pytest.mark.soak
ROUNDS = 10
UNAVAILABLE = frozenset({503})
report = sys.stdout.write  # figures, which `make soak` shows

Break = Callable[[], None]


@contextmanager
def behind_pgbouncer(server: Server, url: str) -> Iterator[tuple[str, Break, Break]]:
    """Kill the pooler, and start it again."""
    if reason := pgbouncer.missing():
        pytest.skip(reason)
    with pgbouncer.in_front_of(server) as pooler:
        yield pooler.url(url), pooler.kill, pooler.start


@contextmanager
def vanishing(server: Server, url: str) -> Iterator[tuple[str, Break, Break]]:
    """Let nothing through, though all connections stay open and take what is sent."""
    with postgres_proxy.in_front_of(server) as proxy:
        yield proxy.url(url), proxy.forwards.clear, proxy.forwards.set


@contextmanager
def demoted(server: Server, url: str) -> Iterator[tuple[str, Break, Break]]:
    """Refuse every write with 25006, as a primary does that became a standby."""
    try:
        yield url, lambda: server.set_read_only(True), lambda: server.set_read_only(False)
    finally:
        server.set_read_only(False)


Scene = Callable[[Server, str], AbstractContextManager[tuple[str, Break, Break]]]


@pytest.mark.parametrize("scene", [behind_pgbouncer, vanishing, demoted])
def test_what_is_acknowledged_is_there_once_though_the_database_comes_and_goes(
    postgres_server: Server, tmp_path: Path, scene: Scene
) -> None:
    started = time.monotonic()
    with postgres_server.database() as url, scene(postgres_server, url) as (through, end, begin):
        with serving(tmp_path, DUCK_DATABASE_URL=through) as site:
            diary = visitors_meanwhile(site, end, begin)
            broken = len(diary.broken)
            mend(diary)
            all_is_there(site, diary)
        one_row_each(url, diary)
        nothing_is_left_behind(url, tmp_path / "uploads", diary)
    report(f"\n{scene.__name__}: {ROUNDS} times gone, {len(diary.answered)} answered, {broken} ")
    report(f"refused; sent again, 0 lost, 0 twice; {time.monotonic() - started:.0f} s\n")
    assert broken >= ROUNDS


def visitors_meanwhile(site: Site, end: Break, begin: Break) -> Diary:
    """Let visitors send pictures while the database goes and comes back."""
    with visited(site, refusals=UNAVAILABLE) as diary:
        for _ in range(ROUNDS):
            before, refused = len(diary.answered), len(diary.broken)
            until(lambda before=before: len(diary.answered) > before + 3)  # type: ignore[misc]
            time.sleep(random.random() / 2)  # at any point of a request
            end()
            until(lambda refused=refused: len(diary.broken) > refused)  # type: ignore[misc]
            begin()
    return diary
