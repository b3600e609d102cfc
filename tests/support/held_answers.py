"""Hold an answer back at a local server: the work is done there, and the client waits for it.

A test that kills the client meanwhile knows exactly how far it had come.
"""

import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from tests.support.custom_labels import FakeCustomLabels
from tests.support.server import PATIENCE, until

Wanted = Callable[[str], bool]


class Held:
    """Holds the answer to the first request that is wanted, until `release`."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self._arrived, self._released = threading.Event(), threading.Event()

    def until_held(self) -> None:
        until(self._arrived.is_set)

    def release(self) -> None:
        self._released.set()

    def pass_through(self, request: str) -> None:
        """Wait if this is the one."""
        if not self._arrived.is_set() and self.wanted(request):
            self._arrived.set()
            self._released.wait(PATIENCE)


def hold_at_s3(server: ThreadedMotoServer, monkeypatch: pytest.MonkeyPatch, wanted: Wanted) -> Held:
    """Hold an answer of moto's server; a request is `PUT /bucket/key`."""
    held, moto = Held(wanted), server._server
    assert moto
    app = moto.app

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        parts = list(app(environ, start_response))
        held.pass_through(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        return parts

    monkeypatch.setattr(moto, "app", answer)
    return held


def hold_at_rekognition(
    fake: FakeCustomLabels, monkeypatch: pytest.MonkeyPatch, wanted: Wanted
) -> Held:
    """Hold an answer of the fake; a request is the name of an operation."""
    held, answer = Held(wanted), fake.answer

    def answer_later(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        answered = answer(operation, request)
        held.pass_through(operation)
        return answered

    monkeypatch.setattr(fake, "answer", answer_later)
    return held
