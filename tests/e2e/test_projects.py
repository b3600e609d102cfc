"""A project in a browser: pictures are added without reload, and every page is accessible."""

import pytest
from playwright.sync_api import Browser, FilePayload, expect

from tests.support.browser import SCREENS, complaints, screen
from tests.support.operators import sign_in_page
from tests.support.pictures import encoded
from tests.support.scenes import scene
from tests.support.server import Site

pytestmark = pytest.mark.enable_socket


def payload(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


def test_pictures_are_added_and_every_page_is_accessible(browser: Browser, site: Site) -> None:
    wrong: list[str] = []
    for number, kind in enumerate(SCREENS):
        with screen(browser, kind) as page:
            page.on("pageerror", lambda error: wrong.append(str(error)))
            sign_in_page(page, site)
            page.goto(f"{site.url}/projects/new")
            assert complaints(page) == []
            page.get_by_label("Name").fill(f"Mugs {number}")
            page.get_by_label("Labels, one a line").fill("red mug\nblue mug")
            page.get_by_role("button", name="Make the project").click()
            page.get_by_role("heading", name="Add pictures").wait_for()
            page.wait_for_load_state()  # before that, a form is sent without the script
            address = page.url
            page.locator("#files").set_input_files(payload("one.jpg", encoded(scene(1))))
            page.get_by_role("button", name="Add", exact=True).click()
            expect(page.locator("#summary")).to_have_text("1 of 1 pictures done")
            more = [
                payload("same.jpg", encoded(scene(1))),
                payload("near.jpg", encoded(scene(1).resize((300, 225)))),
                payload("small.jpg", encoded(scene(2).resize((60, 300)))),
            ]
            page.locator("#files").set_input_files(more)
            page.get_by_role("button", name="Add", exact=True).click()
            expect(page.locator("#summary")).to_have_text("4 of 4 pictures done")
            expect(page.locator("#uploads")).to_contain_text("each side needs at least 64")
            page.get_by_role("button", name="Add it anyway").click()
            expect(page.locator("#uploads li", has_text="near.jpg")).to_contain_text("added")
            assert complaints(page) == []
            page.get_by_role("link", name="Show them").click()
            expect(page.locator(".grid li")).to_have_count(2)
            for part in ("", "/checks", "/data", "/settings", "/visitors", "/delete"):
                page.goto(f"{address}{part}")
                assert complaints(page) == [], part
                width = page.evaluate("document.documentElement.scrollWidth")
                assert width <= int(kind.split()[1]), part
    assert wrong == []
