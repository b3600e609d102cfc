"""The page of a result in a real Chromium: at a glance, and the same as the picture to download."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from rubberduck.core.settings import ROOT
from tests.support.pictures import encoded
from tests.support.server import Site

pytestmark = pytest.mark.enable_socket

SAMPLES = ROOT / "static" / "samples"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    yield context.new_page()
    context.close()


@pytest.fixture(params=["portrait", "landscape"])
def duck_of_shape(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An easy duck in a picture of 900 × 1200 or of 1600 × 900 pixels."""
    duck, file = Image.open(SAMPLES / "easy.jpg"), tmp_path / "duck.jpg"
    box = (200, 0, 650, 600) if request.param == "portrait" else (0, 0, 800, 450)
    size = (900, 1200) if request.param == "portrait" else (1600, 900)
    file.write_bytes(encoded(duck.crop(box).resize(size)))
    return file


def check(page: Page, site: Site, file: Path) -> None:
    page.goto(site.url)
    page.get_by_label("Upload a picture").set_input_files(file)
    page.wait_for_url("**/result/*")
    page.locator(".stage img").evaluate("image => image.decode()")


def box(page: Page, selector: str) -> Any:
    found = page.locator(selector).first.bounding_box()
    assert found, selector
    return found


@pytest.mark.parametrize("scripting", [True, False])
def test_verdict_picture_and_reason_fit_on_a_screen(
    browser: Browser, site: Site, duck_of_shape: Path, scripting: bool
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    check(page, site, duck_of_shape)
    address = page.url
    page.close()
    page = browser.new_page(viewport={"width": 1280, "height": 800}, java_script_enabled=scripting)
    page.goto(address)
    for part in (".verdict", ".stage img", ".why"):
        each = box(page, part)
        assert each["y"] >= 0
        assert each["y"] + each["height"] <= 800, part
    assert box(page, ".stage img")["height"] >= 350  # and it is not small either
    page.close()


def test_verdict_and_picture_fit_on_a_phone(
    browser: Browser, site: Site, duck_of_shape: Path
) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 740})
    check(page, site, duck_of_shape)
    verdict, picture, question = (
        box(page, part) for part in (".verdict", ".stage img", ".judgement")
    )
    assert verdict["y"] + verdict["height"] <= picture["y"]
    assert picture["y"] + picture["height"] <= 740
    assert picture["height"] >= 150
    assert 0 <= question["y"] - picture["y"] - picture["height"] <= 24  # directly below
    page.close()


def test_slider_link_and_download_stand_in_one_row(page: Page, site: Site) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{site.url}/sample/easy")
    rows = {round(box(page, part)["y"]) for part in (".threshold", ".share", ".save")}
    assert len(rows) == 1


def test_one_number_is_one_bar_with_the_threshold_marked(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/sample/easy")
    assert page.locator(".bar").count() == 1
    bar, fill, tick = (box(page, part) for part in (".bar", ".bar .fill", ".bar .tick"))
    assert fill["width"] / bar["width"] == pytest.approx(0.998, abs=0.01)
    assert (tick["x"] - bar["x"]) / bar["width"] == pytest.approx(0.35, abs=0.01)
    expect(page.locator(".score")).to_have_text("99% confidence")
    assert page.locator(".verdict").inner_text().count("99%") == 1


def test_a_no_shows_what_was_missing(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/sample/real")
    fills = page.locator(".bar .fill").evaluate_all(
        "all => all.map((each) => parseFloat(each.getAttribute('width')))"
    )
    assert len(fills) == 2
    assert fills[0] > 35 > fills[1]


def rects(page: Page, selector: str) -> list[list[float]]:
    """Left, top, right and bottom in pixels of the picture."""
    found: list[list[float]] = page.locator(selector).evaluate_all(
        """all => all.map((each) => {
            const [x, y, width, height] = ["x", "y", "width", "height"]
                .map((name) => parseFloat(each.getAttribute(name)));
            return [x, y, x + width, y + height];
        })"""
    )
    return found


def shared(one: list[float], other: list[float]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0)


def test_tabs_cover_no_head_and_no_other_tab(page: Page, site: Site, tmp_path: Path) -> None:
    flock = Image.open(SAMPLES / "many.jpg")
    small, crowd = flock.resize((400, 300)), Image.new("RGB", (800, 600))
    for corner in ((0, 0), (400, 0), (0, 300), (400, 300)):
        crowd.paste(small, corner)
    (tmp_path / "crowd.jpg").write_bytes(encoded(crowd))
    check(page, site, tmp_path / "crowd.jpg")
    boxes, tabs = rects(page, ".boxes .line"), rects(page, ".boxes .tab")
    assert len(boxes) == len(tabs) >= 8
    for number, tab in enumerate(tabs):
        assert sum(shared(tab, other) for other in tabs[:number]) == 0
        heads = [[x, y, right, (y + bottom) / 2] for x, y, right, bottom in boxes]
        assert max(shared(tab, head) for head in heads) == 0
        assert shared(tab, [0, 0, 800, 600]) == pytest.approx(shared(tab, tab))


def test_the_text_fits_on_its_tab(page: Page, site: Site) -> None:
    for sample in ("easy", "many"):
        page.goto(f"{site.url}/sample/{sample}")
        for group in page.locator(".boxes g").all():
            tab, text = (group.locator(part).bounding_box() for part in (".tab", "text"))
            assert tab
            assert text
            assert tab["x"] <= text["x"]
            assert text["x"] + text["width"] <= tab["x"] + tab["width"]


@pytest.mark.parametrize("sample", ["easy", "many"])
def test_the_picture_to_download_is_marked_as_the_page_is(
    page: Page, site: Site, sample: str
) -> None:
    page.goto(f"{site.url}/sample/{sample}")
    tabs = rects(page, ".boxes .tab")
    marked = page.request.get(f"{site.url}/sample/{sample}/marked.jpg").body()
    pixels = np.asarray(Image.open(BytesIO(marked)).convert("RGB")).astype(int)
    yellow = np.abs(pixels - (255, 212, 59)).sum(axis=2) < 60
    for left, top, right, bottom in tabs:
        plate = yellow[round(top) + 4 : round(bottom) - 4, round(left) + 4 : round(right) - 4]
        assert plate.mean() > 0.35  # a plate with letters on it


def test_a_box_is_visible_on_yellow(page: Page, site: Site) -> None:
    """The line is as yellow as a rubber duck; its dark rim is what shows there."""
    page.goto(f"{site.url}/sample/many")
    page.evaluate(
        """() => {
            const stage = document.querySelector(".stage");
            stage.querySelector("img").style.visibility = "hidden";
            stage.style.background = "#ffd43b";
            for (const each of stage.querySelectorAll("text, .tab")) each.remove();
        }"""
    )
    shot = Image.open(BytesIO(page.locator(".stage").screenshot())).convert("L")
    dark = sum(shot.histogram()[:80])
    around = page.evaluate(
        """() => [...document.querySelectorAll(".boxes .line")].reduce((sum, rect) => {
            const { width, height } = rect.getBoundingClientRect();
            return sum + 2 * (width + height);
        }, 0)"""
    )
    assert dark > 1.5 * around  # a rim of a pixel and a half at least, on both sides together


def test_boxes_and_their_list_light_up_together(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/sample/many")
    item, marked = page.locator(".found a").nth(1), page.locator("#box-1")
    item.focus()
    expect(marked).to_have_class("lit")
    width = marked.locator(".line").evaluate("rect => getComputedStyle(rect).strokeWidth")
    assert width == "6px"
    item.blur()
    expect(marked).not_to_have_class("lit")
    page.locator(".boxes text").last.hover()
    expect(page.locator(".found a").last).to_have_class("lit")


def test_the_boxes_lie_on_the_picture(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/sample/easy")
    assert box(page, ".stage img") == box(page, ".stage svg")


def test_the_json_is_beside_the_picture_and_is_copied(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/sample/easy")
    expect(page.locator(".json pre")).to_be_hidden()
    page.get_by_text("JSON", exact=True).click()
    shown = page.locator(".json pre").inner_text()
    page.get_by_role("button", name="Copy the JSON").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == shown
    fetched = page.request.get(f"{site.url}/sample/easy.json").json()
    assert page.evaluate("text => JSON.parse(text)", shown) == fetched


def test_the_json_follows_the_slider(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/sample/hard")
    page.get_by_text("JSON", exact=True).click()
    page.get_by_label("Confidence threshold").fill("99")
    expect(page.locator(".json pre")).to_contain_text('"found": false')
    expect(page.get_by_role("button", name="Copy the JSON")).to_be_visible()
