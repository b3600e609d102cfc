"""The installed page in a real Chromium: it can be installed, and takes what a phone shares."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import encode_multipart

from tests.support.browser import SCREENS, complaints, screen
from tests.support.pictures import encoded
from tests.support.server import Site

pytestmark = pytest.mark.enable_socket


@pytest.fixture(params=SCREENS)
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    with screen(browser, request.param, reduced_motion="reduce") as page:
        yield page


def share(page: Page, site: Site, *pictures: bytes) -> None:
    """Navigate as Android's share menu does: a POST that no page sent.

    Chromium adds “Sec-Fetch-Site: none” after Playwright's interception, which does not show it.
    """
    fields = [("title", "Holiday"), ("text", ""), ("url", "")]
    files = [("picture", FileStorage(BytesIO(data), "IMG_1.jpg")) for data in pictures]
    boundary, body = encode_multipart(MultiDict([*fields, *files]))

    def send(route: Route) -> None:
        type = f"multipart/form-data; boundary={boundary}"
        headers = route.request.headers | {"content-type": type}
        route.continue_(method="POST", post_data=body, headers=headers)

    page.route("**/share", send, times=1)
    page.goto(f"{site.url}/share")


def test_sharing_a_picture(page: Page, site: Site, duck: Path) -> None:
    share(page, site, duck.read_bytes(), encoded())
    expect(page.get_by_role("heading", level=1)).to_have_text("Check this picture?")
    expect(page.get_by_text("You shared 2 pictures.")).to_be_visible()
    preview = page.get_by_alt_text("The picture that you shared")
    assert preview.evaluate("image => image.complete && image.naturalWidth") == 640
    assert complaints(page) == []
    width = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert width <= 0
    page.get_by_role("link", name="My pictures").click()
    expect(page.get_by_text("No pictures yet.")).to_be_visible()
    share(page, site, duck.read_bytes())
    page.get_by_role("button", name="Check this picture").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Rubber duck detected! :))")


def test_without_javascript(browser: Browser, site: Site, duck: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    share(page, site, duck.read_bytes())
    page.get_by_role("button", name="Check this picture").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Rubber duck detected! :))")
    context.close()


def test_chromium_would_install_it(browser: Browser, site: Site) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(site.url)
    session = context.new_cdp_session(page)
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert manifest["url"] == f"{site.url}/manifest.webmanifest"
    found = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # A context of a test is incognito, in which nothing can be installed.
    assert {each["errorId"] for each in found} <= {"in-incognito"}
    context.close()
