"""The README's pictures, taken from the site itself: `make screenshots`."""

import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from rubberduck.core.settings import ROOT
from tests.support.browser import chromium
from tests.support.labelling import add_project_to
from tests.support.operators import sign_in_page
from tests.support.server import Site, serving

DOCS = Path(__file__).parent
FLOCK = ROOT / "static" / "samples" / "many.jpg"
# Left, top, right, bottom of ducks in the flock, as fractions.
BOXES = ((0.015, 0.35, 0.275, 0.735), (0.425, 0.52, 0.655, 0.815), (0.70, 0.41, 0.91, 0.72))
Scheme = Literal["light", "dark"]


def page_of(browser: Browser, width: int, height: int, scheme: Scheme) -> Page:
    return browser.new_page(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )


def ask(page: Page, url: str, file: Path) -> None:
    page.goto(url)
    page.get_by_label("Upload a picture").set_input_files(file)
    page.wait_for_url("**/result/*")


def label(page: Page, site: Site) -> None:
    project, _ = add_project_to(
        site, "Our ducks", [FLOCK.read_bytes()], labels=["rubber duck", "real duck"]
    )
    sign_in_page(page, site)
    page.goto(f"{site.url}/projects/{project.id}/label")
    picture = page.locator("main img").first
    picture.wait_for()
    for left, top, right, bottom in BOXES:
        sides = picture.bounding_box()
        assert sides
        x, y, width, height = sides["x"], sides["y"], sides["width"], sides["height"]
        page.mouse.move(x + left * width, y + top * height)
        page.mouse.down()
        page.mouse.move(x + (left + right) / 2 * width, y + (top + bottom) / 2 * height)
        page.mouse.move(x + right * width, y + bottom * height)
        page.mouse.up()
        page.wait_for_timeout(300)


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
        label(screen, site)
        screen.screenshot(path=DOCS / "labelling.jpg", quality=85)
        phone = page_of(browser, 390, 780, "dark")
        ask(phone, site.url, FLOCK)
        phone.screenshot(path=DOCS / "phone.jpg", quality=85)
        browser.close()


if __name__ == "__main__":
    main()
