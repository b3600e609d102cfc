"""The README's pictures, taken from the site itself: `make screenshots`."""

import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from rubberduck.core.settings import ROOT
from tests.support.browser import chromium
from tests.support.server import serving

DOCS = Path(__file__).parent
FLOCK = ROOT / "static" / "samples" / "many.jpg"
Scheme = Literal["light", "dark"]


def page_of(browser: Browser, width: int, height: int, scheme: Scheme) -> Page:
    return browser.new_page(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )


def ask(page: Page, url: str, file: Path) -> None:
    page.goto(url)
    page.get_by_label("Upload a picture").set_input_files(file)
    page.wait_for_url("**/result/*")


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder)) as site,
        sync_playwright() as playwright,
    ):
        browser = chromium(playwright)
        screen = page_of(browser, 1100, 820, "light")
        screen.goto(site.url)
        screen.screenshot(path=DOCS / "home.jpg", quality=85)
        ask(screen, site.url, FLOCK)
        screen.screenshot(path=DOCS / "result.jpg", quality=85)
        phone = page_of(browser, 390, 780, "dark")
        ask(phone, site.url, FLOCK)
        phone.screenshot(path=DOCS / "phone.jpg", quality=85)
        browser.close()


if __name__ == "__main__":
    main()
