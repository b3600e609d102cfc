"""nginx and clients that stop talking; `make soak`."""

import socket
from contextlib import suppress
from pathlib import Path

import pytest

from deploy import bundle
from tests.support import beanstalk
from tests.support.beanstalk import single_machine, unpacked
from tests.support.server import PATIENCE

pytestmark = pytest.mark.skipif(beanstalk.NGINX is None, reason=str(beanstalk.missing()))


@pytest.mark.soak
def test_silence_is_ended(tmp_path: Path) -> None:
    """A header that does not come to its end within ten seconds."""
    bundle.write(tmp_path / "bundle.zip", single=True)
    machine = unpacked(tmp_path / "bundle.zip", tmp_path / "machine")
    with (
        single_machine(machine),
        socket.create_connection(("127.0.0.1", machine.port), PATIENCE) as sender,
    ):
        sender.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        with suppress(ConnectionResetError):
            assert sender.recv(1000) == b""
