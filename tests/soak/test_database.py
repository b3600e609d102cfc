"""A database that is locked, and one with many writers; `make soak`."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from db_setup import set_up
from rubberduck.core.errors import ResultsUnavailable
from rubberduck.db.results import Results
from tests.support.pictures import encoded
from tests.support.stored_results import sample_result, save_and_get
from tests.support.visitor import post_picture

Open = Callable[[str], Results]


@pytest.mark.soak  # two seconds later it would be too long, which a busy computer may need
def test_a_database_locked_for_three_seconds_keeps_visitors_waiting_no_longer(
    client: FlaskClient, tmp_path: Path
) -> None:
    post_picture(client, encoded())  # what is made once is there now
    other = sqlite3.connect(tmp_path / "duck.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(3.0, other.rollback)
    release.start()
    assert post_picture(client, encoded(comment="another")).status_code == 303
    release.join()
    other.close()


@pytest.mark.soak
def test_sixteen_threads_write_fifty_results_each(database_url: str, open_results: Open) -> None:
    set_up(database_url)
    book, faults = open_results(database_url), []

    def write(writer: int) -> None:
        try:
            for number in range(50):
                save_and_get(book, sample_result(f"{writer}-{number}"))
        except ResultsUnavailable as error:
            faults.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
