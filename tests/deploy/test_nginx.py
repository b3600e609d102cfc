"""The bundle on one machine, as Elastic Beanstalk would run it, behind a real nginx."""

import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import timedelta
from email.message import Message
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from statistics import median, quantiles
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from werkzeug.datastructures import FileStorage, Headers
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import encode_multipart

from deploy import bundle
from rubberduck.accounts.operators import Operators
from rubberduck.accounts.tokens import Tokens
from rubberduck.core.settings import Settings
from rubberduck.custom_models.projects import Projects
from rubberduck.db.engine import Database
from rubberduck.web.security_headers import STATIC, version
from tests.support import beanstalk
from tests.support.archives import zipped as zip_of
from tests.support.beanstalk import (
    Machine,
    Running,
    nginx_command,
    single_machine,
    unpacked,
)
from tests.support.cloudformation import BALANCED, SINGLE, Made
from tests.support.ducks import duck_photo
from tests.support.observatory import score
from tests.support.server import PATIENCE, fetch, until, upload

pytestmark = pytest.mark.skipif(beanstalk.NGINX is None, reason=str(beanstalk.missing()))

THROUGH_TWO = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}


@pytest.fixture(scope="module")
def zipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("bundle") / "bundle.zip"
    bundle.write(file, single=True)
    return file


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, zipped: Path) -> Machine:
    return unpacked(zipped, tmp_path_factory.mktemp("machine"))


@pytest.fixture(scope="module")
def alone(machine: Machine) -> Iterator[Running]:
    with single_machine(machine) as processes:
        yield processes


def headers(url: str, more: dict[str, str] | None = None) -> Message:
    headers: Message
    try:
        with urlopen(Request(url, headers=more or {}), timeout=PATIENCE) as answer:
            headers = answer.headers
            return headers
    except HTTPError as error:
        with error:
            return error.headers


def test_nginx_understands_its_configuration(machine: Machine) -> None:
    command = nginx_command(machine.folder, "-t", "-e", "stderr")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


def test_nginx_lets_in_what_the_site_takes(machine: Machine) -> None:
    """Twice as much: who is a little over is told so in the site's own words."""
    text = (machine.app / ".platform/nginx/nginx.conf").read_text()
    largest = Settings(secret_key="a key of the tests").max_bytes
    assert "client_max_body_size 32m;" in text
    assert largest * 2 <= 32 * 1024 * 1024 <= largest * 3


def test_a_duck_is_found(alone: Running) -> None:
    status, body = fetch(upload(alone.machine.url, duck_photo()))
    assert (status, json.loads(body)["duck"]) == (201, True)
    assert (alone.machine.folder / "data" / "duck.db").exists()


def test_no_log_of_nginx_has_the_address_of_a_result(alone: Running) -> None:
    """Open a result in every way, also escaped and while leaving its page; then read the logs."""
    _, body = fetch(upload(alone.machine.url, duck_photo()))
    links = json.loads(body)["links"]
    id = links["self"].rpartition("/")[2]
    page = f"{alone.machine.url}/result/{id}"
    paths = [urlsplit(link).path for link in links.values()]
    paths += [f"/result/{id}/small.jpg", f"/api/v1/pictures/{id}", f"//result/{id}?min=1"]
    escaped = f"/%72esult/%{ord(id[0]):02x}{id[1:]}"
    for path in [*paths, escaped]:
        fetch(Request(f"{alone.machine.url}{path}", headers={"Referer": f"{page}?min=1"}))
    fetch(Request(f"{alone.machine.url}/mine", headers={"Referer": f"http://127.0.0.1{escaped}"}))
    folder = alone.machine.folder / "log" / "nginx"
    until(lambda: '"GET /mine HTTP/1.1" 200' in (folder / "access.log").read_text())
    logs = {file: file.read_text() for file in folder.rglob("*.log*")}
    assert [str(file) for file, text in logs.items() if id[1:] in text] == []
    access = logs[folder / "access.log"]
    for path in ("/result/-", "/result/-/small.jpg", "/api/v1/results/-", "/api/v1/pictures/-"):
        assert f'"GET {path} HTTP/1.1" 200' in access
    assert f'"{alone.machine.url}/"' in access, "the referring site is kept"
    assert any('"/result/-"200"' in text for file, text in logs.items() if "healthd" in str(file))


def test_too_big_is_told_in_the_sites_words(alone: Running) -> None:
    status, body = fetch(upload(alone.machine.url, bytes(20_000_000), "/"))
    assert status == 413
    assert b"This file is too large" in body


def test_a_video_may_be_larger(alone: Running) -> None:
    """In one request; one that comes in parts needs no more than a picture."""
    for size, expected in ((40_000_000, 202), (500_000_001, 413)):
        url, headers = f"{alone.machine.url}/api/v1/videos", {"Content-Type": "video/mp4"}
        status, body = fetch(Request(url, bytes(size), headers, method="POST"))
        assert status == expected
    assert b"This video is too large" in body


def test_an_archive_for_a_project_may_be_as_large_as_the_site_takes(alone: Running) -> None:
    database = Database(f"sqlite:///{alone.machine.folder / 'data' / 'duck.db'}")
    operator = Operators(database).find_or_create("Ada", "operator")
    project = Projects(database).create("Mugs", "pictures", ["mug"], operator.id)
    key, _ = Tokens(database).create(operator.id, "archive", timedelta(days=1), "operator")
    database.close()
    url = f"{alone.machine.url}/api/v1/projects/{project.id}/imports"
    archive = zip_of({f"{number}.jpg": bytes(4_000_000) for number in range(10)})
    fields = {"picture": FileStorage(BytesIO(archive), "mugs.zip")}
    boundary, form = encode_multipart(fields)
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": f"multipart/form-data; boundary={boundary}",
    }
    status, body = fetch(Request(url, form, headers, method="POST"))
    assert (status, len(form) > 33_554_432) == (202, True), body
    del headers["Authorization"]
    status, body = fetch(Request(url, form, headers, method="POST"))
    assert (status, json.loads(body)["title"]) == (401, "Please sign in")


def test_far_too_big_is_refused_before_it_is_sent(alone: Running) -> None:
    with closing(HTTPConnection("127.0.0.1", alone.machine.port, PATIENCE)) as sender:
        sender.putrequest("POST", "/")
        sender.putheader("Content-Length", "900000000")
        sender.putheader("X-Forwarded-Proto", "https")
        sender.endheaders()
        answer = sender.getresponse()
        assert answer.status == 413
        assert b"Please send a smaller version" in answer.read()
        assert score(Headers(answer.getheaders()), "") >= 125


STATIC_FILES = sorted(file.relative_to(STATIC).as_posix() for file in STATIC.rglob("*.*"))
DIFFERENT = {"Date", "Server", "Connection", "Last-Modified", "ETag", "Vary", "X-Request-ID"} | {
    "Content-Encoding",
    "Content-Security-Policy",  # without the parts that only a page needs
    "Content-Disposition",
    "Content-Type",  # the same but for its charset
}


@pytest.mark.parametrize("end", ["", "?v={}", "?v=00000000"], ids=["plain", "ours", "another's"])
def test_nginx_says_of_static_files_what_the_site_would(alone: Running, end: str) -> None:
    for name in STATIC_FILES:
        where = f"/static/{name}{end.format(version(STATIC / name))}"
        ours = headers(f"{alone.machine.url}{where}")
        sites = headers(f"http://127.0.0.1:{alone.machine.site_port}{where}")
        assert "X-Request-ID" not in ours, "nginx did not serve it by itself"
        for header in {*ours.keys(), *sites.keys()} - DIFFERENT:
            assert ours[header] == sites[header], f"{header} of {where}"
        assert ours["Content-Security-Policy"].startswith("default-src 'none'; ")
        assert ours["Content-Type"].split(";")[0].split("/")[1] in sites["Content-Type"]
        assert ours.get("Last-Modified") is ours.get("ETag") is None


def test_static_files_are_whole_and_small(alone: Running) -> None:
    small = {"Accept-Encoding": "gzip"}
    for name in STATIC_FILES:
        status, body = fetch(Request(f"{alone.machine.url}/static/{name}"))
        assert (status, body) == (200, (STATIC / name).read_bytes())
    assert headers(f"{alone.machine.url}/static/style.css", small)["Content-Encoding"] == "gzip"
    assert headers(f"{alone.machine.url}/", small)["Content-Encoding"] is None


@pytest.mark.parametrize("name", ["nothing.css", "../app.py", "..%2fapp.py", ".%2e/app.py"])
def test_nothing_else_is_served(alone: Running, name: str) -> None:
    with socket.create_connection(("127.0.0.1", alone.machine.port), PATIENCE) as sender:
        sender.sendall(
            f"GET /static/{name} HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
        )
        answer = b"".join(iter(lambda: sender.recv(65536), b"")).decode()
    assert answer.split()[1] in ("400", "404")
    assert "create_app" not in answer


def test_the_site_is_told_who_asks_and_how(alone: Running) -> None:
    """On a single machine nobody but nginx is believed, whatever a visitor claims."""
    claimed = headers(f"{alone.machine.url}/", THROUGH_TWO)
    assert claimed["Set-Cookie"].startswith("session-")
    assert "Strict-Transport-Security" not in claimed
    assert "X-Request-ID" in claimed


@pytest.fixture
def nginx_only(zipped: Path, tmp_path: Path) -> Iterator[Machine]:
    machine = unpacked(zipped, tmp_path)
    process = subprocess.Popen(nginx_command(machine.folder, "-g", "daemon off;"))
    try:
        yield machine
    finally:
        process.terminate()
        process.wait(PATIENCE)


def test_while_the_site_restarts_visitors_are_told_to_come_again(nginx_only: Machine) -> None:
    until(lambda: status_of(nginx_only) == 503)
    answered = headers(nginx_only.url, THROUGH_TWO)
    assert answered["Retry-After"] == "5"
    assert answered["Cache-Control"] == "no-store"
    assert score(Headers(answered.items()), "") >= 125


class Echo(BaseHTTPRequestHandler):
    """In the site's place: says what nginx told it."""

    def do_GET(self) -> None:
        body = json.dumps(dict(self.headers)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.mark.parametrize(
    ("parameters", "who", "how"),
    [(SINGLE, "127.0.0.1", "http"), (BALANCED, "203.0.113.7", "https")],
    ids=["alone", "behind a load balancer"],
)
def test_only_counted_proxies_are_believed(
    nginx_only: Machine, parameters: dict[str, str], who: str, how: str
) -> None:
    """The visitor claims something, a load balancer adds what it sees, nginx adds what it sees."""
    space = "aws:elasticbeanstalk:application:environment"
    proxies = int(Made(**parameters).options()[space, "DUCK_PROXIES"])
    claimed = {"X-Forwarded-For": "192.0.2.66, 203.0.113.7", "X-Forwarded-Proto": "https"}
    with ThreadingHTTPServer(("127.0.0.1", nginx_only.site_port), Echo) as site:
        threading.Thread(target=site.serve_forever, args=(0.05,), daemon=True).start()
        until(lambda: status_of(nginx_only) == 200)
        _, body = fetch(Request(nginx_only.url, headers=claimed))
        site.shutdown()
    expected = {
        f"HTTP_{name.upper().replace('-', '_')}": each for name, each in json.loads(body).items()
    }
    seen = {**expected, "REMOTE_ADDR": "127.0.0.1", "wsgi.url_scheme": "http"}
    ProxyFix(lambda environ, _: seen.update(environ) or [], x_for=proxies, x_proto=proxies)(
        seen, lambda *_: lambda _: None
    )
    assert (seen["REMOTE_ADDR"], seen["wsgi.url_scheme"]) == (who, how)


def status_of(machine: Machine) -> int:
    try:
        return fetch(Request(machine.url))[0]
    except OSError:
        return 0


def half_sent(alone: Running, how_many: int) -> tuple[float, float]:
    """So many half headers and half bodies wait; how long the health check takes meanwhile."""
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    body = b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 9999\r\n\r\n--x"
    with ExitStack() as stack:
        for number in range(how_many):
            where = ("127.0.0.1", alone.machine.port)
            sender = stack.enter_context(socket.create_connection(where, PATIENCE))
            sender.sendall(head + (body if number % 2 else b"X-Slow: "))
        with ThreadPoolExecutor(4) as pool:
            took = list(pool.map(lambda _: time_of_health(alone), range(200)))
    return median(took), quantiles(took, n=100)[98]


def time_of_health(alone: Running) -> float:
    start = time.monotonic()
    assert fetch(Request(f"{alone.machine.url}/healthz")) == (200, b"ok")
    return time.monotonic() - start


@pytest.mark.parametrize("how_many", [60, pytest.param(300, marks=pytest.mark.soak)])
def test_half_sent_requests_keep_nobody_waiting(alone: Running, how_many: int) -> None:
    middle, worst = half_sent(alone, how_many)
    figures = f"/healthz in {middle * 1000:.0f} ms, p99 {worst * 1000:.0f} ms (to be: 200 ms)"
    print(f"\n{how_many} half-sent requests: {figures}")
    assert worst < 5.0
