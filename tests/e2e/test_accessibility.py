"""For everybody: axe finds nothing on any page, in both schemes, on a phone and on a screen."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.support.browser import SCREENS, complaints, screen
from tests.support.server import Site

pytestmark = pytest.mark.enable_socket

ADDRESSES = [
    "/",
    "/?question=real-duck",
    "/camera",
    "/many",
    "/videos",
    "/mine",
    "/statistics",
    "/privacy",
    "/api",
    "/sample/many",
    "/sample/none",
    "/nowhere",
]


WIDTHS = (320, 360, 768)
ALL_SCREENS = [
    pytest.param(f"{scheme} {width}", marks=pytest.mark.soak)
    for scheme in ("light", "dark")
    for width in (*WIDTHS, 1280)
    if f"{scheme} {width}" not in SCREENS
]


@pytest.fixture(params=SCREENS)
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    with screen(browser, request.param, reduced_motion="reduce") as page:
        yield page


def open_details(page: Page, every: int) -> None:
    """Open the first ten, and one of `every`: the page of the API has hundreds that are alike."""
    page.evaluate(
        """(every) => [...document.querySelectorAll("main details")]
            .filter((_, number) => number < 10 || number % every === 0)
            .forEach((each) => { each.open = true; })""",
        every,
    )


@pytest.mark.parametrize("kind", [*SCREENS, *ALL_SCREENS])
def test_axe_finds_nothing(browser: Browser, site: Site, kind: str) -> None:
    with screen(browser, kind, reduced_motion="reduce") as page:
        for address in ADDRESSES:
            page.goto(site.url + address)
            open_details(page, every=1 if kind not in SCREENS else 20)
            assert complaints(page) == [], address


def test_axe_finds_nothing_on_ones_own_pages(page: Page, site: Site, duck: Path) -> None:
    page.goto(site.url)

    def hold_request(route: Route) -> None:
        held.append(route)

    held: list[Route] = []
    page.route("**/api/v1/pictures", hold_request)
    page.get_by_label("Upload a picture").set_input_files(duck)
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    assert complaints(page) == []
    while not held:
        page.wait_for_timeout(50)
    held[0].abort()
    expect(page.get_by_role("alert")).to_be_visible()
    assert complaints(page) == []
    page.unroute_all()
    page.get_by_role("button", name="Check this picture").click()
    page.wait_for_url("**/result/*")
    page.get_by_text("Delete this picture").click()
    page.get_by_role("button", name="No", exact=True).click()
    page.get_by_text("Thank you!").wait_for()
    assert complaints(page) == []
    for name in ("My pictures", "Statistics"):
        page.get_by_role("link", name=name).click()
        assert complaints(page) == []


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_scrolls_sideways(browser: Browser, site: Site, address: str) -> None:
    page = browser.new_page(viewport={"width": WIDTHS[0], "height": 700})
    page.goto(site.url + address)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 700})
        # The body clips what sticks out: look at every element, not at the scrollbar.
        too_wide = page.evaluate(
            """() => [...document.querySelectorAll("main *, header *, footer *")]
                .filter(each => !each.closest(".pond, .skip"))
                .filter(each => !each.closest("[tabindex]") || each.matches("[tabindex]"))
                .filter(each => each.getBoundingClientRect().right > innerWidth + 1)
                .map(each => each.outerHTML.slice(0, 100))"""
        )
        assert too_wide == [], width
    page.close()
