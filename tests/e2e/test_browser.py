"""The visitor's story in a real Chromium, without JavaScript."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import SCREENS, screen
from tests.support.pictures import encoded
from tests.support.server import Site

pytestmark = pytest.mark.enable_socket


@pytest.fixture(params=SCREENS)
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    with screen(browser, request.param, java_script_enabled=False) as page:
        yield page


def give(page: Page, site: Site, file: Path) -> None:
    page.goto(site.url)
    page.get_by_label("Upload a picture").set_input_files(file)
    with page.expect_navigation():  # of the whole page, with its picture
        page.get_by_role("button", name="Check this picture").click()


def fits(page: Page) -> bool:
    """No sideways scrolling."""
    picture = page.locator("main img").first.bounding_box()
    assert page.viewport_size
    assert picture
    width = page.viewport_size["width"]
    scrolls = page.evaluate("document.documentElement.scrollWidth")
    return bool(scrolls <= width and picture["x"] + picture["width"] <= width)


def test_a_duck(page: Page, site: Site, duck: Path) -> None:
    give(page, site, duck)
    assert page.get_by_role("heading", level=1).inner_text() == "Rubber duck detected! :))"
    picture = page.get_by_alt_text("Your picture, with a box around what was found")
    size = picture.evaluate("image => [image.complete, image.naturalWidth > 0]")
    assert size == [True, True]
    assert fits(page)
    page.locator(".json > summary").click()  # lines longer than the screen
    assert fits(page)


def test_no_duck(page: Page, site: Site, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(encoded(format="PNG"))
    give(page, site, tmp_path / "photo.png")
    assert page.get_by_role("heading", level=1).inner_text() == "No rubber duck detected :("
    assert fits(page)


def test_no_picture_and_then_one(page: Page, site: Site, duck: Path, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_text("quack")
    give(page, site, tmp_path / "photo.jpg")
    assert (
        page.get_by_role("heading", level=1).inner_text()
        == "This file is not a picture we can read"
    )
    page.get_by_label("Check a picture").set_input_files(duck)
    page.get_by_role("button", name="Check this picture").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Rubber duck detected! :))"


def test_deleting_what_was_asked(page: Page, site: Site, duck: Path) -> None:
    give(page, site, duck)
    where = page.url
    page.get_by_text("Delete this picture").click()
    page.get_by_role("button", name="Delete now").click()
    expect(page.get_by_role("status").first).to_contain_text("Deleted:")
    answer = page.goto(where)
    assert answer
    assert answer.status == 404


def test_everything_else_without_javascript(page: Page, site: Site, duck: Path) -> None:
    give(page, site, duck)
    page.get_by_role("button", name="Yes", exact=True).click()
    expect(page.get_by_text("Thank you!")).to_be_visible()
    page.get_by_role("link", name="My pictures").click()
    assert page.get_by_role("link", name="Rubber duck detected! :))").count() == 1
    page.get_by_role("link", name="Statistics").click()
    page.wait_for_url("**/statistics")  # with its pictures
    expect(page.get_by_role("heading", name="By day")).to_be_visible()
    chart = page.get_by_role("img", name="Bar chart: pictures checked on each day")
    assert chart.evaluate("image => image.complete && image.naturalWidth > 0")
    assert fits(page)


def test_another_threshold(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/sample/hard")
    page.get_by_label("Confidence threshold").fill("99")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**?min=99")
    assert page.get_by_role("heading", level=1).inner_text() == "No rubber duck detected :("
    page.get_by_role("link", name="Back to 35%").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Rubber duck detected! :))")


def test_reload_and_back(browser: Browser, site: Site, duck: Path) -> None:
    page = browser.new_page()
    page.goto(site.url)
    page.get_by_label("Upload a picture").set_input_files(duck)  # with JavaScript that sends it
    page.wait_for_url("**/result/*")
    where = page.url
    page.reload()
    assert page.url == where
    page.go_back()
    expect(page.get_by_label("Upload a picture")).to_be_visible()
    page.go_forward()
    assert page.get_by_role("heading", level=1).inner_text() == "Rubber duck detected! :))"
    page.close()
