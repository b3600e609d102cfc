"""The README's section "Teach it", from `make run` to a model that answers visitors."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, FilePayload, Page, expect

from tests.support.browser import complaints
from tests.support.labelling_page import (
    drag,
    listed,
    open_labelling,
    press,
    swipe,
    wait_for_picture,
)
from tests.support.objects import Drawn
from tests.support.rendered_things import THINGS, photograph
from tests.support.server import fetch, upload
from tests.support.terminal import Terminal, serve_at_terminal

pytestmark = pytest.mark.enable_socket
ROBOT, TEAPOT = THINGS
SHOWN = [*[ROBOT, TEAPOT] * 9, None, None]
PHOTOGRAPHS = [photograph(number, label) for number, label in enumerate(SHOWN)]
LAST = photograph(99, TEAPOT)  # which the model helps to label
NEW = photograph(100, ROBOT)  # which a visitor asks about
# Milliseconds. Workers yield to everything else, so a training takes minutes on a busy machine.
LONG = 1_800_000
Label = Callable[[Drawn], None]


def test_from_a_link_at_the_terminal_to_an_answer(browser: Browser, tmp_path: Path) -> None:
    with serve_at_terminal(tmp_path, WEB_CONCURRENCY="1") as site, screen(browser) as page:
        sign_in(page, site)
        project = make_project(page, site)
        drop_photographs(page, project)
        label_all(browser, page, project)
        train(page, site, project)
        label_with_the_models_help(page, project)
        page.goto(f"{project}/models/1")
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.get_by_text("It runs on this server and costs nothing.")).to_be_visible()
        upload_as_visitor(browser, site)
        number = project.rpartition("/")[2]
        status, answer = upload_by_api(site, number)
        assert (status, ROBOT in answer["because"]) == (201, True)
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
        status, answer = upload_by_api(site, number)
        assert (status, answer["title"]) == (503, "This model is stopped")
    assert site.text.count("token=") == 1


@contextmanager
def screen(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    wrong: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    context.close()
    assert wrong == []


def sign_in(page: Page, site: Terminal) -> None:
    link = site.find(r"http://\S+/sign-in/link\?\S+")
    assert link.startswith(site.url)
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Projects", exact=True)).to_be_visible()


def make_project(page: Page, site: Terminal) -> str:
    """Return the address of the new project."""
    page.get_by_role("link", name="New project").first.click()
    page.get_by_label("Name").fill("our things")
    page.get_by_label("Labels, one a line").fill("\n".join(THINGS))
    page.get_by_role("button", name="Make the project").click()
    page.get_by_role("heading", name="Add pictures").wait_for()
    page.wait_for_load_state()  # before that, a form is sent without the script
    return page.url


def drop_photographs(page: Page, project: str) -> None:
    files: list[FilePayload] = [
        {"name": f"{number}.jpg", "mimeType": "image/jpeg", "buffer": each.jpeg}
        for number, each in enumerate([*PHOTOGRAPHS, LAST])
    ]
    page.locator("#files").set_input_files(files)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#summary")).to_have_text("21 of 21 files done")
    page.get_by_role("link", name="Show them").click()
    expect(page.locator(".grid li")).to_have_count(21)


def label_all(browser: Browser, page: Page, project: str) -> None:
    """Label sixteen pictures by keyboard and mouse in turn, and four with a finger."""
    open_labelling(page, f"{project}/label")
    hands = cycle((by_keyboard, by_mouse))
    name = ""
    for done in range(16):
        name = label_next(page, name, lambda drawn: next(hands)(page, drawn))
        expect(page.get_by_text(f"{done + 1} of 21 labelled")).to_be_visible()
    context = browser.new_context(
        viewport={"width": 360, "height": 740},
        has_touch=True,
        is_mobile=True,
        storage_state=page.context.storage_state(),  # signed in there, too
    )
    phone, name = context.new_page(), ""
    page.goto("about:blank")  # or it keeps its turn on a picture
    open_labelling(phone, f"{project}/label")
    device = context.new_cdp_session(phone)
    for done in range(16, 20):
        name = label_next(phone, name, lambda drawn: by_touch(phone, device, drawn))
        expect(phone.get_by_text(f"{done + 1} of 21 labelled")).to_be_visible()
    context.close()


def label_next(page: Page, before: str, label: Label) -> str:
    """Label the picture that follows `before`, except the last one; return its name."""
    name = page.locator(".file-name")
    expect(name).not_to_have_text(before)
    wait_for_picture(page)
    number = int(name.inner_text().removesuffix(".jpg"))
    if number == len(PHOTOGRAPHS):
        page.get_by_role("button", name="Skip").click()
        return label_next(page, f"{number}.jpg", label)
    label(PHOTOGRAPHS[number])
    return f"{number}.jpg"


def by_keyboard(page: Page, drawn: Drawn) -> None:
    if not drawn.boxes:
        press(page, "n")
        return
    ((label, sides),) = drawn.boxes
    press(page, "b", str(THINGS.index(label) + 1))
    left, top, width, height = map(int, re.findall(r"\d+", listed(page)[0]))
    drawn_sides = (left, top, width, height)
    steps = [round((to - at) / 10) for to, at in zip(sides, drawn_sides, strict=True)]
    for (forth, back), modifiers, count in [
        (("ArrowRight", "ArrowLeft"), "Control", steps[0]),
        (("ArrowDown", "ArrowUp"), "Control", steps[1]),
        (("ArrowRight", "ArrowLeft"), "Control+Shift", steps[2]),
        (("ArrowDown", "ArrowUp"), "Control+Shift", steps[3]),
    ]:
        press(page, *[f"{modifiers}+{forth if count > 0 else back}"] * abs(count))
    press(page, "Enter")


def by_mouse(page: Page, drawn: Drawn) -> None:
    if not drawn.boxes:
        page.get_by_role("button", name="Nothing here").click()
        return
    ((label, _),) = drawn.boxes
    drag(page, *corners(drawn))
    page.locator(".chip", has_text=label).click()
    page.get_by_role("button", name="Save and next").click()


def by_touch(page: Page, device: CDPSession, drawn: Drawn) -> None:
    if not drawn.boxes:
        page.get_by_role("button", name="Nothing here").tap()
        return
    ((label, _),) = drawn.boxes
    swipe(page, device, *corners(drawn))
    page.locator(".chip", has_text=label).tap()
    page.get_by_role("button", name="Save and next").tap()


def corners(drawn: Drawn) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return two corners of the only box, as fractions of the picture."""
    ((_, (left, top, width, height)),) = drawn.boxes
    return (left / drawn.width, top / drawn.height), (
        (left + width) / drawn.width,
        (top + height) / drawn.height,
    )


def train(page: Page, site: Terminal, project: str) -> None:
    """Train a version although the worker is killed, and read how good it is."""
    page.goto(f"{project}/models")
    expect(page.get_by_text("Fewer than 10 test pictures have: robot, teapot")).to_be_visible()
    page.get_by_role("button", name="Train on this machine").click()
    expect(page.locator("#message")).to_contain_text("Looking at", timeout=LONG)
    assert complaints(page) == []
    site.worker().kill()
    # The page reloads by itself when the job has ended.
    expect(page.get_by_text(re.compile(r"tested with \d others"))).to_be_visible(timeout=LONG)
    page.get_by_role("link", name="Version 1").click()
    expect(page.get_by_role("link", name="Version 2")).to_have_count(0)
    expect(page.get_by_text(re.compile(r"on \d others that it never saw"))).to_be_visible()
    expect(page.get_by_text("too few pictures to mean anything").first).to_be_visible()
    expect(page.get_by_role("heading", name="What was taken for what")).to_be_visible()
    assert complaints(page) == []


def label_with_the_models_help(page: Page, project: str) -> None:
    open_labelling(page, f"{project}/label")
    expect(page.get_by_text(re.compile("Version 1 of the model suggests [1-9]"))).to_be_visible()
    press(page, "y")
    expect(page.locator(".box-list li", has_text="teapot").first).to_be_visible()
    press(page, "Enter")
    expect(page.get_by_text("There is no picture left to label")).to_be_visible()


def upload_as_visitor(browser: Browser, site: Terminal) -> None:
    page = browser.new_context().new_page()
    page.goto(site.url)
    page.get_by_role("link", name="answered by “our things”").click()
    page.wait_for_url("**/?model=*")  # with its scripts: the page before takes pictures, too
    photo: FilePayload = {"name": "new.jpg", "mimeType": "image/jpeg", "buffer": NEW.jpeg}
    page.get_by_label("Upload a picture").set_input_files(photo)
    page.wait_for_url("**/result/*")
    expect(page.get_by_role("heading", name="Yes!")).to_be_visible()
    expect(page.get_by_text("Answered by our things.")).to_be_visible()
    page.context.close()


def upload_by_api(site: Terminal, model: str) -> tuple[int, Any]:
    request = upload(site.url, NEW.jpeg)
    request.full_url += f"?model={model}"
    status, body = fetch(request)
    return status, json.loads(body)
