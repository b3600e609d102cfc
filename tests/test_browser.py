"""The visitor's story in a real Chromium, without JavaScript."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.ducks import duck_photo
from tests.pictures import encoded
from tests.server import Site, serving

QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    own = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        if not own and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("Chromium is not installed: SKIPPED (apt-get install chromium)")
        browser = playwright.chromium.launch(executable_path=own, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(params=["light 360", "dark 360", "light 1280", "dark 1280"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    scheme, width = request.param.split()
    context = browser.new_context(
        viewport={"width": int(width), "height": 800},
        color_scheme=scheme,
        java_script_enabled=False,
    )
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def duck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("photos") / "duck.jpg"
    file.write_bytes(duck_photo())
    return file


def give(page: Page, site: Site, file: Path) -> None:
    page.goto(site.url)
    page.get_by_label("Upload a picture").set_input_files(file)
    with page.expect_navigation():  # of the whole page, with its picture
        page.get_by_role("button", name="Look").click()


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


def test_no_duck(page: Page, site: Site, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(encoded(format="PNG"))
    give(page, site, tmp_path / "photo.png")
    assert page.get_by_role("heading", level=1).inner_text() == "No rubber duck detected :("
    assert fits(page)


def test_no_picture_and_then_one(page: Page, site: Site, duck: Path, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_text("quack")
    give(page, site, tmp_path / "photo.jpg")
    assert page.get_by_role("heading", level=1).inner_text() == "That is not a picture we can read"
    page.get_by_label("Ask about a picture").set_input_files(duck)
    page.get_by_role("button", name="Look").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Rubber duck detected! :))"


def test_reload_and_back(browser: Browser, site: Site, duck: Path) -> None:
    page = browser.new_page()
    give(page, site, duck)
    where = page.url
    page.reload()
    assert page.url == where
    page.go_back()
    assert page.get_by_label("Upload a picture").is_visible()
    page.go_forward()
    assert page.get_by_role("heading", level=1).inner_text() == "Rubber duck detected! :))"
    page.close()
