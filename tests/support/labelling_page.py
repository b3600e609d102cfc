"""The hands of a labeller on the labelling page: mouse, fingers, keyboard."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, expect

from rubberduck.custom_models.projects import Project
from tests.support.operators import sign_in_page
from tests.support.server import Site

Point = tuple[float, float]  # fractions of the picture
MOMENT = 250  # milliseconds that Annotorious needs to put its tool in place
FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
VIOLATIONS = """addEventListener("securitypolicyviolation", (event) =>
    console.error("POLICY", event.violatedDirective, event.blockedURI))"""


def watched(page: Page) -> list[str]:
    """Collect the errors of the page's scripts, and what its policy refuses."""
    wrong: list[str] = []
    page.add_init_script(VIOLATIONS)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if "POLICY" in line.text else None)
    return wrong


@contextmanager
def labelling_tab(browser: Browser, site: Site) -> Iterator[Page]:
    """A tab of a signed-in person, in a browser of its own; nothing may go wrong in it."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    wrong = watched(page)
    sign_in_page(page, site)
    yield page
    context.close()
    assert wrong == []


def label(page: Page, site: Site, project: Project, query: str = "") -> None:
    open_labelling(page, f"{site.url}/projects/{project.id}/label{query}")


def saved(page: Page, site: Site, project: Project, picture: str) -> Any:
    """Return what the server has of a picture."""
    labels = f"{site.url}/api/v1/projects/{project.id}/pictures/{picture}/labels"
    return page.request.get(labels).json()


def open_labelling(page: Page, address: str) -> None:
    page.goto(address)
    page.locator(".a9s-annotationlayer").wait_for()
    page.wait_for_load_state("networkidle")
    wait_for_picture(page)


def wait_for_picture(page: Page, name: str | re.Pattern[str] = re.compile(r".")) -> None:
    """Wait until a picture can be labelled: keys that come before are not taken."""
    expect(page.locator(".file-name")).to_have_text(name)
    expect(page.locator(".labelling")).not_to_have_attribute("aria-busy", "true")


def at(page: Page, place: Point) -> Point:
    """Return where a place of the picture is on the screen."""
    area = page.locator(".canvas img").bounding_box()
    assert area
    return area["x"] + place[0] * area["width"], area["y"] + place[1] * area["height"]


def drag(page: Page, start: Point, end: Point) -> None:
    page.mouse.move(*at(page, start))
    page.mouse.down()
    page.wait_for_timeout(MOMENT)
    page.mouse.move(*at(page, _middle(start, end)))
    page.mouse.move(*at(page, end))
    page.mouse.up()


def swipe(page: Page, device: CDPSession, start: Point, end: Point) -> None:
    """Drag with a finger. `device` is the page's CDP session: Playwright itself only taps.

    Chromium scrolls instead until its compositor has the picture, where nothing scrolls.
    """
    page.evaluate(FRAMES)
    places = [("touchStart", start), ("touchMove", _middle(start, end)), ("touchMove", end)]
    for kind, place in places:
        x, y = at(page, place)
        points = [{"x": x, "y": y}]
        device.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        page.wait_for_timeout(MOMENT)
    device.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def listed(page: Page) -> list[str]:
    """Return the boxes as the page lists them, such as "213, 160 · 214 × 160"."""
    return page.locator(".box-list small").all_inner_texts()


def sides(box: dict[str, Any]) -> list[float]:
    return [box[side] for side in ("left", "top", "width", "height")]


def _middle(start: Point, end: Point) -> Point:
    return (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
