"""The bundle on two machines, as it is deployed: nginx, PostgreSQL, Redis, S3, Rekognition."""

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import boto3
import pytest
from moto.server import ThreadedMotoServer
from PIL import Image
from playwright.sync_api import Browser, Playwright, expect

from deploy import bundle
from rubberduck.core.settings import Settings
from rubberduck.services.pipeline import Pipeline
from tests.support import beanstalk, load_balancer, redis, rekognition_endpoint
from tests.support.aws import REGION
from tests.support.beanstalk import Machine, Running, properties, unpacked
from tests.support.browser import chromium
from tests.support.cloudformation import BALANCED, Made
from tests.support.load_balancer import NAME, LoadBalancer, anybody, balancing
from tests.support.pictures import encoded, form
from tests.support.postgres import Server
from tests.support.rekognition_endpoint import KEYS
from tests.support.server import PATIENCE, until

BUCKET = "ducks-of-two-machines"

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.skipif(beanstalk.NGINX is None, reason=str(beanstalk.missing())),
    pytest.mark.skipif(redis.missing() is not None, reason=str(redis.missing())),
    pytest.mark.skipif(load_balancer.missing() is not None, reason=str(load_balancer.missing())),
]


@dataclass(frozen=True)
class Deployed:
    front: LoadBalancer
    machines: list[Running]
    counts: redis.Server

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.front.port}"

    def fetch(self, path: str, data: bytes | None = None, **headers: str) -> tuple[int, bytes, str]:
        """Status, body, and the cookie that came with it."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(f"{self.url}{path}", data, {"Host": NAME, **headers})
        try:
            with urlopen(request, timeout=PATIENCE, context=anybody()) as answer:
                cookie = answer.headers.get("Set-Cookie", "")
                return answer.status, answer.read(), cookie.split(";")[0]
        except HTTPError as error:
            with error:
                return error.code, error.read(), ""

    def is_healthy(self) -> bool:
        try:
            return self.fetch("/healthz")[0] == 200
        except OSError:
            return False

    def are_all_healthy(self) -> bool:
        """Before that, a load balancer sends a machine nobody."""
        return all(each.is_healthy() for each in self.machines) and self.is_healthy()


@pytest.fixture(scope="module")
def amazon(
    _moto: ThreadedMotoServer, _emulator: tuple[Pipeline, Settings]
) -> Iterator[dict[str, str]]:
    """S3 with an empty bucket, and Rekognition: what leads a process there."""
    with rekognition_endpoint.running(*_emulator) as eyes:
        url = f"http://localhost:{_moto.get_host_and_port()[1]}"
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": KEYS["testing"]}
        s3: Any = boto3.Session(**keys).client("s3", endpoint_url=url, region_name=REGION)  # type: ignore[arg-type]
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield {
            "AWS_ENDPOINT_URL_S3": url,
            "AWS_ENDPOINT_URL_REKOGNITION": eyes.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            **{name.upper(): value for name, value in keys.items()},
        }


@pytest.fixture(scope="module")
def deployed(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: Server, amazon: dict[str, str]
) -> Iterator[Deployed]:
    """Two machines with two workers each; the settings are the template's."""
    folder = tmp_path_factory.mktemp("deployed")
    bundle.write(folder / "bundle.zip")
    one, two = (unpacked(folder / "bundle.zip", folder / name) for name in ("one", "two"))
    (folder / "front").mkdir()
    with ExitStack() as stack:
        counts = stack.enter_context(redis.running())
        here = {
            **amazon,
            "DUCK_BUCKET": BUCKET,
            "DUCK_SECRET_KEY": "a key of the tests",
            "DUCK_DATABASE_URL": stack.enter_context(postgres_server.database()),
            "DUCK_RATE_STORE": counts.url,
            "DUCK_UPLOADS_A_MINUTE": "100000",
        }

        def start(machine: Machine, *, leader: bool) -> Running:
            environment = properties(machine, Made(**BALANCED).options()) | here
            return stack.enter_context(beanstalk.running(machine, environment, leader=leader))

        started = time.monotonic()
        running = [start(one, leader=True), start(two, leader=False)]
        front = stack.enter_context(balancing(folder / "front", one, two))
        deployed = Deployed(front, running, counts)
        until(deployed.are_all_healthy)
        took = time.monotonic() - started
        print(f"\ntwo machines healthy after {took:.1f} s (to be: under 10 s)")
        yield deployed


@pytest.fixture
def wide_browser(playwright: Playwright) -> Iterator[Browser]:
    """Knows where the site's name leads, and that the tests' S3 speaks HTTP only.

    Chromium upgrades the redirect of a picture from HTTPS to HTTP, also to localhost; S3 has HTTPS.
    """
    rules = f"--host-resolver-rules=MAP {NAME} 127.0.0.1"
    browser = chromium(playwright, rules, "--disable-features=AutoupgradeMixedContent")
    yield browser
    browser.close()


def test_a_visitor_uploads_a_duck_over_https(
    deployed: Deployed, wide_browser: Browser, duck: Path
) -> None:
    context = wide_browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    page.goto(f"https://{NAME}:{deployed.front.port}/")
    page.get_by_label("Upload a picture").set_input_files(duck)
    expect(page.get_by_role("heading", level=1)).to_have_text("Rubber duck detected! :))")
    picture = page.get_by_alt_text("Your picture, with a box around what was found")
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth > 0")
    assert "Detector: Amazon Rekognition. Storage: a private Amazon S3 bucket" in page.content()
    (cookie,) = context.cookies()
    assert (cookie["name"][:15], cookie["secure"]) == ("__Host-session-", True)
    assert complaints == []
    context.close()
    with deployed.counts.client() as counts:
        assert counts.info("commandstats")["cmdstat_evalsha"]["calls"] > 0
    # Another name is not the site's; the load balancer asks after its health by address.
    assert deployed.fetch("/", Host="evil.example")[0] == 400
    assert deployed.fetch("/healthz", Host="10.0.0.7")[:2] == (200, b"ok")
    assert deployed.fetch("/readyz")[0] == 200


@dataclass
class Visitor:
    """Uploads one picture after the other, and repeats what was cut off, if `stubborn`."""

    deployed: Deployed
    stubborn: bool = True
    pause: float = 0.0
    kept: list[str] = field(default_factory=list)
    cut_off: int = 0

    def has_kept(self, most: int) -> bool:
        return len(self.kept) >= most

    def visit(self, over: Callable[[], bool]) -> None:
        _, _, cookie = self.deployed.fetch("/")
        while not over():
            colour = tuple(secrets.token_bytes(3))
            parts = form(encoded(Image.new("RGB", (160, 120), colour)))
            headers = {
                "Content_Type": parts["content_type"],
                "Cookie": cookie,
                "Idempotency_Key": secrets.token_hex(16),
            }
            while not self._upload(parts["data"], headers) and self.stubborn:
                time.sleep(0.3)
            time.sleep(self.pause)

    def _upload(self, data: bytes, headers: dict[str, str]) -> bool:
        try:
            status, body, _ = self.deployed.fetch("/api/v1/pictures", data, **headers)
        except (OSError, HTTPException):
            status = 502
        if status in (200, 201):
            self.kept.append(str(json.loads(body)["id"]))
            return True
        # 503 says to come again: until half a minute has passed, the first try might go on.
        assert status in (502, 503), body
        self.cut_off += status == 502
        return False


def check_nothing_is_lost(deployed: Deployed, visitors: list[Visitor]) -> str:
    """Every upload that was answered is one result, and there."""
    kept = [id for visitor in visitors for id in visitor.kept]
    assert len(kept) == len(set(kept))
    assert {deployed.fetch(f"/api/v1/results/{id}")[0] for id in kept} == {200}
    return f"{len(kept)} uploads, {sum(each.cut_off for each in visitors)} cut off"


@pytest.mark.parametrize(
    ("uploads", "stubborn"), [(5, False), pytest.param(100, True, marks=pytest.mark.soak)]
)
def test_one_of_two_machines_dies_in_the_middle(
    deployed: Deployed, uploads: int, stubborn: bool
) -> None:
    visitors = [Visitor(deployed, stubborn) for _ in range(4)]
    with ThreadPoolExecutor(len(visitors)) as pool:
        visits = [pool.submit(each.visit, partial(each.has_kept, uploads)) for each in visitors]
        until(lambda: sum(len(each.kept) for each in visitors) >= uploads)
        deployed.machines[0].kill()
        for visit in visits:
            visit.result()
    outcome = check_nothing_is_lost(deployed, visitors)
    print(f"\none of two machines killed: {outcome}")
    # Only who was being served at that moment; the others do not notice.
    assert sum(each.cut_off for each in visitors) <= len(visitors)
    deployed.machines[0].start()
    until(deployed.are_all_healthy)


@pytest.mark.parametrize("restarts", [2, pytest.param(50, marks=pytest.mark.soak)])
def test_a_new_version_cuts_nobody_off(deployed: Deployed, restarts: int) -> None:
    """One machine after the other is left out, renewed, and comes back, while visitors upload."""
    visitors = [Visitor(deployed, pause=0.4) for _ in range(2)]  # up to five a second
    over, took = threading.Event(), 0.0
    with ThreadPoolExecutor(len(visitors)) as pool:
        visits = [pool.submit(visitor.visit, over.is_set) for visitor in visitors]
        try:
            for number in range(restarts):
                running = deployed.machines[number % 2]
                deployed.front.leave_out(running.machine)
                took = max(took, running.restart_site())
                until(running.is_healthy)
                deployed.front.leave_out(None)
        finally:
            over.set()
        for visit in visits:
            visit.result()
    outcome = check_nothing_is_lost(deployed, visitors)
    print(f"\n{restarts} restarts: {outcome}; the slowest let go after {took:.1f} s")
    assert sum(each.cut_off for each in visitors) == 0
