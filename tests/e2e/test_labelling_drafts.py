"""What is drawn and not saved is there again when its picture is, however one comes back to it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from rubberduck.custom_models.project_pictures import ProjectPictures
from tests.support.labelling import QUOTA, add_project_to, noise
from tests.support.labelling_page import (
    label,
    labelling_tab,
    listed,
    press,
    saved,
    wait_for_picture,
)
from tests.support.server import Site
from tests.support.trained_projects import data_of

pytestmark = pytest.mark.enable_socket

UNSAVED = "What you had not saved"


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    with labelling_tab(browser, site) as page:
        yield page


def drafts(page: Page) -> int:
    return int(
        page.evaluate("Object.keys(localStorage).filter((key) => key.includes('draft')).length")
    )


def test_a_correction_of_the_previous_picture_leaves_what_was_drawn(page: Page, site: Site) -> None:
    project, ids = add_project_to(site, "draw, previous, save", map(noise, range(2)))
    label(page, site, project)
    press(page, "b", "1", "Enter")
    wait_for_picture(page, "1.jpg")
    press(page, "b", "ArrowRight", "b", "2")
    drawn = listed(page)
    press(page, "p")
    wait_for_picture(page, "0.jpg")
    press(page, "n", "n")  # there was nothing after all
    wait_for_picture(page, "1.jpg")
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text(UNSAVED)
    expect(page.locator(".unsaved")).to_be_visible()
    assert listed(page) == drawn
    notice.get_by_role("button", name="Discard").click()
    assert listed(page) == []
    expect(page.locator(".unsaved")).to_be_hidden()
    assert drafts(page) == 0
    press(page, "Control+y", "Enter")
    expect(page.get_by_text("There is no picture left to label")).to_be_visible()
    assert saved(page, site, project, ids[0])["boxes"] == []
    assert len(saved(page, site, project, ids[1])["boxes"]) == 2
    assert drafts(page) == 0


def test_a_skipped_picture_comes_again_with_what_was_drawn(page: Page, site: Site) -> None:
    project, ids = add_project_to(site, "draw, skip, again", map(noise, range(2)))
    label(page, site, project)
    press(page, "b", "ArrowRight")
    drawn = listed(page)
    press(page, "s")
    wait_for_picture(page, "1.jpg")
    expect(page.locator(".unsaved")).to_be_hidden()
    expect(page.get_by_text("Other pictures with unsaved work in this browser: 1")).to_be_visible()
    press(page, "s")
    page.get_by_role("button", name="Look again").click()
    wait_for_picture(page, "0.jpg")
    expect(page.get_by_role("alert")).to_contain_text(UNSAVED)
    assert listed(page) == drawn
    press(page, "Enter")
    wait_for_picture(page, "1.jpg")
    assert len(saved(page, site, project, ids[0])["boxes"]) == 1
    assert drafts(page) == 0


def test_what_two_visits_left_on_two_pictures_is_shown_one_after_the_other(
    page: Page, site: Site
) -> None:
    """As after two crashes: the draft of the second picture is the older one."""
    project, ids = add_project_to(site, "two visits", map(noise, range(2)))
    label(page, site, project, f"?picture={ids[1]}")
    press(page, "b", "ArrowRight")
    drawn = listed(page)
    label(page, site, project, f"?picture={ids[0]}")
    press(page, "b")
    label(page, site, project, f"?picture={ids[0]}")
    expect(page.get_by_role("alert")).to_contain_text(UNSAVED)
    press(page, "Enter")
    wait_for_picture(page, "1.jpg")
    expect(page.get_by_role("alert")).to_contain_text(UNSAVED)
    assert listed(page) == drawn
    assert saved(page, site, project, ids[1])["boxes"] == []


def test_the_previous_picture_is_tried_again_until_it_opens(page: Page, site: Site) -> None:
    project, ids = add_project_to(site, "previous, offline", map(noise, range(4)))
    label(page, site, project)
    for number in range(3):
        wait_for_picture(page, f"{number}.jpg")
        press(page, "n")
    wait_for_picture(page, "3.jpg")
    press(page, "b")
    page.context.set_offline(True)
    press(page, "p")
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text("there is no connection")
    with page.expect_event("requestfailed"):
        notice.get_by_role("button", name="Try again").click()
    expect(notice).to_contain_text("there is no connection")
    page.context.set_offline(False)
    wait_for_picture(page, "2.jpg")  # by itself, and not an older one
    with data_of(site.log_file.parent) as (database, storage):
        ProjectPictures(database, storage, 10**7, QUOTA).delete(project.id, ids[1:2])
    press(page, "p")
    expect(notice).to_contain_text("This picture was deleted in the meantime.")
    press(page, "p")  # there is one before it
    wait_for_picture(page, "0.jpg")
