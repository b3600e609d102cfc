"""The icons of the installed page, drawn from the site's SVG logos: `python -m docs.icons`."""

from typing import NamedTuple

from playwright.sync_api import Browser, sync_playwright

from rubberduck.core.settings import ROOT
from tests.support.browser import chromium

STATIC = ROOT / "static"
LOGOS = ("duck", "lens")
PAPER = "#eaf6fd"  # --paper of style.css


class Kind(NamedTuple):
    """An icon: `logo` is the logo's share of its side in percent."""

    name: str
    side: int  # pixels
    logo: int
    background: str


# A phone cuts a maskable icon to any shape around the middle 80 %; iOS shows transparency as black.
KINDS = (
    Kind("192", 192, 92, "transparent"),
    Kind("512", 512, 92, "transparent"),
    Kind("maskable-512", 512, 60, PAPER),
    Kind("180", 180, 72, PAPER),
)


def draw(browser: Browser, logo: str, kind: Kind) -> None:
    page = browser.new_page(viewport={"width": kind.side, "height": kind.side})
    svg = (STATIC / f"{logo}.svg").read_text()
    page.set_content(
        "<style>body { margin: 0; height: 100vh; display: grid; place-items: center; "
        f"background: {kind.background} }} svg {{ width: {kind.logo}vw }}</style>{svg}"
    )
    page.screenshot(path=STATIC / "icons" / f"{logo}-{kind.name}.png", omit_background=True)
    page.close()


def main() -> None:
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        for logo in LOGOS:
            for kind in KINDS:
                draw(browser, logo, kind)
        browser.close()


if __name__ == "__main__":
    main()
