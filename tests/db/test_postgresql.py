"""PostgreSQL behind a pooler, without an answer, demoted, in an odd encoding."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import db_setup
from db_setup import CannotSetUp, set_up
from rubberduck.core.errors import ResultsUnavailable
from rubberduck.core.settings import ROOT, Settings
from rubberduck.db import postgresql
from rubberduck.db.results import Results
from rubberduck.services.pipeline import Pipeline
from tests.support import namespaces, pgbouncer, postgres, postgres_proxy
from tests.support.pictures import encoded
from tests.support.postgres import Server
from tests.support.postgres_proxy import Proxy
from tests.support.server import free_port

Open = Callable[[str], Results]


@pytest.fixture
def url(postgres_server: Server) -> Iterator[str]:
    with postgres_server.database() as url:
        yield url


def test_pgbouncer_in_transaction_mode(
    postgres_server: Server, url: str, pipeline: Pipeline, open_results: Open
) -> None:
    if reason := pgbouncer.missing():
        pytest.skip(reason)
    with pgbouncer.in_front_of(postgres_server) as pooler:
        pooled = pooler.url(url)
        set_up(pooled)
        results = open_results(pooled)
        busy = replace(pipeline, open_results=lambda: results)
        sent = [encoded(comment=str(number)) for number in range(60)]
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(busy.process_upload, sent))
        assert all(results.get(answer.id).verdict.found for answer in answers)
        assert results.database.is_pooled()
        results.close()


def test_without_a_pooler_none_is_seen(url: str, open_results: Open) -> None:
    set_up(url)
    assert not open_results(url).database.is_pooled()


@pytest.fixture
def proxy(postgres_server: Server) -> Iterator[Proxy]:
    with postgres_proxy.in_front_of(postgres_server) as proxy:
        yield proxy


def test_a_pooler_that_hangs_ends_every_request_and_is_forgotten(
    proxy: Proxy, url: str, open_results: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the deadlines this test would hang: the proxy acknowledges and says nothing."""
    monkeypatch.setattr(postgresql, "PING_SECONDS", 0.5)
    monkeypatch.setattr(postgresql, "TRANSACTION_SECONDS", 0.5)
    set_up(url)
    results = open_results(proxy.url(url))
    results.check()
    proxy.forwards.clear()
    for _ in range(2):
        with pytest.raises(ResultsUnavailable):
            results.check()
    proxy.forwards.set()
    results.check()


def test_a_statement_that_hangs_ends_too(
    proxy: Proxy, url: str, open_results: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "TRANSACTION_SECONDS", 0.5)
    set_up(url)
    results = open_results(proxy.url(url))

    def hang() -> None:
        with results.database.transaction() as connection:
            proxy.forwards.clear()
            connection.exec_driver_sql("SELECT 1")

    with pytest.raises(ResultsUnavailable):
        hang()
    proxy.forwards.set()
    results.check()


AT_THE_OTHER_END = """
import sys
from rubberduck.core.errors import ResultsUnavailable
from rubberduck.db.results import Results

results = Results(sys.argv[1])
for _ in sys.stdin:
    try:
        results.check()
        print("written", flush=True)
    except ResultsUnavailable:
        print("unavailable", flush=True)
"""


@pytest.mark.enable_socket
def test_every_request_ends_when_the_servers_packets_get_lost() -> None:
    """TCP alone would wait for a quarter of an hour. Later the connections are made anew."""
    if reason := postgres.missing() or namespaces.missing():
        pytest.skip(reason)
    port = free_port()
    with (
        namespaces.joined() as cable,
        postgres.running(listen=port, address=namespaces.HERE),
    ):
        url = f"postgresql+psycopg://tests@{namespaces.HERE}:{port}/postgres"
        set_up(url)
        command = cable.command(sys.executable, "-c", AT_THE_OTHER_END, url)
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, cwd=ROOT, **pipes) as client:

            def check() -> str:
                assert client.stdin
                assert client.stdout
                client.stdin.write("\n")
                client.stdin.flush()
                return str(client.stdout.readline()).strip()

            try:
                assert check() == "written"
                cable.pull()
                assert [check(), check()] == ["unavailable"] * 2
                cable.plug()
                assert check() == "written"
            finally:
                client.kill()


def test_connections_to_a_demoted_primary_are_thrown_away(url: str, open_results: Open) -> None:
    set_up(url)
    results = open_results(url)
    with results.database.transaction() as connection:
        # As a primary that became a standby answers: 25006 for every write.
        connection.exec_driver_sql("SET SESSION default_transaction_read_only = on")
    with pytest.raises(ResultsUnavailable, match="read-only"):
        results.check()
    results.check()


@pytest.mark.parametrize("state", ["25006", "25P03", "57P01", "57P02", "57P03", "08006", "08P01"])
def test_what_ends_a_connection(state: str) -> None:
    error = Exception()
    error.sqlstate = state  # type: ignore[attr-defined]
    assert postgresql.is_lost(error)
    error.sqlstate = "23505"  # type: ignore[attr-defined]
    assert not postgresql.is_lost(error)


def test_a_database_in_sql_ascii_is_refused_in_words(postgres_server: Server) -> None:
    options = "ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0"
    with (
        postgres_server.database(options) as url,
        pytest.raises(CannotSetUp, match=r"SQL_ASCII.*CREATE DATABASE"),
    ):
        set_up(url)


def test_a_percent_sign_in_the_projects_path(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "100%").symlink_to(ROOT)
    monkeypatch.setattr(db_setup, "ROOT", tmp_path / "100%")
    before, after = set_up(settings.database_url)
    assert before is None
    assert after is not None


def test_a_connection_that_became_read_only_is_thrown_away(results: Results) -> None:
    with results.database.transaction() as connection:
        # SQLite's own error of a file opened read-only; file modes do not bind root, who tests.
        connection.exec_driver_sql("PRAGMA query_only = 1")
    with pytest.raises(ResultsUnavailable, match="make the file and its folder writable"):
        results.check()
    results.check()
