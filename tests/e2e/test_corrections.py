"""A visitor who said “No” draws where it is: by mouse, touch and keyboard."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from rubberduck.core.settings import ROOT
from tests.support.browser import SCREENS, complaints, screen
from tests.support.server import Site

pytestmark = pytest.mark.enable_socket

NONE = ROOT / "static" / "samples" / "none.jpg"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, has_touch=True)
    page, wrong = context.new_page(), list[str]()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    context.close()
    assert wrong == []


def answer_no(page: Page, site: Site, file: Path) -> None:
    page.goto(site.url)
    page.get_by_label("Upload a picture").set_input_files(file)
    page.wait_for_url("**/result/*")
    page.get_by_role("button", name="No", exact=True).click()
    expect(page.get_by_role("heading", name="Where is it?")).to_be_visible()
    page.locator(".stage img").evaluate("image => image.decode()")


def start(page: Page) -> None:
    page.get_by_role("button", name="Draw it on the picture").click()
    expect(page.get_by_role("button", name="Save the boxes")).to_be_visible()
    page.locator(".stage").scroll_into_view_if_needed()


def stored(page: Page, status: int = 200) -> Any:
    url = page.url.partition("#")[0].replace("/result/", "/api/v1/results/") + "/corrections"
    answer = page.request.get(url)
    assert answer.status == status
    return answer.json()


def save(page: Page) -> Any:
    page.get_by_role("button", name="Save the boxes").click()
    expect(page.get_by_text("Saved. Thank you!")).to_be_visible()
    return stored(page)


def sides(box: dict[str, Any]) -> list[float]:
    return [box[side] for side in ("left", "top", "width", "height")]


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag the mouse between places given as fractions of the picture."""
    area = page.locator(".drawing").bounding_box()
    assert area
    (x0, y0), (x1, y1) = (
        (area["x"] + x * area["width"], area["y"] + y * area["height"]) for x, y in (start, end)
    )
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move((x0 + x1) / 2, (y0 + y1) / 2)
    page.mouse.move(x1, y1)
    page.mouse.up()


def test_a_missed_duck_is_drawn_by_mouse(page: Page, site: Site) -> None:
    answer_no(page, site, NONE)
    start(page)
    drag(page, (0.2, 0.3), (0.6, 0.8))
    correction = save(page)
    assert correction["consent"] is False  # nobody consents by drawing
    (box,) = correction["boxes"]
    assert box["label"] == "Rubber duck"
    assert sides(box) == pytest.approx([0.2, 0.3, 0.4, 0.5], abs=0.01)


def test_a_box_is_moved_and_resized_by_mouse(page: Page, site: Site) -> None:
    answer_no(page, site, NONE)
    start(page)
    drag(page, (0.2, 0.2), (0.4, 0.4))
    drag(page, (0.3, 0.3), (0.5, 0.4))  # the whole box
    drag(page, (0.6, 0.5), (0.8, 0.9))  # its lower right corner
    (box,) = save(page)["boxes"]
    assert sides(box) == pytest.approx([0.4, 0.3, 0.4, 0.6], abs=0.015)


def test_a_box_is_drawn_by_touch(page: Page, site: Site) -> None:
    answer_no(page, site, NONE)
    start(page)
    area = page.locator(".drawing").bounding_box()
    assert area
    device = page.context.new_cdp_session(page)
    for kind, places in (
        ("touchStart", [(0.5, 0.4)]),
        ("touchMove", [(0.6, 0.5)]),
        ("touchMove", [(0.7, 0.6)]),
        ("touchEnd", []),
    ):
        points = [
            {"x": area["x"] + x * area["width"], "y": area["y"] + y * area["height"]}
            for x, y in places
        ]
        device.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    (box,) = save(page)["boxes"]
    assert sides(box) == pytest.approx([0.5, 0.4, 0.2, 0.2], abs=0.01)


def test_a_box_is_added_moved_and_resized_by_keyboard(page: Page, site: Site) -> None:
    answer_no(page, site, NONE)
    page.get_by_role("button", name="Draw it on the picture").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Add a box")).to_be_focused()
    page.keyboard.press("Enter")
    box = page.get_by_role("button", name="Box 1, Rubber duck")
    expect(box).to_be_focused()
    for key in ("ArrowRight",) * 5 + ("ArrowUp",) * 3 + ("Shift+ArrowDown",) * 2:
        page.keyboard.press(key)
    place = "Box 1, Rubber duck: 40% from the left, 32% from the top, 30% wide, 32% high"
    expect(page.locator(".correct [role=status]")).to_have_text(place)
    page.get_by_label("You may use this picture").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Save the boxes").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved. Thank you!")).to_be_visible()
    correction = stored(page)
    assert correction["consent"] is True
    assert sides(correction["boxes"][0]) == pytest.approx([0.4, 0.32, 0.3, 0.32], abs=0.001)


def test_wrong_boxes_are_removed_and_all_is_withdrawn(page: Page, site: Site) -> None:
    answer_no(page, site, ROOT / "static" / "samples" / "many.jpg")
    start(page)
    count = page.locator(".drawn").count()
    assert count >= 5  # it starts with the answer's own
    page.get_by_role("button", name="Remove this box").click()
    page.locator(".drawn").first.press("Delete")
    assert len(save(page)["boxes"]) == count - 2
    page.reload()
    expect(page.get_by_text("You have corrected this answer.")).to_be_visible()
    start(page)
    expect(page.locator(".drawn")).to_have_count(count - 2)
    page.get_by_role("button", name="Withdraw my boxes").click()
    expect(page.get_by_text("Withdrawn: your boxes are deleted.")).to_be_visible()
    stored(page, status=404)


def test_that_there_is_none_can_be_said(page: Page, site: Site) -> None:
    answer_no(page, site, ROOT / "static" / "samples" / "easy.jpg")
    start(page)
    page.get_by_role("button", name="Remove this box").click()
    assert save(page)["boxes"] == []


def test_a_lost_connection_keeps_what_was_drawn(page: Page, site: Site) -> None:
    answer_no(page, site, NONE)
    start(page)
    drag(page, (0.2, 0.3), (0.6, 0.8))
    page.context.set_offline(True)
    page.get_by_role("button", name="Save the boxes").click()
    expect(page.locator(".correct [role=alert]")).to_contain_text("Check your connection")
    page.context.set_offline(False)
    assert len(save(page)["boxes"]) == 1


@pytest.mark.parametrize("kind", SCREENS)
def test_axe_finds_nothing_while_drawing(browser: Browser, site: Site, kind: str) -> None:
    with screen(browser, kind, reduced_motion="reduce") as page:
        answer_no(page, site, ROOT / "static" / "samples" / "easy.jpg")
        assert complaints(page) == []
        start(page)
        assert complaints(page) == []
