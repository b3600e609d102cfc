"""Objects of the application that are made at their first use."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from flask import Flask

from rubberduck.web.deps import shared
from tests.support.server import PATIENCE


def test_threads_that_come_first_together_share_one_object(app: Flask) -> None:
    """The limit of requests that wait for the sign-in service is one for all, for example."""
    together = Barrier(2)

    def make() -> object:
        together.wait(PATIENCE)
        return object()

    def first_use(_thread: int) -> object:
        with app.app_context():
            return shared("a thing", make)

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(first_use, range(2))
    assert one is other
