"""Pictures are labelled by mouse, by touch and by keyboard alone, and nothing drawn is lost."""

import re
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from rubberduck.core.models import Box as Fractions
from rubberduck.custom_models.label_removal import remove_label
from rubberduck.custom_models.project_pictures import ProjectPictures
from rubberduck.custom_models.projects import Projects
from rubberduck.custom_models.tables import project_pictures
from rubberduck.custom_models.video_suggestions import suggest
from rubberduck.db.engine import Database
from tests.support.browser import SCREENS, complaints, screen
from tests.support.labelling import QUOTA, add_project_to, noise
from tests.support.labelling_page import (
    at,
    drag,
    label,
    labelling_tab,
    listed,
    press,
    saved,
    sides,
    swipe,
    wait_for_picture,
    watched,
)
from tests.support.operators import sign_in_page
from tests.support.server import Site
from tests.support.trained_projects import data_of

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    with labelling_tab(browser, site) as page:
        yield page


def test_by_keyboard_alone(page: Page, site: Site) -> None:
    project, ids = add_project_to(site, "by keyboard", map(noise, range(3)))
    mug, plate = (each.id for each in project.labels)
    label(page, site, project)
    press(page, "Enter")
    expect(page.get_by_text("Draw a box, or press N")).to_be_visible()  # a box project needs one
    press(page, "b", "2")
    expect(page.get_by_role("button", name="Box 1, plate")).to_be_focused()
    expect(page.locator(".box-list small")).to_have_text("213, 160 · 214 × 160")
    press(page, "ArrowRight", "ArrowRight", "ArrowUp", "Shift+ArrowDown", "Control+ArrowLeft")
    assert listed(page) == ["205, 159 · 214 × 161"]
    press(page, "Control+z", "b", "Delete", "u", "u")
    assert listed(page) == ["213, 160 · 214 × 160"]
    press(page, "Enter")
    expect(page.get_by_text("1 of 3 labelled")).to_be_visible()
    first = saved(page, site, project, ids[0])
    assert first["boxes"] == [
        {"label": plate, "left": 213, "top": 160, "width": 214, "height": 160, "crowd": False}
    ]
    assert first["labelled_by"] == "Ada"
    wait_for_picture(page, "1.jpg")
    press(page, "n")
    expect(page.get_by_text("2 of 3 labelled")).to_be_visible()
    second = saved(page, site, project, ids[1])
    assert (second["revision"], second["boxes"]) == (1, [])
    wait_for_picture(page, "2.jpg")
    press(page, "s")
    expect(page.get_by_text("There is no picture left to label")).to_be_visible()
    page.get_by_role("button", name="Look again").press("Enter")
    wait_for_picture(page, "2.jpg")
    press(page, "p")  # back to the second one, which is not empty after all
    wait_for_picture(page, "1.jpg")
    press(page, "b", "1", "n")
    expect(page.get_by_text("Press N again to remove them")).to_be_visible()
    press(page, "Enter")
    wait_for_picture(page, "2.jpg")
    assert saved(page, site, project, ids[1])["boxes"][0]["label"] == mug
    page.get_by_text("Keys and gestures").click()
    page.get_by_label("Turn the single-letter keys off").check()
    press(page, "b", "n")
    assert listed(page) == []


def test_over_plain_http_from_another_device(page: Page, site: Site) -> None:
    project, ids = add_project_to(site, "from a phone", map(noise, range(2)))
    # As where the address is neither localhost nor HTTPS.
    page.add_init_script("delete Crypto.prototype.randomUUID")
    label(page, site, project)
    press(page, "b", "1")
    label(page, site, project)  # a reload: what was drawn is still there
    expect(page.locator(".box-list li")).to_have_count(1)
    press(page, "b", "2", "Enter")
    expect(page.get_by_text("1 of 2 labelled")).to_be_visible()
    boxes = saved(page, site, project, ids[0])["boxes"]
    assert [box["label"] for box in boxes] == [each.id for each in project.labels]


def test_by_mouse_while_the_network_is_cut_and_the_session_ends(page: Page, site: Site) -> None:
    project, ids = add_project_to(site, "by mouse", [noise(1, (1200, 900)), noise(2)])
    label(page, site, project)
    drag(page, (0.2, 0.2), (0.4, 0.4))
    expect(page.locator(".box-list li")).to_have_count(1)  # Annotorious takes one after the other
    drag(page, (0.6, 0.5), (1.2, 0.8))  # beside the chosen box, and out of the picture
    expect(page.locator(".box-list li")).to_have_count(2)
    page.mouse.click(*at(page, (0.3, 0.3)))
    expect(page.get_by_role("button", name="Box 1, mug")).to_have_attribute("aria-pressed", "true")
    drag(page, (0.3, 0.3), (0.4, 0.4))  # the whole box
    drag(page, (0.5, 0.5), (0.6, 0.6))  # its lower right corner
    page.locator(".chip", has_text="plate").click()
    boxes = [[360, 270, 360, 270], [720, 450, 480, 270]]

    page.context.set_offline(True)
    page.get_by_role("button", name="Save and next").click()
    expect(page.get_by_role("alert")).to_contain_text("there is no connection")
    page.mouse.click(*at(page, (0.9, 0.7)))
    page.keyboard.press("Shift+ArrowDown")  # one goes on meanwhile
    boxes[1][3] += 1
    page.context.set_offline(False)
    wait_for_picture(page, "1.jpg")  # sent by itself
    first = saved(page, site, project, ids[0])
    for box, expected in zip(first["boxes"], boxes, strict=True):
        assert sides(box) == pytest.approx(expected, abs=4)
    assert [box["label"] for box in first["boxes"]] == [
        project.labels[1].id,
        project.labels[0].id,
    ]

    drag(page, (0.1, 0.1), (0.5, 0.5))
    drawn = listed(page)
    page.context.clear_cookies()
    page.get_by_role("button", name="Save and next").click()
    expect(page.get_by_role("alert")).to_contain_text("Your session has ended")
    back = quote(f"/projects/{project.id}/label?picture={ids[1]}", safe="")
    sign_in = page.get_by_role("link", name="Sign in")
    expect(sign_in).to_have_attribute("href", f"/sign-in?next={back}")
    sign_in_page(page, site)
    label(page, site, project)
    expect(page.get_by_role("alert")).to_contain_text("What you had not saved")
    assert listed(page) == drawn
    page.get_by_role("button", name="Save and next").click()
    expect(page.get_by_text("There is no picture left to label")).to_be_visible()
    assert len(saved(page, site, project, ids[1])["boxes"]) == 1
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.includes('draft'))") == []


def test_boxes_come_back_to_the_pixel_whatever_the_turn(page: Page, site: Site) -> None:
    """The pictures with turns 5 to 8 lie on their side, and have 4,000 pixels."""
    stored = {turn: (4000, 2248) if turn > 4 else (800, 449) for turn in range(1, 9)}
    pictures = [noise(turn, size, turn) for turn, size in stored.items()]
    project, ids = add_project_to(site, "turns", pictures)
    label(page, site, project)
    for id, (width, height), turn in zip(ids, stored.values(), stored, strict=True):
        size = (height, width) if turn > 4 else (width, height)
        expect(page.locator(".file-name")).to_have_text(f"{turn - 1}.jpg")
        drag(page, (0.123, 0.234), (0.456, 0.789))
        press(page, "b", "Shift+ArrowRight")
        expect(page.locator(".box-list li")).to_have_count(2)
        shown = listed(page)
        press(page, "Enter")
        expect(page.get_by_text(f"{turn} of 8 labelled")).to_be_visible()
        task = saved(page, site, project, id)
        assert (task["width"], task["height"]) == size
        texts = ["{left}, {top} · {width} × {height}".format(**box) for box in task["boxes"]]
        assert texts == shown
        exact = [0.123 * size[0], 0.234 * size[1], 0.333 * size[0], 0.555 * size[1]]
        within = 1 + 2 * max(size) / 800  # a pixel of the screen at either side
        assert sides(task["boxes"][0]) == pytest.approx(exact, abs=within)
    label(page, site, project, f"?picture={ids[-1]}")
    assert listed(page) == shown
    press(page, "Enter")
    expect(page.get_by_text("There is no picture left to label")).to_be_visible()
    again = saved(page, site, project, ids[-1])
    assert (again["revision"], again["boxes"]) == (2, task["boxes"])


def test_by_touch(browser: Browser, site: Site) -> None:
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    wrong = watched(page)
    sign_in_page(page, site)
    project, [id] = add_project_to(site, "by touch", [noise(1)])
    label(page, site, project)
    device = context.new_cdp_session(page)

    swipe(page, device, (0.2, 0.2), (0.6, 0.6))
    expect(page.locator(".box-list li")).to_have_count(1)
    swipe(page, device, (0.6, 0.6), (0.8, 0.7))  # a corner
    page.get_by_role("button", name="Move", exact=True).tap()
    before = listed(page)
    swipe(page, device, (0.5, 0.9), (0.5, 0.8))  # beside the box: nothing is drawn
    assert listed(page) == before
    swipe(page, device, (0.5, 0.4), (0.4, 0.3))  # the box
    page.locator(".chip", has_text="plate").tap()
    expect(page.locator(".status")).to_have_text(re.compile(r"^Box 1, plate: "))
    page.get_by_role("button", name="Save and next").tap()
    expect(page.get_by_text("There is no picture left to label")).to_be_visible()
    (box,) = saved(page, site, project, id)["boxes"]
    assert box["label"] == project.labels[1].id
    assert sides(box) == pytest.approx([64, 48, 384, 240], abs=8)
    context.close()
    assert wrong == []


def test_the_status_follows_every_change(page: Page, site: Site) -> None:
    """It is what a screen reader says."""
    project, _ = add_project_to(site, "status", [noise(1)])
    label(page, site, project)
    status = page.locator(".status")
    drag(page, (0.1, 0.1), (0.3, 0.3))
    expect(status).to_have_text(re.compile(r"^Box 1, mug: \d+ from the left"))
    page.locator(".chip", has_text="plate").click()  # of the box that is still chosen
    expect(status).to_have_text(re.compile(r"^Box 1, plate: \d+ from the left"))
    press(page, "b")
    expect(status).to_have_text(re.compile(r"^Box 2, plate: 213 from the left"))
    page.mouse.click(*at(page, (0.2, 0.2)))
    expect(status).to_have_text(re.compile(r"^Box 1, plate: "))
    press(page, "1")
    expect(status).to_have_text(re.compile(r"^Box 1, mug: "))
    page.get_by_role("button", name="Undo").click()
    expect(status).to_have_text(re.compile(r"^Undone\. Box 1, plate: "))
    press(page, "Control+y")
    expect(status).to_have_text(re.compile(r"^Done again\. Box 1, mug: "))
    page.get_by_role("button", name="Remove the box").click()
    removed = r"^Box 1, mug, is removed\. Now chosen: Box 1, plate: 213 from the left"
    expect(status).to_have_text(re.compile(removed))
    press(page, "n")
    expect(status).to_contain_text("Press N again to remove them")
    press(page, "Escape", "n")  # the question is gone: it is asked again
    expect(status).to_contain_text("Press N again to remove them")
    press(page, "u", "Escape")
    expect(status).to_have_text("")
    page.get_by_role("button", name="Box 2").click()
    press(page, "Delete", "Delete")
    expect(status).to_have_text("Box 1, mug, is removed.")


def test_a_browser_without_storage_is_told_with_every_change(page: Page, site: Site) -> None:
    project, _ = add_project_to(site, "not kept", [noise(1)])
    page.add_init_script("Storage.prototype.setItem = () => { throw new Error('full'); }")
    label(page, site, project)
    press(page, "b")
    status = page.locator(".status")
    expect(status).to_have_text(re.compile(r"^Box 1, mug: .* does not keep unsaved boxes"))
    press(page, "b", "Delete")
    expect(status).to_have_text(re.compile(r"^Box 2, mug, is removed\. .* unsaved boxes"))


def test_whole_pictures_are_labelled_by_digits_and_by_confirming_a_model(
    page: Page, site: Site
) -> None:
    pictures = map(noise, range(3))
    project, ids = add_project_to(site, "whole", pictures, kind="pictures", has_model=True)
    mug, plate = (each.id for each in project.labels)
    page.goto(f"{site.url}/projects/{project.id}/label")
    expect(page.get_by_text("Version 1 of the model suggests: mug")).to_be_visible()
    press(page, "y")
    expect(page.get_by_label("mug")).to_be_checked()
    press(page, "2")  # plate too
    expect(page.locator(".status")).to_have_text("mug, plate")
    press(page, "1", "u")  # not mug; after all
    expect(page.locator(".status")).to_have_text("Undone. mug, plate")
    press(page, "Enter")
    expect(page.get_by_text("1 of 3 labelled")).to_be_visible()
    assert sorted(saved(page, site, project, ids[0])["labels"]) == sorted([mug, plate])
    wait_for_picture(page, "1.jpg")
    press(page, "2", "Enter")
    wait_for_picture(page, "2.jpg")
    assert saved(page, site, project, ids[1])["labels"] == [plate]
    press(page, "n")
    expect(page.get_by_text("There is no picture left to label")).to_be_visible()
    assert saved(page, site, project, ids[2])["revision"] == 1


def test_what_was_seen_in_a_video_is_confirmed(page: Page, site: Site) -> None:
    project, (_, second) = add_project_to(site, "frames", [noise(1), noise(2)])
    mug = project.labels[0].id
    with data_of(site.log_file.parent) as (database, storage):
        pictures = ProjectPictures(database, storage, 10**7, QUOTA)
        seen = [(mug, Fractions(0.25, 0.5, 0.25, 0.25, "Mug", 91.0))]
        suggest(database, project, pictures.get(project.id, second), seen)
    label(page, site, project)
    wait_for_picture(page, "0.jpg")  # nothing is known of the first one
    expect(page.locator(".suggested")).to_have_count(0)
    press(page, "s")
    expect(page.get_by_text("Boxes that came with the picture (dashed): 1")).to_be_visible()
    expect(page.locator(".suggested")).to_have_count(1)
    assert saved(page, site, project, second)["revision"] == 0  # it is not taken for truth
    press(page, "y", "Enter")
    expect(page.get_by_text("1 of 2 labelled")).to_be_visible()
    (box,) = saved(page, site, project, second)["boxes"]
    assert sides(box) == [160, 240, 160, 120]


def test_an_empty_project_has_0_of_0_labelled(page: Page, site: Site) -> None:
    project, _ = add_project_to(site, "empty", [])
    page.goto(f"{site.url}/projects/{project.id}/label")
    page.get_by_text("The project has no pictures yet.").wait_for()
    page.wait_for_load_state("networkidle")
    expect(page.locator(".progress span")).to_have_text("0 of 0 labelled")


@pytest.mark.parametrize(("number", "text"), [(1, "suggests 1 box ("), (2, "suggests 2 boxes (")])
def test_suggested_boxes_are_counted(page: Page, site: Site, number: int, text: str) -> None:
    project, _ = add_project_to(site, f"suggested {number}", [noise(1)], has_model=True)
    box = {"label": project.labels[0].id, "left": 9, "top": 9, "width": 90, "height": 90}
    found = {"version": 1, "boxes": [{**box, "score": 0.9}] * number, "labels": []}
    page.route("**/suggestions", lambda route: route.fulfill(json=found))
    label(page, site, project)
    expect(page.locator(".offer")).to_contain_text(f"Version 1 of the model {text}dashed).")
    expect(page.locator(".suggested")).to_have_count(number)


def test_two_tabs_and_a_lease_that_ends(page: Page, site: Site, browser: Browser) -> None:
    project, ids = add_project_to(site, "two tabs", [noise(1), noise(2)])
    label(page, site, project)
    other = browser.new_context().new_page()
    sign_in_page(other, site, "Bo", "labeller")
    label(other, site, project)
    wait_for_picture(other, "1.jpg")  # not the one that Ada has
    press(page, "b", "1")
    database = Database(f"sqlite:///{site.log_file.parent / 'duck.db'}")
    with database.transaction(writing=True) as connection:
        lease = project_pictures.update().where(project_pictures.c.id == ids[0])
        connection.execute(lease.values(leased_until=datetime(2026, 1, 1)))
    database.close()
    press(other, "s")
    wait_for_picture(other, "0.jpg")  # now Bo has it

    def renew(request: Request) -> bool:
        return request.url.endswith("/lease")

    with page.expect_request(renew):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_role("alert")).to_contain_text("Bo has this picture at the moment")
    press(other, "b", "2", "b", "Enter")
    expect(other.get_by_text("1 of 2 labelled")).to_be_visible()
    press(page, "Enter")
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text("Bo saved this picture")
    assert len(listed(page)) == 1  # what Ada drew is still there
    page.get_by_role("button", name="Show theirs").click()
    assert len(listed(page)) == 2
    press(page, "u")
    assert len(listed(page)) == 1
    press(page, "Enter")
    wait_for_picture(page, "1.jpg")
    task = saved(page, site, project, ids[0])
    assert (task["revision"], len(task["boxes"])) == (2, 1)
    label(page, site, project, f"?picture={ids[0]}")
    page.get_by_text("Who labelled it").click()
    expect(page.locator(".history li")).to_have_count(2)  # Bo's is not lost either
    other.context.close()


def test_times_are_written_in_the_language_of_the_page(page: Page, site: Site) -> None:
    """Not in that of the browser, whose words would stand in a sentence of another language."""
    project, ids = add_project_to(site, "times", [noise(3), noise(4)])

    def in_german(route: Route) -> None:
        answer = route.fetch()
        page_in_german = answer.text().replace('<html lang="en">', '<html lang="de">')
        route.fulfill(response=answer, body=page_in_german)

    page.route(re.compile(r"/label(\?|$)"), in_german)
    label(page, site, project)
    press(page, "b", "1", "Enter")
    wait_for_picture(page, "1.jpg")
    label(page, site, project, f"?picture={ids[0]}")
    page.get_by_text("Who labelled it").click()
    expect(page.locator(".history li")).to_contain_text(re.compile(r"\d\.\d+\.20\d\d, \d+:\d\d"))


def test_a_label_and_the_picture_are_deleted_while_somebody_draws(page: Page, site: Site) -> None:
    project, ids = add_project_to(site, "deleted", [noise(1), noise(2)])
    label(page, site, project)
    press(page, "b", "1")
    with data_of(site.log_file.parent) as (database, _):
        label_id = project.labels[0].id
        remove_label(Projects(database), project.id, label_id, into=None, confirmed=False)
    press(page, "Enter")
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text("does not have the label of box 1 any more")
    notice.get_by_role("button", name="Reload the page").click()
    expect(page.locator(".labels .chip")).to_have_count(1)
    expect(notice).to_contain_text("What you had not saved")
    page.locator(".box-list button").first.click()
    press(page, "1")
    with data_of(site.log_file.parent) as (database, storage):
        ProjectPictures(database, storage, 10**7, QUOTA).delete(project.id, ids[:1])
    press(page, "Enter")
    expect(notice).to_contain_text("This picture was deleted in the meantime.")
    notice.get_by_role("button", name="Next picture").click()
    wait_for_picture(page, "1.jpg")
    expect(page.get_by_text("unsaved work in this browser")).to_have_count(0)


@pytest.mark.parametrize("kind", SCREENS)
def test_axe_finds_nothing(browser: Browser, site: Site, kind: str) -> None:
    with screen(browser, kind, reduced_motion="reduce") as page:
        sign_in_page(page, site)
        project, _ = add_project_to(site, f"axe {kind}", [noise(1)])
        label(page, site, project)
        drag(page, (0.2, 0.2), (0.6, 0.7))
        page.get_by_text("Keys and gestures").click()
        assert complaints(page) == []
        page.get_by_role("button", name="Save and next").click()
        page.get_by_text("There is no picture left to label").wait_for()
        assert complaints(page) == []
        page.goto(f"{site.url}/projects/{project.id}/labellers")
        assert complaints(page) == []
