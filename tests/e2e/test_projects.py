"""A project in a browser: pictures are added without reload, and every page is accessible."""

import base64
from collections.abc import Mapping
from typing import Any

import pytest
from playwright.sync_api import Browser, FilePayload, Page, Route, expect

from rubberduck.custom_models.project_pictures import ProjectPictures
from rubberduck.jobs.store import JobStore
from tests.support.archives import zipped
from tests.support.browser import SCREENS, complaints, screen
from tests.support.labelling import QUOTA, add_project_to
from tests.support.operators import sign_in_page
from tests.support.pictures import encoded
from tests.support.scenes import scene
from tests.support.server import Site
from tests.support.trained_projects import data_of

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
            expect(page.locator("#summary")).to_have_text("1 of 1 files done")
            more = [
                payload("same.jpg", encoded(scene(1))),
                payload("near.jpg", encoded(scene(1).resize((300, 225)))),
                payload("small.jpg", encoded(scene(2).resize((60, 300)))),
            ]
            page.locator("#files").set_input_files(more)
            page.get_by_role("button", name="Add", exact=True).click()
            expect(page.locator("#summary")).to_have_text("4 of 4 files done")
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


def drop(page: Page, files: Mapping[str, bytes]) -> None:
    page.evaluate(
        """(files) => {
            const dataTransfer = new DataTransfer();
            for (const [name, data] of Object.entries(files)) {
                const bytes = Uint8Array.from(atob(data), (sign) => sign.charCodeAt());
                dataTransfer.items.add(new File([bytes], name));
            }
            const options = { bubbles: true, cancelable: true, dataTransfer };
            document.body.dispatchEvent(new DragEvent("drop", options));
        }""",
        {name: base64.b64encode(data).decode() for name, data in files.items()},
    )


def test_zips_and_photos_that_are_dropped_together_all_come_in(
    browser: Browser, site: Site
) -> None:
    project, _ = add_project_to(site, "dropped", [])
    packs = {f"{n}.zip": zipped({"a.jpg": encoded(scene(n))}) for n in (1, 2, 3)}
    with screen(browser, "light 360") as page:
        sign_in_page(page, site)
        page.goto(f"{site.url}/projects/{project.id}")
        drop(
            page, {"1.zip": packs["1.zip"], "photo.jpg": encoded(scene(4)), "2.zip": packs["2.zip"]}
        )
        expect(page.locator("#summary")).to_have_text("3 of 3 files done")
        rows = page.locator("#uploads li")
        expect(rows.filter(has_text="photo.jpg")).to_contain_text("added")
        imports = page.get_by_role("link", name="Show the import")
        expect(imports).to_have_count(2)
        assert len({link.get_attribute("href") for link in imports.all()}) == 2
        assert complaints(page) == []
        page.reload()
        drop(page, {"3.zip": packs["3.zip"]})  # one alone leads to its job
        page.wait_for_url("**/jobs/*")
    with data_of(site.log_file.parent) as (database, storage):
        pictures = ProjectPictures(database, storage, 10**7, QUOTA)
        assert pictures.counts(project.id).pictures == 1  # no worker runs here
        jobs = JobStore(database).newest(f"project:{project.id}", ("queued",))
    assert [job.kind for job in jobs] == ["import-pictures"] * 3


def test_labels_that_are_dropped_beside_their_pictures_wait_for_them(
    browser: Browser, site: Site
) -> None:
    """An import that runs before its pictures are there labels none of them."""
    project, _ = add_project_to(site, "labels beside", [])
    done: list[str] = []
    with screen(browser, "light 360") as page:
        sign_in_page(page, site)
        page.on("requestfinished", lambda request: done.append(request.url))
        page.goto(f"{site.url}/projects/{project.id}")
        photos = {f"{n}.jpg": encoded(scene(n)) for n in range(5)}
        drop(page, {"labels.json": b"{}", "more.zip": zipped({"a.jpg": b""}), **photos})
        expect(page.locator("#summary")).to_have_text("7 of 7 files done")
        expect(page.get_by_role("link", name="Show the import")).to_have_count(2)
    sent = [url.partition("?")[0].rpartition("/")[2] for url in done if f"/{project.id}/" in url]
    assert sent == ["pictures"] * 5 + ["imports"] * 2


def test_a_file_that_is_no_picture_is_named_and_not_sent(browser: Browser, site: Site) -> None:
    project, _ = add_project_to(site, "unsuitable", [])
    sent: list[str] = []
    with screen(browser, "light 360") as page:
        sign_in_page(page, site)
        page.on("request", lambda request: sent.append(request.url))
        page.goto(f"{site.url}/projects/{project.id}")
        page.wait_for_load_state("networkidle")
        notes = page.locator("#uploads li", has_text="notes.txt")
        drop(page, {"notes.txt": b"Buy milk."})
        expect(page.locator("#summary")).to_have_text("1 of 1 files done")
        expect(notes).to_contain_text("This file is not a picture we can read")
        text: FilePayload = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"Buy milk."}
        page.locator("#files").set_input_files([payload("photo.jpg", encoded(scene(6))), text])
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator("#summary")).to_have_text("3 of 3 files done")
        expect(page.locator("#uploads li", has_text="photo.jpg")).to_contain_text("added")
        expect(notes).to_have_count(2)
        assert complaints(page) == []
    assert len([each for each in sent if "/pictures?" in each]) == 1


@pytest.mark.parametrize(
    ("answer", "tries_again"),
    [
        ({"status": 413, "content_type": "text/plain", "body": "Too big. Send less."}, False),
        ({"status": 429, "json": {"title": "Too big", "detail": "Send less."}}, True),
    ],
    ids=["by a proxy", "for want of a turn"],
)
def test_an_archive_that_is_refused_says_why_and_holds_up_no_photo(
    browser: Browser, site: Site, answer: dict[str, Any], tries_again: bool
) -> None:
    project, _ = add_project_to(site, f"refused {tries_again}", [])
    sent = []
    with screen(browser, "light 360") as page:
        sign_in_page(page, site)

        def refuse(route: Route) -> None:
            sent.append(route.request.url)
            route.fulfill(**answer)

        page.route("**/imports?*", refuse)
        page.goto(f"{site.url}/projects/{project.id}")
        drop(page, {"1.zip": zipped({"a.jpg": b""}), "photo.jpg": encoded(scene(5))})
        expect(page.locator("#summary")).to_have_text("2 of 2 files done")
        rows = page.locator("#uploads li")
        expect(rows.filter(has_text="photo.jpg")).to_contain_text("added")
        expect(rows.filter(has_text="1.zip")).to_contain_text("Too big. Send less.")
        again = rows.filter(has_text="1.zip").get_by_role("button", name="Try again")
        expect(again).to_have_count(int(tries_again))
    assert len(sent) == 1
