"""What stands before the machines: HTTPS, shared out among them, as a load balancer does it."""

import getpass
import shutil
import signal
import ssl
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.beanstalk import NGINX, Machine
from tests.support.server import PATIENCE, free_port, until

NAME = "duck.example"
# A request that has reached a machine is not sent to another one; it might have been done.
CONFIGURATION = """
user {user};
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    {places}
    upstream machines {{ {machines} }}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/certificate;
        ssl_certificate_key {folder}/key;
        client_max_body_size 0;
        location / {{
            proxy_pass http://machines;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto https;
        }}
    }}
}}
"""


def missing() -> str | None:
    """Why there is no HTTPS for the tests, if there is none."""
    if not shutil.which("openssl"):
        return "openssl is not installed: its tests are SKIPPED (apt-get install openssl)"
    return None


def anybody() -> ssl.SSLContext:
    """For clients: the certificate is made up."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@dataclass(frozen=True)
class LoadBalancer:
    folder: Path
    port: int
    machines: tuple[Machine, ...]
    process: subprocess.Popen[bytes]

    def leave_out(self, machine: Machine | None) -> None:
        """New requests go to the others; whoever is being served is served to the end."""
        before = self._workers()
        _write(self.folder, self.port, self.machines, machine)
        self.process.send_signal(signal.SIGHUP)
        until(lambda: not before & self._workers())

    def _workers(self) -> set[str]:
        pid = self.process.pid
        return set(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


@contextmanager
def balancing(folder: Path, *machines: Machine) -> Iterator[LoadBalancer]:
    port = free_port()
    _certify(folder)
    _write(folder, port, machines, None)
    assert NGINX
    command = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    process = subprocess.Popen(command)
    try:
        yield LoadBalancer(folder, port, machines, process)
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _write(folder: Path, port: int, machines: Iterable[Machine], out: Machine | None) -> None:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    servers = [
        f"server 127.0.0.1:{each.port} {'down' if each == out else 'fail_timeout=5s'};"
        for each in machines
    ]
    text = CONFIGURATION.format(
        user=getpass.getuser(),
        folder=folder,
        places="".join(f"{kind}_temp_path {folder}/{kind}; " for kind in kinds),
        machines=" ".join(servers),
        port=port,
    )
    (folder / "nginx.conf").write_text(text)


def _certify(folder: Path) -> None:
    where = ["-keyout", str(folder / "key"), "-out", str(folder / "certificate")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", f"/CN={NAME}", *where]
    subprocess.run(command, check=True, capture_output=True)
