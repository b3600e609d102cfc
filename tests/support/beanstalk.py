"""A machine as Elastic Beanstalk makes it of the bundle: its folders, its nginx, its commands."""

import getpass
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request
from zipfile import ZipFile

from tests.support.cloudformation import SINGLE, Made, read
from tests.support.server import PATIENCE, fetch, free_port, until

NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
TEMPORARY = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
# What Elastic Beanstalk itself puts beside what the bundle brings, as its documentation shows it.
BY_BEANSTALK = {
    "conf.d/healthd_logformat.conf": 'log_format healthd \'$msec"$uri"$status"$request_time"'
    "$upstream_response_time\"$http_x_forwarded_for';\n",
    "conf.d/elasticbeanstalk/healthd.conf": """
        if ($time_iso8601 ~ "^(\\d{4})-(\\d{2})-(\\d{2})T(\\d{2})") {
            set $year $1; set $month $2; set $day $3; set $hour $4;
        }
        access_log /var/log/nginx/healthd/application.log.$year-$month-$day-$hour healthd;
        """,
    "conf.d/elasticbeanstalk/00_application.conf": """
        location / {
            proxy_pass http://127.0.0.1:8000;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }
        """,
    "conf.d/elasticbeanstalk/01_static.conf": """
        location /static { alias /var/app/current/static; }
        """,
}


def missing() -> str | None:
    """Why there is no nginx for the tests, if there is none."""
    return (
        None if NGINX else "nginx is not installed: its tests are SKIPPED (apt-get install nginx)"
    )


@dataclass(frozen=True)
class Machine:
    """`/var/app/current` is its `app`, `/etc/nginx` its `nginx`, and so on."""

    folder: Path
    port: int
    site_port: int

    @property
    def app(self) -> Path:
        return self.folder / "app"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def local(self, text: str) -> str:
        """A command or a configuration for a machine, with its places here instead."""
        here = {
            "/var/app/venv/*/bin/python": sys.executable,
            "/var/app/current": str(self.app),
            "/var/lib/duck": str(self.folder / "data"),
            "/var/log": str(self.folder / "log"),
            "/var/run": str(self.folder),
            "runuser -u webapp -- ": "",
            "-o webapp -g webapp ": "",
            "user nginx;": f"user {getpass.getuser()};",
            "listen 80 ": f"listen 127.0.0.1:{self.port} ",
            "127.0.0.1:8000": f"127.0.0.1:{self.site_port}",
        }
        for there, here_instead in here.items():
            text = text.replace(there, here_instead)
        return text


def unpacked(bundle: Path, folder: Path) -> Machine:
    """The bundle in its place, and nginx's configuration composed."""
    machine = Machine(folder, free_port(), free_port())
    with ZipFile(bundle) as zipped:
        zipped.extractall(machine.app)
    (folder / "log" / "nginx" / "healthd").mkdir(parents=True)
    # nginx's default root: where it is missing, no log is written whose name has variables.
    (folder / "html").mkdir()
    nginx = folder / "nginx"
    for name, text in BY_BEANSTALK.items():
        (nginx / name).parent.mkdir(parents=True, exist_ok=True)
        (nginx / name).write_text(text)
    shutil.copytree(machine.app / ".platform" / "nginx", nginx, dirs_exist_ok=True)
    places = "".join(f"{name}_temp_path {folder}/{name};\n" for name in TEMPORARY)
    (nginx / "conf.d" / "places_of_the_tests.conf").write_text(places)
    for file in nginx.rglob("*.conf"):
        file.write_text(machine.local(file.read_text()))
    return machine


def nginx_command(folder: Path, *more: str) -> list[str]:
    assert NGINX
    return [NGINX, "-p", str(folder), "-c", str(folder / "nginx" / "nginx.conf"), *more]


def run_commands(machine: Machine, environment: Mapping[str, str], *, leader: bool) -> None:
    """The bundle's container_commands, in their order; each has to work."""
    commands: dict[str, Any] = {}
    for file in (machine.app / ".ebextensions").glob("*.config"):
        commands |= read(file).get("container_commands", {})

    def run(line: str) -> int:
        line = machine.local(line)
        command = ["sh", "-c", line]
        return subprocess.run(command, cwd=machine.app, env=environment, check=False).returncode

    for _, command in sorted(commands.items()):
        wanted = leader if command.get("leader_only") else run(command.get("test", "true")) == 0
        if wanted:
            assert run(command["command"]) == 0, command


def properties(machine: Machine, options: Mapping[tuple[str, str], str]) -> dict[str, str]:
    """What a process of the site finds in its environment there."""
    bin = str(Path(sys.executable).parent)
    there = {
        name: value for (space, name), value in options.items() if space.endswith(":environment")
    }
    here = {
        "PATH": f"{bin}:{os.environ['PATH']}",
        "HOME": str(machine.folder),
        "PORT": str(machine.site_port),
        "FLASK_SKIP_DOTENV": "1",
    }
    return {name: machine.local(value) for name, value in there.items()} | here


class Running:
    """A machine's processes, each with all that it starts in a group of its own."""

    def __init__(self, machine: Machine, environment: Mapping[str, str]) -> None:
        self.machine = machine
        self._environment = environment
        self.start()

    def start(self) -> None:
        self._nginx = self._started(nginx_command(self.machine.folder, "-g", "daemon off;"), {})
        self._start_site()

    def _start_site(self) -> None:
        procfile = (self.machine.app / "Procfile").read_text()
        lines = dict(line.split(":", 1) for line in procfile.splitlines())
        assert lines.keys() == {"web", "worker"}
        self._site = self._started(["sh", "-c", f"exec {lines['web']}"], self._environment)

    def _started(
        self, command: list[str], environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        with (self.machine.folder / "log" / "web.stdout.log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.machine.app,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        return (self.machine.folder / "log" / "web.stdout.log").read_text()

    def is_healthy(self) -> bool:
        assert self._site.poll() is None, f"the site did not start:\n{self.log}"
        try:
            return fetch(Request(f"{self.machine.url}/healthz")) == (200, b"ok")
        except OSError:
            return False

    def restart_site(self) -> float:
        """As for a new version; how long it took to let go of the old one."""
        start = time.monotonic()
        self._site.terminate()
        self._site.wait(PATIENCE)
        took = time.monotonic() - start
        self._start_site()
        return took

    def kill(self) -> None:
        """As when the machine's power goes."""
        for process in (self._site, self._nginx):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(PATIENCE)


@contextmanager
def running(
    machine: Machine, environment: Mapping[str, str], *, leader: bool = True
) -> Iterator[Running]:
    run_commands(machine, environment, leader=leader)
    processes = Running(machine, environment)
    try:
        yield processes
    finally:
        processes.kill()


@contextmanager
def single_machine(machine: Machine) -> Iterator[Running]:
    """Run the variant for a single machine, but with a folder for S3, until it is healthy."""
    environment = properties(machine, Made(**SINGLE).options()) | {
        "DUCK_BUCKET": "",
        "DUCK_UPLOADS": str(machine.folder / "data" / "uploads"),
        "DUCK_SECRET_KEY": "a key of the tests",
        "DUCK_HOSTS": "127.0.0.1",
        "DUCK_UPLOADS_A_MINUTE": "0",
    }
    with running(machine, environment) as processes:
        took = until(processes.is_healthy)
        print(f"\nhealthy after {took:.1f} s (to be: under 10 s)")
        yield processes
