"""The bundle on two machines, as it is deployed: nginx, PostgreSQL, Redis, S3, Rekognition."""

import json
import os
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from PIL import Image
from playwright.sync_api import Browser, Playwright, expect

from deploy import bundle
from tests import beanstalk, redis
from tests.beanstalk import Running, properties, unpacked, until
from tests.browser import chromium
from tests.cloudformation import BALANCED, Made
from tests.conftest import BUCKET
from tests.fake_rekognition import FakeRekognition
from tests.load_balancer import NAME, anybody, balancing
from tests.pictures import encoded, form
from tests.postgres import Server
from tests.server import PATIENCE, free_port

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.skipif(beanstalk.NGINX is None, reason=str(beanstalk.missing())),
    pytest.mark.skipif(redis.missing() is not None, reason=str(redis.missing())),
]


@dataclass(frozen=True)
class Deployed:
    port: int
    machines: list[Running]

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def ask(self, path: str, data: bytes | None = None, **headers: str) -> tuple[int, bytes, str]:
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
            return self.ask("/healthz")[0] == 200
        except OSError:
            return False

    def are_all_healthy(self) -> bool:
        """Before that, a load balancer sends a machine nobody."""
        return all(each.is_healthy() for each in self.machines) and self.is_healthy()


@pytest.fixture
def deployed(
    tmp_path: Path, postgres_server: Server, s3: Any, eyes: FakeRekognition
) -> Iterator[Deployed]:
    """Two machines with two workers each; the settings are the template's."""
    bundle.write(tmp_path / "bundle.zip")
    machines = [unpacked(tmp_path / "bundle.zip", tmp_path / name) for name in ("one", "two")]
    port = free_port()
    (tmp_path / "front").mkdir()
    with ExitStack() as stack:
        stack.enter_context(redis.running("--port", str(port)))
        here = {
            "DUCK_BUCKET": BUCKET,
            "DUCK_SECRET_KEY": "a key of the tests",
            "DUCK_DATABASE_URL": stack.enter_context(postgres_server.database()),
            "DUCK_RATE_STORE": f"redis://127.0.0.1:{port}",
            "DUCK_UPLOADS_A_MINUTE": "0",
            **{name: value for name, value in os.environ.items() if name.startswith("AWS_")},
        }
        started = time.monotonic()
        running = [
            stack.enter_context(
                beanstalk.running(
                    machine,
                    properties(machine, Made(**BALANCED).options()) | here,
                    leader=machine is machines[0],
                )
            )
            for machine in machines
        ]
        front = stack.enter_context(balancing(tmp_path / "front", *machines))
        deployed = Deployed(front, running)
        until(deployed.are_all_healthy)
        took = time.monotonic() - started
        print(f"\ntwo machines healthy after {took:.1f} s (to be: under 10 s)")  # noqa: T201
        yield deployed


@pytest.fixture
def wide_browser(playwright: Playwright) -> Iterator[Browser]:
    """Knows where the site's name leads."""
    browser = chromium(playwright, f"--host-resolver-rules=MAP {NAME} 127.0.0.1")
    yield browser
    browser.close()


def test_a_visitor_uploads_a_duck_over_https(
    deployed: Deployed, wide_browser: Browser, duck: Path
) -> None:
    context = wide_browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(f"https://{NAME}:{deployed.port}/")
    page.get_by_label("Upload a picture").set_input_files(duck)
    page.get_by_role("button", name="Look").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Rubber duck detected! :))")
    picture = page.get_by_alt_text("Your picture, with a box around what was found")
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth > 0")
    assert "Engine: Amazon Rekognition. Pictures: a private bucket" in page.content()
    (cookie,) = context.cookies()
    assert (cookie["name"], cookie["secure"]) == ("__Host-session", True)
    assert complaints == []
    context.close()
    # Another name is not the site's; the load balancer asks after its health by address.
    assert deployed.ask("/", Host="evil.example")[0] == 400
    assert deployed.ask("/healthz", Host="10.0.0.7")[:2] == (200, b"ok")
    assert deployed.ask("/readyz")[0] == 200


@dataclass
class Visitor:
    """Uploads one picture after the other, and repeats what was cut off, if `stubborn`."""

    deployed: Deployed
    most: int
    stubborn: bool
    kept: list[str] = field(default_factory=list)
    cut_off: int = 0

    def visit(self) -> None:
        _, _, cookie = self.deployed.ask("/")
        while len(self.kept) < self.most:
            colour = tuple(secrets.token_bytes(3))
            parts = form(encoded(Image.new("RGB", (160, 120), colour)))
            headers = {
                "Content_Type": parts["content_type"],
                "Cookie": cookie,
                "Idempotency_Key": secrets.token_hex(8),
            }
            while not self._upload(parts["data"], headers) and self.stubborn:
                time.sleep(0.3)

    def _upload(self, data: bytes, headers: dict[str, str]) -> bool:
        try:
            status, body, _ = self.deployed.ask("/api/v1/pictures", data, **headers)
        except (OSError, HTTPException):
            status = 502
        if status in (200, 201):
            self.kept.append(str(json.loads(body)["id"]))
            return True
        # 503 says to come again: until half a minute has passed, the first try might go on.
        assert status in (502, 503), body
        self.cut_off += status == 502
        return False


@pytest.mark.parametrize(
    ("uploads", "stubborn"), [(5, False), pytest.param(100, True, marks=pytest.mark.soak)]
)
def test_one_of_two_machines_dies_in_the_middle(
    deployed: Deployed, uploads: int, stubborn: bool
) -> None:
    visitors = [Visitor(deployed, uploads, stubborn) for _ in range(4)]
    with ThreadPoolExecutor(len(visitors)) as pool:
        visits = [pool.submit(visitor.visit) for visitor in visitors]
        until(lambda: sum(len(each.kept) for each in visitors) >= uploads)
        deployed.machines[0].kill()
        for visit in visits:
            visit.result()
    kept = [id for visitor in visitors for id in visitor.kept]
    cut_off = sum(visitor.cut_off for visitor in visitors)
    figures = f"{len(kept)} uploads, {cut_off} cut off, {len(set(kept))} results"
    print(f"\none of two machines killed: {figures}")  # noqa: T201
    assert len(kept) == len(set(kept)) == 4 * uploads
    assert {deployed.ask(f"/api/v1/results/{id}")[0] for id in kept} == {200}
    # Only who was being served at that moment; the others do not notice.
    assert cut_off <= len(visitors)
