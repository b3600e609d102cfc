"""A video on its way in Chromium, by the real tus-js-client: broken, reloaded, cancelled."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from tests.support.browser import SCREENS, complaints, screen
from tests.support.server import Site

pytestmark = pytest.mark.enable_socket
PART = 8 * 1024 * 1024
UPLOAD = "**/api/v1/uploads/*"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is inside is found out by the job: here it only has to arrive."""
    file = tmp_path_factory.mktemp("films") / "Ferien am See.mp4"
    file.write_bytes(hashlib.shake_256(b"a film").digest(PART + 500_000))
    return file


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context, wrong = browser.new_context(), list[str]()
    page = context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    context.close()
    assert wrong == []


def requests_of(page: Page) -> list[str]:
    """Collect method and offset of the requests for uploads from now on."""
    sent: list[str] = []

    def note(request: Request) -> None:
        if "/api/v1/uploads" in request.url:
            sent.append(f"{request.method} {request.headers.get('upload-offset', '')}".strip())

    page.on("request", note)
    return sent


def stored(site: Site, page: Page) -> bytes:
    """Return what the site has of the video whose page is shown."""
    id = page.url.rpartition("/")[2]
    return (site.log_file.parent / "uploads" / "videos" / id / "original").read_bytes()


def test_a_broken_connection_goes_on_where_it_was(page: Page, site: Site, film: Path) -> None:
    """It breaks in the second part; then the site restarts while it is asked for the offset."""
    faults = ["PATCH", "HEAD"]
    parts = 0

    def break_once(route: Route) -> None:
        nonlocal parts
        method = route.request.method
        parts += method == "PATCH"
        if not faults or method != faults[0] or parts < 2:
            route.continue_()
        elif faults.pop(0) == "PATCH":
            route.abort("connectionreset")
        else:
            route.fulfill(status=503, body="The site is restarting.")

    page.route(UPLOAD, break_once)
    sent = requests_of(page)
    page.goto(f"{site.url}/videos")
    page.get_by_label("Choose a video").set_input_files(film)
    page.wait_for_url("**/videos/*")
    assert stored(site, page) == film.read_bytes()
    assert sent == ["POST", "PATCH 0", f"PATCH {PART}", "HEAD", "HEAD", f"PATCH {PART}"]


@pytest.mark.parametrize("kind", SCREENS)
def test_after_a_reload_it_goes_on_where_it_was(
    browser: Browser, site: Site, film: Path, kind: str
) -> None:
    with screen(browser, kind) as page:
        page.goto(f"{site.url}/videos")
        assert complaints(page) == []
        page.route(UPLOAD, keep_first_part)
        page.get_by_label("Choose a video").set_input_files(film)
        expect(page.get_by_text("The connection is gone")).to_be_visible()
        assert complaints(page) == []
        page.reload()
        expect(page.get_by_text("8.4 of 8.9 MB have arrived.")).to_be_visible()
        expect(page.get_by_text("Ferien am See.mp4")).to_be_visible()
        assert complaints(page) == []
        page.unroute(UPLOAD)
        sent = requests_of(page)
        page.get_by_label("Choose a video").set_input_files(film)
        page.wait_for_url("**/videos/*")
        assert sent == ["HEAD", f"PATCH {PART}"]
        assert stored(site, page) == film.read_bytes()
        page.goto(f"{site.url}/videos")
        expect(page.get_by_role("link", name="waiting")).to_be_visible()
        expect(page.get_by_text("have arrived")).to_have_count(0)
        assert complaints(page) == []


def keep_first_part(route: Route) -> None:
    """Let the first part through; then the connection is gone."""
    if route.request.headers.get("upload-offset") == "0":
        route.continue_()
    else:
        route.abort("internetdisconnected")


def test_a_cancelled_upload_is_gone(page: Page, site: Site, film: Path) -> None:
    page.route(UPLOAD, keep_first_part_and_deletion)
    page.goto(f"{site.url}/videos")
    page.get_by_label("Choose a video").set_input_files(film)
    expect(page.get_by_text("The connection is gone")).to_be_visible()
    with page.expect_response(lambda response: response.request.method == "DELETE") as deleted:
        page.get_by_role("button", name="Cancel").click()
    assert deleted.value.status == 204
    expect(page.get_by_text("Cancelled. Nothing was saved.")).to_be_visible()
    expect(page.get_by_label("Choose a video")).to_be_focused()
    page.reload()
    expect(page.get_by_text("have arrived")).to_have_count(0)


def keep_first_part_and_deletion(route: Route) -> None:
    if route.request.method == "DELETE":
        route.continue_()
    else:
        keep_first_part(route)


def test_what_the_site_refuses_is_said_at_once(page: Page, site: Site, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    page.goto(f"{site.url}/videos")
    page.get_by_label("Choose a video").set_input_files(tmp_path / "empty.mp4")
    expect(page.get_by_role("alert")).to_have_text("This file is empty. Choose another one.")
    refusal = '{"title": "Too many videos at once", "detail": "Wait."}'
    page.route("**/api/v1/uploads", lambda route: route.fulfill(status=429, body=refusal))
    (tmp_path / "full.mp4").write_bytes(b"a film")
    page.get_by_label("Choose a video").set_input_files(tmp_path / "full.mp4")
    expect(page.get_by_role("alert")).to_have_text("Too many videos at once. Wait.")
    page.unroute("**/api/v1/uploads")
    page.get_by_role("button", name="Check this video").click()
    page.wait_for_url("**/videos/*")
    assert stored(site, page) == b"a film"


def test_a_film_that_is_dropped(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/videos")
    files = page.evaluate_handle(
        """() => {
            const files = new DataTransfer();
            files.items.add(new File(["a film"], "film.webm", { type: "video/webm" }));
            return files;
        }"""
    )
    page.dispatch_event("body", "drop", {"dataTransfer": files})
    page.wait_for_url("**/videos/*")
    assert stored(site, page) == b"a film"


def test_it_works_without_javascript(browser: Browser, site: Site, film: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/videos")
    page.locator("#video").set_input_files(film)
    page.get_by_role("button", name="Check this video").click()
    page.wait_for_url("**/videos/*")
    assert stored(site, page) == film.read_bytes()
    context.close()
