"""My pictures and the API page in a real Chromium."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import SCREENS, complaints, screen
from tests.support.server import Site

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(timezone_id="Europe/Stockholm")
    yield context.new_page()
    context.close()


def test_several_pictures_are_selected_and_deleted(page: Page, site: Site, duck: Path) -> None:
    page.goto(site.url)
    page.get_by_label("Upload a picture").set_input_files(duck)
    page.wait_for_url("**/result/*")
    page.get_by_role("link", name="My pictures").click()
    time = page.locator(".history time").first
    expect(time).to_have_attribute("title", re.compile(r" UTC$"))  # by script, when it is loaded
    expect(time).not_to_have_text(re.compile("UTC"))
    page.get_by_role("checkbox", name="Select").first.check()
    page.get_by_role("button", name="Delete selected").click()
    expect(page.get_by_role("heading", name="Delete this picture?")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("Deleted: the pictures and their results.")).to_be_visible()
    expect(page.get_by_text("No pictures yet.")).to_be_visible()


def test_enter_in_a_checkbox_asks_about_the_selected_pictures(
    page: Page, site: Site, duck: Path
) -> None:
    """Browsers press a form's first button then; others here belong to one picture each."""
    page.goto(site.url)
    page.get_by_label("Upload a picture").set_input_files(duck)
    page.wait_for_url("**/result/*")
    page.get_by_role("link", name="My pictures").click()
    page.get_by_role("checkbox", name="Select").first.press("Enter")
    expect(page.get_by_text("Select the pictures to delete first.")).to_be_visible()


def test_an_error_of_the_api_leads_to_its_open_row(page: Page, site: Site) -> None:
    """Chromium opens the details that hold the target of an address."""
    page.goto(f"{site.url}/api#invalid-key")
    expect(page.locator("#invalid-key")).to_be_in_viewport()


def test_the_samples_language_is_chosen_without_a_script(browser: Browser, site: Site) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(f"{site.url}/api")
    assert page.locator("html").bounding_box()["height"] <= 3 * 740  # type: ignore[index]
    upload = page.locator("#look pre")
    expect(upload.filter(visible=True)).to_have_text(re.compile("^curl "))
    page.get_by_label("Python").check()
    expect(upload.filter(visible=True)).to_have_text(re.compile("^import os"))
    context.close()


@pytest.mark.parametrize("kind", SCREENS)
def test_axe_finds_nothing_on_keys_and_confirmations(
    browser: Browser, site: Site, kind: str
) -> None:
    with screen(browser, kind) as page:
        page.goto(f"{site.url}/mine")
        page.get_by_text("Make a key").first.click()
        assert complaints(page) == []
        page.get_by_label("Name").fill("backup script")
        page.get_by_role("button", name="Make a key").click()
        expect(page.get_by_label("Copy it now")).to_have_value(re.compile("^duck_"))
        assert complaints(page) == []
        page.get_by_role("link", name="I have copied it").click()
        expect(page.get_by_role("button", name="Revoke")).to_be_visible()
        assert complaints(page) == []
        page.goto(f"{site.url}/mine/delete-all")
        assert complaints(page) == []
