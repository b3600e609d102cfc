"""The game "Faces" in a real browser: by mouse and keyboard, with and without JavaScript."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect
from werkzeug.serving import make_server

from app import create_app
from rubberduck.core.settings import Settings
from rubberduck.db.tables import metadata
from rubberduck.services.pipeline import Pipeline
from tests.support.browser import SCREENS, chromium, complaints, screen
from tests.support.fake_faces import FakeFaces, two_faces
from tests.support.pictures import corners, encoded

pytestmark = pytest.mark.enable_socket

FOUND = "2 faces were found. Smiling: 1."


@pytest.fixture
def faces_url(settings: Settings, pipeline: Pipeline) -> Iterator[str]:
    """The address of a site with faces that a test knows."""
    app = create_app(
        settings, pipeline=replace(pipeline, open_faces=FakeFaces(*two_faces()).finders)
    )
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    (path := tmp_path / "us.jpg").write_bytes(encoded(corners(1600, 1200)))
    return path


def sideways(page: Page) -> list[str]:
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("main *")]
            .filter((each) => !each.closest("[tabindex]") || each.matches("[tabindex]"))
            .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
            .map((each) => each.outerHTML.slice(0, 100))"""
    )
    return found


@pytest.mark.parametrize("kind", SCREENS)
def test_a_visitor_agrees_sees_the_faces_and_keeps_them(
    browser: Browser, faces_url: str, picture: Path, kind: str
) -> None:
    with screen(browser, kind, reduced_motion="reduce") as page:
        page.goto(faces_url)
        page.get_by_role("link", name="Faces: what do they look like?").click()
        assert complaints(page) == []
        page.get_by_label("Choose a picture with faces").set_input_files(picture)
        expect(page.get_by_alt_text("Preview of the picture you chose")).to_be_visible()
        look = page.get_by_role("button", name="Look at the faces")
        look.click()
        expect(page.get_by_role("alert")).to_contain_text("Tick the box first")
        assert complaints(page) == []
        page.get_by_label("I agree").check()
        look.click()
        expect(page.get_by_role("heading", name=FOUND)).to_be_visible()
        marked = page.get_by_alt_text("Your picture, with a numbered box around each face")
        # The policy of the page lets the browser show what the page itself holds.
        assert marked.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 1600
        assert complaints(page) == []
        page.locator(".json > summary").click()
        assert sideways(page) == []
        page.get_by_role("link", name="Another picture with faces").click()
        page.get_by_label("Choose a picture with faces").set_input_files(picture)
        page.get_by_label("I agree").check()
        page.get_by_label("Keep this with a result").check()
        look.click()
        page.wait_for_url("**/result/*#faces")
        expect(page.get_by_text(FOUND)).to_be_visible()
        assert complaints(page) == []
        assert sideways(page) == []


def test_the_game_works_by_keyboard_and_without_javascript(
    browser: Browser, faces_url: str, picture: Path
) -> None:
    with screen(browser, "light 360", java_script_enabled=False) as page:
        page.goto(f"{faces_url}/faces")
        page.get_by_label("Choose a picture with faces").set_input_files(picture)
        page.get_by_role("button", name="Look at the faces").press("Enter")
        assert page.url.endswith("/faces")  # the browser itself asks for the box
        expect(page.get_by_role("heading", name="Faces: what do they look like?")).to_be_visible()
        page.get_by_label("I agree").press("Space")
        page.get_by_role("button", name="Look at the faces").press("Enter")
        expect(page.get_by_role("heading", name=FOUND)).to_be_visible()


def test_a_picture_can_be_dropped_anywhere(browser: Browser, faces_url: str) -> None:
    with screen(browser, "light 360") as page:
        page.goto(f"{faces_url}/faces")
        page.evaluate(
            """async () => {
              const canvas = new OffscreenCanvas(640, 480);
              canvas.getContext("2d").fillRect(0, 0, 9, 9);
              const dataTransfer = new DataTransfer();
              dataTransfer.items.add(new File([await canvas.convertToBlob()], "us.png"));
              for (const type of ["dragenter", "drop"])
                document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true }));
            }"""
        )
        expect(page.get_by_alt_text("Preview of the picture you chose")).to_be_visible()
        page.get_by_label("I agree").check()
        page.get_by_role("button", name="Look at the faces").click()
        expect(page.get_by_role("heading", name=FOUND)).to_be_visible()


def test_smiles_are_counted_live_by_who_agrees_and_nothing_is_kept(
    playwright: Playwright, faces_url: str, pipeline: Pipeline
) -> None:
    browser = chromium(
        playwright, "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"
    )
    with screen(browser, "dark 360", reduced_motion="reduce") as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{faces_url}/faces")
        page.get_by_role("link", name="Live: who smiles?").click()
        turn_on = page.get_by_role("button", name="Turn on the camera")
        turn_on.click()
        expect(page.get_by_role("alert")).to_contain_text("Tick the box first")
        assert complaints(page) == []
        assert not [url for url in asked if url.endswith("/frames")]
        page.get_by_label("I agree").check()
        turn_on.click()
        expect(page.get_by_role("status")).to_have_text("1 of 2 smile")
        expect(page.get_by_text("Most at once: 1")).to_be_visible()
        assert page.locator(".boxes text").all_text_contents() == ["smiles", "no smile"]
        assert complaints(page) == []
        assert sideways(page) == []
        page.get_by_role("button", name="Turn off").click()
        expect(turn_on).to_be_focused()
        assert page.evaluate("document.querySelector('video').srcObject") is None
    browser.close()
    with pipeline.results.database.transaction() as connection:
        for name in ("duck_results", "face_answers"):
            assert connection.execute(metadata.tables[name].select()).first() is None
