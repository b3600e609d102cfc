"""A network namespace joined to this one by a cable that can be pulled out: packets get lost."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

PROGRAM = shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
HERE, THERE = "10.213.77.1", "10.213.77.2"  # the ends' addresses


@dataclass(frozen=True)
class Cable:
    """`namespace` is the other end's name, for `ip netns exec`."""

    namespace: str
    link: str

    def command(self, *words: str) -> list[str]:
        """Return the command line that runs `words` at the other end."""
        return [PROGRAM or "ip", "netns", "exec", self.namespace, *words]

    def pull(self) -> None:
        """Lose every packet from now on; neither end is told."""
        _ip("link", "set", self.link, "down")

    def plug(self) -> None:
        _ip("link", "set", self.link, "up")


def missing() -> str | None:
    """Return why there are no network namespaces for the tests, if there are none."""
    if PROGRAM is None:
        return "iproute2 is not installed: lost packets are NOT TESTED (apt-get install iproute2)"
    name = f"duck{secrets.token_hex(3)}"
    if subprocess.run([PROGRAM, "netns", "add", name], capture_output=True, check=False).returncode:
        return "this user may not make network namespaces: lost packets are NOT TESTED"
    _ip("netns", "del", name)
    return None


@contextmanager
def joined() -> Iterator[Cable]:
    """Make a namespace with the address THERE; this end has HERE."""
    name = f"duck{secrets.token_hex(3)}"
    cable = Cable(name, f"{name}a")
    _ip("netns", "add", name)
    try:
        _ip("link", "add", cable.link, "type", "veth", "peer", "name", f"{name}b", "netns", name)
        _ip("address", "add", f"{HERE}/30", "dev", cable.link)
        _ip("-n", name, "address", "add", f"{THERE}/30", "dev", f"{name}b")
        _ip("-n", name, "link", "set", f"{name}b", "up")
        cable.plug()
        yield cable
    finally:
        _ip("netns", "del", name)  # with its end of the cable goes ours


def _ip(*arguments: str) -> None:
    subprocess.run([PROGRAM or "ip", *arguments], check=True, capture_output=True)
